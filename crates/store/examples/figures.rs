//! Prints what the store costs on this machine's disk: `cargo run --release -p store --example figures [folder]`.
//!
//! A durable commit stands beside a bare write and fdatasync of as many bytes in the same folder, taken in turn; reads
//! and opening stand beside themselves with a thousand times as many rows.

use std::fs::{File, remove_dir_all};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use store::{Change, Key, Options, Reply, Result, Store, Value, wait};

const SCHEMA: &str = r#"{ "version": 1, "tables": [{ "name": "keys", "key": ["region", "id"],
    "columns": [{ "name": "region", "type": "TEXT" }, { "name": "id", "type": "TEXT" }, { "name": "deletion", "type": "INTEGER" },
                { "name": "policy", "type": "TEXT" }, { "name": "token", "type": "BLOB" }],
    "indexes": [{ "name": "keys_by_deletion", "columns": ["deletion"] }] }] }"#;

fn main() -> Result<()> {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = Path::new(&parent).join("store-figures");
    std::fs::create_dir_all(&folder)?;
    let result = commits(&folder)
        .and_then(|()| rows(&folder, 1_000))
        .and_then(|()| rows(&folder, 1_000_000));
    remove_dir_all(&folder)?;
    result
}

fn commits(folder: &Path) -> Result<()> {
    let path = folder.join("commits.db");
    let store = open(&path, Duration::from_secs(1))?;
    // The log gets the pages that a commit touches: a leaf of the table and one of each index, the ledger.
    let pages = vec![7; 4 * (4096 + 24)];
    let mut bare = File::create(folder.join("bare"))?;
    let (mut durable, mut written) = (Vec::new(), Vec::new());
    for number in 0..2000 {
        durable.push(timed(|| wait(|reply| store.commit(vec![insert(number)], reply)))?.0);
        written.push(timed(|| Ok(bare.write_all(&pages).and_then(|()| bare.sync_data())?))?.0);
    }
    let (durable, written) = (median(durable), median(written));
    println!("a durable commit: {durable:.0?}; a bare write and fdatasync: {written:.0?}");
    let (sender, answers) = mpsc::channel();
    let total: i64 = 50_000;
    let before = store.batches();
    let (elapsed, ()) = timed(|| {
        for number in 0..total + 64 {
            if number >= 64 {
                answers.recv().expect("one answer each")?;
            }
            if number < total {
                let sender = sender.clone();
                let reply = Reply::new(move |result| drop(sender.send(result)));
                store.commit(vec![insert(10_000 + number)], reply);
            }
        }
        Ok(())
    })?;
    let batches = store.batches() - before;
    let rate = per_second(total, elapsed);
    println!("64 commits in flight: {rate:.0} a second, {total} in {batches} transactions");
    wait(|reply| store.close(reply))
}

fn rows(folder: &Path, count: i64) -> Result<()> {
    let path = folder.join(format!("{count}.db"));
    let store = open(&path, Duration::from_secs(1))?;
    // In the order of the key, as whoever fills a store in bulk should: otherwise each row rewrites a page of its own.
    let mut numbers: Vec<_> = (0..count).collect();
    numbers.sort_by_cached_key(|number| id(*number));
    let (elapsed, ()) = timed(|| {
        for some in numbers.chunks(10_000) {
            let changes = some.iter().copied().map(insert).collect();
            wait(|reply| store.commit(changes, reply))?;
        }
        Ok(())
    })?;
    println!(
        "{count} rows inserted: {:.0} a second",
        per_second(count, elapsed)
    );
    wait(|reply| store.close(reply))?;
    let (opening, store) = timed(|| open(&path, Duration::from_millis(500)))?;
    let during = if store.is_checked() {
        "checked"
    } else {
        "the check goes on"
    };
    println!(
        "{count} rows opened: {opening:.0?} ({during}), resident {} MiB",
        resident()
    );
    let (elapsed, ()) = timed(|| {
        while !store.is_checked() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    })?;
    println!("{count} rows checked: {:.1?}", opening + elapsed);
    for (what, spread) in [("anywhere", count), ("among a thousand", count.min(1000))] {
        let mut latencies = Vec::new();
        for number in 0..100_000 {
            let id = id(number * 7919 % spread);
            latencies.push(
                timed(|| {
                    wait(|reply| store.get("keys".into(), vec!["eu-central-1".into(), id], reply))
                })?
                .0,
            );
        }
        println!("{count} rows, a get {what}: {:.1?}", median(latencies));
    }
    println!("{count} rows: resident {} MiB", resident());
    wait(|reply| store.close(reply))
}

fn open(path: &Path, check: Duration) -> Result<Store> {
    Store::open(
        path,
        SCHEMA,
        &Key([7; 32]),
        &Options {
            check,
            ..Options::default()
        },
    )
}

/// A key as most are: one in a hundred is about to be deleted.
fn insert(number: i64) -> Change {
    let region = Value::from("eu-central-1");
    let policy = Value::Text("a policy ".repeat(20));
    let values = vec![
        region.clone(),
        id(number),
        (number % 100 / 99 * number).into(),
        policy,
        Value::Blob(vec![7; 96]),
    ];
    Change {
        table: "keys".into(),
        key: vec![region, id(number)],
        values: Some(values),
        expect: 0,
    }
}

/// Spread like random identifiers, yet countable.
fn id(number: i64) -> Value {
    let mixed = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Value::Text(format!("{mixed:016x}-{number:08}"))
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let start = Instant::now();
    let value = work()?;
    Ok((start.elapsed(), value))
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: i64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

/// Resident memory in MiB, or 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
