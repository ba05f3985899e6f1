//! ML-DSA, FIPS 204: hedged, with an empty context. A secret is the seed ξ.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
    pkcs8::Front,
    scheme::{Form, Message, Signing},
    secret::SecretBuffer,
    sys::pkey::{Pkey, Sort},
};

/// A parameter set.
#[derive(Debug)]
pub struct MlDsa {
    sort: Sort,
    signature: usize,
    front: Front,
}

pub static MLDSA44: MlDsa = MlDsa {
    sort: Sort::MLDSA44,
    signature: 2420,
    front: front!(0x03, 0x11, 0x34, 0x22, 0x20),
};
pub static MLDSA65: MlDsa = MlDsa {
    sort: Sort::MLDSA65,
    signature: 3309,
    front: front!(0x03, 0x12, 0x34, 0x22, 0x20),
};
pub static MLDSA87: MlDsa = MlDsa {
    sort: Sort::MLDSA87,
    signature: 4627,
    front: front!(0x03, 0x13, 0x34, 0x22, 0x20),
};

impl Family for MlDsa {
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        entropy.fill(out)
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        seed(self.sort, material, out)
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let key = Pkey::from_pkcs8(&self.front.with(secret)).ok_or(Kind::Unavailable)?;
        Ok(Some(self.ready(key)))
    }
}

impl MlDsa {
    /// A key of this set, ready for use; with a public one alone, what takes a private one fails.
    pub fn ready(&self, key: Pkey) -> Arc<dyn Opened> {
        let signature = self.signature;
        Arc::new(Pair { key, signature })
    }
}

/// Takes the seed out of PKCS#8, where there is one.
pub fn seed(sort: Sort, material: &[u8], out: &mut [u8]) -> Result<()> {
    let key = Pkey::from_pkcs8(material).filter(|key| key.sort() == sort);
    if key.is_some_and(|key| key.seed(out)) {
        Ok(())
    } else {
        Err(Kind::InvalidMaterial.into())
    }
}

#[derive(Debug)]
struct Pair {
    key: Pkey,
    signature: usize,
}

/// Whether the message is μ already.
fn is_mu(scheme: Signing, message: &Message) -> Result<bool> {
    match (scheme, message.form) {
        (Signing::MlDsa, Form::Raw) => Ok(false),
        (Signing::MlDsa, Form::ExternalMu) if message.bytes.len() == MU => Ok(true),
        (Signing::MlDsa, Form::ExternalMu) => Err(Kind::InvalidLength.into()),
        (Signing::MlDsa, Form::Digest) => Err(Kind::UnknownScheme.into()),
        _ => Err(Kind::UsageNotPermitted.into()),
    }
}

const MU: usize = 64;

impl Opened for Pair {
    fn public(&self) -> Result<Vec<u8>> {
        self.key.spki().ok_or(Kind::Unavailable.into())
    }

    fn private(&self) -> Result<SecretBuffer> {
        self.key.to_pkcs8().ok_or(Kind::Unavailable.into())
    }

    fn sign(
        &self,
        scheme: Signing,
        message: &Message,
        _: &dyn Entropy,
        out: &mut [u8],
    ) -> Result<usize> {
        let is_mu = is_mu(scheme, message)?;
        let out = out.get_mut(..self.signature).ok_or(Kind::BufferTooSmall)?;
        let length = self.key.sign_mldsa(message.bytes, is_mu, out);
        length.ok_or(Kind::Unavailable.into())
    }

    fn verify(&self, scheme: Signing, message: &Message, signature: &[u8]) -> Result<bool> {
        let is_mu = is_mu(scheme, message)?;
        Ok(self.key.verify_mldsa(message.bytes, is_mu, signature))
    }
}
