//! Random commits against a model, while the full check looks at a snapshot beneath them.

mod common;

use std::time::Duration;

use common::*;
use store::{Options, Store, verify};

const ROWS: i64 = 20_000;

#[test]
fn a_store_agrees_with_a_model_and_the_check_with_both() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let mut model = Model::default();
    let mut fill = |table: &str, row: fn(i64) -> Vec<store::Value>| {
        let changes: Vec<_> = (0..ROWS).map(|id| put(table, row(id), 0)).collect();
        model.apply(&changes);
        store.commit_all(changes).unwrap();
    };
    fill("keys", |id| a_key(id, "Enabled", Some(id)));
    fill("names", |id| a_name(&format!("alias/{id}"), id));
    store.shut().unwrap();
    let mut during = 0;
    for seed in 0..6 {
        let hasty = Options {
            check: Duration::ZERO,
            ..Options::default()
        };
        let store = Store::open(&folder.database(), SCHEMA, &key(), &hasty).unwrap();
        let mut chance = Chance(seed);
        let mut last = 0;
        // At least so many, and on until the check has seen its snapshot through.
        for commit in 0.. {
            let checked = store.is_checked();
            during += u32::from(!checked);
            if checked && commit > 100 {
                break;
            }
            let changes = model.random(&mut chance, 0, 25_000);
            let revision = store.commit_all(changes.clone()).unwrap();
            assert!(revision > last, "seed {seed}");
            last = revision;
            model.apply(&changes);
            let some = &changes[0];
            let found = store.read(&some.table, some.key.clone()).unwrap();
            assert_eq!(
                found.as_ref(),
                model.0.get(&(some.table.clone(), some.key.clone())),
                "seed {seed}, commit {commit}"
            );
        }
        store.shut().unwrap();
    }
    assert!(during > 10, "only {during} commits went on during a check");
    let verified = verify(&folder.database(), SCHEMA, &key()).unwrap();
    assert_eq!(verified.rows, i64::try_from(model.0.len()).unwrap());
    let store = folder.open().unwrap();
    model.agrees(&store).unwrap().unwrap();
    store.shut().unwrap();
}
