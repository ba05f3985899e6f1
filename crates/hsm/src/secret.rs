//! Secret bytes outside of the slots: they print as `…` and are wiped when they go.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use crate::{
    error::{Kind, Result},
    sys::{
        self,
        heap::{Block, Heap, within},
    },
};

/// A key's worth, on the stack. Not `Copy`, not `Clone`: a secret that moves is a secret left behind, so it is lent instead.
pub struct Secret<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Secret<SIZE> {
    /// All zero, to be filled in place.
    pub const fn zero() -> Self {
        Self([0; SIZE])
    }
}

impl<const SIZE: usize> Deref for Secret<SIZE> {
    type Target = [u8; SIZE];

    fn deref(&self) -> &[u8; SIZE] {
        &self.0
    }
}

impl<const SIZE: usize> DerefMut for Secret<SIZE> {
    fn deref_mut(&mut self) -> &mut [u8; SIZE] {
        &mut self.0
    }
}

impl<const SIZE: usize> Drop for Secret<SIZE> {
    fn drop(&mut self) {
        sys::wipe(&mut self.0);
    }
}

impl<const SIZE: usize> fmt::Debug for Secret<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A plaintext's worth, or a private key's, in protected pages while there is room. Never grows, for growing would leave a
/// copy behind.
pub struct SecretBuffer {
    block: Block,
    length: usize,
}

impl SecretBuffer {
    /// All zero, to be filled in place.
    ///
    /// # Panics
    /// When the machine has no memory left.
    pub fn zero(length: usize) -> Self {
        let block = within(Heap::Passing, || Block::zero(length));
        Self {
            block: block.expect("memory"),
            length,
        }
    }

    /// A copy that stays, where this thread's heap says that it may.
    pub(crate) fn kept(secret: &[u8]) -> Result<Self> {
        let mut block = Block::zero(secret.len()).ok_or(Kind::Unavailable)?;
        block.copy_from_slice(secret);
        let length = block.len();
        Ok(Self { block, length })
    }

    /// Forgets the end.
    pub fn truncate(&mut self, length: usize) {
        sys::wipe(&mut self[length..]);
        self.length = length;
    }
}

impl Deref for SecretBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block[..self.length]
    }
}

impl DerefMut for SecretBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.block[..self.length]
    }
}

impl fmt::Debug for SecretBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
