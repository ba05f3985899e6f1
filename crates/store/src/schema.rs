//! The tables of a store as data: parsed from JSON once, after which names are safe to put into SQL.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::value::Value;

/// All tables at one version, and how a store of an older version becomes one of this.
#[derive(Serialize, Deserialize)]
pub struct Schema {
    pub version: i64,
    pub tables: Vec<Definition>,
    #[serde(default, skip_serializing)]
    pub migrations: Vec<Migration>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    pub name: String,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    #[serde(default)]
    pub indexes: Vec<Index>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub null: bool,
    /// Its values are covered, and destroyed in every copy of the database when they are gone.
    #[serde(default)]
    pub veiled: bool,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    Text,
    Integer,
    Blob,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub columns: Vec<String>,
    #[serde(default)]
    pub unique: bool,
}

/// SQL that brings existing tables to version `to`; tables and indexes that are new need none.
#[derive(Deserialize)]
pub struct Migration {
    pub to: i64,
    pub sql: Vec<String>,
}

impl Schema {
    pub fn parse(json: &str) -> Result<Self> {
        let schema: Self =
            serde_json::from_str(json).map_err(|e| Error::misuse(format!("schema: {e}")))?;
        let mut names = Vec::new();
        for table in &schema.tables {
            table.validate()?;
            names.push(&table.name);
            names.extend(table.indexes.iter().map(|index| &index.name));
        }
        distinct("schema", &names)?;
        Ok(schema)
    }

    /// The form that is kept in the store: what it is, without how it came to be.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialize")
    }
}

impl Definition {
    /// Where the column called `name` stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn validate(&self) -> Result<()> {
        let columns: Vec<_> = self.columns.iter().map(|column| &column.name).collect();
        distinct(&self.name, &columns)?;
        distinct(&self.name, &self.key.iter().collect::<Vec<_>>())?;
        for name in [&self.name]
            .into_iter()
            .chain(columns)
            .chain(self.indexes.iter().map(|index| &index.name))
        {
            if !is_name(name) {
                return Err(Error::misuse(format!("schema: `{name}` is not a name")));
            }
        }
        for name in self
            .key
            .iter()
            .chain(self.indexes.iter().flat_map(|index| &index.columns))
        {
            if self.position(name).is_none() {
                return Err(Error::misuse(format!(
                    "schema: `{}` has no column `{name}`",
                    self.name
                )));
            }
        }
        for column in self.columns.iter().filter(|column| column.veiled) {
            let indexed = self.indexes.iter().flat_map(|index| &index.columns);
            let plain = self
                .key
                .iter()
                .chain(indexed)
                .all(|name| *name != column.name);
            // What was destroyed reads as null.
            if column.kind != Kind::Blob || !column.null || !plain {
                return Err(Error::misuse(format!(
                    "schema: `{}` of `{}` cannot be veiled",
                    column.name, self.name
                )));
            }
        }
        let nullable = |name: &String| {
            self.columns
                .iter()
                .any(|column| column.name == *name && column.null)
        };
        if self.key.is_empty() || self.key.iter().any(nullable) {
            return Err(Error::misuse(format!(
                "schema: the key of `{}` must be columns without null",
                self.name
            )));
        }
        Ok(())
    }
}

impl Column {
    pub fn admits(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Integer(_) => self.kind == Kind::Integer,
            Value::Text(_) => self.kind == Kind::Text,
            Value::Blob(_) => self.kind == Kind::Blob,
        }
    }
}

impl Kind {
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::Blob => "BLOB",
        }
    }

    /// The value that sorts first, after null.
    pub fn least(self) -> Value {
        match self {
            Self::Text => Value::Text(String::new()),
            Self::Integer => Value::Integer(i64::MIN),
            Self::Blob => Value::Blob(Vec::new()),
        }
    }
}

/// Names begin with a letter: those with an underscore in front are the store's own.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn distinct(what: &str, names: &[&String]) -> Result<()> {
    let mut sorted: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::misuse(format!(
            "schema: `{what}` has `{}` twice",
            pair[0]
        ))),
        None => Ok(()),
    }
}
