//! The ways to sign and to encrypt with key pairs, and the numbers they have at every door.

use crate::{
    error::{Kind, Result},
    hash::Hash,
};

/// A way to sign. Which ones a key has, its family says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// RSASSA-PKCS1-v1_5.
    Pkcs1(Hash),
    /// RSASSA-PSS, the mask by the same hash, the salt as long as the digest.
    Pss(Hash),
    /// ECDSA with the one hash that belongs to the curve.
    Ecdsa,
    /// RFC 8032.
    Ed25519,
    /// RFC 8032 with an empty context.
    Ed25519ph,
    /// FIPS 204, hedged, with an empty context.
    MlDsa,
    /// GB/T 32918.2 under the usual identity.
    Sm2,
}

impl Signing {
    /// As long as the longest signature: ML-DSA-87's.
    pub const MOST_SIGNATURE: usize = 4627;

    /// 1–3 PKCS #1 v1.5 and 4–6 PSS, with SHA-256, SHA-384 and SHA-512; 7 ECDSA, 8 Ed25519, 9 Ed25519ph, 10 ML-DSA, 11 SM2.
    pub fn numbered(number: u32) -> Result<Self> {
        Ok(match number {
            1 => Self::Pkcs1(Hash::Sha256),
            2 => Self::Pkcs1(Hash::Sha384),
            3 => Self::Pkcs1(Hash::Sha512),
            4 => Self::Pss(Hash::Sha256),
            5 => Self::Pss(Hash::Sha384),
            6 => Self::Pss(Hash::Sha512),
            7 => Self::Ecdsa,
            8 => Self::Ed25519,
            9 => Self::Ed25519ph,
            10 => Self::MlDsa,
            11 => Self::Sm2,
            _ => return Err(Kind::UnknownScheme.into()),
        })
    }
}

/// What a signer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The message.
    Raw,
    /// Its digest, which is not hashed again.
    Digest,
    /// ML-DSA's μ: 64 bytes that the caller computed of public key and message.
    ExternalMu,
}

impl Form {
    /// 0 raw, 1 digest, 2 external μ.
    pub fn numbered(number: u32) -> Result<Self> {
        Ok(match number {
            0 => Self::Raw,
            1 => Self::Digest,
            2 => Self::ExternalMu,
            _ => return Err(Kind::UnknownScheme.into()),
        })
    }
}

/// A way to encrypt to a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// RSAES-OAEP, the mask by the same hash, an empty label.
    Oaep(Hash),
    /// GB/T 32918.4, as GM/T 0009 writes it.
    Sm2,
}

impl Sealing {
    /// 1 OAEP with SHA-1, 2 OAEP with SHA-256, 3 SM2.
    pub fn numbered(number: u32) -> Result<Self> {
        Ok(match number {
            1 => Self::Oaep(Hash::Sha1),
            2 => Self::Oaep(Hash::Sha256),
            3 => Self::Sm2,
            _ => return Err(Kind::UnknownScheme.into()),
        })
    }
}

/// A message and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// How to take it.
    pub form: Form,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Message<'_> {
    /// Lends the digest to `act`: the one that was given, or that of the message that was.
    pub(crate) fn hashed<R>(&self, hash: Hash, act: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        match self.form {
            Form::Raw => act(&hash.of(self.bytes)),
            Form::Digest if self.bytes.len() == hash.length() => act(self.bytes),
            Form::Digest => Err(Kind::InvalidLength.into()),
            Form::ExternalMu => Err(Kind::UnknownScheme.into()),
        }
    }
}
