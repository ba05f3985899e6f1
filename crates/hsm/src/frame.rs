//! Where the parts of messages stand in the buffers that verbs are given.

use crate::{
    cipher::OVERHEAD,
    error::{Kind, Result},
    slots::Slot,
};

/// What `reencrypt` opens.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// The key it is sealed under.
    pub slot: Slot,
    /// From the nonce to the tag.
    pub body: &'a [u8],
    /// What it was sealed with.
    pub aad: &'a [u8],
}

/// What `reencrypt` seals it for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The key to seal it under.
    pub slot: Slot,
    /// What to seal it with.
    pub aad: &'a [u8],
    /// How much of `aad` goes in front, in the clear.
    pub prefix: usize,
}

/// Where a frame's head and body go.
pub fn frame<'o>(
    aad: &[u8],
    prefix: usize,
    plaintext: usize,
    out: &'o mut [u8],
) -> Result<(&'o mut [u8], &'o mut [u8])> {
    if prefix > aad.len() {
        return Err(Kind::InvalidLength.into());
    }
    let out = out
        .get_mut(..prefix + plaintext + OVERHEAD)
        .ok_or(Kind::BufferTooSmall)?;
    Ok(out.split_at_mut(prefix))
}
