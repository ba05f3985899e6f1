//! PKCS#8 for families whose secrets have one length: then all but the secret is a constant front.

use crate::secret::SecretBuffer;

/// Everything of a `PrivateKeyInfo` in front of the secret.
#[derive(Debug)]
pub struct Front(pub &'static [u8]);

impl Front {
    pub fn with(&self, secret: &[u8]) -> SecretBuffer {
        let mut der = SecretBuffer::zero(self.0.len() + secret.len());
        let (front, rest) = der.split_at_mut(self.0.len());
        front.copy_from_slice(self.0);
        rest.copy_from_slice(secret);
        der
    }
}

/// The front of the seed form of NIST's lattices: the arc below 2.16.840.1.101.3.4 and the set, then three lengths.
macro_rules! front {
    ($arc:literal, $set:literal, $whole:literal, $outer:literal, $seed:literal) => {
        $crate::pkcs8::Front(&[
            0x30, $whole, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
            0x03, 0x04, $arc, $set, 0x04, $outer, 0x80, $seed,
        ])
    };
}
