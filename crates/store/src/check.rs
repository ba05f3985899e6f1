//! The full check: every row proved, counted and summed up, against the ledger of the same snapshot.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::table::Table;
use crate::veil::veils_of;

/// How many rows go by between two looks at whether the check was called off.
const STRIDE: i64 = 1024;

/// What was proved: the state, and of each veil that was ever used whether it covers something.
pub struct Checked {
    pub ledger: Ledger,
    pub worn: Vec<bool>,
}

/// Checks the whole database as it is now, while others may go on writing.
pub fn check(connection: &Connection, shared: &Shared, off: &AtomicBool) -> Result<Checked> {
    let snapshot = connection.unchecked_transaction()?;
    let ledger = Ledger::load(&snapshot, &shared.macs)?;
    let mut found = Ledger {
        sequence: ledger.sequence,
        schema: ledger.schema,
        veils: ledger.veils,
        ..Ledger::default()
    };
    let mut worn = vec![false; usize::try_from(ledger.veils).unwrap_or(0)];
    for table in shared.tables() {
        add(&snapshot, shared, table, off, &mut found, &mut worn)?;
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
    Ok(Checked { ledger, worn })
}

fn add(
    connection: &Connection,
    shared: &Shared,
    table: &Table,
    off: &AtomicBool,
    found: &mut Ledger,
    worn: &mut [bool],
) -> Result<()> {
    let mut statement = connection.prepare(&table.statements.scan)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let sealed = table.open(&shared.macs, row)?;
        found.sum.add(&sealed.mac);
        found.rows += 1;
        for number in veils_of(table, &sealed.row) {
            let place = usize::try_from(number).ok().and_then(|at| worn.get_mut(at));
            *place.ok_or_else(|| Error::damaged("a veil that was never used"))? = true;
        }
        shared.uncover(table, sealed.row)?;
        if found.rows % STRIDE == 0 && off.load(Ordering::Relaxed) {
            return Err(Error::closed());
        }
    }
    Ok(())
}
