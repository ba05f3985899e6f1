//! The verbs that seal messages and wrap keys.

use super::Hsm;
use crate::{
    cipher::{self, FRESH},
    error::{Kind, Result},
    frame::{Sealed, Target, frame},
    kdf::Kdf,
    key::KEY,
    keywrap,
    secret::{Secret, SecretBuffer},
    slots::Slot,
    spec::Usages,
};

impl Hsm {
    /// Seals `plaintext` into `out`: the first `prefix` bytes of `aad` in the clear, then the body. Returns its length.
    pub fn encrypt(
        &self,
        slot: Slot,
        plaintext: &[u8],
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let (head, frame) = frame(aad, prefix, plaintext.len(), out)?;
        let mut kdf = Kdf::blank();
        self.admit_kdf(slot, Usages::ENCRYPT, 1, &mut kdf)?;
        self.seal_frame(&kdf, head, aad, plaintext, frame)
    }

    /// Opens a body into `out`. Returns the plaintext's length.
    pub fn decrypt(&self, slot: Slot, body: &[u8], aad: &[u8], out: &mut [u8]) -> Result<usize> {
        let length = cipher::plaintext_length(body.len())?;
        let out = out.get_mut(..length).ok_or(Kind::BufferTooSmall)?;
        let mut kdf = Kdf::blank();
        self.admit_kdf(slot, Usages::DECRYPT, 1, &mut kdf)?;
        cipher::open(&kdf, aad, body, out)?;
        Ok(length)
    }

    /// Makes a data key: into `plain`, whose length is the key's, and sealed into `out` like `encrypt`.
    pub fn data_key(
        &self,
        slot: Slot,
        plain: &mut [u8],
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let (head, frame) = frame(aad, prefix, plain.len(), out)?;
        let mut kdf = Kdf::blank();
        self.admit_kdf(slot, Usages::ENCRYPT, 1, &mut kdf)?;
        self.entropy.fill(plain)?;
        self.seal_frame(&kdf, head, aad, plain, frame)
    }

    /// Makes a data key that nobody sees: it exists only in `out`, sealed.
    pub fn data_key_sealed(
        &self,
        slot: Slot,
        length: usize,
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let mut plain = Secret::<MOST_DATA_KEY>::zero();
        let plain = plain.get_mut(..length).ok_or(Kind::InvalidLength)?;
        self.data_key(slot, plain, aad, prefix, out)
    }

    /// Opens a body under one slot and seals it under another. The plaintext stays inside.
    pub fn reencrypt(&self, from: Sealed, to: Target, out: &mut [u8]) -> Result<usize> {
        let length = cipher::plaintext_length(from.body.len())?;
        let (head, frame) = frame(to.aad, to.prefix, length, out)?;
        let (mut opener, mut sealer) = (Kdf::blank(), Kdf::blank());
        self.admit_kdf(from.slot, Usages::DECRYPT, 1, &mut opener)?;
        if let Err(refusal) = self.admit_kdf(to.slot, Usages::ENCRYPT, 1, &mut sealer) {
            self.give_back(from.slot, 1);
            return Err(refusal);
        }
        let mut plaintext = SecretBuffer::zero(length);
        cipher::open(&opener, from.aad, from.body, &mut plaintext)?;
        self.seal_frame(&sealer, head, to.aad, &plaintext, frame)
    }

    /// Wraps another key under the slot's: RFC 3394, or RFC 5649 when `padded`.
    pub fn wrap(&self, slot: Slot, data: &[u8], padded: bool) -> Result<Vec<u8>> {
        let mut key = Secret::<KEY>::zero();
        self.admit(slot, Usages::WRAP, 1, |occupant| {
            key.copy_from_slice(occupant.key()?.secret());
            Ok(())
        })?;
        keywrap::wrap(&key[..], data, padded)
    }

    /// Unwraps what `wrap` made.
    pub fn unwrap(&self, slot: Slot, data: &[u8], padded: bool) -> Result<SecretBuffer> {
        let mut key = Secret::<KEY>::zero();
        self.admit(slot, Usages::UNWRAP, 1, |occupant| {
            key.copy_from_slice(occupant.key()?.secret());
            Ok(())
        })?;
        keywrap::unwrap(&key[..], data, padded)
    }

    pub(crate) fn seal_frame(
        &self,
        kdf: &Kdf,
        head: &mut [u8],
        aad: &[u8],
        plaintext: &[u8],
        body: &mut [u8],
    ) -> Result<usize> {
        let mut fresh = [0; FRESH];
        self.entropy.fill(&mut fresh)?;
        head.copy_from_slice(&aad[..head.len()]);
        cipher::seal(kdf, &fresh, aad, plaintext, body)?;
        Ok(head.len() + body.len())
    }
}

/// The longest data key that never leaves.
const MOST_DATA_KEY: usize = 1024;
