//! HMAC: RFC 2104, the key and the MAC as long as a digest.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
    hash::{Hash, MOST_DIGEST},
    secret::SecretBuffer,
    symmetric, sys,
};

/// HMAC with one hash.
#[derive(Debug)]
pub struct Hmac(pub Hash);

impl Family for Hmac {
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        entropy.fill(out)
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        symmetric::copy(material, out)
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let (key, hash) = (SecretBuffer::kept(secret)?, self.0);
        Ok(Some(Arc::new(Key { key, hash })))
    }
}

#[derive(Debug)]
struct Key {
    key: SecretBuffer,
    hash: Hash,
}

impl Opened for Key {
    fn mac(&self, message: &[u8], out: &mut [u8; MOST_DIGEST]) -> Result<usize> {
        if sys::hmac(self.hash, &self.key, message, out) {
            Ok(self.hash.length())
        } else {
            Err(Kind::Unavailable.into())
        }
    }
}
