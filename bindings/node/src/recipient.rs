//! Attested recipients, as JavaScript sees them: what is meant for one of them leaves the device in its envelope alone.

use std::sync::Arc;

use ::hsm::{Attestation, DataKeyPair, Platform, Sealing, Trust};
use napi::{
    Env,
    bindgen_prelude::{AsyncTask, Buffer},
};
use napi_derive::napi;

use crate::{
    errors::Thrown,
    hsm::Hsm,
    millis, raw,
    task::{Work, aside},
};

/// Whom to believe, and when.
#[napi(object, object_to_js = false)]
pub struct AttestationTrust {
    /// Root certificates, DER. Without any, no document is believed.
    #[napi(ts_type = "ReadonlyArray<Uint8Array>")]
    pub roots: Vec<Buffer>,
    /// The time, in milliseconds since 1970.
    pub now: f64,
    /// How many milliseconds a document may be away from it.
    pub window: f64,
}

/// What a recipient says of itself, believed.
#[napi(object, object_from_js = false)]
pub struct AttestedRecipient {
    /// The module that issued the document.
    pub module_id: String,
    /// When it did so, in milliseconds since 1970.
    pub timestamp: f64,
    /// Whose registers they are.
    #[napi(ts_type = "'enclave' | 'tpm'")]
    pub platform: &'static str,
    /// The platform's configuration registers.
    pub registers: Vec<Register>,
    /// The recipient's RSA key as `SubjectPublicKeyInfo`, DER.
    pub public_key: Buffer,
    /// What the recipient had signed along.
    pub user_data: Option<Buffer>,
    /// What somebody asked it to have signed along.
    pub nonce: Option<Buffer>,
}

/// One platform configuration register.
#[napi(object, object_from_js = false)]
pub struct Register {
    /// Its number, from 0 to 31.
    pub index: u32,
    /// What it holds.
    pub value: Buffer,
}

/// A data key for a recipient.
#[napi(object, object_from_js = false)]
pub struct EnvelopedDataKey {
    /// Sealed under the slot's key, like any other.
    pub blob: Buffer,
    /// CMS `EnvelopedData`.
    pub envelope: Buffer,
}

/// A key pair made to be handed out to a recipient.
#[napi(object, object_from_js = false)]
pub struct EnvelopedKeyPair {
    /// The public half as `SubjectPublicKeyInfo`, DER.
    pub public_key: Buffer,
    /// The private half, sealed under the slot's key.
    pub blob: Buffer,
    /// CMS `EnvelopedData`, with the private half as PKCS#8, DER.
    pub envelope: Buffer,
}

#[napi]
impl Hsm {
    /// Reads an attestation document and believes it, or rejects with `InvalidAttestation`.
    #[napi(ts_return_type = "Promise<AttestedRecipient>")]
    pub fn verify_attestation(
        document: &[u8],
        trust: AttestationTrust,
    ) -> AsyncTask<Work<Attestation, AttestedRecipient>> {
        let document = document.to_vec();
        let roots: Vec<_> = trust.roots.iter().map(|root| root.to_vec()).collect();
        aside(
            move || {
                let roots: Vec<_> = roots.iter().map(|root| &root[..]).collect();
                let trust = Trust {
                    roots: &roots,
                    now: millis(trust.now),
                    window: millis(trust.window),
                };
                Attestation::verify(&document, trust)
            },
            attested,
        )
    }

    /// Opens a body like `verbs().decrypt`, into an envelope.
    #[napi]
    pub fn decrypt_for(
        &self,
        env: &Env,
        public_key: &[u8],
        slot: f64,
        body: &[u8],
        aad: &[u8],
    ) -> napi::Result<Buffer> {
        let open = |out: &mut [u8]| self.device.decrypt(raw::slot(slot), body, aad, out);
        self.device
            .envelope(public_key, body.len(), open)
            .map(Buffer::from)
            .thrown(env)
    }

    /// Makes a data key like `verbs().dataKey`, its plaintext in an envelope.
    #[napi]
    pub fn data_key_for(
        &self,
        env: &Env,
        public_key: &[u8],
        slot: f64,
        length: u32,
        aad: &[u8],
        prefix: u32,
    ) -> napi::Result<EnvelopedDataKey> {
        let (length, prefix) = (length as usize, prefix as usize);
        let mut blob = vec![0; length + prefix + OVERHEAD];
        let make = |plain: &mut [u8]| {
            self.device
                .data_key(raw::slot(slot), plain, aad, prefix, &mut blob)
                .map(|_| length)
        };
        let envelope = self.device.envelope(public_key, length, make).thrown(env)?;
        Ok(EnvelopedDataKey {
            blob: blob.into(),
            envelope: envelope.into(),
        })
    }

    /// Makes a key pair like `dataKeyPair`, its private half in an envelope.
    #[napi(ts_return_type = "Promise<EnvelopedKeyPair>")]
    pub fn data_key_pair_for(
        &self,
        public_key: &[u8],
        slot: f64,
        spec: String,
        aad: &[u8],
        prefix: u32,
    ) -> AsyncTask<Work<(DataKeyPair, Vec<u8>), EnvelopedKeyPair>> {
        let device = Arc::clone(&self.device);
        let (public_key, aad) = (public_key.to_vec(), aad.to_vec());
        aside(
            move || {
                let pair = device.data_key_pair(raw::slot(slot), &spec, &aad, prefix as usize)?;
                let envelope = device.envelope_of(&public_key, &pair.private_key)?;
                Ok((pair, envelope))
            },
            |(pair, envelope)| EnvelopedKeyPair {
                public_key: pair.public_key.into(),
                blob: pair.sealed.into(),
                envelope: envelope.into(),
            },
        )
    }

    /// Decrypts aside like `decryptAsymmetric`, into an envelope.
    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn decrypt_asymmetric_for(
        &self,
        public_key: &[u8],
        slot: f64,
        scheme: u32,
        ciphertext: &[u8],
    ) -> AsyncTask<Work<Vec<u8>, Buffer>> {
        let device = Arc::clone(&self.device);
        let (public_key, ciphertext) = (public_key.to_vec(), ciphertext.to_vec());
        aside(
            move || {
                let scheme = Sealing::numbered(scheme)?;
                let plaintext = device.decrypt_from(raw::slot(slot), scheme, &ciphertext)?;
                device.envelope_of(&public_key, &plaintext)
            },
            Buffer::from,
        )
    }

    /// Agrees on a secret like `verbs().agree`, into an envelope.
    #[napi]
    pub fn agree_for(
        &self,
        env: &Env,
        public_key: &[u8],
        slot: f64,
        peer: &[u8],
    ) -> napi::Result<Buffer> {
        let agree = |out: &mut [u8]| self.device.agree(raw::slot(slot), peer, out);
        self.device
            .envelope(public_key, LONGEST_COORDINATE, agree)
            .map(Buffer::from)
            .thrown(env)
    }

    /// Random bytes, in an envelope.
    #[napi]
    pub fn random_for(&self, env: &Env, public_key: &[u8], length: u32) -> napi::Result<Buffer> {
        let fill = |out: &mut [u8]| self.device.random(out).map(|()| out.len());
        self.device
            .envelope(public_key, length as usize, fill)
            .map(Buffer::from)
            .thrown(env)
    }

    /// What another device let out, in an envelope.
    #[napi]
    pub fn envelope_for(
        &self,
        env: &Env,
        public_key: &[u8],
        plaintext: &[u8],
    ) -> napi::Result<Buffer> {
        self.device
            .envelope_of(public_key, plaintext)
            .map(Buffer::from)
            .thrown(env)
    }
}

/// What a body is longer than its plaintext: nonce, IV and tag.
const OVERHEAD: usize = 44;

/// P-521's.
const LONGEST_COORDINATE: usize = 66;

fn attested(attestation: Attestation) -> AttestedRecipient {
    let registers = attestation.registers.into_iter();
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody lives in 2^53 milliseconds"
    )]
    let timestamp = attestation.timestamp as f64;
    AttestedRecipient {
        module_id: attestation.module,
        timestamp,
        platform: match attestation.platform {
            Platform::Enclave => "enclave",
            Platform::Tpm => "tpm",
        },
        registers: registers
            .map(|(index, value)| Register {
                index: index.into(),
                value: value.into(),
            })
            .collect(),
        public_key: attestation.public_key.into(),
        user_data: attestation.user_data.map(Buffer::from),
        nonce: attestation.nonce.map(Buffer::from),
    }
}
