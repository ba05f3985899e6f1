//! The embedded store: rows of a few tables in a `SQLite` file, changed by durable commits, guarded against damage.
//!
//! [`Store`] is the one door. Commits go to a thread of their own, which writes all that wait in one transaction
//! (`writer`), so that they share one fsync; reads go to another (`query`), so that a slow fsync does not delay them.
//!
//! What the file says is believed only after it was proved. Each row carries a MAC over its table, its content, its
//! version and the commit that wrote it (`mac`, `table`): a changed or swapped row is refused when it is read. The
//! `ledger` row inside the database counts the rows and sums up their MACs: a removed row, or an older copy of one,
//! is found by the full `check`. The `anchor` file beside the database holds the ledger of the last commit: an older
//! copy of the whole database is found when it is opened. Two old copies that fit together are beyond all of this.
//!
//! A column can be `veiled`: its values are covered with secrets from a third file (`veil`), which are destroyed together
//! with the value, so that copies of the database do not outlive it.
//!
//! Deliberately absent: any word of what the rows mean. Tables arrive as a `schema` in JSON.

mod anchor;
mod change;
mod check;
mod database;
mod errno;
mod error;
mod files;
mod health;
mod ledger;
mod mac;
mod migrate;
mod open;
mod query;
mod reply;
mod schema;
mod shared;
mod sql;
mod store;
mod table;
mod value;
mod veil;
mod writer;

pub use change::Change;
pub use error::{Code, Error, Result};
pub use mac::Key;
pub use open::{Options, Verified, verify};
pub use query::List;
pub use reply::{Reply, wait};
pub use store::Store;
pub use table::Row;
pub use value::Value;
