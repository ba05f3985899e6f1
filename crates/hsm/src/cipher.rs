//! AES-256-GCM under a key derived for each message: `nonce(16) | iv(12) | ciphertext | tag(16)`.
//!
//! The nonce makes the key, so neither the number of messages under one device key nor a repeated IV is a worry.

use crate::{
    error::{Kind, Result},
    kdf::{Kdf, OneBlock},
    secret::Secret,
    sys::{self, Gcm},
};

/// What goes into the derivation of a message's key.
pub const NONCE: usize = 16;
pub const IV: usize = 12;
pub const TAG: usize = sys::TAG;
/// The random bytes of one message.
pub const FRESH: usize = IV + NONCE;
/// How much longer a body is than its plaintext.
pub const OVERHEAD: usize = NONCE + IV + TAG;

/// SP 800-108's fixed data: Label ‖ 0x00 ‖ Context ‖ [L], the context being the nonce.
static MESSAGE_KEY: OneBlock = OneBlock::labelled(b"strongroom1\0");

/// Seals `plaintext` into `out`, which is `OVERHEAD` longer, with random bytes that were never used before.
pub fn seal(
    kdf: &Kdf,
    fresh: &[u8; FRESH],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
) -> Result<()> {
    // A copy of 28 bytes stores the last 16 as one, and the nonce is needed whole at once, the IV only later.
    let (iv, nonce) = fresh
        .split_first_chunk::<IV>()
        .expect("a nonce stands behind the IV");
    let nonce = nonce
        .first_chunk::<NONCE>()
        .expect("and nothing behind that");
    let mut key = Secret::zero();
    MESSAGE_KEY.derive(kdf, nonce, &mut key);

    let (nonce_out, rest) = out.split_first_chunk_mut().ok_or(Kind::BufferTooSmall)?;
    let (iv_out, rest) = rest.split_first_chunk_mut().ok_or(Kind::BufferTooSmall)?;
    let (ciphertext, tag) = rest.split_last_chunk_mut().ok_or(Kind::BufferTooSmall)?;
    (*nonce_out, *iv_out) = (*nonce, *iv);
    seal_with(&key[..], iv, aad, plaintext, ciphertext, tag)
}

/// Opens a body into `out`, which is `OVERHEAD` shorter.
pub fn open(kdf: &Kdf, aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<()> {
    let (nonce, rest) = body
        .split_first_chunk::<NONCE>()
        .ok_or(Kind::DecryptionFailed)?;
    let (iv, rest) = rest
        .split_first_chunk::<IV>()
        .ok_or(Kind::DecryptionFailed)?;
    let (ciphertext, tag) = rest
        .split_last_chunk::<TAG>()
        .ok_or(Kind::DecryptionFailed)?;
    let mut key = Secret::zero();
    MESSAGE_KEY.derive(kdf, nonce, &mut key);
    open_with(&key[..], iv, aad, ciphertext, tag, out)
}

/// The plaintext's length in a body of this length.
pub fn plaintext_length(body: usize) -> Result<usize> {
    body.checked_sub(OVERHEAD)
        .ok_or(Kind::DecryptionFailed.into())
}

/// Bare AES-GCM, with a key that is used once.
pub fn seal_with(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; TAG],
) -> Result<()> {
    // AWS-LC refuses only what GCM cannot do: more than 2^36 bytes, an empty IV, a key of another size.
    match Gcm::with(key, |gcm| gcm.seal(iv, aad, plaintext, out, tag)) {
        Some(true) => Ok(()),
        _ => Err(Kind::InvalidLength.into()),
    }
}

/// Bare AES-GCM; one error for whatever is wrong.
pub fn open_with(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG],
    out: &mut [u8],
) -> Result<()> {
    match Gcm::with(key, |gcm| gcm.open(iv, aad, ciphertext, tag, out)) {
        Some(true) => Ok(()),
        _ => Err(Kind::DecryptionFailed.into()),
    }
}
