//! The thread that writes: it takes all commits that wait, applies each by itself, and makes them durable together.

use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::change::{Change, apply};
use crate::database;
use crate::errno;
use crate::error::{Code, Error, Result};
use crate::ledger::Ledger;
use crate::open::{Entered, Options, Place, follows};
use crate::query::Query;
use crate::reply::Reply;
use crate::shared::Shared;

/// All or nothing.
pub struct Commit {
    pub changes: Vec<Change>,
    pub reply: Reply<i64>,
}

pub enum Job {
    Commit(Commit),
    /// A read of a store in memory, which only this thread's connection can see.
    Query(Query),
    Scrub(Reply<()>),
    Close(Reply<()>),
}

/// How many changes make a batch that others have to wait for.
const BATCH: usize = 4096;
/// How long nothing must happen before the anchor is made durable.
const IDLE: Duration = Duration::from_millis(100);
/// How many pages the log may have before it is moved into the database.
const LOG: i32 = 1000;

pub struct Writer {
    place: Option<Place>,
    /// None after an I/O error, until it can be opened again.
    connection: Option<Connection>,
    /// The state after the last commit.
    ledger: Ledger,
    shared: Arc<Shared>,
    options: Options,
    /// Veils of what the last commits deleted, to be torn.
    loose: Vec<u64>,
    /// What was deleted may still stand in the log.
    unscrubbed: bool,
    /// How many pages the log has.
    log: Arc<AtomicI32>,
    /// Threads that read, to be waited for at the end.
    readers: Vec<JoinHandle<()>>,
}

impl Writer {
    pub fn new(entered: Entered, options: Options, readers: Vec<JoinHandle<()>>) -> Result<Self> {
        let Entered {
            place,
            connection,
            ledger,
            shared,
        } = entered;
        let mut writer = Self {
            place,
            connection: None,
            ledger,
            shared,
            options,
            loose: Vec::new(),
            unscrubbed: false,
            log: Arc::default(),
            readers,
        };
        writer.adopt(connection)?;
        Ok(writer)
    }

    /// Works until the store is closed.
    pub fn serve(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = if !self.unscrubbed
                && self
                    .place
                    .as_ref()
                    .is_none_or(|place| place.anchor.is_settled())
            {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(IDLE)
            };
            let mut next = match first {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => {
                    self.settle();
                    self.scrub();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return drop(self.finish()),
            };
            let (mut batch, mut size) = (Vec::new(), 0);
            while let Some(job) = next {
                match job {
                    Job::Commit(commit) => {
                        size += commit.changes.len();
                        batch.push(commit);
                    }
                    Job::Query(query) => {
                        if let Some(connection) = &self.connection {
                            query.run(connection, &self.shared);
                        }
                    }
                    Job::Scrub(reply) => {
                        self.commit(take(&mut batch));
                        self.unscrubbed = self.place.is_some();
                        self.scrub();
                        reply.send(Ok(()));
                    }
                    Job::Close(reply) => {
                        self.commit(batch);
                        return reply.send(self.finish());
                    }
                }
                next = if size < BATCH {
                    jobs.try_recv().ok()
                } else {
                    None
                };
            }
            self.commit(batch);
        }
    }

    /// Writes all of `batch` and answers, each by its own fate.
    fn commit(&mut self, batch: Vec<Commit>) {
        if batch.is_empty() {
            return;
        }
        let mut results = self.attempt(&batch);
        let full =
            |result: &Result<i64>| result.as_ref().is_err_and(|error| error.code == Code::Full);
        if batch.len() > 1 && results.iter().all(full) {
            // There may be room for one where there is none for all.
            results = batch
                .chunks(1)
                .flat_map(|commit| self.attempt(commit))
                .collect();
        }
        for (commit, result) in batch.into_iter().zip(results) {
            commit.reply.send(result);
        }
        if self.log.load(Ordering::Relaxed) >= LOG
            && let Some(connection) = &self.connection
        {
            // Nothing is lost when it does not succeed: the log stays, and the next commit leads here again.
            self.log.store(0, Ordering::Relaxed);
            drop(database::checkpoint(connection, false));
        }
    }

    /// Tries `batch` as one transaction; a failure of the transaction is the failure of each.
    fn attempt(&mut self, batch: &[Commit]) -> Vec<Result<i64>> {
        let shared = Arc::clone(&self.shared);
        let result = shared.health.check().and_then(|()| self.transact(batch));
        match shared.health.watch(result) {
            Ok(results) => results,
            Err(error) => {
                self.recover(error.code);
                batch.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    fn transact(&mut self, batch: &[Commit]) -> Result<Vec<Result<i64>>> {
        self.reconnect()?;
        self.tear()?;
        let connection = self.connection.as_ref().ok_or_else(Error::closed)?;
        let (ledger, results, loose) = self
            .write(connection, batch)
            .map_err(|error| explain(connection, error))?;
        if ledger == self.ledger {
            return Ok(results);
        }
        self.ledger = ledger;
        self.loose = loose;
        if let Some(place) = &mut self.place {
            // The commits are there, whatever the reason that they cannot be acknowledged.
            place.anchor.record(&ledger).map_err(|error| Error {
                code: Code::Io,
                ..error
            })?;
        }
        self.tear()?;
        self.shared.batches.fetch_add(1, Ordering::Relaxed);
        self.shared
            .revision
            .store(ledger.sequence, Ordering::Release);
        Ok(results)
    }

    /// Makes `batch` durable in the database: the state after it, what became of each commit, and the veils left over.
    fn write(
        &self,
        connection: &Connection,
        batch: &[Commit],
    ) -> Result<(Ledger, Vec<Result<i64>>, Vec<u64>)> {
        let mut ledger = self.ledger;
        let mut all = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        run(connection, "BEGIN IMMEDIATE")?;
        for commit in batch {
            run(connection, "SAVEPOINT one")?;
            let mut after = Ledger {
                sequence: ledger.sequence + 1,
                ..ledger
            };
            let mut loose = Vec::new();
            let applied = commit.changes.iter().try_for_each(|change| {
                apply(connection, &self.shared, change, &mut after, &mut loose)
            });
            match applied {
                Ok(()) => {
                    ledger = after;
                    all.append(&mut loose);
                }
                // Anything but these, or the loss of the transaction, concerns all.
                Err(error) if !matches!(error.code, Code::Conflict | Code::Full | Code::Misuse) => {
                    return Err(error);
                }
                Err(error) if connection.is_autocommit() => return Err(error),
                Err(_) => run(connection, "ROLLBACK TO one")?,
            }
            results.push(applied.map(|()| after.sequence));
            run(connection, "RELEASE one")?;
        }
        if ledger == self.ledger {
            run(connection, "ROLLBACK")?;
        } else {
            ledger.save(connection, &self.shared.macs)?;
            run(connection, "COMMIT")?;
        }
        Ok((ledger, results, all))
    }

    /// Undoes what a failed transaction left.
    fn recover(&mut self, failure: Code) {
        // After a failed fsync nobody knows what the log holds: ask the file, with fresh eyes.
        if matches!(failure, Code::Io | Code::Full) && self.place.is_some() {
            self.connection = None;
        } else if let Some(connection) = &self.connection
            && !connection.is_autocommit()
        {
            drop(connection.execute_batch("ROLLBACK"));
        }
    }

    /// Opens the connection again if it was given up, and goes on from what is there.
    fn reconnect(&mut self) -> Result<()> {
        let Some(place) = &mut self.place else {
            return Ok(());
        };
        if self.connection.is_some() {
            return Ok(());
        }
        let connection = database::writer(
            &place.files.database,
            self.options.cache_kib,
            self.options.pages,
        )?;
        let ledger = Ledger::load(&connection, &self.shared.macs)?;
        follows(&ledger, &self.ledger)?;
        place.anchor.record(&ledger)?;
        self.ledger = ledger;
        // An empty log may be the room that was lacking.
        drop(database::checkpoint(&connection, false));
        self.adopt(connection)
    }

    fn adopt(&mut self, mut connection: Connection) -> Result<()> {
        let log = Arc::clone(&self.log);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            log.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Tears the veils of what is durably gone. The commit that deleted it stands, so failing is a matter of the disk.
    fn tear(&mut self) -> Result<()> {
        if let Some(veils) = &self.shared.veils {
            veils
                .tear(self.loose.iter().copied())
                .map_err(|error| Error {
                    code: Code::Io,
                    ..error
                })?;
        }
        self.loose.clear();
        Ok(())
    }

    /// Empties the log if that is asked for, now or when readers allow it.
    fn scrub(&mut self) {
        if self.unscrubbed
            && let Some(connection) = &self.connection
        {
            self.unscrubbed = !database::scrub(connection).unwrap_or(false);
        }
    }

    /// Makes the anchor durable. When that fails it is merely older than it could be, and is tried again.
    fn settle(&mut self) {
        if let Some(place) = &mut self.place {
            drop(place.anchor.settle());
        }
    }

    /// Leaves one database file without a log, an anchor that says the same, and no lock.
    fn finish(mut self) -> Result<()> {
        for reader in self.readers.drain(..) {
            drop(reader.join());
        }
        let Some(mut place) = self.place.take() else {
            return Ok(());
        };
        // A damaged store is left as it is.
        self.shared.health.check()?;
        place.anchor.settle()?;
        let torn = self.tear();
        if let Some(connection) = self.connection.take() {
            database::checkpoint(&connection, true)?;
        }
        place.lock.unlock()?;
        torn
    }
}

/// Tells an I/O error for lack of room from others.
fn explain(connection: &Connection, error: Error) -> Error {
    if error.code == Code::Io && Error::from(errno::last(connection)).code == Code::Full {
        return Error {
            code: Code::Full,
            ..error
        };
    }
    error
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}
