//! What can go wrong, as one error with a code that callers branch on.

use std::fmt;

/// The kinds of failure; [`Code::as_str`] is the word that crosses to other languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A row is not at the version the writer saw, or a unique index already has the value.
    Conflict,
    /// Somebody else serves this store.
    Locked,
    /// The disk, or the page limit, is full; nothing of the commit was kept.
    Full,
    /// A row or the database file is not what was written.
    Damaged,
    /// The database is older than the last commit, or lacks rows.
    RolledBack,
    /// The anchor file is missing or unreadable.
    AnchorDamaged,
    /// The schema of the store is newer than ours, or cannot be brought to it.
    Version,
    /// Input or output failed; whether the commit was kept is not known.
    Io,
    /// The store was closed.
    Closed,
    /// The caller broke the schema: an unknown table, a value of the wrong type.
    Misuse,
}

impl Code {
    /// The stable word for this code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::Locked => "StoreLocked",
            Self::Full => "StoreFull",
            Self::Damaged => "StoreDamaged",
            Self::RolledBack => "StoreRolledBack",
            Self::AnchorDamaged => "AnchorDamaged",
            Self::Version => "StoreVersion",
            Self::Io => "StoreIo",
            Self::Closed => "StoreClosed",
            Self::Misuse => "StoreMisuse",
        }
    }

    /// Whether the store can no longer be believed.
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Damaged | Self::RolledBack | Self::AnchorDamaged)
    }
}

/// A failure: its code, and a sentence for people. Messages name tables, never values.
#[derive(Clone, Debug)]
pub struct Error {
    /// What callers branch on.
    pub code: Code,
    /// What people read.
    pub message: String,
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure of ours, or of a caller that speaks for us.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::new(Code::Damaged, message)
    }

    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self::new(Code::Misuse, message)
    }

    pub(crate) fn closed() -> Self {
        Self::new(Code::Closed, "the store is closed")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        Self::new(if full { Code::Full } else { Code::Io }, error.to_string())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Sqlite;
        let code = match error.sqlite_error_code() {
            Some(Sqlite::ConstraintViolation) => Code::Conflict,
            Some(Sqlite::DiskFull) => Code::Full,
            // The schema was proved at open: a statement that no longer fits it met a changed one (`Unknown` is
            // SQLITE_ERROR, for example a missing index). Without a code, a column was not of its declared type.
            Some(
                Sqlite::DatabaseCorrupt
                | Sqlite::NotADatabase
                | Sqlite::SchemaChanged
                | Sqlite::Unknown,
            )
            | None => Code::Damaged,
            Some(Sqlite::OperationInterrupted) => Code::Closed,
            Some(Sqlite::TooBig) => Code::Misuse,
            Some(_) => Code::Io,
        };
        let message = match code {
            Code::Conflict => {
                "a row with this key, or with this value of a unique index, is already there"
                    .to_owned()
            }
            _ => format!("database: {error}"),
        };
        Self::new(code, message)
    }
}
