//! The operating system's reason behind an I/O error of `SQLite`, which the wrapper does not pass on.
#![allow(
    unsafe_code,
    reason = "sqlite3_system_errno is a C function on the raw handle; there is no safe door to it"
)]

use std::io::Error;

use rusqlite::{Connection, ffi};

/// What the system said when the last operation on `connection` failed.
pub fn last(connection: &Connection) -> Error {
    // SAFETY: the handle is open for as long as `connection` is borrowed, and the call only reads from it.
    Error::from_raw_os_error(unsafe { ffi::sqlite3_system_errno(connection.handle()) })
}
