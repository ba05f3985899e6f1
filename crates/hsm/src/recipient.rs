//! Answers for somebody else than the caller: a recipient proves with an attestation document what it is and which key is
//! its own, and what it is to learn leaves the device in an envelope that only this key opens.

mod chain;
mod document;
mod envelope;

pub use document::{Attestation, Platform};

use crate::{
    error::{Kind, Result},
    hsm::Hsm,
    secret::SecretBuffer,
};

/// Whom to believe, and when.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// Root certificates, DER. Without any, no document is believed.
    pub roots: &'a [&'a [u8]],
    /// Milliseconds since 1970.
    pub now: u64,
    /// How many milliseconds a document may be away from `now`.
    pub window: u64,
}

impl Attestation {
    /// Reads a document and believes it: its certificates lead to a root, the last of them signed it, it is fresh, and its
    /// key is one an envelope can be made for. Whatever is wrong with it, the answer is the same.
    pub fn verify(document: &[u8], trust: Trust) -> Result<Self> {
        let signed = document::open(document).ok_or(Kind::InvalidAttestation)?;
        let believed = signed.attestation.timestamp.abs_diff(trust.now) <= trust.window
            && envelope::takes(&signed.attestation.public_key)
            && chain::leads_to_root(&signed, trust.roots, trust.now)
            && signed.is_signed();
        if believed {
            Ok(signed.attestation)
        } else {
            Err(Kind::InvalidAttestation.into())
        }
    }
}

impl Hsm {
    /// Has `act` write up to `most` bytes, and hands them out in an envelope for the RSA key `public_key`, as CMS
    /// `EnvelopedData`. `act` says how many there are.
    pub fn envelope(
        &self,
        public_key: &[u8],
        most: usize,
        act: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<Vec<u8>> {
        let mut plaintext = SecretBuffer::zero(most);
        let length = act(&mut plaintext)?;
        plaintext.truncate(length);
        self.envelope_of(public_key, &plaintext)
    }

    /// The same for a plaintext that is there already.
    pub fn envelope_of(&self, public_key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        envelope::seal(public_key, plaintext, self.entropy())
    }
}
