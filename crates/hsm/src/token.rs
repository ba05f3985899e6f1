//! An exported key token: `version(1) | spec(2) | usages(2) | nonce(16) | iv(12) | sealed secret | tag(16)`.
//!
//! Everything in front of the nonce is associated data of the seal, so no bit of a token can be another one.

use crate::{
    cipher::{self, FRESH},
    entropy::Entropy,
    error::{Kind, Result},
    kdf::Kdf,
    secret::SecretBuffer,
    spec::{Spec, Usages},
};

const VERSION: u8 = 1;
const HEADER: usize = 5;

/// A token that is well formed; whether it is genuine, only its domain can tell.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// What kind of key it carries.
    pub spec: &'static Spec,
    /// What the key was made for.
    pub usages: Usages,
    header: &'a [u8; HEADER],
    body: &'a [u8],
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

    /// Seals a secret of the spec's length.
    pub(crate) fn seal(
        spec: &Spec,
        usages: Usages,
        secret: &[u8],
        sealer: &Kdf,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let ([s0, s1], [u0, u1]) = (spec.number.to_be_bytes(), usages.bits().to_be_bytes());
        let header = [VERSION, s0, s1, u0, u1];
        let mut fresh = [0; FRESH];
        entropy.fill(&mut fresh)?;
        let mut token = vec![0; HEADER + secret.len() + cipher::OVERHEAD];
        let (front, body) = token.split_at_mut(HEADER);
        front.copy_from_slice(&header);
        cipher::seal(sealer, &fresh, &header, secret, body)?;
        Ok(token)
    }

    /// Opens it, if it is genuine.
    pub(crate) fn open(&self, sealer: &Kdf) -> Result<SecretBuffer> {
        let mut secret = SecretBuffer::zero(self.spec.length);
        cipher::open(sealer, self.header, self.body, &mut secret)
            .map_err(|_| Kind::InvalidToken)?;
        Ok(secret)
    }
}
