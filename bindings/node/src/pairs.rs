//! Key pairs as JavaScript sees them: making them, and what takes so long that it is done aside.

use std::sync::Arc;

use ::hsm::{DataKeyPair, Form, Made, Message, Sealing, SecretBuffer, Signing};
use napi::{
    Env,
    bindgen_prelude::{AsyncTask, Buffer},
};
use napi_derive::napi;

use crate::{
    errors::Thrown,
    hsm::{Hsm, bits},
    raw,
    task::{Bytes, Work, aside, aside_bytes},
};

/// A key that was made.
#[napi(object, object_from_js = false)]
pub struct MadeKey {
    /// The key, sealed.
    pub token: Buffer,
    /// The public half as `SubjectPublicKeyInfo`, DER, if there is one.
    pub public_key: Option<Buffer>,
}

impl From<Made> for MadeKey {
    fn from(made: Made) -> Self {
        Self {
            token: made.token.into(),
            public_key: made.public_key.map(Buffer::from),
        }
    }
}

/// A key pair made to be handed out.
#[napi(object, object_from_js = false)]
pub struct SealedKeyPair {
    /// The public half as `SubjectPublicKeyInfo`, DER.
    pub public_key: Buffer,
    /// The private half, sealed: `prefix` bytes of the associated data, then the body.
    pub blob: Buffer,
    /// The private half as PKCS#8, DER, if it was asked for.
    pub plaintext: Option<Buffer>,
}

#[napi]
impl Hsm {
    /// Makes a key inside the device. An RSA pair takes up to a second or more, during which this thread stands still.
    #[napi(js_name = "create")]
    pub fn make(&self, env: &Env, spec: String, usages: u32) -> napi::Result<MadeKey> {
        self.device
            .make(&spec, bits(usages))
            .map(MadeKey::from)
            .thrown(env)
    }

    /// Makes a key inside the device, aside.
    #[napi(js_name = "createAsync", ts_return_type = "Promise<MadeKey>")]
    pub fn make_aside(&self, spec: String, usages: u32) -> AsyncTask<Work<Made, MadeKey>> {
        let device = Arc::clone(&self.device);
        aside(move || device.make(&spec, bits(usages)), MadeKey::from)
    }

    /// The public half of a token's pair as `SubjectPublicKeyInfo`, DER.
    #[napi]
    pub fn public_key(&self, env: &Env, token: &[u8]) -> napi::Result<Buffer> {
        self.device.public_key(token).map(Buffer::from).thrown(env)
    }

    /// Signs aside. Scheme and form as in `Verbs.sign`.
    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn sign_async(
        &self,
        slot: f64,
        scheme: u32,
        form: u32,
        message: &[u8],
    ) -> AsyncTask<Bytes<Box<[u8]>>> {
        let device = Arc::clone(&self.device);
        let bytes = message.to_vec();
        aside_bytes(move || {
            let (scheme, form) = (Signing::numbered(scheme)?, Form::numbered(form)?);
            let message = Message {
                form,
                bytes: &bytes,
            };
            let mut signature = vec![0; Signing::MOST_SIGNATURE];
            let length = device.sign(raw::slot(slot), scheme, &message, &mut signature)?;
            signature.truncate(length);
            Ok(signature.into())
        })
    }

    /// Encrypts to the pair in a slot. Scheme: 1 OAEP with SHA-1, 2 OAEP with SHA-256, 3 SM2.
    #[napi]
    pub fn encrypt_asymmetric(
        &self,
        env: &Env,
        slot: f64,
        scheme: u32,
        plaintext: &[u8],
    ) -> napi::Result<Buffer> {
        Sealing::numbered(scheme)
            .and_then(|scheme| self.device.encrypt_to(raw::slot(slot), scheme, plaintext))
            .map(Buffer::from)
            .thrown(env)
    }

    /// Decrypts aside what was encrypted to the pair in a slot. `DecryptionFailed`, whatever is wrong with it.
    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn decrypt_asymmetric(
        &self,
        slot: f64,
        scheme: u32,
        ciphertext: &[u8],
    ) -> AsyncTask<Bytes<SecretBuffer>> {
        let device = Arc::clone(&self.device);
        let ciphertext = ciphertext.to_vec();
        aside_bytes(move || {
            let scheme = Sealing::numbered(scheme)?;
            device.decrypt_from(raw::slot(slot), scheme, &ciphertext)
        })
    }

    /// Makes a key pair aside, and seals its private half, PKCS#8, under the symmetric key in a slot: like `Verbs.encrypt`.
    /// Only with `plaintext` does it leave the device in the clear.
    #[napi(ts_return_type = "Promise<SealedKeyPair>")]
    pub fn data_key_pair(
        &self,
        slot: f64,
        spec: String,
        aad: &[u8],
        prefix: u32,
        plaintext: bool,
    ) -> AsyncTask<Work<DataKeyPair, SealedKeyPair>> {
        let device = Arc::clone(&self.device);
        let aad = aad.to_vec();
        let convert: fn(DataKeyPair) -> SealedKeyPair = if plaintext {
            |pair| SealedKeyPair {
                plaintext: Some(Buffer::from(&pair.private_key[..])),
                ..SealedKeyPair::from(pair)
            }
        } else {
            SealedKeyPair::from
        };
        aside(
            move || device.data_key_pair(raw::slot(slot), &spec, &aad, prefix as usize),
            convert,
        )
    }
}

impl From<DataKeyPair> for SealedKeyPair {
    fn from(pair: DataKeyPair) -> Self {
        Self {
            public_key: pair.public_key.into(),
            blob: pair.sealed.into(),
            plaintext: None,
        }
    }
}
