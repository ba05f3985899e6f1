//! What came of a run.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// Answers of one kind of request.
pub struct Tally {
    /// Nanoseconds from when it was due until it was answered, of those that succeeded.
    pub times: Histogram<u64>,
    /// How many failed, by what the server, or the connection, said.
    pub errors: BTreeMap<String, u64>,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// Answers of that second.
    pub succeeded: u64,
    /// Refusals, and broken connections.
    pub failed: u64,
    /// Nanoseconds.
    pub p50: u64,
    /// Nanoseconds.
    pub p99: u64,
    /// Nanoseconds.
    pub max: u64,
}

/// All that is known after a run.
pub struct Outcome {
    /// One a kind.
    pub tallies: Vec<Tally>,
    /// One a second.
    pub intervals: Vec<Interval>,
    /// What was counted took so long.
    pub elapsed: Duration,
    /// The share of that time in which the generator itself was at work, 0 to 1.
    pub busy: f64,
    /// The longest that a request was sent after it was due, for want of an idle connection or of time.
    pub behind: Duration,
    /// Requests that were due and never sent before the end.
    pub unsent: u64,
    /// Connections that had to be made anew.
    pub reconnects: u64,
    /// Of answers.
    pub bytes_in: u64,
    /// Of requests.
    pub bytes_out: u64,
}

/// Three significant figures, up to an hour.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("the bounds are sound")
}
