//! A disk that is full, or fails: typed refusals, nothing in part, and work goes on when it can.

#[path = "common/child.rs"]
mod child;
mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use common::*;
use store::{Code, Options, Reply, Store, Value, verify};

fn big(id: i64, fill: u8) -> Vec<Value> {
    vec![
        "eu-central-1".into(),
        id.into(),
        "Enabled".into(),
        Value::Null,
        Value::Blob(vec![fill; 3000]),
    ]
}

#[test]
fn a_store_at_its_page_limit_refuses_what_does_not_fit_and_goes_on() {
    let folder = Folder::new();
    let options = Options {
        pages: Some(64),
        ..patient()
    };
    let store = Store::open(&folder.database(), SCHEMA, &key(), &options).unwrap();
    let mut stored = 0;
    let error = loop {
        match store.put("keys", big(stored, 1), 0) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code, Code::Full);
    assert!(stored > 20);
    assert_eq!(store.read("keys", key_id(stored)).unwrap(), None);
    assert_eq!(
        store.rows(all("keys")).unwrap().len(),
        usize::try_from(stored).unwrap()
    );

    // Of commits that wait together, those that fit are kept.
    let (sender, answers) = mpsc::channel();
    for id in 0..20 {
        let sender = sender.clone();
        let change = if id % 2 == 0 {
            put("keys", big(1000 + id, 1), 0)
        } else {
            put("keys", big(id, 2), 1)
        };
        store.commit(
            vec![change],
            Reply::new(move |result| sender.send((id, code(result))).unwrap()),
        );
    }
    for (id, code) in answers.iter().take(20) {
        assert_eq!(
            code,
            if id % 2 == 0 { Some(Code::Full) } else { None },
            "{id}"
        );
    }
    store
        .commit_all(
            (0..5)
                .map(|id| delete("keys", key_id(id), 1 + id % 2))
                .collect(),
        )
        .unwrap();
    store.put("keys", big(2000, 1), 0).unwrap();
    store.shut().unwrap();
    assert_eq!(
        verify(&folder.database(), SCHEMA, &key()).unwrap().rows,
        stored - 4
    );
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk_that_recovers() {
    if let Some(part) = child::part() {
        return overfill(Path::new(&part[0]));
    }
    let folder = Folder::new();
    let binary = std::env::current_exe().unwrap();
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact a_file_that_may_not_grow_is_a_full_disk_that_recovers --nocapture";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(binary)
        .env("STORE_CHILD", folder.database());
    assert!(shell.status().unwrap().success());
    let store = folder.open().unwrap();
    assert_eq!(
        store.read("keys", key_id(0)).unwrap().unwrap().version,
        2000
    );
    store.shut().unwrap();
}

/// The part of the child, whose files may have a megabyte or two: the log reaches that before it is ever emptied.
fn overfill(database: &Path) {
    let store = Store::open(database, SCHEMA, &key(), &patient()).unwrap();
    let mut refusals = 0;
    for version in 0..2000 {
        while let Err(error) = store.put("keys", big(0, 1), version) {
            assert_eq!(error.code, Code::Full);
            assert_eq!(
                store
                    .read("keys", key_id(0))
                    .unwrap()
                    .map_or(0, |row| row.version),
                version
            );
            refusals += 1;
            assert!(refusals < 1000, "it does not recover");
        }
    }
    assert!(refusals > 0, "the limit was never met");
    store.shut().unwrap();
}

/// An fsync that fails on cue: as long as the file named by `STORE_FAULT` exists.
const SHIM: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
static int faulty(void) { return access(getenv("STORE_FAULT"), F_OK) == 0; }
int fsync(int fd) { if (faulty()) { errno = EIO; return -1; } return syscall(SYS_fsync, fd); }
int fdatasync(int fd) { if (faulty()) { errno = EIO; return -1; } return syscall(SYS_fdatasync, fd); }
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_commit_whose_fsync_failed_is_not_acknowledged() {
    if let Some(part) = child::part() {
        return stumble(Path::new(&part[0]), Path::new(&part[1]));
    }
    let folder = Folder::new();
    let (source, shim, cue) = (
        folder.path().join("shim.c"),
        folder.path().join("shim.so"),
        folder.path().join("fault"),
    );
    fs::write(&source, SHIM).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&shim)
        .arg(&source)
        .status()
        .unwrap();
    assert!(compiled.success());
    let part = format!("{} {}", folder.database().display(), cue.display());
    let (mut child, output) = child::start(
        "a_commit_whose_fsync_failed_is_not_acknowledged",
        &part,
        |command| {
            command.env("LD_PRELOAD", &shim).env("STORE_FAULT", &cue);
        },
    );
    assert_eq!(child::lines(output, "state").collect::<Vec<_>>(), ["done"]);
    assert!(child.wait().unwrap().success());
    assert_eq!(verify(&folder.database(), SCHEMA, &key()).unwrap().rows, 4);
}

/// The part of the child: commits before, during and after the fault.
fn stumble(database: &Path, cue: &Path) {
    let store = Store::open(database, SCHEMA, &key(), &patient()).unwrap();
    store.put("keys", a_key(1, "Enabled", None), 0).unwrap();
    fs::write(cue, "").unwrap();
    for _ in 0..3 {
        assert_eq!(
            code(store.put("keys", a_key(2, "Enabled", None), 0)),
            Some(Code::Io)
        );
        assert_eq!(
            store.read("keys", key_id(1)).unwrap().unwrap().version,
            1,
            "reads go on"
        );
    }
    fs::remove_file(cue).unwrap();
    // The row may be there after all: a retry is told so, or succeeds.
    let retried = code(store.put("keys", a_key(2, "Enabled", None), 0));
    assert!(
        matches!(retried, None | Some(Code::Conflict)),
        "{retried:?}"
    );
    store
        .commit_all(vec![
            put("keys", a_key(3, "Enabled", None), 0),
            put("keys", a_key(4, "Enabled", None), 0),
        ])
        .unwrap();
    assert_eq!(store.rows(all("keys")).unwrap().len(), 4);
    store.shut().unwrap();
    println!("\nstate done");
}
