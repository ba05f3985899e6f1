//! Each single thing that can be changed behind the store's back, and the code that tells it.

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::mpsc;
use std::time::Duration;

use common::*;
use rusqlite::Connection;
use store::{Code, Options, Store, Value, verify};

const ROWS: i64 = 50;

/// How far making a store came.
type Birth = fn(&Folder);
/// A verb that comes across a row.
type Meeting = fn(&Store) -> Option<Code>;

/// A closed store of some rows, with one of its earlier states beside it.
fn scene() -> (Folder, Folder) {
    let (folder, earlier) = (Folder::new(), Folder::new());
    let store = folder.open().unwrap();
    store
        .commit_all(
            (0..ROWS)
                .map(|id| put("keys", a_key(id, "Enabled", Some(id)), 0))
                .collect(),
        )
        .unwrap();
    store
        .commit_all(
            (0..ROWS)
                .map(|id| put("names", a_name(&format!("alias/{id}"), id), 0))
                .collect(),
        )
        .unwrap();
    store.shut().unwrap();
    earlier.copy_from(folder.path());
    let store = folder.open().unwrap();
    store.put("keys", a_key(1, "Disabled", None), 1).unwrap();
    store
        .commit_all(vec![delete("keys", key_id(2), 1)])
        .unwrap();
    store.shut().unwrap();
    (folder, earlier)
}

fn sql(folder: &Folder, statement: &str) -> usize {
    let connection = Connection::open(folder.database()).unwrap();
    let changed = connection.execute(statement, ()).unwrap();
    drop(connection);
    changed
}

/// Opening and verifying both refuse the store, with this code.
fn refused(folder: &Folder, expected: Code, title: &str) {
    assert_eq!(
        code(verify(&folder.database(), SCHEMA, &key())),
        Some(expected),
        "verify: {title}"
    );
    assert_eq!(code(folder.open()), Some(expected), "open: {title}");
}

#[test]
fn every_edit_of_a_row_is_refused() {
    let edits = [
        (
            "UPDATE keys SET region = 'us-east-1' WHERE id = 5",
            Code::Damaged,
        ),
        ("UPDATE keys SET id = 500 WHERE id = 5", Code::Damaged),
        (
            "UPDATE keys SET state = 'Disabled' WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE keys SET deletion = NULL WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE keys SET token = zeroblob(3) WHERE id = 5",
            Code::Damaged,
        ),
        ("UPDATE keys SET _version = 2 WHERE id = 5", Code::Damaged),
        ("UPDATE keys SET _seq = 2 WHERE id = 5", Code::Damaged),
        (
            "UPDATE keys SET _mac = zeroblob(32) WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE keys SET _mac = substr(_mac, 1, 31) WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE keys SET _mac = (SELECT _mac FROM keys WHERE id = 6) WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE keys SET token = (SELECT token FROM keys WHERE id = 6) WHERE id = 5",
            Code::Damaged,
        ),
        (
            "UPDATE names SET target = 1000 WHERE target = 5",
            Code::Damaged,
        ),
        (
            "INSERT INTO keys SELECT region, 77, state, deletion, token, _version, _seq, _mac FROM keys WHERE id = 5",
            Code::Damaged,
        ),
        ("DELETE FROM keys WHERE id = 5", Code::RolledBack),
        ("DELETE FROM names WHERE target = 5", Code::RolledBack),
        ("UPDATE _ledger SET sequence = 9", Code::Damaged),
        ("UPDATE _ledger SET rows = 9", Code::Damaged),
        ("UPDATE _ledger SET sum = zeroblob(32)", Code::Damaged),
        ("UPDATE _ledger SET schema = 2", Code::Damaged),
        ("UPDATE _ledger SET mac = zeroblob(32)", Code::Damaged),
        ("DELETE FROM _ledger", Code::Damaged),
        ("UPDATE _store SET id = zeroblob(16)", Code::Damaged),
        (
            "UPDATE _store SET schema = replace(schema, 'BLOB', 'TEXT')",
            Code::Damaged,
        ),
        ("UPDATE _store SET shape = zeroblob(32)", Code::Damaged),
        ("DELETE FROM _store", Code::Damaged),
        ("DROP INDEX keys_by_deletion", Code::Damaged),
        ("DROP TABLE names", Code::Damaged),
        (
            "ALTER TABLE keys RENAME COLUMN deletion TO birth",
            Code::Damaged,
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON keys BEGIN DELETE FROM keys; END",
            Code::Damaged,
        ),
    ];
    let (template, _) = scene();
    for (edit, expected) in edits {
        let folder = Folder::new();
        folder.copy_from(template.path());
        sql(&folder, edit);
        refused(&folder, expected, edit);
    }
}

#[test]
fn two_rows_that_changed_places_are_refused() {
    let (folder, _) = scene();
    sql(&folder, "UPDATE keys SET id = -1 WHERE id = 5");
    sql(&folder, "UPDATE keys SET id = 5 WHERE id = 6");
    sql(&folder, "UPDATE keys SET id = 6 WHERE id = -1");
    refused(&folder, Code::Damaged, "swapped");
}

#[test]
fn a_row_or_a_store_of_yesterday_is_refused() {
    let (folder, earlier) = scene();
    let connection = Connection::open(folder.database()).unwrap();
    connection
        .execute(
            "ATTACH ? AS earlier",
            [earlier.database().to_str().unwrap()],
        )
        .unwrap();
    connection
        .execute(
            "REPLACE INTO keys SELECT * FROM earlier.keys WHERE id = 1",
            (),
        )
        .unwrap();
    drop(connection);
    refused(&folder, Code::RolledBack, "an old row");

    let (folder, earlier) = scene();
    fs::copy(earlier.database(), folder.database()).unwrap();
    refused(&folder, Code::RolledBack, "an old database");

    let (folder, _) = scene();
    fs::remove_file(folder.database()).unwrap();
    refused(&folder, Code::RolledBack, "no database");

    let (folder, _) = scene();
    fs::write(folder.database(), "").unwrap();
    refused(&folder, Code::RolledBack, "an empty database");
}

#[test]
fn another_store_of_the_same_key_is_another_store() {
    let (folder, _) = scene();
    let (other, _) = scene();
    fs::copy(other.beside("-anchor"), folder.beside("-anchor")).unwrap();
    refused(&folder, Code::AnchorDamaged, "a foreign anchor");
}

#[test]
fn an_anchor_is_missed_and_one_of_its_slots_is_not() {
    let (folder, earlier) = scene();
    fs::remove_file(folder.beside("-anchor")).unwrap();
    refused(&folder, Code::AnchorDamaged, "no anchor");

    fs::write(folder.beside("-anchor"), [0; 8192]).unwrap();
    refused(&folder, Code::AnchorDamaged, "both slots");

    // An older anchor is what a loss of power may leave: the database is ahead, and proves itself.
    fs::copy(earlier.beside("-anchor"), folder.beside("-anchor")).unwrap();
    folder.open().unwrap().shut().unwrap();

    for slot in 0..2 {
        let (folder, earlier) = scene();
        let anchor = OpenOptions::new()
            .write(true)
            .open(folder.beside("-anchor"))
            .unwrap();
        anchor.write_all_at(&[7; 20], slot * 4096 + 3).unwrap();
        assert!(
            verify(&folder.database(), SCHEMA, &key()).is_ok(),
            "slot {slot} is torn"
        );
        folder.open().unwrap().shut().unwrap();
        fs::copy(earlier.database(), folder.database()).unwrap();
        refused(
            &folder,
            Code::RolledBack,
            "an old database, after a torn slot was repaired",
        );
    }
}

#[test]
fn a_birth_that_was_interrupted_is_taken_up_again() {
    let births: [(&str, Birth); 3] = [
        ("a file without tables", |folder| {
            fs::write(folder.database(), "").unwrap();
        }),
        ("tables without an anchor", |folder| {
            folder.open().unwrap().shut().unwrap();
            fs::remove_file(folder.beside("-anchor")).unwrap();
        }),
        ("an anchor half written", |folder| {
            folder.open().unwrap().shut().unwrap();
            fs::remove_file(folder.beside("-anchor")).unwrap();
            fs::write(folder.beside("-anchor.new"), [1; 99]).unwrap();
        }),
    ];
    for (title, birth) in births {
        let folder = Folder::new();
        birth(&folder);
        assert_eq!(
            verify(&folder.database(), SCHEMA, &key()).unwrap().rows,
            0,
            "{title}"
        );
        let store = folder.open().unwrap();
        store.put("keys", a_key(1, "Enabled", None), 0).unwrap();
        store.shut().unwrap();
        fs::remove_file(folder.beside("-anchor")).unwrap();
        refused(&folder, Code::AnchorDamaged, title);
    }
}

#[test]
fn damage_found_in_the_background_ends_the_store_and_is_told_once() {
    let (folder, _) = scene();
    sql(&folder, "DELETE FROM keys WHERE id = 5");
    let hasty = Options {
        check: Duration::ZERO,
        ..Options::default()
    };
    // The check may still win the race; then opening refuses, which is the other right answer.
    let store = match Store::open(&folder.database(), SCHEMA, &key(), &hasty) {
        Ok(store) => store,
        Err(error) => return assert_eq!(error.code, Code::RolledBack),
    };
    let (sender, told) = mpsc::channel();
    store.on_damage(move |error| sender.send(error.code).unwrap());
    assert_eq!(told.iter().collect::<Vec<_>>(), [Code::RolledBack]);
    assert_eq!(code(store.read("keys", key_id(1))), Some(Code::RolledBack));
    assert_eq!(code(store.rows(all("names"))), Some(Code::RolledBack));
    assert_eq!(
        code(store.put("keys", a_key(900, "Enabled", None), 0)),
        Some(Code::RolledBack)
    );
    assert_eq!(code(store.shut()), Some(Code::RolledBack));
}

#[test]
fn a_row_changed_under_a_served_store_is_refused_when_it_is_met() {
    let meetings: [(&str, Meeting); 4] = [
        ("get", |store| code(store.read("keys", key_id(5)))),
        ("list", |store| code(store.rows(all("keys")))),
        ("replace", |store| {
            code(store.put("keys", a_key(5, "Enabled", None), 1))
        }),
        ("delete", |store| {
            code(store.commit_all(vec![delete("keys", key_id(5), 1)]))
        }),
    ];
    for (title, meet) in meetings {
        let (folder, _) = scene();
        let store = folder.open().unwrap();
        let (sender, told) = mpsc::channel();
        store.on_damage(move |error| sender.send(error.code).unwrap());
        assert_eq!(
            store.read("keys", key_id(5)).unwrap().unwrap().values[2],
            Value::from("Enabled")
        );
        sql(&folder, "UPDATE keys SET state = 'Disabled' WHERE id = 5");
        assert_eq!(
            store.read("keys", key_id(6)).unwrap().unwrap().values[2],
            Value::from("Enabled")
        );
        assert_eq!(meet(&store), Some(Code::Damaged), "{title}");
        assert_eq!(told.iter().collect::<Vec<_>>(), [Code::Damaged], "{title}");
        assert_eq!(
            code(store.read("keys", key_id(6))),
            Some(Code::Damaged),
            "{title}: nothing is believed any more"
        );
        drop(store);
    }
}
