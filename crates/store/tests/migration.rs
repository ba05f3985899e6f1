//! How a store of an older schema becomes one of a newer, and when it does not.

mod common;

use common::*;
use store::{Code, Row, Store, Value, verify};

/// Version 2 adds a column with a default, an index and a table; its step makes the column.
fn newer(step: &str) -> String {
    SCHEMA
        .replace(r#""version": 1, "migrations": []"#, &format!(r#""version": 2, "migrations": [{{ "to": 2, "sql": ["{step}"] }}]"#))
        .replace(r#"{ "name": "token", "type": "BLOB" }]"#, r#"{ "name": "token", "type": "BLOB" }, { "name": "uses", "type": "INTEGER" }]"#)
        .replace(
            r#""tables": ["#,
            r#""tables": [{ "name": "grants", "key": ["id"], "columns": [{ "name": "id", "type": "TEXT" }] },"#,
        )
}

const STEP: &str = "ALTER TABLE keys ADD COLUMN uses INTEGER NOT NULL DEFAULT 7";

fn scene() -> Folder {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store
        .commit_all(
            (0..20)
                .map(|id| put("keys", a_key(id, "Enabled", Some(id)), 0))
                .collect(),
        )
        .unwrap();
    store.put("keys", a_key(3, "Disabled", None), 1).unwrap();
    store.shut().unwrap();
    folder
}

fn open(folder: &Folder, schema: &str) -> store::Result<Store> {
    Store::open(&folder.database(), schema, &key(), &patient())
}

#[test]
fn rows_keep_their_versions_and_gain_their_columns() {
    let folder = scene();
    let store = open(&folder, &newer(STEP)).unwrap();
    assert_eq!(store.revision(), 3, "a migration is a commit of its own");
    let row = store.read("keys", key_id(3)).unwrap();
    let values = [a_key(3, "Disabled", None), vec![7.into()]].concat();
    assert_eq!(row, Some(Row { values, version: 2 }));
    store
        .commit_all(vec![store::Change {
            table: "grants".into(),
            key: vec!["g".into()],
            values: Some(vec![Value::from("g")]),
            expect: 0,
        }])
        .unwrap();
    store.shut().unwrap();
    assert_eq!(
        code(folder.open()),
        Some(Code::Version),
        "the older program refuses the newer store"
    );
    assert_eq!(
        code(verify(&folder.database(), SCHEMA, &key())),
        Some(Code::Version)
    );
    open(&folder, &newer(STEP)).unwrap().shut().unwrap();
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    for step in [
        "ALTER TABLE locks ADD COLUMN uses INTEGER",
        "SELECT 1; NOT SQL",
        "DELETE FROM names",
    ] {
        let folder = scene();
        assert_eq!(
            code(open(&folder, &newer(step))),
            Some(Code::Version),
            "{step}"
        );
        let store = folder.open().unwrap();
        assert_eq!(
            (store.revision(), store.rows(all("keys")).unwrap().len()),
            (2, 20),
            "{step}"
        );
        store.shut().unwrap();
    }
}

#[test]
fn a_migration_whitewashes_no_damage_and_no_old_copy() {
    let folder = scene();
    let earlier = Folder::new();
    earlier.copy_from(folder.path());
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    connection
        .execute("UPDATE keys SET state = 'Enabled' WHERE id = 3", ())
        .unwrap();
    drop(connection);
    assert_eq!(code(open(&folder, &newer(STEP))), Some(Code::Damaged));

    folder.copy_from(earlier.path());
    open(&folder, &newer(STEP)).unwrap().shut().unwrap();
    std::fs::copy(earlier.database(), folder.database()).unwrap();
    assert_eq!(code(open(&folder, &newer(STEP))), Some(Code::RolledBack));
}

#[test]
fn another_schema_of_the_same_version_is_refused() {
    let folder = scene();
    assert_eq!(
        code(open(
            &folder,
            &SCHEMA.replace(
                r#""target", "type": "INTEGER""#,
                r#""target", "type": "TEXT""#
            )
        )),
        Some(Code::Version)
    );
    let reason = open(&folder, "{").err().unwrap();
    assert_eq!(reason.code, Code::Misuse);
    for wrong in [
        SCHEMA.replace("\"keys_by_deletion\"", "\"keys; DROP\""),
        SCHEMA.replace("[\"region\", \"id\"]", "[\"region\", \"ids\"]"),
        SCHEMA.replace("[\"region\", \"id\"]", "[\"deletion\"]"),
        SCHEMA.replace("\"name\": \"state\"", "\"name\": \"REGION\""),
        SCHEMA.replace("\"name\": \"state\"", "\"name\": \"_mac\""),
        SCHEMA.replace("[\"name\"]", "[]"),
    ] {
        assert_eq!(code(open(&folder, &wrong)), Some(Code::Misuse), "{wrong}");
    }
}
