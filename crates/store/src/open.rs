//! How a store is entered: lock, identity, ledger against anchor, migration; and the look at one that is not served.
//!
//! The database may be ahead of the anchor, after a crash between commit and anchor: its ledger proves itself. It must
//! never be behind.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rusqlite::Connection;

use crate::anchor::Anchor;
use crate::check::check;
use crate::database::{self, MEMORY};
use crate::error::{Code, Error, Result};
use crate::files::Files;
use crate::ledger::{self, Ledger};
use crate::mac::{Key, Macs};
use crate::migrate::{create, migrate};
use crate::schema::Schema;
use crate::shared::Shared;
use crate::veil::{self, Veils};

/// How to serve a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long opening waits for the full check, which goes on in the background after that.
    pub check: Duration,
    /// The size the database may grow to, in pages of 4 KiB: a disk that is full, on cue.
    pub pages: Option<u32>,
    /// The page cache of the reading and of the writing connection, each, in KiB.
    pub cache_kib: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check: Duration::from_millis(500),
            pages: None,
            cache_kib: 16 * 1024,
        }
    }
}

/// What `verify` proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows all tables have together.
    pub rows: i64,
    /// The sequence of the last commit.
    pub revision: i64,
}

/// A store that was entered, before its threads begin.
pub struct Entered {
    pub place: Option<Place>,
    pub connection: Connection,
    pub ledger: Ledger,
    pub shared: Arc<Shared>,
}

/// Where a store lies on disk; one in memory lies nowhere.
pub struct Place {
    pub files: Files,
    pub anchor: Anchor,
    /// Open as long as the store is served.
    pub lock: File,
}

pub fn enter(path: &Path, schema: Schema, key: &Key, options: &Options) -> Result<Entered> {
    let on_disk = path != Path::new(MEMORY);
    let files = Files::of(path);
    let lock = if on_disk { Some(files.lock()?) } else { None };
    let anchored = on_disk && files.anchor.try_exists()?;
    if on_disk && !files.database.try_exists()? {
        refuse_lost(anchored)?;
        files.create_database()?;
    }
    let connection = database::writer(path, options.cache_kib, options.pages)?;
    let (macs, ledger, anchor) = if ledger::is_blank(&connection)? {
        refuse_lost(anchored)?;
        let (macs, ledger) = create(&connection, key, &schema)?;
        (macs, ledger, None)
    } else {
        let (macs, stored) = identify(&connection, key, &schema)?;
        let (ledger, anchor) = reconcile(&connection, &files, &macs)?;
        let ledger = if stored.version < schema.version {
            migrate(&connection, &macs, stored, &schema)?
        } else {
            ledger
        };
        (macs, ledger, anchor)
    };
    let place = match lock {
        Some(lock) => {
            let mut anchor = match anchor {
                Some(anchor) => anchor,
                None => Anchor::create(&files.anchor, Arc::clone(&macs), &ledger)?,
            };
            anchor.record(&ledger)?;
            Some(Place {
                files,
                anchor,
                lock,
            })
        }
        None => None,
    };
    let veils = place
        .as_ref()
        .map(|_| Veils::open(veil::path_of(path), Arc::clone(&macs), ledger.veils))
        .transpose()?;
    let shared = Arc::new(Shared::new(schema, macs, veils, ledger.sequence));
    Ok(Entered {
        place,
        connection,
        ledger,
        shared,
    })
}

/// Checks all of a store without serving it; nothing is changed.
pub fn verify(path: &Path, schema: &str, key: &Key) -> Result<Verified> {
    let schema = Schema::parse(schema)?;
    let files = Files::of(path);
    if !files.database.try_exists()? {
        refuse_lost(files.anchor.try_exists()?)?;
        return Err(Error::new(
            Code::Io,
            format!("there is no store at `{}`", path.display()),
        ));
    }
    let _lock = files.lock()?;
    let connection = database::reader(path, Options::default().cache_kib)?;
    if ledger::is_blank(&connection)? {
        refuse_lost(files.anchor.try_exists()?)?;
        return Ok(Verified {
            rows: 0,
            revision: 0,
        });
    }
    let (macs, stored) = identify(&connection, key, &schema)?;
    let (ledger, _) = reconcile(&connection, &files, &macs)?;
    let veils = Veils::open(veil::path_of(path), Arc::clone(&macs), ledger.veils)?;
    let ledger = check(
        &connection,
        &Shared::new(stored, macs, Some(veils), 0),
        &AtomicBool::new(false),
    )?
    .ledger;
    Ok(Verified {
        rows: ledger.rows,
        revision: ledger.sequence,
    })
}

fn refuse_lost(anchored: bool) -> Result<()> {
    if anchored {
        Err(Error::new(
            Code::RolledBack,
            "the database is gone, but its anchor is there",
        ))
    } else {
        Ok(())
    }
}

/// Whose database this is, and the schema it is written in, which must not be newer than ours, nor another.
fn identify(connection: &Connection, key: &Key, schema: &Schema) -> Result<(Arc<Macs>, Schema)> {
    let (macs, json) = ledger::identify(connection, key)?;
    let stored = Schema::parse(&json)?;
    let (theirs, ours) = (stored.version, schema.version);
    if theirs > ours {
        return Err(Error::new(
            Code::Version,
            format!("the store has schema {theirs}, newer than {ours} of this program"),
        ));
    }
    if theirs == ours && stored.tables != schema.tables {
        return Err(Error::new(
            Code::Version,
            format!("schema {ours} of this program is not that of the store"),
        ));
    }
    Ok((Arc::new(macs), stored))
}

/// The state of the database, which must not lie behind that of the anchor; the anchor may be missing on the first day.
fn reconcile(
    connection: &Connection,
    files: &Files,
    macs: &Arc<Macs>,
) -> Result<(Ledger, Option<Anchor>)> {
    let ledger = Ledger::load(connection, macs)?;
    let Some((anchor, held)) = Anchor::open(&files.anchor, Arc::clone(macs))? else {
        if ledger.sequence == 0 {
            return Ok((ledger, None));
        }
        return Err(Error::new(
            Code::AnchorDamaged,
            "the anchor file is missing",
        ));
    };
    follows(&ledger, &held)?;
    Ok((ledger, Some(anchor)))
}

/// Refuses a database whose state does not follow from one that was acknowledged.
pub fn follows(ledger: &Ledger, acknowledged: &Ledger) -> Result<()> {
    let (now, then) = (ledger.sequence, acknowledged.sequence);
    if now < then {
        return Err(Error::new(
            Code::RolledBack,
            format!("the database is at commit {now}, but {then} were acknowledged"),
        ));
    }
    if now == then && ledger != acknowledged {
        return Err(Error::new(
            Code::RolledBack,
            format!("commit {now} of the database is not the one acknowledged"),
        ));
    }
    Ok(())
}
