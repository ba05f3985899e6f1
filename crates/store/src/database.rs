//! Connections to the database file, set up for durability and bounded memory.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Code, Result};

/// The name under which a store lives in memory alone.
pub const MEMORY: &str = ":memory:";

/// Foreign connections, say of somebody who looks at the file with a shell, may hold us up for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many statements of a connection are kept prepared.
const STATEMENTS: usize = 64;

/// Opens the one connection that writes. `pages` bounds the size of the database.
pub fn writer(path: &Path, cache_kib: u32, pages: Option<u32>) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, cache_kib)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    // Without FULL, acknowledged commits are lost with the power; the other two matter where fsync is not enough.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // What is deleted is overwritten, not merely forgotten.
    connection.pragma_update_and_check(None, "secure_delete", true, |row| row.get::<_, i64>(0))?;
    // The writer checkpoints when nobody waits for a commit.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    if let Some(pages) = pages {
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub fn reader(path: &Path, cache_kib: u32) -> Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, cache_kib)
}

/// Moves the whole log into the database and empties it, unless somebody still reads from it; whether that was done.
pub fn scrub(connection: &Connection) -> Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = checkpoint(connection, true);
    connection.busy_timeout(PATIENCE)?;
    match emptied {
        Err(error) if error.code == Code::Io => Ok(false),
        emptied => emptied.map(|()| true),
    }
}

/// Moves the log into the database as far as readers allow, and empties it if `whole`.
pub fn checkpoint(connection: &Connection, whole: bool) -> Result<()> {
    let mode = if whole {
        CheckpointMode::TRUNCATE
    } else {
        CheckpointMode::PASSIVE
    };
    connection.wal_checkpoint_v2(None::<&str>, mode)?;
    Ok(())
}

fn connect(path: &Path, access: OpenFlags, cache_kib: u32) -> Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A store that was refused must stay as it was found: closing must not fold its log into the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Otherwise the name of a column that is missing would pass for a text in quotes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    // Mapped pages would count as resident without bound, and a truncated file would kill the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // The file may be anybody's work: pages are looked at before they are used, and a schema runs no functions.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}
