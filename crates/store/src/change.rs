//! One change of one row: what is asked for, and how it is made and accounted for within a transaction.

use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::table::Row;
use crate::value::Value;
use crate::veil::veils_of;

/// One row put or deleted.
#[derive(Clone, Debug)]
pub struct Change {
    /// The table.
    pub table: String,
    /// The key of the row.
    pub key: Vec<Value>,
    /// The whole new row, one value a column; none to delete it.
    pub values: Option<Vec<Value>>,
    /// The version the writer saw; 0 when there must be no such row.
    pub expect: i64,
}

/// Makes one change within a transaction, and accounts for it; `loose` gets the veils of what is then gone.
pub fn apply(
    connection: &Connection,
    shared: &Shared,
    change: &Change,
    ledger: &mut Ledger,
    loose: &mut Vec<u64>,
) -> Result<()> {
    let Change {
        table: name,
        key,
        values,
        expect,
    } = change;
    let table = shared.table(name)?;
    table.admit_key(key)?;
    let conflict = || {
        Error::new(
            Code::Conflict,
            format!("a row of `{name}` is not at version {expect}"),
        )
    };
    // An insertion needs no look before it: the primary key refuses a second row.
    let before = if *expect == 0 && values.is_some() {
        None
    } else {
        table.find(connection, &shared.macs, key)?
    };
    if before.as_ref().map_or(0, |sealed| sealed.row.version) != *expect {
        return Err(conflict());
    }
    let mut kept = Vec::new();
    if let Some(values) = values {
        table.admit_row(values, key)?;
        let stored = match &shared.veils {
            Some(veils) => {
                let before = before.as_ref().map(|sealed| &sealed.row);
                veils.cover(table, values, before, &mut ledger.veils)?
            }
            None => values.clone(),
        };
        let row = Row {
            values: stored,
            version: expect + 1,
        };
        let sealed = table.seal(&shared.macs, row, ledger.sequence);
        kept.extend(veils_of(table, &sealed.row));
        table.write(connection, &sealed, before.is_none())?;
        ledger.sum.add(&sealed.mac);
        ledger.rows += 1;
    } else if before.is_some() {
        table.delete(connection, key)?;
    }
    if let Some(before) = before {
        loose.extend(veils_of(table, &before.row).filter(|number| !kept.contains(number)));
        ledger.sum.subtract(&before.mac);
        ledger.rows -= 1;
    }
    Ok(())
}
