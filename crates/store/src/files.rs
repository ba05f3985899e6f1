//! The files of a store: the database with its companions, the anchor, and the lock that makes one process its master.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};

/// Where the files of one store lie.
pub struct Files {
    pub database: PathBuf,
    pub anchor: PathBuf,
    lock: PathBuf,
}

impl Files {
    pub fn of(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            anchor: beside(database, "-anchor"),
            lock: beside(database, "-lock"),
        }
    }

    /// Makes this process the only one that serves the store, for as long as the file is open.
    pub fn lock(&self) -> Result<File> {
        let file = private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.lock)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let name = self.database.display();
                Err(Error::new(
                    Code::Locked,
                    format!("`{name}` is in use: another process or store serves it"),
                ))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Makes an empty database file that only its owner can read; `SQLite` gives its companions the same mode.
    pub fn create_database(&self) -> Result<()> {
        private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.database)?
            .sync_all()?;
        Ok(sync_directory(&self.database)?)
    }
}

/// The path with `suffix` appended to its last part.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Options for files that only their owner can read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes the entry of `path` in its directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
