//! A process that commits from several threads is killed again and again: every acknowledged commit is there, nothing
//! deleted is back, and nothing is there in part.

#[path = "common/child.rs"]
mod child;
mod common;

use std::path::Path;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use store::{Row, Store, Value};

const KILLS: u64 = 120;
const THREADS: usize = 4;
const SPAN: u64 = 30;

/// One thread's commits: always the same, on keys of its own.
struct Life {
    model: Model,
    chance: Chance,
    base: i64,
    done: u64,
}

impl Life {
    fn new(thread: usize) -> Self {
        let base = 1000 * i64::try_from(thread).unwrap();
        Self {
            model: Model::default(),
            chance: Chance(base.cast_unsigned()),
            base,
            done: 0,
        }
    }

    fn step(&mut self) -> Vec<store::Change> {
        let changes = self.model.random(&mut self.chance, self.base, SPAN);
        self.model.apply(&changes);
        self.done += 1;
        changes
    }

    fn owns(&self, id: &Value) -> bool {
        (Value::Integer(self.base)..Value::Integer(self.base + 1000)).contains(id)
    }
}

#[test]
fn a_killed_process_loses_nothing_and_resurrects_nothing() {
    if let Some(part) = child::part() {
        let done: Vec<u64> = part[1]
            .split(',')
            .map(|count| count.parse().unwrap())
            .collect();
        return live(Path::new(&part[0]), &done);
    }
    let folder = Folder::new();
    let mut chance = Chance(7);
    let mut lives: Vec<Life> = (0..THREADS).map(Life::new).collect();
    for kill in 0..KILLS {
        let done: Vec<_> = lives.iter().map(|life| life.done.to_string()).collect();
        let part = format!("{} {}", folder.database().display(), done.join(","));
        let (mut child, output) = child::start(
            "a_killed_process_loses_nothing_and_resurrects_nothing",
            &part,
            |_| {},
        );
        let acknowledged = Mutex::new(lives.iter().map(|life| life.done).collect::<Vec<u64>>());
        let (works, working) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let works = works;
                for line in child::lines(output, "ack") {
                    let (thread, count) = line.split_once(' ').unwrap();
                    acknowledged.lock().unwrap()[thread.parse::<usize>().unwrap()] =
                        count.parse().unwrap();
                    let _ = works.send(());
                }
            });
            // Some die while they open the store, most at work, a few when the log was moved into the database.
            let witnessed = match kill % 12 {
                0 | 4 | 8 => 0,
                11 => 150 + chance.below(200),
                _ => 1,
            };
            for _ in 0..witnessed {
                working.recv().unwrap();
            }
            thread::sleep(Duration::from_micros(chance.below(25_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let store = folder
            .open()
            .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        for (life, acknowledged) in lives.iter_mut().zip(acknowledged.into_inner().unwrap()) {
            while life.done < acknowledged {
                life.step();
            }
            // The commit that was under way may be there as a whole.
            let found = rows(&store, life);
            if found != life.model {
                life.step();
                assert!(
                    found == life.model,
                    "kill {kill}: not what {acknowledged} or one more commit made of {}",
                    life.base
                );
            }
        }
        store.shut().unwrap();
    }
    println!(
        "{} commits acknowledged",
        lives.iter().map(|life| life.done).sum::<u64>()
    );
}

fn rows(store: &Store, life: &Life) -> Model {
    let mut model = Model::default();
    for (table, id, width) in [("keys", 1, 2), ("names", 1, 1)] {
        for row in store.rows(all(table)).unwrap() {
            if life.owns(&row.values[id]) {
                let key = row.values[..width].to_vec();
                model.0.insert((table.to_owned(), key), Row { ..row });
            }
        }
    }
    model
}

/// The part of the child: each thread goes on with its life, and tells what was acknowledged.
fn live(database: &Path, done: &[u64]) {
    let store = Store::open(database, SCHEMA, &key(), &patient()).unwrap();
    println!();
    thread::scope(|scope| {
        for (thread, &done) in done.iter().enumerate() {
            let store = &store;
            scope.spawn(move || {
                let mut life = Life::new(thread);
                while life.done < done {
                    life.step();
                }
                loop {
                    store.commit_all(life.step()).unwrap();
                    println!("ack {thread} {}", life.done);
                }
            });
        }
    });
}
