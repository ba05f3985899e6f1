//! The one door: commands go in, answers come back through replies, and the threads behind it end when it is closed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, InterruptHandle};

use crate::change::Change;
use crate::check::check;
use crate::database;
use crate::error::{Code, Error, Result};
use crate::mac::Key;
use crate::open::{self, Options};
use crate::query::{List, Query};
use crate::reply::Reply;
use crate::schema::Schema;
use crate::shared::Shared;
use crate::table::Row;
use crate::value::Value;
use crate::writer::{Commit, Job, Writer};

/// An open store. Methods return at once; the answer comes to the [`Reply`], on a thread of the store.
///
/// ```
/// use store::{Change, Key, Options, Store, Value, wait};
///
/// let schema = r#"{ "version": 1, "tables": [{
///     "name": "words", "columns": [{ "name": "word", "type": "TEXT" }], "key": ["word"] }] }"#;
/// let store = Store::open(":memory:".as_ref(), schema, &Key([7; 32]), &Options::default())?;
/// let word = vec![Value::from("strong")];
/// let change = Change { table: "words".into(), key: word.clone(), values: Some(word.clone()), expect: 0 };
/// assert_eq!(wait(|reply| store.commit(vec![change], reply))?, 1);
/// let row = wait(|reply| store.get("words".into(), word, reply))?.expect("it was just put");
/// assert_eq!(row.version, 1);
/// # Ok::<(), store::Error>(())
/// ```
pub struct Store {
    shared: Arc<Shared>,
    jobs: Sender<Job>,
    /// None for a store in memory, whose reads are jobs of the writer.
    queries: Option<Sender<Query>>,
    check: Option<Checking>,
}

/// The full check in the background, which can be called off.
struct Checking {
    off: Arc<AtomicBool>,
    interrupt: InterruptHandle,
}

impl Store {
    /// Opens the store at `path`, or makes one; `:memory:` lives as long as it is open.
    pub fn open(path: &Path, schema: &str, key: &Key, options: &Options) -> Result<Self> {
        let entered = open::enter(path, Schema::parse(schema)?, key, options)?;
        let shared = Arc::clone(&entered.shared);
        let (mut queries, mut checking, mut readers) = (None, None, Vec::new());
        if entered.place.is_some() {
            let (check, handle, done) =
                Checking::begin(database::reader(path, 2048)?, Arc::clone(&shared))?;
            readers.push(handle);
            match done.recv_timeout(options.check) {
                Ok(Ok(())) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Err(error)) => return Err(error),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::damaged("the check broke off"));
                }
            }
            checking = Some(check);
            let (sender, receiver) = mpsc::channel();
            readers.push(read(
                database::reader(path, options.cache_kib)?,
                Arc::clone(&shared),
                receiver,
            )?);
            queries = Some(sender);
        }
        let (jobs, receiver) = mpsc::channel();
        let writer = Writer::new(entered, options.clone(), readers)?;
        spawn("store writer", move || writer.serve(&receiver))?;
        Ok(Self {
            shared,
            jobs,
            queries,
            check: checking,
        })
    }

    /// Calls `listener` once, when damage is found; from then on every call is refused with its code.
    pub fn on_damage(&self, listener: impl FnOnce(&Error) + Send + 'static) {
        self.shared.health.listen(listener);
    }

    /// The row of `table` under `key`.
    pub fn get(&self, table: String, key: Vec<Value>, reply: Reply<Option<Row>>) {
        self.query(Query::Get { table, key, reply });
    }

    /// The rows of a range, at most `list.limit`.
    pub fn list(&self, list: List, reply: Reply<Vec<Row>>) {
        self.query(Query::List { list, reply });
    }

    /// How many rows have the values `list.equal`. They are counted, not proved.
    pub fn count(&self, list: List, reply: Reply<i64>) {
        self.query(Query::Count { list, reply });
    }

    /// Makes all of `changes`, or none; durable when answered, with the revision of the store.
    pub fn commit(&self, changes: Vec<Change>, reply: Reply<i64>) {
        // A send fails when the thread has ended; the reply, dropped with the job, then says that the store is closed.
        drop(self.jobs.send(Job::Commit(Commit { changes, reply })));
    }

    /// Leaves nothing in the files of what was deleted: as soon as nobody reads the past any more, the log is emptied.
    pub fn scrub(&self, reply: Reply<()>) {
        drop(self.jobs.send(Job::Scrub(reply)));
    }

    /// The number of the last durable commit.
    pub fn revision(&self) -> i64 {
        self.shared.revision.load(Ordering::Acquire)
    }

    /// How many transactions were made durable since the store was opened: fewer than commits, when those share one.
    pub fn batches(&self) -> u64 {
        self.shared.batches.load(Ordering::Relaxed)
    }

    /// Whether the full check has come to a good end; a store in memory has nothing to check.
    pub fn is_checked(&self) -> bool {
        self.check.is_none() || self.shared.checked.load(Ordering::Acquire)
    }

    /// Ends all threads after what was asked so far; the answer comes when the store can be opened again.
    pub fn close(&self, reply: Reply<()>) {
        if let Some(check) = &self.check {
            check.call_off();
        }
        if let Some(queries) = &self.queries {
            drop(queries.send(Query::End));
        }
        drop(self.jobs.send(Job::Close(reply)));
    }

    fn query(&self, query: Query) {
        match &self.queries {
            Some(queries) => drop(queries.send(query)),
            None => drop(self.jobs.send(Job::Query(query))),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close(Reply::new(drop));
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.call_off();
    }
}

impl Checking {
    fn call_off(&self) {
        self.off.store(true, Ordering::Relaxed);
        self.interrupt.interrupt();
    }

    fn begin(
        connection: Connection,
        shared: Arc<Shared>,
    ) -> Result<(Self, JoinHandle<()>, Receiver<Result<()>>)> {
        let off = Arc::new(AtomicBool::new(false));
        let checking = Self {
            off: Arc::clone(&off),
            interrupt: connection.get_interrupt_handle(),
        };
        let (sender, done) = mpsc::sync_channel(1);
        let handle = spawn("store check", move || {
            let result = check(&connection, &shared, &off)
                .and_then(|checked| match &shared.veils {
                    // A crash may have come between a commit and the tearing of the veils it left over.
                    Some(veils) => veils.tear_unless(&checked.worn),
                    None => Ok(()),
                })
                .map(|()| shared.checked.store(true, Ordering::Release));
            // A check that could not be made is no better than one that failed, unless it was called off.
            if let Err(error) = &result
                && error.code != Code::Closed
            {
                shared.health.end(error);
            }
            drop(sender.send(result));
        })?;
        Ok((checking, handle, done))
    }
}

fn read(
    connection: Connection,
    shared: Arc<Shared>,
    queries: Receiver<Query>,
) -> Result<JoinHandle<()>> {
    spawn("store reader", move || {
        for query in queries {
            if matches!(query, Query::End) {
                return;
            }
            query.run(&connection, &shared);
        }
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Ok(thread::Builder::new().name(name.to_owned()).spawn(work)?)
}
