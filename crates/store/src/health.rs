//! Whether the store can still be believed: the first damage found ends it, and is told once.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, Result};

type Listener = Box<dyn FnOnce(&Error) + Send>;

#[derive(Default)]
pub struct Health {
    damage: OnceLock<Error>,
    listener: Mutex<Option<Listener>>,
}

impl Health {
    /// Calls `listener` with the damage, now if it was found already.
    pub fn listen(&self, listener: impl FnOnce(&Error) + Send + 'static) {
        *self.listener() = Some(Box::new(listener));
        self.tell();
    }

    /// Refuses with the damage that was found, if any was.
    pub fn check(&self) -> Result<()> {
        self.damage.get().cloned().map_or(Ok(()), Err)
    }

    /// Takes note when `result` is damage, and hands it on.
    pub fn watch<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| {
            if error.code.is_damage() {
                self.end(error);
            }
        })
    }

    /// From now on nothing of this store is believed.
    pub fn end(&self, error: &Error) {
        if self.damage.set(error.clone()).is_ok() {
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(error) = self.damage.get()
            && let Some(listener) = { self.listener().take() }
        {
            listener(error);
        }
    }

    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
