//! Ed25519 and Ed25519ph. A secret is RFC 8032's seed.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
    pkcs8::Front,
    scheme::{Form, Message, Signing},
    secret::{Secret, SecretBuffer},
    symmetric,
    sys::edwards::{PRIVATE, PUBLIC, SIGNATURE, expand, sign, verify},
};

/// Curve25519 in Edwards form.
#[derive(Debug)]
pub struct Ed25519;

const SEED: usize = 32;
/// RFC 8410, 7.
const FRONT: Front = Front(b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20");
/// RFC 8410, 4.
const PUBLIC_FRONT: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

impl Family for Ed25519 {
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        entropy.fill(out)
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        let seed = material
            .strip_prefix(FRONT.0)
            .ok_or(Kind::InvalidMaterial)?;
        symmetric::copy(seed, out).map_err(|_| Kind::InvalidMaterial.into())
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let seed = secret.try_into().map_err(|_| Kind::InvalidLength)?;
        let mut private = Secret::zero();
        expand(seed, &mut private);
        Ok(Some(Arc::new(Pair(SecretBuffer::kept(&private[..])?))))
    }
}

/// The seed, and the public key behind it.
#[derive(Debug)]
struct Pair(SecretBuffer);

impl Pair {
    fn private_key(&self) -> &[u8; PRIVATE] {
        self.0
            .as_array()
            .expect("the key was made with this length")
    }

    fn public_key(&self) -> &[u8; PUBLIC] {
        self.private_key()
            .last_chunk()
            .expect("the public key stands last")
    }
}

/// Whether the message is prehashed. Ed25519ph hashes whatever it is given, be it a digest already.
fn prehashed(scheme: Signing, message: &Message) -> Result<bool> {
    match (scheme, message.form) {
        (Signing::Ed25519, Form::Raw) => Ok(false),
        (Signing::Ed25519ph, Form::Raw) => Ok(true),
        (Signing::Ed25519ph, Form::Digest) if message.bytes.len() == PREHASH => Ok(true),
        (Signing::Ed25519ph, Form::Digest) => Err(Kind::InvalidLength.into()),
        (Signing::Ed25519 | Signing::Ed25519ph, _) => Err(Kind::UnknownScheme.into()),
        _ => Err(Kind::UsageNotPermitted.into()),
    }
}

/// SHA-512's digest.
const PREHASH: usize = 64;

impl Opened for Pair {
    fn public(&self) -> Result<Vec<u8>> {
        Ok([PUBLIC_FRONT, self.public_key()].concat())
    }

    fn private(&self) -> Result<SecretBuffer> {
        Ok(FRONT.with(&self.0[..SEED]))
    }

    fn sign(
        &self,
        scheme: Signing,
        message: &Message,
        _: &dyn Entropy,
        out: &mut [u8],
    ) -> Result<usize> {
        let prehashed = prehashed(scheme, message)?;
        let out = out.first_chunk_mut().ok_or(Kind::BufferTooSmall)?;
        if sign(self.private_key(), message.bytes, prehashed, out) {
            Ok(SIGNATURE)
        } else {
            Err(Kind::Unavailable.into())
        }
    }

    fn verify(&self, scheme: Signing, message: &Message, signature: &[u8]) -> Result<bool> {
        let prehashed = prehashed(scheme, message)?;
        Ok(signature
            .try_into()
            .is_ok_and(|signature| verify(self.public_key(), message.bytes, prehashed, signature)))
    }
}
