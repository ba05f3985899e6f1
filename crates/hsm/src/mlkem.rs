//! ML-KEM, FIPS 203. A secret is the seed: d, then z.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened, SHARED},
    mldsa::seed,
    pkcs8::Front,
    secret::{Secret, SecretBuffer},
    sys::pkey::{Pkey, Sort},
};

/// A parameter set.
#[derive(Debug)]
pub struct MlKem {
    sort: Sort,
    ciphertext: usize,
    front: Front,
}

pub static MLKEM512: MlKem = MlKem {
    sort: Sort::MLKEM512,
    ciphertext: 768,
    front: front!(0x04, 0x01, 0x54, 0x42, 0x40),
};
pub static MLKEM768: MlKem = MlKem {
    sort: Sort::MLKEM768,
    ciphertext: 1088,
    front: front!(0x04, 0x02, 0x54, 0x42, 0x40),
};
pub static MLKEM1024: MlKem = MlKem {
    sort: Sort::MLKEM1024,
    ciphertext: 1568,
    front: front!(0x04, 0x03, 0x54, 0x42, 0x40),
};

impl Family for MlKem {
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

impl MlKem {
    /// A key of this set, ready for use; with a public one alone, what takes a private one fails.
    pub fn ready(&self, key: Pkey) -> Arc<dyn Opened> {
        let ciphertext = self.ciphertext;
        Arc::new(Pair { key, ciphertext })
    }
}

#[derive(Debug)]
struct Pair {
    key: Pkey,
    ciphertext: usize,
}

impl Opened for Pair {
    fn public(&self) -> Result<Vec<u8>> {
        self.key.spki().ok_or(Kind::Unavailable.into())
    }

    fn private(&self) -> Result<SecretBuffer> {
        self.key.to_pkcs8().ok_or(Kind::Unavailable.into())
    }

    fn encapsulate(
        &self,
        entropy: &dyn Entropy,
        secret: &mut [u8; SHARED],
        ciphertext: &mut [u8],
    ) -> Result<usize> {
        let ciphertext = ciphertext
            .get_mut(..self.ciphertext)
            .ok_or(Kind::BufferTooSmall)?;
        let mut message = Secret::zero();
        entropy.fill(&mut message[..])?;
        if self.key.encapsulate(&message, secret, ciphertext) {
            Ok(self.ciphertext)
        } else {
            Err(Kind::Unavailable.into())
        }
    }

    fn decapsulate(&self, ciphertext: &[u8], secret: &mut [u8; SHARED]) -> Result<()> {
        if ciphertext.len() != self.ciphertext {
            return Err(Kind::InvalidLength.into());
        }
        if self.key.decapsulate(ciphertext, secret) {
            Ok(())
        } else {
            Err(Kind::DecryptionFailed.into())
        }
    }
}
