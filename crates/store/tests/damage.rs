//! Seeded damage of every kind to a store that was closed or killed: afterwards each answer is right, or an error that
//! says what it is.

#[path = "common/child.rs"]
mod child;
mod common;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::*;
use rusqlite::Connection;
use store::Store;

const SEED: u64 = 2026;
const COMMITS: u64 = 150;
const ROUNDS: u64 = 9;

type Damage = fn(&Folder, &Scene, &mut Chance);

const DAMAGES: [(&str, Damage); 15] = [
    ("bytes of the database flip", |folder, _, chance| {
        flip(&folder.database(), chance);
    }),
    ("bytes of the log flip", |folder, _, chance| {
        flip(&folder.beside("-wal"), chance);
    }),
    ("bytes of the anchor flip", |folder, _, chance| {
        flip(&folder.beside("-anchor"), chance);
    }),
    ("the database is cut", |folder, _, chance| {
        cut(&folder.database(), chance);
    }),
    ("the log is cut", |folder, _, chance| {
        cut(&folder.beside("-wal"), chance);
    }),
    ("a page of the database is zeroed", |folder, _, chance| {
        zero(&folder.database(), chance);
    }),
    ("a page of the log is zeroed", |folder, _, chance| {
        zero(&folder.beside("-wal"), chance);
    }),
    ("an older database", |folder, scene, _| {
        restore(folder, scene, &[""]);
    }),
    ("an older log", |folder, scene, _| {
        restore(folder, scene, &["-wal"]);
    }),
    ("an older database with its log", |folder, scene, _| {
        restore(folder, scene, &["", "-wal"]);
    }),
    ("an older anchor", |folder, scene, _| {
        restore(folder, scene, &["-anchor"]);
    }),
    ("no anchor", |folder, _, _| {
        fs::remove_file(folder.beside("-anchor")).unwrap();
    }),
    ("two rows swap their content", |folder, _, chance| {
        let [one, other] = two(folder, chance);
        let columns = "state, deletion, token, _version, _seq, _mac";
        sql(folder, &format!("CREATE TEMP TABLE t AS SELECT * FROM keys WHERE id IN ({one}, {other});
            UPDATE keys SET ({columns}) = (SELECT {columns} FROM t WHERE t.id = {one} + {other} - keys.id) WHERE id IN ({one}, {other})"));
    }),
    ("a row is deleted", |folder, _, chance| {
        let [one, _] = two(folder, chance);
        sql(folder, &format!("DELETE FROM keys WHERE id = {one}"));
    }),
    ("a column is edited", |folder, _, chance| {
        let [one, other] = two(folder, chance);
        let edit = [
            "state = state || 'd'",
            "deletion = ifnull(deletion, 0) + 1",
            "token = zeroblob(9)",
            "_version = 99",
        ];
        let edit = edit[usize::try_from(chance.below(4)).unwrap()];
        sql(
            folder,
            &format!("UPDATE keys SET {edit} WHERE id IN ({one}, {other})"),
        );
    }),
];

/// A store as its process left it, what it must hold, and its files at half that time.
struct Scene {
    template: Folder,
    earlier: Folder,
    model: Model,
}

#[test]
fn damage_never_gives_a_wrong_answer() {
    if let Some(part) = child::part() {
        return live(&part[0], part[1].parse().unwrap(), part[2] == "close");
    }
    let mut outcomes = BTreeMap::new();
    for end in ["close", "kill"] {
        let scene = scene(end);
        for (title, damage) in DAMAGES {
            for seed in 0..ROUNDS {
                let folder = Folder::new();
                folder.copy_from(scene.template.path());
                damage(&folder, &scene, &mut Chance(seed));
                let outcome = match answers(&folder, &scene.model) {
                    Ok(Ok(())) => "right".to_owned(),
                    Ok(Err(wrong)) => panic!("{title}, seed {seed}, after {end}: {wrong}"),
                    Err(error) => {
                        assert!(
                            error.code.is_damage(),
                            "{title}, seed {seed}, after {end}: {error:?}"
                        );
                        error.code.as_str().to_owned()
                    }
                };
                *outcomes.entry(outcome).or_insert(0) += 1;
            }
        }
    }
    println!("{outcomes:?}");
    assert_eq!(outcomes.values().sum::<u64>(), 2 * 15 * ROUNDS);
    // Some damage does not matter: an older anchor, bytes that nothing uses, a log that was empty.
    assert!(
        outcomes["StoreDamaged"] > 50
            && outcomes["StoreRolledBack"] > 30
            && outcomes["AnchorDamaged"] > 10
    );
}

fn answers(folder: &Folder, model: &Model) -> store::Result<Result<(), String>> {
    let store = folder.open()?;
    let answers = model.agrees(&store);
    store.shut()?;
    answers
}

fn scene(end: &str) -> Scene {
    let (template, earlier) = (Folder::new(), Folder::new());
    for stage in 1..=2 {
        let part = format!("{} {stage} {end}", template.database().display());
        let (mut child, output) = child::start("damage_never_gives_a_wrong_answer", &part, |_| {});
        assert_eq!(child::lines(output, "ready").next().as_deref(), Some("now"));
        child.kill().unwrap();
        child.wait().unwrap();
        if stage == 1 {
            earlier.copy_from(template.path());
        }
    }
    let mut model = Model::default();
    let mut chance = Chance(SEED);
    for _ in 0..2 * COMMITS {
        let changes = model.random(&mut chance, 0, 100);
        model.apply(&changes);
    }
    Scene {
        template,
        earlier,
        model,
    }
}

/// The part of the child: plays all commits, those of its stage on the store.
fn live(database: &str, stage: u64, close: bool) {
    let store = Store::open(Path::new(database), SCHEMA, &key(), &patient()).unwrap();
    let mut model = Model::default();
    let mut chance = Chance(SEED);
    for number in 0..stage * COMMITS {
        let changes = model.random(&mut chance, 0, 100);
        model.apply(&changes);
        if number >= (stage - 1) * COMMITS {
            store.commit_all(changes).unwrap();
        }
    }
    if close {
        store.shut().unwrap();
    }
    println!("\nready now");
    loop {
        std::thread::park();
    }
}

fn flip(path: &Path, chance: &mut Chance) {
    let length = fs::metadata(path).unwrap().len();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    for _ in 0..=chance.below(20) {
        let at = chance.below(length.max(1));
        let mut byte = [0];
        if file.read_at(&mut byte, at).unwrap() == 1 {
            file.write_all_at(&[byte[0] ^ (1 << chance.below(8))], at)
                .unwrap();
        }
    }
}

fn cut(path: &Path, chance: &mut Chance) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(chance.below(file.metadata().unwrap().len().max(1)))
        .unwrap();
}

fn zero(path: &Path, chance: &mut Chance) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    if pages > 0 {
        file.write_all_at(&[0; 4096], chance.below(pages) * 4096)
            .unwrap();
    }
}

fn restore(folder: &Folder, scene: &Scene, suffixes: &[&str]) {
    for suffix in suffixes {
        fs::copy(scene.earlier.beside(suffix), folder.beside(suffix)).unwrap();
    }
}

fn sql(folder: &Folder, statements: &str) {
    Connection::open(folder.database())
        .unwrap()
        .execute_batch(statements)
        .unwrap();
}

/// Two keys that are there.
fn two(folder: &Folder, chance: &mut Chance) -> [i64; 2] {
    let connection = Connection::open(folder.database()).unwrap();
    let mut statement = connection
        .prepare("SELECT id FROM keys ORDER BY id")
        .unwrap();
    let ids: Vec<i64> = statement
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let at = usize::try_from(chance.below(ids.len() as u64 - 1)).unwrap();
    [ids[at], ids[at + 1]]
}
