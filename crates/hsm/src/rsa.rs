//! RSA: signatures by PKCS #1 v1.5 and PSS, encryption by OAEP. A secret is PKCS#8, filled up with zeros to one length a size.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
    scheme::{Message, Sealing, Signing},
    secret::SecretBuffer,
    sys::{
        pkey::{Pkey, Sort},
        primes,
    },
};

/// A size of modulus.
#[derive(Debug)]
pub struct Rsa(pub u32);

impl Rsa {
    /// As long as the longest PKCS#8 of this size. Its integers: the modulus and the private exponent; two primes and what
    /// is reduced by them, five halves; each with a sign byte and a header. And a public exponent of up to 33 bits.
    pub const fn length(&self) -> usize {
        let (whole, half) = (self.0 as usize / 8 + 5, self.0 as usize / 16 + 5);
        2 * whole + 5 * half + 48
    }

    /// A key of this size, ready for use; with a public one alone, what takes a private one fails.
    pub fn ready(&self, key: Pkey) -> Arc<dyn Opened> {
        let modulus = self.0 as usize / 8;
        Arc::new(Pair { key, modulus })
    }
}

impl Family for Rsa {
    fn generate(&self, entropy: &dyn Entropy, go_on: GoOn, out: &mut [u8]) -> Result<()> {
        let pair = if entropy.repeats() {
            primes::derive(self.0, |bytes| entropy.fill(bytes))?
        } else {
            primes::generate(self.0, go_on)
        };
        write(&pair.ok_or(Kind::Unavailable)?, out)
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        let key = Pkey::from_pkcs8(material).filter(|key| key.sort() == Sort::Rsa(self.0));
        write(&key.ok_or(Kind::InvalidMaterial)?, out)
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let key = Pkey::from_pkcs8(unfilled(secret)).ok_or(Kind::Unavailable)?;
        Ok(Some(self.ready(key)))
    }
}

/// Writes the form that tokens carry.
fn write(key: &Pkey, out: &mut [u8]) -> Result<()> {
    let length = key.pkcs8(out).ok_or(Kind::InvalidMaterial)?;
    out[length..].fill(0);
    Ok(())
}

/// The DER without what fills it up: as long as its header says.
fn unfilled(secret: &[u8]) -> &[u8] {
    let length = u16::from_be_bytes([secret[2], secret[3]]);
    secret.get(..4 + usize::from(length)).unwrap_or(secret)
}

#[derive(Debug)]
struct Pair {
    key: Pkey,
    /// The length of signatures and ciphertexts.
    modulus: usize,
}

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
        let out = out.get_mut(..self.modulus).ok_or(Kind::BufferTooSmall)?;
        let length = match scheme {
            Signing::Pkcs1(hash) => {
                message.hashed(hash, |digest| Ok(self.key.sign_pkcs1(hash, digest, out)))
            }
            Signing::Pss(hash) => {
                message.hashed(hash, |digest| Ok(self.key.sign_pss(hash, digest, out)))
            }
            _ => return Err(Kind::UsageNotPermitted.into()),
        };
        length?.ok_or(Kind::Unavailable.into())
    }

    fn verify(&self, scheme: Signing, message: &Message, signature: &[u8]) -> Result<bool> {
        match scheme {
            Signing::Pkcs1(hash) => message.hashed(hash, |digest| {
                Ok(self.key.verify_pkcs1(hash, digest, signature))
            }),
            Signing::Pss(hash) => message.hashed(hash, |digest| {
                Ok(self.key.verify_pss(hash, digest, signature))
            }),
            _ => Err(Kind::UsageNotPermitted.into()),
        }
    }

    fn encrypt(&self, scheme: Sealing, plaintext: &[u8], _: &dyn Entropy) -> Result<Vec<u8>> {
        let Sealing::Oaep(hash) = scheme else {
            return Err(Kind::UsageNotPermitted.into());
        };
        let mut out = vec![0; self.modulus];
        let length = self.key.encrypt_oaep(hash, plaintext, &mut out);
        // Only a plaintext that is too long is refused.
        length.map(|_| out).ok_or(Kind::InvalidLength.into())
    }

    fn decrypt(&self, scheme: Sealing, ciphertext: &[u8]) -> Result<SecretBuffer> {
        let Sealing::Oaep(hash) = scheme else {
            return Err(Kind::UsageNotPermitted.into());
        };
        let mut out = SecretBuffer::zero(self.modulus);
        let length = self.key.decrypt_oaep(hash, ciphertext, &mut out);
        out.truncate(length.ok_or(Kind::DecryptionFailed)?);
        Ok(out)
    }
}
