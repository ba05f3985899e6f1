//! The hashes that signatures, MACs and OAEP are made with.

use crate::sys;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// For OAEP alone.
    Sha1,
    /// For HMAC alone.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// As long as the longest digest.
pub const MOST_DIGEST: usize = 64;

/// A digest on the stack.
pub(crate) struct Digest([u8; MOST_DIGEST], usize);

impl Hash {
    /// The length of a digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn of(self, message: &[u8]) -> Digest {
        let mut digest = Digest([0; MOST_DIGEST], self.length());
        sys::digest(self, message, &mut digest.0);
        digest
    }
}

impl std::ops::Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[..self.1]
    }
}
