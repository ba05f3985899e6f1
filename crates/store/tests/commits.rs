//! What commits promise: versions, all or nothing, a shared fsync; and what reads give back.

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::{fs, os::unix::fs::PermissionsExt, thread};

use common::*;
use store::{Code, Key, List, Options, Reply, Store, Value, verify, wait};

/// What is asked of a store that has key 1 at version 2 and the name `a` of 1.
fn refused(title: &str, changes: &[store::Change], expected: Code) {
    for path in [None, Some(Folder::new())] {
        let file = path.as_ref().map_or(":memory:".into(), Folder::database);
        let store = Store::open(&file, SCHEMA, &key(), &patient()).unwrap();
        store
            .commit_all(vec![
                put("keys", a_key(1, "Enabled", None), 0),
                put("names", a_name("a", 1), 0),
            ])
            .unwrap();
        store.put("keys", a_key(1, "Disabled", None), 1).unwrap();
        let mut together = vec![put("keys", a_key(7, "Enabled", None), 0)];
        together.extend(changes.iter().cloned());
        assert_eq!(code(store.commit_all(together)), Some(expected), "{title}");
        assert_eq!(
            store.read("keys", key_id(7)).unwrap(),
            None,
            "{title}: nothing of a refused commit stays"
        );
        assert_eq!(store.revision(), 2, "{title}");
        assert_eq!(
            store.put("keys", a_key(8, "Enabled", None), 0).unwrap(),
            3,
            "{title}: the next one succeeds"
        );
        store.shut().unwrap();
    }
}

#[test]
fn commits_are_refused_for_what_others_did_first() {
    let one = || a_key(1, "Enabled", None);
    refused(
        "insert over a row",
        &[put("keys", one(), 0)],
        Code::Conflict,
    );
    refused(
        "replace at an old version",
        &[put("keys", one(), 1)],
        Code::Conflict,
    );
    refused(
        "replace at a future version",
        &[put("keys", one(), 3)],
        Code::Conflict,
    );
    refused(
        "replace nothing",
        &[put("keys", a_key(2, "Enabled", None), 1)],
        Code::Conflict,
    );
    refused(
        "delete at an old version",
        &[delete("keys", key_id(1), 1)],
        Code::Conflict,
    );
    refused(
        "delete nothing",
        &[delete("keys", key_id(2), 1)],
        Code::Conflict,
    );
    refused(
        "claim that a row is not there",
        &[delete("keys", key_id(1), 0)],
        Code::Conflict,
    );
    refused(
        "a second name of one target",
        &[put("names", a_name("b", 1), 0)],
        Code::Conflict,
    );
    refused(
        "one key twice in one commit",
        &[
            put("keys", a_key(2, "A", None), 0),
            put("keys", a_key(2, "A", None), 0),
        ],
        Code::Conflict,
    );
}

#[test]
fn commits_that_break_the_schema_are_misuse() {
    let unkeyed = store::Change {
        key: key_id(2),
        ..put("keys", a_key(1, "Enabled", None), 0)
    };
    refused(
        "a key that is not that of the row",
        &[unkeyed],
        Code::Misuse,
    );
    refused(
        "an unknown table",
        &[delete("locks", key_id(1), 1)],
        Code::Misuse,
    );
    refused(
        "a key that is too short",
        &[delete("keys", vec!["eu".into()], 1)],
        Code::Misuse,
    );
    refused(
        "a text for an integer",
        &[delete("keys", vec!["eu".into(), "1".into()], 1)],
        Code::Misuse,
    );
    refused(
        "a null where none may be",
        &[put("names", vec!["x".into(), Value::Null], 0)],
        Code::Misuse,
    );
}

#[test]
fn a_row_counts_its_versions_and_begins_anew_after_deletion() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for version in 0..3 {
        store
            .put(
                "keys",
                a_key(1, &format!("state {version}"), Some(version)),
                version,
            )
            .unwrap();
    }
    let row = store.read("keys", key_id(1)).unwrap().unwrap();
    assert_eq!((row.version, row.values), (3, a_key(1, "state 2", Some(2))));
    store
        .commit_all(vec![delete("keys", key_id(1), 3)])
        .unwrap();
    assert_eq!(store.read("keys", key_id(1)).unwrap(), None);
    store.put("keys", a_key(1, "born again", None), 0).unwrap();
    assert_eq!(store.revision(), 5);
    store.shut().unwrap();
    let store = folder.open().unwrap();
    assert_eq!(
        (
            store.revision(),
            store.read("keys", key_id(1)).unwrap().unwrap().version
        ),
        (5, 1)
    );
    store.shut().unwrap();
    assert_eq!(
        verify(&folder.database(), SCHEMA, &key()).unwrap(),
        store::Verified {
            rows: 1,
            revision: 5
        }
    );
}

#[test]
fn commits_that_wait_together_share_one_fsync() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let (sender, answers) = mpsc::channel();
    for id in 0..2000 {
        let sender = sender.clone();
        let reply = Reply::new(move |result| sender.send(result).unwrap());
        store.commit(vec![put("keys", a_key(id, "Enabled", None), 0)], reply);
    }
    let mut revisions: Vec<i64> = answers.iter().take(2000).map(Result::unwrap).collect();
    revisions.sort_unstable();
    assert!(
        revisions.into_iter().eq(1..=2000),
        "each commit has a revision of its own"
    );
    assert!(
        store.batches() <= 200,
        "{} transactions for 2000 commits",
        store.batches()
    );
    store.shut().unwrap();
}

#[test]
fn one_of_many_rivals_wins_each_version() {
    let folder = Folder::new();
    let store = Arc::new(folder.open().unwrap());
    store.put("keys", a_key(1, "0", Some(0)), 0).unwrap();
    let barrier = Barrier::new(8);
    let wins: i64 = thread::scope(|scope| {
        let rival = || {
            barrier.wait();
            let mut wins = 0;
            for _ in 0..50 {
                let row = store.read("keys", key_id(1)).unwrap().unwrap();
                let Value::Integer(count) = row.values[3] else {
                    panic!("it is a number")
                };
                match store.put("keys", a_key(1, "counting", Some(count + 1)), row.version) {
                    Ok(_) => wins += 1,
                    Err(error) => {
                        assert_eq!(error.code, Code::Conflict);
                        let now = store.read("keys", key_id(1)).unwrap().unwrap();
                        assert!(
                            now.version > row.version,
                            "after a conflict the winner can be seen"
                        );
                    }
                }
            }
            wins
        };
        let rivals: Vec<_> = (0..8).map(|_| scope.spawn(rival)).collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).sum()
    });
    let row = store.read("keys", key_id(1)).unwrap().unwrap();
    assert_eq!(
        (row.version, &row.values[3]),
        (wins + 1, &Value::Integer(wins)),
        "no increment was lost"
    );
    store.shut().unwrap();
}

#[test]
fn lists_page_through_every_index_whatever_is_null() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let deletions = [
        None,
        Some(3),
        None,
        Some(1),
        Some(3),
        None,
        Some(1),
        Some(3),
    ];
    let mut rows: Vec<_> = (0..40)
        .map(|id| {
            a_key(
                id,
                ["A", "B", "C"][usize::try_from(id % 3).unwrap()],
                deletions[usize::try_from(id % 8).unwrap()],
            )
        })
        .collect();
    store
        .commit_all(rows.iter().map(|row| put("keys", row.clone(), 0)).collect())
        .unwrap();
    let order = |row: &Vec<Value>| [3, 2, 0, 1].map(|i| row[i].clone()).to_vec();
    rows.sort_by_key(order);
    for equal in 0..=2 {
        for example in &rows {
            let equal = order(example)[..equal].to_vec();
            let wanted: Vec<_> = rows
                .iter()
                .filter(|row| order(row).starts_with(&equal))
                .cloned()
                .collect();
            let mut found: Vec<Vec<Value>> = Vec::new();
            loop {
                let after = found.last().map(|row| order(row)[equal.len()..].to_vec());
                let list = List {
                    index: "keys_by_deletion".into(),
                    equal: equal.clone(),
                    after,
                    limit: 7,
                    ..all("keys")
                };
                let page = store.rows(list).unwrap();
                assert!(page.len() <= 7);
                if page.is_empty() {
                    break;
                }
                found.extend(page.into_iter().map(|row| row.values));
            }
            assert_eq!(found, wanted, "equal to {equal:?}");
            let list = List {
                index: "keys_by_deletion".into(),
                equal,
                ..all("keys")
            };
            assert_eq!(
                wait(|reply| store.count(list, reply)).unwrap(),
                i64::try_from(wanted.len()).unwrap()
            );
        }
    }
    let misused = [
        List {
            index: "keys_by_colour".into(),
            ..all("keys")
        },
        List {
            equal: vec![1.into()],
            ..all("keys")
        },
        List {
            after: Some(vec!["eu".into()]),
            ..all("keys")
        },
    ];
    for list in misused {
        assert_eq!(code(store.rows(list)), Some(Code::Misuse));
    }
    store.shut().unwrap();
}

#[test]
fn a_store_has_one_master_and_files_of_its_owner_alone() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.put("keys", a_key(1, "Enabled", None), 0).unwrap();
    assert_eq!(code(folder.open()), Some(Code::Locked));
    assert_eq!(
        code(verify(&folder.database(), SCHEMA, &key())),
        Some(Code::Locked)
    );
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            entry.path().display()
        );
    }
    store.shut().unwrap();
    assert_eq!(code(store.shut()), Some(Code::Closed));
    assert_eq!(code(store.read("keys", key_id(1))), Some(Code::Closed));
    assert_eq!(
        code(store.put("keys", a_key(2, "Enabled", None), 0)),
        Some(Code::Closed)
    );
    folder.open().unwrap().shut().unwrap();
}

#[test]
fn another_key_opens_nothing() {
    let folder = Folder::new();
    folder.open().unwrap().shut().unwrap();
    let other = Store::open(
        &folder.database(),
        SCHEMA,
        &Key([43; 32]),
        &Options::default(),
    );
    assert_eq!(code(other), Some(Code::Damaged));
}
