//! Veiled columns: they read as they were put, stand covered in the database, and are destroyed in every copy of it.

mod common;

use std::fs;

use common::*;
use store::{Code, Options, Result, Store, Value, verify, wait};

const SECRETS: &str = r#"{ "version": 1, "tables": [{ "name": "secrets", "key": ["id"],
    "columns": [{ "name": "id", "type": "INTEGER" }, { "name": "note", "type": "TEXT" },
                { "name": "secret", "type": "BLOB", "null": true, "veiled": true }] }] }"#;

const HEADER: usize = 64;

fn open(folder: &Folder) -> Result<Store> {
    Store::open(&folder.database(), SECRETS, &key(), &patient())
}

/// A secret that is easy to recognize, of a length of its own.
fn secret(id: i64) -> Vec<u8> {
    format!("<secret number {id}>")
        .repeat(usize::try_from(id % 7 + 1).unwrap())
        .into_bytes()
}

fn row(id: i64, note: &str, secret: Option<Vec<u8>>) -> Vec<Value> {
    vec![
        id.into(),
        note.into(),
        secret.map_or(Value::Null, Value::Blob),
    ]
}

fn read(store: &Store, id: i64) -> Option<Value> {
    let found = store.read("secrets", vec![id.into()]).unwrap();
    found.map(|row| row.values[2].clone())
}

fn erase(store: &Store, id: i64, version: i64) {
    store
        .commit_all(vec![delete("secrets", vec![id.into()], version)])
        .unwrap();
}

fn scrub(store: &Store) {
    wait(|reply| store.scrub(reply)).unwrap();
}

/// The secret of row `id` as it stands in the database: number, tag and covered bytes.
fn covered(folder: &Folder, id: i64) -> Vec<u8> {
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    connection
        .query_row("SELECT secret FROM secrets WHERE id = ?", [id], |row| {
            row.get(0)
        })
        .unwrap()
}

/// Whether `bytes` stand in any file of the folder.
fn found(folder: &Folder, bytes: &[u8]) -> bool {
    fs::read_dir(folder.path()).unwrap().any(|entry| {
        let file = fs::read(entry.unwrap().path()).unwrap();
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

fn veil(folder: &Folder, covered: &[u8]) -> Vec<u8> {
    let number = u64::from_le_bytes(covered[..8].try_into().unwrap());
    let at = HEADER + usize::try_from(number).unwrap() * 32;
    fs::read(folder.beside("-veils")).unwrap()[at..at + 32].to_vec()
}

#[test]
fn secrets_read_as_they_were_put_and_stand_nowhere() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    for id in 0..20 {
        store
            .put("secrets", row(id, "", Some(secret(id))), 0)
            .unwrap();
    }
    store.put("secrets", row(20, "", None), 0).unwrap();
    store
        .put("secrets", row(21, "", Some(Vec::new())), 0)
        .unwrap();
    store.shut().unwrap();
    let store = open(&folder).unwrap();
    for id in 0..20 {
        assert_eq!(read(&store, id), Some(Value::Blob(secret(id))));
    }
    assert_eq!(read(&store, 20), Some(Value::Null));
    assert_eq!(read(&store, 21), Some(Value::Blob(Vec::new())));
    let listed = store.rows(all("secrets")).unwrap();
    assert_eq!(listed[7].values, row(7, "", Some(secret(7))));
    store.shut().unwrap();
    assert!(!found(&folder, b"<secret number"));
    assert_eq!(
        verify(&folder.database(), SECRETS, &key()).unwrap().rows,
        22
    );
}

#[test]
fn a_row_keeps_its_veil_as_long_as_its_secret() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    store
        .put("secrets", row(1, "a", Some(secret(1))), 0)
        .unwrap();
    scrub(&store);
    let first = covered(&folder, 1);
    store
        .put("secrets", row(1, "b", Some(secret(1))), 1)
        .unwrap();
    scrub(&store);
    assert_eq!(covered(&folder, 1), first, "another note, the same secret");
    store
        .put("secrets", row(1, "b", Some(secret(2))), 2)
        .unwrap();
    scrub(&store);
    let second = covered(&folder, 1);
    assert_ne!(second, first);
    assert_eq!(
        veil(&folder, &first),
        [0; 32],
        "torn with the secret it covered"
    );
    assert_ne!(veil(&folder, &second), [0; 32]);
    assert_eq!(read(&store, 1), Some(Value::Blob(secret(2))));
    store.put("secrets", row(1, "b", None), 3).unwrap();
    assert_eq!(veil(&folder, &second), [0; 32]);
    assert_eq!(read(&store, 1), Some(Value::Null));
    store.shut().unwrap();
}

#[test]
fn a_commit_that_is_refused_tears_nothing() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    store
        .put("secrets", row(1, "", Some(secret(1))), 0)
        .unwrap();
    let refused = store.commit_all(vec![
        delete("secrets", vec![1.into()], 1),
        put("secrets", row(2, "", Some(secret(2))), 7),
    ]);
    assert_eq!(code(refused), Some(Code::Conflict));
    assert_eq!(read(&store, 1), Some(Value::Blob(secret(1))));
    store
        .put("secrets", row(2, "", Some(secret(2))), 0)
        .unwrap();
    assert_eq!(read(&store, 2), Some(Value::Blob(secret(2))));
    store.shut().unwrap();
}

#[test]
fn what_was_deleted_is_gone_from_the_files_and_from_older_copies() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    // Enough for several pages, and for veils of more than one making.
    let changes = (0..1500).map(|id| put("secrets", row(id, "", Some(secret(id))), 0));
    store.commit_all(changes.collect()).unwrap();
    store.shut().unwrap();
    let backup = ["", "-anchor"].map(|suffix| (suffix, fs::read(folder.beside(suffix)).unwrap()));
    let doomed = covered(&folder, 700);

    let store = open(&folder).unwrap();
    assert!(
        found(&folder, &doomed[8..]),
        "the search finds what is there"
    );
    erase(&store, 700, 1);
    scrub(&store);
    assert!(!found(&folder, &doomed[8..]), "while the store is served");
    store.shut().unwrap();
    assert!(!found(&folder, &doomed[8..]));

    // The database of before, beside the veils of now.
    for (suffix, bytes) in backup {
        fs::write(folder.beside(suffix), bytes).unwrap();
    }
    let store = open(&folder).unwrap();
    assert_eq!(
        read(&store, 700),
        Some(Value::Null),
        "its secret is not to be had"
    );
    for id in (0..1500).filter(|id| *id != 700) {
        assert_eq!(
            read(&store, id),
            Some(Value::Blob(secret(id))),
            "every other is"
        );
    }
    // Life goes on, with veils that a later history may have used.
    for id in 1500..1520 {
        store
            .put("secrets", row(id, "", Some(secret(id))), 0)
            .unwrap();
    }
    erase(&store, 700, 1);
    store.shut().unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(read(&store, 1519), Some(Value::Blob(secret(1519))));
    store.shut().unwrap();
}

#[test]
fn a_crash_between_a_commit_and_its_tearing_is_made_up_for() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    for id in 0..3 {
        store
            .put("secrets", row(id, "", Some(secret(id))), 0)
            .unwrap();
    }
    store.shut().unwrap();
    let doomed = covered(&folder, 1);
    let before = fs::read(folder.beside("-veils")).unwrap();
    let store = open(&folder).unwrap();
    erase(&store, 1, 1);
    store.shut().unwrap();
    // As if the tearing had not reached the disk.
    fs::write(folder.beside("-veils"), before).unwrap();
    assert_ne!(veil(&folder, &doomed), [0; 32]);
    let store = open(&folder).unwrap();
    assert!(store.is_checked());
    assert_eq!(veil(&folder, &doomed), [0; 32]);
    assert_eq!(read(&store, 2), Some(Value::Blob(secret(2))));
    store.shut().unwrap();
}

#[test]
fn veils_that_were_damaged_lost_or_exchanged_are_noticed() {
    let folder = Folder::new();
    let store = open(&folder).unwrap();
    for id in 0..10 {
        store
            .put("secrets", row(id, "", Some(secret(id))), 0)
            .unwrap();
    }
    store.shut().unwrap();
    let path = folder.beside("-veils");
    let whole = fs::read(&path).unwrap();
    let refused = |title: &str| {
        assert_eq!(
            code(verify(&folder.database(), SECRETS, &key())),
            Some(Code::Damaged),
            "{title}"
        );
        assert_eq!(code(open(&folder)), Some(Code::Damaged), "{title}");
    };
    let mut chance = Chance(7);
    for _ in 0..40 {
        let at = chance.below(32 + 320);
        // Between the MAC of the header and the first veil there is nothing.
        let at = usize::try_from(if at < 32 { at } else { at + 32 }).unwrap();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << chance.below(8);
        fs::write(&path, bytes).unwrap();
        refused(&format!("a bit of byte {at}"));
    }
    fs::write(&path, &whole[..HEADER + 5 * 32]).unwrap();
    refused("cut off");
    fs::remove_file(&path).unwrap();
    refused("lost");
    let other = Folder::new();
    let store = open(&other).unwrap();
    for id in 0..10 {
        store
            .put("secrets", row(id, "", Some(secret(id))), 0)
            .unwrap();
    }
    store.shut().unwrap();
    fs::copy(other.beside("-veils"), &path).unwrap();
    refused("another store's");
    fs::write(&path, whole).unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(read(&store, 9), Some(Value::Blob(secret(9))));
    store.shut().unwrap();
}

#[test]
fn a_store_in_memory_has_no_copies_and_no_veils() {
    let store = Store::open(":memory:".as_ref(), SECRETS, &key(), &Options::default()).unwrap();
    store
        .put("secrets", row(1, "", Some(b"short".to_vec())), 0)
        .unwrap();
    assert_eq!(read(&store, 1), Some(Value::Blob(b"short".to_vec())));
    store
        .put("secrets", row(1, "", Some(secret(1))), 1)
        .unwrap();
    erase(&store, 1, 2);
    scrub(&store);
    assert_eq!(read(&store, 1), None);
    store.shut().unwrap();
}

#[test]
fn only_bytes_that_may_be_null_and_order_nothing_can_be_veiled() {
    for (title, from, to) in [
        ("not null", r#""null": true"#, r#""null": false"#),
        ("a text", "BLOB", "TEXT"),
        (
            "in the key",
            r#""key": ["id"]"#,
            r#""key": ["id", "secret"]"#,
        ),
        (
            "in an index",
            r#""key": ["id"]"#,
            r#""key": ["id"], "indexes": [{ "name": "i", "columns": ["secret"] }]"#,
        ),
    ] {
        let schema = SECRETS.replace(from, to);
        let opened = Store::open(":memory:".as_ref(), &schema, &key(), &Options::default());
        assert_eq!(code(opened), Some(Code::Misuse), "{title}");
    }
}
