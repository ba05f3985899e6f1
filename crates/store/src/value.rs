//! One value of one column.

use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::{Error, Result};

/// A value; the order of the variants and of their contents is the order in which `SQLite` sorts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing, where the column allows it.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    pub(crate) fn read(value: ValueRef<'_>) -> Result<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Text(text) => Self::Text(
                str::from_utf8(text)
                    .map_err(|_| Error::damaged("a text in the database is not UTF-8"))?
                    .to_owned(),
            ),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Real(_) => {
                return Err(Error::damaged("a number in the database is not whole"));
            }
        })
    }

    /// Appends an encoding that no other value, and no sequence of other values, shares: a tag, a length, the content.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Integer(number) => {
                out.push(1);
                out.extend(number.to_le_bytes());
            }
            Self::Text(text) => Self::encode_text(text, out),
            Self::Blob(bytes) => counted(out, 3, bytes),
        }
    }

    /// The same for a text that is no value, such as a name.
    pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) {
        counted(out, 2, text.as_bytes());
    }
}

fn counted(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}
