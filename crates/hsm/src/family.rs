//! What each family of keys answers: how its secrets are made, taken in and opened, and what an opened key can do.

use std::{fmt, sync::Arc};

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    hash::MOST_DIGEST,
    scheme::{Message, Sealing, Signing},
    secret::SecretBuffer,
};

/// Says whether to go on with what takes long; asked now and then.
pub type GoOn<'a> = &'a dyn Fn() -> bool;

/// A family with its parameters; each spec has one.
pub trait Family: fmt::Debug + Send + Sync {
    /// Writes a new secret in the form that tokens carry. `out` has the spec's length.
    fn generate(&self, entropy: &dyn Entropy, go_on: GoOn, out: &mut [u8]) -> Result<()>;

    /// Writes the same form of a secret from outside: raw bytes for a symmetric key, PKCS#8 for a pair.
    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()>;

    /// Makes a secret ready for use. None for a key whose bytes are all it needs.
    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>>;
}

/// A key ready for use. What its family does not have, it refuses.
///
/// INVARIANT: whatever is secret in it is wiped when it is dropped.
pub trait Opened: fmt::Debug + Send + Sync {
    /// The public half as `SubjectPublicKeyInfo`.
    fn public(&self) -> Result<Vec<u8>> {
        refuse()
    }

    /// The private half as PKCS#8, for pairs that are made to be handed out.
    fn private(&self) -> Result<SecretBuffer> {
        refuse()
    }

    /// Signs into `out`, and returns the signature's length.
    fn sign(
        &self,
        _scheme: Signing,
        _message: &Message,
        _entropy: &dyn Entropy,
        _out: &mut [u8],
    ) -> Result<usize> {
        refuse()
    }

    /// Whether the signature is right. Why it is not, nobody is told.
    fn verify(&self, _scheme: Signing, _message: &Message, _signature: &[u8]) -> Result<bool> {
        refuse()
    }

    /// Encrypts to the public half.
    fn encrypt(
        &self,
        _scheme: Sealing,
        _plaintext: &[u8],
        _entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        refuse()
    }

    /// Decrypts; one error for whatever is wrong with the ciphertext.
    fn decrypt(&self, _scheme: Sealing, _ciphertext: &[u8]) -> Result<SecretBuffer> {
        refuse()
    }

    /// Writes the MAC to the front of `out`, and returns its length.
    fn mac(&self, _message: &[u8], _out: &mut [u8; MOST_DIGEST]) -> Result<usize> {
        refuse()
    }

    /// Writes the secret shared with the owner of `peer`, a `SubjectPublicKeyInfo`, and returns its length.
    fn agree(&self, _peer: &[u8], _out: &mut [u8]) -> Result<usize> {
        refuse()
    }

    /// Writes a fresh secret, and what carries it to the owner of this key, whose length it returns.
    fn encapsulate(
        &self,
        _entropy: &dyn Entropy,
        _secret: &mut [u8; SHARED],
        _ciphertext: &mut [u8],
    ) -> Result<usize> {
        refuse()
    }

    /// Writes the secret that a ciphertext carries.
    fn decapsulate(&self, _ciphertext: &[u8], _secret: &mut [u8; SHARED]) -> Result<()> {
        refuse()
    }
}

/// The length of every encapsulated secret.
pub const SHARED: usize = 32;

fn refuse<T>() -> Result<T> {
    Err(Kind::UsageNotPermitted.into())
}
