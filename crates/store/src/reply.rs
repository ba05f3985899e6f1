//! The way back to the caller: called exactly once, whatever becomes of the thread that holds it.

use std::sync::mpsc;

use crate::error::{Error, Result};

type Answer<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Takes one answer. Dropped without one, it answers that the store is closed.
pub struct Reply<T>(Option<Answer<T>>);

impl<T> Reply<T> {
    /// A reply that calls `answer`, on a thread of the store.
    pub fn new(answer: impl FnOnce(Result<T>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    /// Answers.
    pub fn send(mut self, result: Result<T>) {
        if let Some(answer) = self.0.take() {
            answer(result);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(Err(Error::closed()));
        }
    }
}

/// Waits on the spot for the answer that `ask` arranges.
pub fn wait<T: Send + 'static>(ask: impl FnOnce(Reply<T>)) -> Result<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    ask(Reply::new(move |result| drop(sender.send(result))));
    receiver.recv().unwrap_or_else(|_| Err(Error::closed()))
}
