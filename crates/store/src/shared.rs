//! What all threads of an open store share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use crate::error::{Error, Result};
use crate::health::Health;
use crate::mac::Macs;
use crate::schema::Schema;
use crate::table::{Row, Table};
use crate::veil::Veils;

pub struct Shared {
    tables: HashMap<String, Table>,
    pub macs: Arc<Macs>,
    pub health: Health,
    /// None for a store in memory, of which there are no copies.
    pub veils: Option<Veils>,
    /// The sequence of the last commit that was acknowledged.
    pub revision: AtomicI64,
    /// How many transactions were made durable.
    pub batches: AtomicU64,
    /// Whether the full check has come to a good end.
    pub checked: AtomicBool,
}

impl Shared {
    pub fn new(schema: Schema, macs: Arc<Macs>, veils: Option<Veils>, revision: i64) -> Self {
        let tables = schema
            .tables
            .into_iter()
            .map(|table| (table.name.clone(), Table::new(table)))
            .collect();
        Self {
            tables,
            macs,
            health: Health::default(),
            veils,
            revision: revision.into(),
            batches: 0.into(),
            checked: false.into(),
        }
    }

    pub fn table(&self, name: &str) -> Result<&Table> {
        self.tables
            .get(name)
            .ok_or_else(|| Error::misuse(format!("there is no table `{name}`")))
    }

    /// A row as it was put, from the one that is stored.
    pub fn uncover(&self, table: &Table, row: Row) -> Result<Row> {
        match &self.veils {
            Some(veils) => veils.uncover(table, row),
            None => Ok(row),
        }
    }

    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }
}
