//! Secret bytes outside of the protected pages: they live for one call, print as `…` and are wiped when they go.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use crate::sys;

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

/// A plaintext's worth, on the heap; never grows, for growing would leave a copy behind.
pub struct SecretBuffer(Vec<u8>);

impl SecretBuffer {
    /// All zero, to be filled in place.
    pub fn zero(length: usize) -> Self {
        Self(vec![0; length])
    }

    /// Forgets the end.
    pub fn truncate(&mut self, length: usize) {
        sys::wipe(&mut self.0[length..]);
        self.0.truncate(length);
    }
}

impl Deref for SecretBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for SecretBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        sys::wipe(&mut self.0);
    }
}

impl fmt::Debug for SecretBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
