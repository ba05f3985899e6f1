//! One error with a kind. What a caller may do about it is all it tells.

use std::fmt;

/// What every verb answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
}

/// The vocabulary, the same on every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A token or a sealed domain that this secret and this domain did not make, byte for byte.
    InvalidToken,
    /// A genuine import token past its date.
    ExpiredToken,
    /// What was unwrapped is no key of the kind it was said to be.
    InvalidMaterial,
    /// A private key, but of another kind than the one it was said to be.
    SpecMismatch,
    /// An attestation document that is malformed, stale, or not to be believed; which of them is not told.
    InvalidAttestation,
    /// The slot's key has been unloaded or evicted: load the token again.
    StaleSlot,
    /// The key was not made for this verb.
    UsageNotPermitted,
    /// The ciphertext, its associated data or the key is not the right one; which of them is not told.
    DecryptionFailed,
    /// Over the rate; nothing was done. The same call can pass after `wait` nanoseconds.
    RateLimited {
        /// Nanoseconds until there is room again.
        wait: u64,
    },
    /// An argument's length that can never work.
    InvalidLength,
    /// The output does not fit where it was to go.
    BufferTooSmall,
    /// The device was closed and everything in it is wiped.
    DeviceClosed,
    /// No such key spec on this device.
    UnknownSpec,
    /// No such way to sign or to encrypt, or none for a message in this form.
    UnknownScheme,
    /// A public key that is malformed, of another kind, or not on its curve.
    InvalidPublicKey,
    /// The machine gives no protected memory or no entropy.
    Unavailable,
}

impl Kind {
    /// The name that crosses every boundary.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidToken => "InvalidToken",
            Self::ExpiredToken => "ExpiredToken",
            Self::InvalidMaterial => "InvalidMaterial",
            Self::SpecMismatch => "SpecMismatch",
            Self::InvalidAttestation => "InvalidAttestation",
            Self::StaleSlot => "StaleSlot",
            Self::UsageNotPermitted => "UsageNotPermitted",
            Self::DecryptionFailed => "DecryptionFailed",
            Self::RateLimited { .. } => "RateLimited",
            Self::InvalidLength => "InvalidLength",
            Self::BufferTooSmall => "BufferTooSmall",
            Self::DeviceClosed => "DeviceClosed",
            Self::UnknownSpec => "UnknownSpec",
            Self::UnknownScheme => "UnknownScheme",
            Self::InvalidPublicKey => "InvalidPublicKey",
            Self::Unavailable => "Unavailable",
        }
    }
}

impl Error {
    /// The error of this kind.
    pub const fn new(kind: Kind) -> Self {
        Self { kind }
    }

    /// What to branch on.
    pub const fn kind(self) -> Kind {
        self.kind
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::InvalidToken => "the token is not one of this domain",
            Kind::ExpiredToken => "the import token has expired",
            Kind::InvalidMaterial => "the key material is not of this kind",
            Kind::SpecMismatch => "the key material is of another kind",
            Kind::InvalidAttestation => "the attestation document is not valid",
            Kind::StaleSlot => "the slot no longer holds this key",
            Kind::UsageNotPermitted => "the key's usages do not permit this",
            Kind::DecryptionFailed => "decryption failed",
            Kind::RateLimited { .. } => "the rate limit is reached",
            Kind::InvalidLength => "a length is out of bounds",
            Kind::BufferTooSmall => "the output does not fit",
            Kind::DeviceClosed => "the device is closed",
            Kind::UnknownSpec => "the device knows no such key spec",
            Kind::UnknownScheme => "the device knows no such scheme",
            Kind::InvalidPublicKey => "the public key is not valid for this key",
            Kind::Unavailable => "protected memory or entropy is not available",
        })
    }
}

impl std::error::Error for Error {}
