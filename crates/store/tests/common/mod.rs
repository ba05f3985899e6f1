//! What the tests of the store share: a folder that vanishes, a schema, rows in one line, seeded chance, a model.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use store::{Change, Code, Key, List, Options, Result, Row, Store, Value, wait};

pub const SCHEMA: &str = r#"{ "version": 1, "migrations": [], "tables": [
    { "name": "keys", "key": ["region", "id"],
      "columns": [{ "name": "region", "type": "TEXT" }, { "name": "id", "type": "INTEGER" }, { "name": "state", "type": "TEXT" },
                  { "name": "deletion", "type": "INTEGER", "null": true }, { "name": "token", "type": "BLOB" }],
      "indexes": [{ "name": "keys_by_deletion", "columns": ["deletion", "state"] }] },
    { "name": "names", "key": ["name"],
      "columns": [{ "name": "name", "type": "TEXT" }, { "name": "target", "type": "INTEGER" }],
      "indexes": [{ "name": "names_by_target", "columns": ["target"], "unique": true }] } ] }"#;

pub fn key() -> Key {
    Key([42; 32])
}

/// Waits for the full check however slow the machine is.
pub fn patient() -> Options {
    Options {
        check: Duration::from_mins(10),
        ..Options::default()
    }
}

/// A folder of one test, gone with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "store-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("rows.db")
    }

    pub fn beside(&self, suffix: &str) -> PathBuf {
        self.0.join(format!("rows.db{suffix}"))
    }

    pub fn open(&self) -> Result<Store> {
        Store::open(&self.database(), SCHEMA, &key(), &patient())
    }

    /// Replaces everything with copies of what lies in `other`.
    pub fn copy_from(&self, other: &Path) {
        for suffix in ["", "-wal", "-shm", "-anchor", "-lock"] {
            let _ = fs::remove_file(self.beside(suffix));
        }
        for entry in fs::read_dir(other).unwrap().map(|entry| entry.unwrap()) {
            fs::copy(entry.path(), self.0.join(entry.file_name())).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The verbs, waited for.
pub trait Verbs {
    fn put(&self, table: &str, values: Vec<Value>, expect: i64) -> Result<i64>;
    fn commit_all(&self, changes: Vec<Change>) -> Result<i64>;
    fn read(&self, table: &str, key: Vec<Value>) -> Result<Option<Row>>;
    fn rows(&self, list: List) -> Result<Vec<Row>>;
    fn shut(&self) -> Result<()>;
}

impl Verbs for Store {
    fn put(&self, table: &str, values: Vec<Value>, expect: i64) -> Result<i64> {
        self.commit_all(vec![put(table, values, expect)])
    }

    fn commit_all(&self, changes: Vec<Change>) -> Result<i64> {
        wait(|reply| self.commit(changes, reply))
    }

    fn read(&self, table: &str, key: Vec<Value>) -> Result<Option<Row>> {
        wait(|reply| self.get(table.into(), key, reply))
    }

    fn rows(&self, list: List) -> Result<Vec<Row>> {
        wait(|reply| self.list(list, reply))
    }

    fn shut(&self) -> Result<()> {
        wait(|reply| self.close(reply))
    }
}

pub fn put(table: &str, values: Vec<Value>, expect: i64) -> Change {
    let key = key_of(table, &values);
    Change {
        table: table.into(),
        key,
        values: Some(values),
        expect,
    }
}

pub fn delete(table: &str, key: Vec<Value>, expect: i64) -> Change {
    Change {
        table: table.into(),
        key,
        values: None,
        expect,
    }
}

pub fn all(table: &str) -> List {
    List {
        table: table.into(),
        limit: usize::MAX,
        ..List::default()
    }
}

fn key_of(table: &str, values: &[Value]) -> Vec<Value> {
    values[..if table == "keys" { 2 } else { 1 }].to_vec()
}

/// A row of `keys`.
pub fn a_key(id: i64, state: &str, deletion: Option<i64>) -> Vec<Value> {
    let deletion = deletion.map_or(Value::Null, Value::Integer);
    let token = format!("token of {id} {state}").repeat(3).into_bytes();
    vec![
        "eu-central-1".into(),
        id.into(),
        state.into(),
        deletion,
        Value::Blob(token),
    ]
}

/// A row of `names`.
pub fn a_name(name: &str, target: i64) -> Vec<Value> {
    vec![name.into(), target.into()]
}

pub fn key_id(id: i64) -> Vec<Value> {
    vec!["eu-central-1".into(), id.into()]
}

pub fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|error| error.code)
}

/// Chance that can be repeated.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What a store must hold: the oracle.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Model(pub BTreeMap<(String, Vec<Value>), Row>);

impl Model {
    /// A commit of one to three random changes that are right for this state, among `span` keys from `base` on.
    pub fn random(&self, chance: &mut Chance, base: i64, span: u64) -> Vec<Change> {
        let mut ids: Vec<i64> = (0..=chance.below(3))
            .map(|_| base + chance.below(span).cast_signed())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let changes = ids.into_iter().flat_map(|id| {
            let deletion = (chance.below(2) == 0).then(|| chance.below(1000).cast_signed());
            let state = ["Enabled", "Disabled", "PendingDeletion"]
                [usize::try_from(chance.below(3)).unwrap()];
            let rows = [
                ("keys", a_key(id, state, deletion)),
                ("names", a_name(&format!("alias/{id}"), id)),
            ];
            let removed = chance.below(4) == 0;
            rows.map(|(table, values)| {
                let key = key_of(table, &values);
                let expect = self
                    .0
                    .get(&(table.to_owned(), key.clone()))
                    .map_or(0, |row| row.version);
                if removed {
                    delete(table, key, expect)
                } else {
                    put(table, values, expect)
                }
            })
        });
        changes.collect()
    }

    pub fn apply(&mut self, changes: &[Change]) {
        for Change {
            table,
            key,
            values,
            expect,
        } in changes.iter().cloned()
        {
            match values {
                Some(values) => self.0.insert(
                    (table, key),
                    Row {
                        values,
                        version: expect + 1,
                    },
                ),
                None => self.0.remove(&(table, key)),
            };
        }
    }

    /// Compares every answer of the store; an error is handed on, a wrong answer is told.
    pub fn agrees(&self, store: &Store) -> Result<std::result::Result<(), String>> {
        for ((table, key), row) in &self.0 {
            let found = store.read(table, key.clone())?;
            if found.as_ref() != Some(row) {
                return Ok(Err(format!(
                    "{table} {key:?}: {found:?} instead of {row:?}"
                )));
            }
        }
        for (table, index) in [
            ("keys", ""),
            ("keys", "keys_by_deletion"),
            ("names", ""),
            ("names", "names_by_target"),
        ] {
            let mut found = store.rows(List {
                index: index.into(),
                ..all(table)
            })?;
            found.sort_by_key(|row| key_of(table, &row.values));
            let wanted = self
                .0
                .iter()
                .filter(|((of, _), _)| of == table)
                .map(|(_, row)| row);
            if !found.iter().eq(wanted) {
                return Ok(Err(format!(
                    "a list of {table} by `{index}` has other rows"
                )));
            }
            let list = List {
                index: index.into(),
                ..all(table)
            };
            let counted = wait(|reply| store.count(list, reply))?;
            if counted != i64::try_from(found.len()).unwrap() {
                return Ok(Err(format!(
                    "{counted} rows of {table} by `{index}` were counted"
                )));
            }
        }
        Ok(Ok(()))
    }
}
