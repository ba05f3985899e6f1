//! What the database says about itself: who it is and of which schema, and where its history stands.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::{Error, Result};
use crate::mac::{About, Key, Mac, Macs, Sum, digest};
use crate::value::Value;

/// The state after a commit: written inside its transaction, and then into the anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// How many commits there were.
    pub sequence: i64,
    /// How many rows all tables have together.
    pub rows: i64,
    /// The sum of their MACs.
    pub sum: Sum,
    /// The version of the schema.
    pub schema: i64,
    /// How many veils were ever used.
    pub veils: i64,
}

/// A state as bytes.
pub const LENGTH: usize = 64;

const CREATE: &str = "
    CREATE TABLE _store (id BLOB NOT NULL, schema TEXT NOT NULL, shape BLOB NOT NULL, mac BLOB NOT NULL) STRICT;
    CREATE TABLE _ledger (
        sequence INTEGER NOT NULL, rows INTEGER NOT NULL, sum BLOB NOT NULL, schema INTEGER NOT NULL,
        veils INTEGER NOT NULL, mac BLOB NOT NULL
    ) STRICT;
    INSERT INTO _store VALUES (randomblob(16), '', x'', x'');
    INSERT INTO _ledger VALUES (0, 0, x'', 0, 0, x'');";

impl Ledger {
    /// Makes the tables that hold it, and a random identity; both still to be sealed.
    pub fn create(connection: &Connection) -> Result<()> {
        Ok(connection.execute_batch(CREATE)?)
    }

    pub fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.rows.to_le_bytes());
        bytes[16..48].copy_from_slice(&self.sum.to_bytes());
        bytes[48..56].copy_from_slice(&self.schema.to_le_bytes());
        bytes[56..].copy_from_slice(&self.veils.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        let number =
            |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let sum: [u8; 32] = bytes[16..48].try_into().expect("32 bytes");
        Self {
            sequence: number(0),
            rows: number(8),
            sum: sum.into(),
            schema: number(48),
            veils: number(56),
        }
    }

    /// The state in the database as `connection` sees it, proved.
    pub fn load(connection: &Connection, macs: &Macs) -> Result<Self> {
        let read = |row: &Row<'_>| {
            let ledger = Self {
                sequence: row.get(0)?,
                rows: row.get(1)?,
                sum: row.get::<_, [u8; 32]>(2)?.into(),
                schema: row.get(3)?,
                veils: row.get(4)?,
            };
            Ok((ledger, row.get::<_, Mac>(5)?))
        };
        let mut statement = connection
            .prepare_cached("SELECT sequence, rows, sum, schema, veils, mac FROM _ledger")?;
        match statement.query_row((), read).optional()? {
            Some((ledger, mac)) if macs.verify(About::Ledger, &ledger.to_bytes(), &mac) => {
                Ok(ledger)
            }
            _ => Err(Error::damaged(
                "the ledger of the database is not what was written",
            )),
        }
    }

    /// Writes the state, within the transaction that brings it about.
    pub fn save(&self, connection: &Connection, macs: &Macs) -> Result<()> {
        let mac = macs.tag(About::Ledger, &self.to_bytes());
        let mut statement = connection.prepare_cached(
            "UPDATE _ledger SET sequence = ?, rows = ?, sum = ?, schema = ?, veils = ?, mac = ?",
        )?;
        statement.execute((
            self.sequence,
            self.rows,
            self.sum.to_bytes(),
            self.schema,
            self.veils,
            mac,
        ))?;
        Ok(())
    }
}

/// Whether the database has no table at all, as after the moment of its creation.
pub fn is_blank(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)",
        (),
        |row| row.get(0),
    )?)
}

/// Proves identity and schema: the MACs of this very store, and the schema its rows were written under, as JSON.
pub fn identify(connection: &Connection, key: &Key) -> Result<(Macs, String)> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let (id, schema, shape, mac): ([u8; 16], String, Mac, Mac) =
        connection.query_row("SELECT id, schema, shape, mac FROM _store", (), read)?;
    let macs = Macs::new(key, &id);
    if !macs.verify(About::Store, &identity(&schema, &shape), &mac) {
        return Err(Error::damaged(
            "the schema of the database is not what was written, or the key is another one",
        ));
    }
    if shape != shape_of(connection)? {
        return Err(Error::damaged(
            "the tables of the database are not those that were made",
        ));
    }
    Ok((macs, schema))
}

/// The MACs of a store whose identity is still to be sealed.
pub fn newborn(connection: &Connection, key: &Key) -> Result<Macs> {
    Ok(Macs::new(
        key,
        &connection.query_row("SELECT id FROM _store", (), |row| row.get(0))?,
    ))
}

/// Seals the schema together with the tables that are now there.
pub fn seal_schema(connection: &Connection, macs: &Macs, schema: &str) -> Result<()> {
    let shape = shape_of(connection)?;
    let mac = macs.tag(About::Store, &identity(schema, &shape));
    connection.execute(
        "UPDATE _store SET schema = ?, shape = ?, mac = ?",
        (schema, shape, mac),
    )?;
    Ok(())
}

fn identity(schema: &str, shape: &Mac) -> Vec<u8> {
    let mut bytes = shape.to_vec();
    Value::encode_text(schema, &mut bytes);
    bytes
}

/// A digest of every table, index, view and trigger of the database.
fn shape_of(connection: &Connection) -> Result<Mac> {
    let mut statement = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let mut rows = statement.query(())?;
    let mut bytes = Vec::new();
    while let Some(row) = rows.next()? {
        for i in 0..4 {
            Value::read(row.get_ref(i)?)?.encode(&mut bytes);
        }
    }
    Ok(digest(&bytes))
}
