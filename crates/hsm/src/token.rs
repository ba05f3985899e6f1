//! An exported key token: `version(1) | spec(2) | usages(2) | nonce(16) | iv(12) | sealed secret | tag(16)`.
//!
//! Everything in front of the nonce is associated data of the seal, so no bit of a token can be another one.

use crate::{
    cipher,
    error::{Kind, Result},
    spec::{Spec, Usages},
};

const VERSION: u8 = 1;
pub const HEADER: usize = 5;

/// A token that is well formed; whether it is genuine, only its domain can tell.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// What kind of key it carries.
    pub spec: &'static Spec,
    /// What the key was made for.
    pub usages: Usages,
    pub(crate) header: &'a [u8; HEADER],
    pub(crate) body: &'a [u8],
}

impl<'a> Token<'a> {
    /// Reads a token's fields. Past this point a malformed token does not exist.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (header, body) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Kind::InvalidToken)?;
        let &[version, s0, s1, u0, u1] = header;
        let spec = Spec::numbered(u16::from_be_bytes([s0, s1])).ok_or(Kind::InvalidToken)?;
        let usages = Usages::from_bits(u16::from_be_bytes([u0, u1]));
        let right = version == VERSION
            && spec.permits(usages)
            && body.len() == spec.length + cipher::OVERHEAD;
        if right {
            Ok(Self {
                spec,
                usages,
                header,
                body,
            })
        } else {
            Err(Kind::InvalidToken.into())
        }
    }

    /// The header of a token to be, and the whole token's length.
    pub(crate) fn header(spec: &Spec, usages: Usages) -> ([u8; HEADER], usize) {
        let ([s0, s1], [u0, u1]) = (spec.number.to_be_bytes(), usages.bits().to_be_bytes());
        (
            [VERSION, s0, s1, u0, u1],
            HEADER + spec.length + cipher::OVERHEAD,
        )
    }
}
