//! Randomness as a seam: the system's, or a seeded stream for tests that must repeat.

use std::{cell::RefCell, sync::Mutex};

use crate::{
    error::{Kind, Result},
    kdf::Kdf,
    pages::ForkPage,
    sys,
};

/// Where nonces, keys and random answers come from.
pub trait Entropy: Send + Sync {
    /// Fills all of `out`, or says that it cannot.
    fn fill(&self, out: &mut [u8]) -> Result<()>;

    /// Whether the bytes come again with the same seed: then nothing made of them is secret, and everything should repeat.
    fn repeats(&self) -> bool {
        false
    }
}

/// AWS-LC's DRBG. Small requests are served from a page per thread, because one call of the DRBG costs as much as sealing
/// a kilobyte. What is handed out is wiped from the page; a forked child finds the page blank and fills it anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        let filled = if out.len() > SMALL {
            sys::random(out)
        } else {
            POOL.with_borrow_mut(|pool| pool.fill(out))
        };
        if filled {
            Ok(())
        } else {
            Err(Kind::Unavailable.into())
        }
    }
}

const SMALL: usize = 64;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { page: None, next: ForkPage::SIZE }) };
}

struct Pool {
    page: Option<ForkPage>,
    /// Everything before it is used up and zero, but for the mark.
    next: usize,
}

/// The page's first byte while it is full: zero means that the page was never filled, or that this is a forked child's.
const MARK: usize = 1;

impl Pool {
    fn fill(&mut self, out: &mut [u8]) -> bool {
        if self.page.is_none() {
            self.page = ForkPage::new();
        }
        let Some(page) = &mut self.page else {
            return sys::random(out);
        };
        let bytes = page.bytes();
        if bytes[0] == 0 || bytes.len() - self.next < out.len() {
            if !sys::random(&mut bytes[MARK..]) {
                bytes[0] = 0;
                return false;
            }
            bytes[0] = 1;
            self.next = MARK;
        }
        let taken = &mut bytes[self.next..self.next + out.len()];
        out.copy_from_slice(taken);
        sys::wipe(taken);
        self.next += out.len();
        true
    }
}

/// The same bytes for the same seed, whatever the sizes they are asked for in. For tests alone: it is no secret.
pub struct SeededEntropy {
    kdf: Kdf,
    position: Mutex<u64>,
}

impl SeededEntropy {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        let mut kdf = Kdf::blank();
        kdf.rekey(&seed.to_be_bytes());
        Self {
            kdf,
            position: Mutex::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn repeats(&self) -> bool {
        true
    }

    fn fill(&self, out: &mut [u8]) -> Result<()> {
        let mut position = self
            .position
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for byte in out {
            let mut block = [0; 32];
            self.kdf.derive(&(*position / 32).to_be_bytes(), &mut block);
            *byte = block[usize::try_from(*position % 32).unwrap_or(0)];
            *position += 1;
        }
        Ok(())
    }
}
