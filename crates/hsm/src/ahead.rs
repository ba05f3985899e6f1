//! Secrets made ahead of time, by a thread of its own, for kinds of key that take long to make.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    lock,
    secret::SecretBuffer,
    spec::Spec,
};

/// The store of secrets, and its thread, which ends before the store is gone.
#[derive(Debug)]
pub struct Ahead {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    shelves: Mutex<Vec<Shelf>>,
    changed: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug)]
struct Shelf {
    spec: &'static Spec,
    wanted: usize,
    ready: Vec<SecretBuffer>,
}

impl Ahead {
    /// Keeps so many secrets of each kind ready. Nothing is made where everything has to repeat, for who asks first would
    /// then make a difference.
    pub fn new(wanted: &[(&'static Spec, usize)], entropy: Arc<dyn Entropy>) -> Result<Self> {
        let shelf = |&(spec, wanted)| Shelf {
            spec,
            wanted,
            ready: Vec::new(),
        };
        let shared = Arc::new(Shared {
            shelves: Mutex::new(wanted.iter().map(shelf).collect()),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let thread = if wanted.is_empty() || entropy.repeats() {
            None
        } else {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("keys made ahead".into());
            let spawned = thread.spawn(move || shared.fill(&*entropy));
            Some(spawned.map_err(|_| Kind::Unavailable)?)
        };
        Ok(Self {
            shared,
            thread: Mutex::new(thread),
        })
    }

    /// One that is ready, if there is one; its place is filled again.
    pub fn take(&self, spec: &Spec) -> Option<SecretBuffer> {
        let mut shelves = lock(&self.shared.shelves);
        let shelf = shelves.iter_mut().find(|shelf| shelf.spec == spec)?;
        let secret = shelf.ready.pop();
        self.shared.changed.notify_all();
        secret
    }

    /// Wipes what is ready, and waits for the thread to end, which gives up what it is at.
    pub fn close(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        lock(&self.shared.shelves).clear();
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // It has no way to panic; if it found one, there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn fill(&self, entropy: &dyn Entropy) {
        while let Some(spec) = self.next() {
            let mut secret = SecretBuffer::zero(spec.length);
            let go_on = || !self.stopped.load(Ordering::Acquire);
            if spec.family.generate(entropy, &go_on, &mut secret).is_err() {
                // Stopped, or without entropy: then keys are made when they are asked for, and say so.
                return;
            }
            let mut shelves = lock(&self.shelves);
            if let Some(shelf) = shelves.iter_mut().find(|shelf| shelf.spec == spec) {
                shelf.ready.push(secret);
                self.changed.notify_all();
            }
        }
    }

    /// What is missing, as soon as something is. None when it is over.
    fn next(&self) -> Option<&'static Spec> {
        let mut shelves = lock(&self.shelves);
        while !shelves.is_empty() {
            // The emptiest shelf first, so that no kind starves another.
            let missing = shelves
                .iter()
                .filter(|shelf| shelf.ready.len() < shelf.wanted);
            if let Some(shelf) = missing.min_by_key(|shelf| shelf.ready.len()) {
                return Some(shelf.spec);
            }
            let waited = self.changed.wait(shelves);
            shelves = waited.unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SeededEntropy, SystemEntropy};

    impl Ahead {
        fn ready(&self, spec: &str) -> usize {
            let shelves = lock(&self.shared.shelves);
            let shelf = shelves.iter().find(|shelf| shelf.spec.name == spec);
            shelf.map_or(0, |shelf| shelf.ready.len())
        }

        /// Waits until nothing is missing.
        fn settle(&self) {
            let missing = |shelves: &mut Vec<Shelf>| {
                let short = |shelf: &Shelf| shelf.ready.len() < shelf.wanted;
                shelves.iter().any(short)
            };
            let shelves = lock(&self.shared.shelves);
            drop(self.shared.changed.wait_while(shelves, missing).unwrap());
        }
    }

    fn spec(name: &str) -> &'static Spec {
        Spec::named(name).unwrap()
    }

    #[test]
    fn shelves_are_filled_and_filled_again() {
        let wanted = [(spec("RSA_2048"), 2), (spec("ECC_P256"), 3)];
        let ahead = Ahead::new(&wanted, Arc::new(SystemEntropy)).unwrap();
        ahead.settle();
        assert_eq!((ahead.ready("RSA_2048"), ahead.ready("ECC_P256")), (2, 3));
        let mut taken: Vec<_> = (0..3)
            .map(|_| {
                let secret = ahead.take(spec("ECC_P256"));
                ahead.settle();
                secret.unwrap().to_vec()
            })
            .collect();
        taken.dedup();
        assert_eq!(taken.len(), 3, "each is handed out once");
        assert!(ahead.take(spec("AES_256")).is_none(), "nobody wanted any");
    }

    #[test]
    fn closing_stops_the_search_and_wipes_the_shelves() {
        let ahead = Ahead::new(&[(spec("RSA_4096"), 1000)], Arc::new(SystemEntropy)).unwrap();
        ahead.close();
        ahead.close();
        assert!(lock(&ahead.thread).is_none() && ahead.take(spec("RSA_4096")).is_none());
    }

    #[test]
    fn nothing_is_made_ahead_where_everything_repeats() {
        let seeded = Arc::new(SeededEntropy::new(1));
        let ahead = Ahead::new(&[(spec("ECC_P256"), 1)], seeded).unwrap();
        assert!(lock(&ahead.thread).is_none());
    }
}
