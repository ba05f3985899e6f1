//! A child process to be killed: the test binary itself, asked to play another part.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The part that this process shall play, if it is a child.
pub fn part() -> Option<Vec<String>> {
    std::env::var("STORE_CHILD")
        .ok()
        .map(|part| part.split(' ').map(str::to_owned).collect())
}

/// Starts the test called `test` of this binary as a child that plays `part`.
pub fn start(
    test: &str,
    part: &str,
    prepare: impl FnOnce(&mut Command),
) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env("STORE_CHILD", part)
        .stdout(Stdio::piped());
    prepare(&mut command);
    let mut child = command.spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The lines that begin with `word`, without it, as long as the child lives.
pub fn lines(output: BufReader<ChildStdout>, word: &str) -> impl Iterator<Item = String> {
    let prefix = format!("{word} ");
    output
        .lines()
        .map_while(Result::ok)
        .filter_map(move |line| line.strip_prefix(&prefix).map(str::to_owned))
}
