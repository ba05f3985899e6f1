//! The NIST curves and secp256k1: ECDSA, and Diffie–Hellman where it is asked for. A secret is the private scalar.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
    hash::Hash,
    pkcs8::Front,
    scheme::{Message, Signing},
    secret::SecretBuffer,
    sys::pkey::{Pkey, Sort},
};

/// A curve, and the hash that ECDSA uses on it.
#[derive(Debug)]
pub struct Curve {
    sort: Sort,
    hash: Hash,
    /// The length of scalars and coordinates.
    length: usize,
    /// What of a scalar's first byte can be set.
    mask: u8,
    front: Front,
}

pub static P256: Curve = Curve {
    sort: Sort::P256,
    hash: Hash::Sha256,
    length: 32,
    mask: 0xff,
    front: Front(
        b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
        \x04\x27\x30\x25\x02\x01\x01\x04\x20",
    ),
};

pub static P384: Curve = Curve {
    sort: Sort::P384,
    hash: Hash::Sha384,
    length: 48,
    mask: 0xff,
    front: Front(
        b"\x30\x4e\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\
        \x04\x37\x30\x35\x02\x01\x01\x04\x30",
    ),
};

pub static P521: Curve = Curve {
    sort: Sort::P521,
    hash: Hash::Sha512,
    length: 66,
    mask: 0x01,
    front: Front(
        b"\x30\x60\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\
        \x04\x49\x30\x47\x02\x01\x01\x04\x42",
    ),
};

pub static K256: Curve = Curve {
    sort: Sort::K256,
    hash: Hash::Sha256,
    length: 32,
    mask: 0xff,
    front: Front(
        b"\x30\x3e\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\
        \x04\x27\x30\x25\x02\x01\x01\x04\x20",
    ),
};

/// On every curve a random number is a scalar more often than not; so many misses in a row are no accident.
const MOST_TRIES: usize = 128;

impl Curve {
    /// A key of this curve, ready for use; with a public one alone, what takes a private one fails.
    pub fn ready(&self, key: Pkey) -> Arc<dyn Opened> {
        let &Self {
            sort, hash, length, ..
        } = self;
        let name = self.name();
        Arc::new(Pair {
            key,
            sort,
            hash,
            length,
            name,
        })
    }

    /// The curve's `AlgorithmIdentifier`: in the front behind a header and a version.
    fn name(&self) -> &'static [u8] {
        let (_, name) = self.front.0.split_at(5);
        &name[..2 + usize::from(name[1])]
    }

    fn pair(&self, scalar: &[u8]) -> Option<Pkey> {
        Pkey::from_pkcs8(&self.front.with(scalar))
    }
}

impl Family for Curve {
    /// FIPS 186-5, A.2.2: random numbers until one is a scalar.
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        for _ in 0..MOST_TRIES {
            entropy.fill(out)?;
            out[0] &= self.mask;
            if self.pair(out).is_some() {
                return Ok(());
            }
        }
        Err(Kind::Unavailable.into())
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        // In front of the name stands a version.
        let key = Pkey::from_pkcs8(material)
            .filter(|key| key.sort() == self.sort && is_named(material, 3, self.name()));
        if key.is_some_and(|key| key.scalar(out)) {
            Ok(())
        } else {
            Err(Kind::InvalidMaterial.into())
        }
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let key = self.pair(secret).ok_or(Kind::Unavailable)?;
        Ok(Some(self.ready(key)))
    }
}

/// Whether the curve is named, `at` bytes behind the outer header. AWS-LC takes it even spelt out in numbers.
fn is_named(der: &[u8], at: usize, name: &[u8]) -> bool {
    let header = match der.get(1) {
        Some(0..=0x7f) => 2,
        _ => 3,
    };
    der.get(header + at..)
        .is_some_and(|der| der.starts_with(name))
}

#[derive(Debug)]
struct Pair {
    key: Pkey,
    sort: Sort,
    hash: Hash,
    length: usize,
    name: &'static [u8],
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
        if scheme != Signing::Ecdsa {
            return Err(Kind::UsageNotPermitted.into());
        }
        message.hashed(self.hash, |digest| {
            self.key
                .sign_ecdsa(digest, out)
                .ok_or(Kind::BufferTooSmall.into())
        })
    }

    fn verify(&self, scheme: Signing, message: &Message, signature: &[u8]) -> Result<bool> {
        if scheme != Signing::Ecdsa {
            return Err(Kind::UsageNotPermitted.into());
        }
        message.hashed(self.hash, |digest| {
            Ok(self.key.verify_ecdsa(digest, signature))
        })
    }

    /// SP 800-56A, 5.7.1.2, with a cofactor of one: the x-coordinate as it is, padded on the left.
    fn agree(&self, peer: &[u8], out: &mut [u8]) -> Result<usize> {
        let out = out.get_mut(..self.length).ok_or(Kind::BufferTooSmall)?;
        let named = is_named(peer, 0, self.name);
        let peer = Pkey::from_spki(peer).filter(|peer| named && peer.sort() == self.sort);
        if self.key.agree(&peer.ok_or(Kind::InvalidPublicKey)?, out) {
            Ok(self.length)
        } else {
            Err(Kind::InvalidPublicKey.into())
        }
    }
}
