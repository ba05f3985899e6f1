//! How tables come to be, and how those of an older schema become those of a newer one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rusqlite::Connection;

use crate::check::check;
use crate::error::{Code, Error, Result};
use crate::ledger::{self, Ledger};
use crate::mac::{Key, Macs, Sum};
use crate::schema::Schema;
use crate::shared::Shared;
use crate::sql;
use crate::table::Table;

/// Fills a blank database with empty tables: all of it, or nothing when that is interrupted.
pub fn create(connection: &Connection, key: &Key, schema: &Schema) -> Result<(Arc<Macs>, Ledger)> {
    let transaction = connection.unchecked_transaction()?;
    Ledger::create(&transaction)?;
    let macs = ledger::newborn(&transaction, key)?;
    let ledger = Ledger {
        schema: schema.version,
        ..Ledger::default()
    };
    build(&transaction, &macs, schema, &ledger)?;
    transaction.commit()?;
    Ok((Arc::new(macs), ledger))
}

/// Brings the tables from `old` to `new`. Rows are proved before, because they get new MACs, which must not whitewash
/// anything; the step is a commit of its own, so that the anchor knows the older store for what it is.
pub fn migrate(
    connection: &Connection,
    macs: &Arc<Macs>,
    old: Schema,
    new: &Schema,
) -> Result<Ledger> {
    let from = old.version;
    let before = check(
        connection,
        &Shared::new(old, Arc::clone(macs), None, 0),
        &AtomicBool::new(false),
    )?
    .ledger;
    let transaction = connection.unchecked_transaction()?;
    let ledger =
        transform(&transaction, macs, from, new, &before).map_err(|error| match error.code {
            Code::Full | Code::Io => error,
            _ => Error::new(
                Code::Version,
                format!(
                    "migration from schema {from} to {} failed: {error}",
                    new.version
                ),
            ),
        })?;
    transaction.commit()?;
    Ok(ledger)
}

fn transform(
    connection: &Connection,
    macs: &Macs,
    from: i64,
    new: &Schema,
    before: &Ledger,
) -> Result<Ledger> {
    let mut steps: Vec<_> = new
        .migrations
        .iter()
        .filter(|step| step.to > from && step.to <= new.version)
        .collect();
    steps.sort_by_key(|step| step.to);
    for sql in steps.iter().flat_map(|step| &step.sql) {
        connection.execute_batch(sql)?;
    }
    for table in &new.tables {
        connection.execute_batch(&sql::create(table))?;
    }
    let (mut rows, mut sum) = (0, Sum::default());
    for table in &new.tables {
        Table::new(table.clone()).reseal(connection, macs, &mut rows, &mut sum)?;
    }
    let ledger = Ledger {
        sequence: before.sequence + 1,
        rows,
        sum,
        schema: new.version,
        veils: before.veils,
    };
    build(connection, macs, new, &ledger)?;
    Ok(ledger)
}

/// Makes the tables that are not there yet, and seals schema and state.
fn build(connection: &Connection, macs: &Macs, schema: &Schema, ledger: &Ledger) -> Result<()> {
    for table in &schema.tables {
        connection.execute_batch(&sql::create(table))?;
    }
    ledger::seal_schema(connection, macs, &schema.to_json())?;
    ledger.save(connection, macs)
}
