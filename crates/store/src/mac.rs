//! The MACs that prove what the files say, and their running sum.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// The tag over one thing.
pub type Mac = [u8; 32];

/// The secret under which all MACs of a store are made.
pub struct Key(pub [u8; 32]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What a MAC is about: no tag of one kind is ever valid as another.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum About {
    Row = 1,
    Ledger = 2,
    Store = 3,
    Anchor = 4,
    Veils = 5,
}

/// Makes and verifies MACs of one store: its random id is part of the key, so that a row of another store is foreign.
pub struct Macs(Hmac<Sha256>);

impl Macs {
    pub fn new(key: &Key, store: &[u8; 16]) -> Self {
        let mut own: Mac = keyed(&key.0)
            .chain_update(b"strongroom store")
            .chain_update(store)
            .finalize()
            .into_bytes()
            .into();
        let macs = Self(keyed(&own));
        own.zeroize();
        macs
    }

    pub fn tag(&self, about: About, bytes: &[u8]) -> Mac {
        self.begin(about, bytes).finalize().into_bytes().into()
    }

    pub fn verify(&self, about: About, bytes: &[u8], mac: &[u8]) -> bool {
        self.begin(about, bytes).verify_slice(mac).is_ok()
    }

    fn begin(&self, about: About, bytes: &[u8]) -> Hmac<Sha256> {
        self.0
            .clone()
            .chain_update([about as u8])
            .chain_update(bytes)
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// A plain digest, of what a MAC then covers.
pub fn digest(bytes: &[u8]) -> Mac {
    Sha256::digest(bytes).into()
}

/// The sum of MACs modulo 2^256: whatever the order of additions, the same rows give the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum([u64; 4]);

impl Sum {
    pub fn add(&mut self, mac: &Mac) {
        let mut carry = false;
        for (limb, addend) in self.0.iter_mut().zip(Self::from(*mac).0) {
            let (sum, first) = limb.overflowing_add(addend);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first | second);
        }
    }

    pub fn subtract(&mut self, mac: &Mac) {
        let mut borrow = false;
        for (limb, taken) in self.0.iter_mut().zip(Self::from(*mac).0) {
            let (rest, first) = limb.overflowing_sub(taken);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, first | second);
        }
    }

    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        bytes
    }
}

impl From<[u8; 32]> for Sum {
    fn from(bytes: [u8; 32]) -> Self {
        let (limbs, _) = bytes.as_chunks::<8>();
        Self(std::array::from_fn(|i| u64::from_le_bytes(limbs[i])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_carries_and_borrows_over_all_limbs() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut sum = Sum::from([0xff; 32]);
        sum.add(&one);
        assert_eq!(sum, Sum::default());
        sum.subtract(&one);
        assert_eq!(sum.to_bytes(), [0xff; 32]);
    }

    #[test]
    fn a_tag_holds_for_one_kind_one_store_and_one_text() {
        let key = Key([7; 32]);
        let macs = Macs::new(&key, &[1; 16]);
        let tag = macs.tag(About::Row, b"content");
        assert!(macs.verify(About::Row, b"content", &tag));
        assert!(!macs.verify(About::Anchor, b"content", &tag));
        assert!(!macs.verify(About::Row, b"contenu", &tag));
        assert!(!macs.verify(About::Row, b"content", &tag[..31]));
        assert!(!Macs::new(&key, &[2; 16]).verify(About::Row, b"content", &tag));
    }
}
