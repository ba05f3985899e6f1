//! One table: the rows it admits, and how a row is sealed when written and proved when read.

use rusqlite::{Connection, params_from_iter};

use crate::error::{Error, Result};
use crate::mac::{About, Mac, Macs, Sum};
use crate::schema::Definition;
use crate::sql::Statements;
use crate::value::Value;

/// A row as it is given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One value a column, in the order of the schema.
    pub values: Vec<Value>,
    /// Counts the changes of this row, from 1.
    pub version: i64,
}

/// A row as it lies in the database; only made with a MAC that fits.
pub struct Sealed {
    pub row: Row,
    /// The commit that wrote it.
    pub sequence: i64,
    pub mac: Mac,
}

pub struct Table {
    pub definition: Definition,
    pub statements: Statements,
    /// Where the columns of the key stand among all columns.
    key: Vec<usize>,
    /// Where the veiled columns stand.
    pub veiled: Vec<usize>,
}

impl Table {
    pub fn new(definition: Definition) -> Self {
        let key = definition
            .key
            .iter()
            .filter_map(|name| definition.position(name))
            .collect();
        let veiled = (0..definition.columns.len())
            .filter(|at| definition.columns[*at].veiled)
            .collect();
        Self {
            statements: Statements::new(&definition),
            definition,
            key,
            veiled,
        }
    }

    /// Refuses a key that no row of this table could have.
    pub fn admit_key(&self, key: &[Value]) -> Result<()> {
        self.admit(key, self.key.iter().copied(), "key")
    }

    /// Refuses a row that does not fit the columns, or its key.
    pub fn admit_row(&self, values: &[Value], key: &[Value]) -> Result<()> {
        self.admit(values, 0..self.definition.columns.len(), "row")?;
        if self.is_keyed(values, key) {
            return Ok(());
        }
        Err(Error::misuse(format!(
            "`{}`: the key of the row is another one",
            self.definition.name
        )))
    }

    /// Refuses values that the columns at `positions` do not admit.
    pub fn admit(
        &self,
        values: &[Value],
        positions: impl ExactSizeIterator<Item = usize>,
        what: &str,
    ) -> Result<()> {
        let name = &self.definition.name;
        if values.len() != positions.len() {
            return Err(Error::misuse(format!(
                "`{name}`: {what} of {} values, not {}",
                positions.len(),
                values.len()
            )));
        }
        for (value, position) in values.iter().zip(positions) {
            let column = &self.definition.columns[position];
            if !column.admits(value) {
                return Err(Error::misuse(format!(
                    "`{name}`: `{}` does not admit this type",
                    column.name
                )));
            }
        }
        Ok(())
    }

    fn is_keyed(&self, values: &[Value], key: &[Value]) -> bool {
        self.key.iter().map(|position| &values[*position]).eq(key)
    }

    fn key_of<'a>(&'a self, values: &'a [Value]) -> impl Iterator<Item = &'a Value> {
        self.key.iter().map(|position| &values[*position])
    }

    /// What sets the value of one column of one row apart from every other, as bytes.
    pub fn place(&self, values: &[Value], column: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(192);
        Value::encode_text(&self.definition.name, &mut bytes);
        Value::encode_text(&self.definition.columns[column].name, &mut bytes);
        for value in self.key_of(values) {
            value.encode(&mut bytes);
        }
        bytes
    }

    /// Makes the row that commit `sequence` writes.
    pub fn seal(&self, macs: &Macs, row: Row, sequence: i64) -> Sealed {
        let mac = macs.tag(About::Row, &self.encode(&row, sequence));
        Sealed { row, sequence, mac }
    }

    /// The row under `key`, proved.
    pub fn find(
        &self,
        connection: &Connection,
        macs: &Macs,
        key: &[Value],
    ) -> Result<Option<Sealed>> {
        let mut statement = connection.prepare_cached(&self.statements.get)?;
        let mut rows = statement.query(params_from_iter(key))?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let found = self.open(macs, row)?;
        if self.is_keyed(&found.row.values, key) {
            Ok(Some(found))
        } else {
            Err(self.damaged())
        }
    }

    /// Writes a row, over the one under its key unless it is `new`.
    pub fn write(&self, connection: &Connection, sealed: &Sealed, new: bool) -> Result<()> {
        let sql = if new {
            &self.statements.insert
        } else {
            &self.statements.update
        };
        let own = [
            sealed.row.version.into(),
            sealed.sequence.into(),
            Value::Blob(sealed.mac.to_vec()),
        ];
        connection
            .prepare_cached(sql)?
            .execute(params_from_iter(sealed.row.values.iter().chain(&own)))?;
        Ok(())
    }

    pub fn delete(&self, connection: &Connection, key: &[Value]) -> Result<()> {
        connection
            .prepare_cached(&self.statements.delete)?
            .execute(params_from_iter(key))?;
        Ok(())
    }

    /// Proves a row of a statement that selects all columns, ours last.
    pub fn open(&self, macs: &Macs, found: &rusqlite::Row<'_>) -> Result<Sealed> {
        let (row, sequence) = self.read(found)?;
        let mac: Mac = found.get(self.definition.columns.len() + 2)?;
        if !macs.verify(About::Row, &self.encode(&row, sequence), &mac) {
            return Err(self.damaged());
        }
        Ok(Sealed { row, sequence, mac })
    }

    /// Seals every row anew, as it is now, and adds it to `rows` and `sum`: for a migration, which proved them before.
    pub fn reseal(
        &self,
        connection: &Connection,
        macs: &Macs,
        rows: &mut i64,
        sum: &mut Sum,
    ) -> Result<()> {
        let mut scan = connection.prepare(&self.statements.scan)?;
        let mut update = connection.prepare(&self.statements.reseal)?;
        let mut found = scan.query(())?;
        // The key stays, so the scan cannot meet the same row again.
        while let Some(row) = found.next()? {
            let (row, sequence) = self.read(row)?;
            let sealed = self.seal(macs, row, sequence);
            let mac = Value::Blob(sealed.mac.to_vec());
            update.execute(params_from_iter(
                self.key_of(&sealed.row.values).chain([&mac]),
            ))?;
            sum.add(&sealed.mac);
            *rows += 1;
        }
        Ok(())
    }

    /// A row and the commit that wrote it, not proved.
    fn read(&self, row: &rusqlite::Row<'_>) -> Result<(Row, i64)> {
        let width = self.definition.columns.len();
        let values = (0..width)
            .map(|i| Value::read(row.get_ref(i)?))
            .collect::<Result<_>>()?;
        Ok((
            Row {
                values,
                version: row.get(width)?,
            },
            row.get(width + 1)?,
        ))
    }

    /// Everything a MAC binds. The key is among the values, at places that the sealed schema fixes.
    fn encode(&self, row: &Row, sequence: i64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        Value::encode_text(&self.definition.name, &mut bytes);
        bytes.extend(row.version.to_le_bytes());
        bytes.extend(sequence.to_le_bytes());
        bytes.extend((row.values.len() as u64).to_le_bytes());
        for value in &row.values {
            value.encode(&mut bytes);
        }
        bytes
    }

    fn damaged(&self) -> Error {
        Error::damaged(format!(
            "a row of `{}` is not what was written",
            self.definition.name
        ))
    }
}
