//! The full check: every row proved, counted and summed up, against the ledger of the same snapshot.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::table::Table;

/// How many rows go by between two looks at whether the check was called off.
const STRIDE: i64 = 1024;

/// Checks the whole database as it is now, while others may go on writing; gives the state it proved.
pub fn check(connection: &Connection, shared: &Shared, off: &AtomicBool) -> Result<Ledger> {
    let snapshot = connection.unchecked_transaction()?;
    let ledger = Ledger::load(&snapshot, &shared.macs)?;
    let mut found = Ledger {
        sequence: ledger.sequence,
        schema: ledger.schema,
        ..Ledger::default()
    };
    for table in shared.tables() {
        add(&snapshot, shared, table, off, &mut found)?;
    }
    if found != ledger {
        let message = format!(
            "{} rows where {} were written, or older copies of rows",
            found.rows, ledger.rows
        );
        return Err(Error::new(Code::RolledBack, message));
    }
    // Rows were read from the tables; this compares the indexes with them, and looks at every page.
    let verdict: String = snapshot.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Error::damaged(format!(
            "the structure of the database is damaged: {verdict}"
        )));
    }
    snapshot.commit()?;
    Ok(ledger)
}

fn add(
    connection: &Connection,
    shared: &Shared,
    table: &Table,
    off: &AtomicBool,
    found: &mut Ledger,
) -> Result<()> {
    let mut statement = connection.prepare(&table.statements.scan)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        found.sum.add(&table.open(&shared.macs, row)?.mac);
        found.rows += 1;
        if found.rows % STRIDE == 0 && off.load(Ordering::Relaxed) {
            return Err(Error::closed());
        }
    }
    Ok(())
}
