//! The verbs of key pairs and MAC keys.

use std::sync::Arc;

use super::Hsm;
use crate::{
    cipher::OVERHEAD,
    error::{Kind, Result},
    family::{Opened, SHARED},
    frame::frame,
    hash::MOST_DIGEST,
    kdf::Kdf,
    scheme::{Message, Sealing, Signing},
    secret::{Secret, SecretBuffer},
    slots::{Occupant, Slot},
    spec::{Spec, Usages},
    sys,
};

/// A key pair made to be handed out, its private half sealed.
#[derive(Debug)]
pub struct DataKeyPair {
    /// The public half as `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// The private half as PKCS#8.
    pub private_key: SecretBuffer,
    /// The same, sealed as `encrypt` seals.
    pub sealed: Vec<u8>,
}

impl Hsm {
    /// Signs into `out`, and returns the signature's length.
    pub fn sign(
        &self,
        slot: Slot,
        scheme: Signing,
        message: &Message,
        out: &mut [u8],
    ) -> Result<usize> {
        let key = self.tool(slot, Usages::SIGN)?;
        key.sign(scheme, message, &*self.entropy, out)
    }

    /// Whether a signature is right; why it is not, nobody is told.
    pub fn verify(
        &self,
        slot: Slot,
        scheme: Signing,
        message: &Message,
        signature: &[u8],
    ) -> Result<bool> {
        let key = self.tool(slot, Usages::VERIFY)?;
        key.verify(scheme, message, signature)
    }

    /// Writes the MAC of a message into `out`, and returns its length.
    pub fn mac(&self, slot: Slot, message: &[u8], out: &mut [u8]) -> Result<usize> {
        let key = self.tool(slot, Usages::MAC)?;
        let mut mac = [0; MOST_DIGEST];
        let length = key.mac(message, &mut mac)?;
        let out = out.get_mut(..length).ok_or(Kind::BufferTooSmall)?;
        out.copy_from_slice(&mac[..length]);
        Ok(length)
    }

    /// Whether a MAC is right, in a time that does not tell where it is not.
    pub fn verify_mac(&self, slot: Slot, message: &[u8], mac: &[u8]) -> Result<bool> {
        let key = self.tool(slot, Usages::MAC)?;
        let mut right = Secret::<MOST_DIGEST>::zero();
        let length = key.mac(message, &mut right)?;
        Ok(sys::equal(&right[..length], mac))
    }

    /// Encrypts to the pair in a slot.
    pub fn encrypt_to(&self, slot: Slot, scheme: Sealing, plaintext: &[u8]) -> Result<Vec<u8>> {
        let key = self.tool(slot, Usages::ENCRYPT)?;
        key.encrypt(scheme, plaintext, &*self.entropy)
    }

    /// Decrypts what somebody encrypted to the pair in a slot.
    pub fn decrypt_from(
        &self,
        slot: Slot,
        scheme: Sealing,
        ciphertext: &[u8],
    ) -> Result<SecretBuffer> {
        let key = self.tool(slot, Usages::DECRYPT)?;
        key.decrypt(scheme, ciphertext)
    }

    /// Writes the secret shared with the owner of `peer`, a `SubjectPublicKeyInfo`, into `out`, and returns its length.
    pub fn agree(&self, slot: Slot, peer: &[u8], out: &mut [u8]) -> Result<usize> {
        let key = self.tool(slot, Usages::AGREE)?;
        key.agree(peer, out)
    }

    /// Makes a secret for the owner of the pair in a slot, and what carries it there, whose length it returns.
    pub fn encapsulate(
        &self,
        slot: Slot,
        secret: &mut [u8],
        ciphertext: &mut [u8],
    ) -> Result<usize> {
        let secret = shared(secret)?;
        let key = self.tool(slot, Usages::ENCAPSULATE)?;
        key.encapsulate(&*self.entropy, secret, ciphertext)
    }

    /// Writes the secret that a ciphertext carries into `out`, and returns its length. A ciphertext that was changed carries
    /// another one.
    pub fn decapsulate(&self, slot: Slot, ciphertext: &[u8], out: &mut [u8]) -> Result<usize> {
        let out = shared(out)?;
        let key = self.tool(slot, Usages::DECAPSULATE)?;
        key.decapsulate(ciphertext, out)?;
        Ok(SHARED)
    }

    /// Slot, usage, limiter; then the key, which outlasts its slot for as long as the act takes.
    fn tool(&self, slot: Slot, usage: Usages) -> Result<Arc<dyn Opened>> {
        self.admit(slot, usage, 1, Occupant::opened)
    }

    /// Makes a key pair, and seals its private half under the key in a slot.
    pub fn data_key_pair(
        &self,
        slot: Slot,
        spec: &str,
        aad: &[u8],
        prefix: usize,
    ) -> Result<DataKeyPair> {
        let spec = Spec::named(spec)?;
        // Before the pair, which can take a second to make: by then the slot may be another key's.
        let mut kdf = Kdf::blank();
        self.admit(slot, Usages::ENCRYPT, 1, |occupant| {
            occupant.key()?.kdf(&mut kdf);
            Ok(())
        })?;
        let opened = spec.family.open(&self.secret(spec)?)?;
        let pair = opened.ok_or(Kind::UsageNotPermitted)?;
        let (public_key, private_key) = (pair.public()?, pair.private()?);

        let mut sealed = vec![0; prefix + private_key.len() + OVERHEAD];
        let (head, body) = frame(aad, prefix, private_key.len(), &mut sealed)?;
        self.seal_frame(&kdf, head, aad, &private_key, body)?;
        Ok(DataKeyPair {
            public_key,
            private_key,
            sealed,
        })
    }
}

fn shared(out: &mut [u8]) -> Result<&mut [u8; SHARED]> {
    out.first_chunk_mut().ok_or(Kind::BufferTooSmall.into())
}
