//! Keys from outside, as JavaScript sees them.

use std::sync::Arc;

use ::hsm::{Imported, Terms, WrappingKey};
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi_derive::napi;

use crate::{
    hsm::{Hsm, bits},
    millis,
    task::{Work, aside},
};

/// What may come in under a wrapping key.
#[napi(object, object_to_js = false)]
pub struct WrappingTerms {
    /// How keys are wrapped: `RSAES_OAEP_SHA_1`, `RSAES_OAEP_SHA_256`, `RSA_AES_KEY_WRAP_SHA_1`,
    /// `RSA_AES_KEY_WRAP_SHA_256` or `SM2PKE`.
    pub scheme: String,
    /// From this time on the token is refused, in milliseconds since 1970.
    pub expiry: f64,
    /// What the key is meant for; the parcel has to say the same.
    #[napi(ts_type = "Uint8Array")]
    pub binding: Buffer,
}

/// A wrapping key pair.
#[napi(object, object_from_js = false)]
pub struct WrappingPair {
    /// The private half, sealed.
    pub token: Buffer,
    /// The public half as `SubjectPublicKeyInfo`, DER.
    pub public_key: Buffer,
}

/// A key on its way in.
#[napi(object, object_to_js = false)]
pub struct Parcel {
    /// The token of the wrapping key.
    #[napi(ts_type = "Uint8Array")]
    pub token: Buffer,
    /// What that token is bound to.
    #[napi(ts_type = "Uint8Array")]
    pub binding: Buffer,
    /// The time, in milliseconds since 1970.
    pub now: f64,
    /// The key, wrapped.
    #[napi(ts_type = "Uint8Array")]
    pub wrapped: Buffer,
    /// What kind of key it is.
    pub spec: String,
    /// What it shall be used for.
    pub usages: u32,
    /// A name that its digest depends on.
    #[napi(ts_type = "Uint8Array")]
    pub label: Buffer,
}

/// A key that came in.
#[napi(object, object_from_js = false)]
pub struct ImportedKey {
    /// The key's token.
    pub token: Buffer,
    /// Its public half as `SubjectPublicKeyInfo`, DER, if it has one.
    pub public_key: Option<Buffer>,
    /// 32 bytes: the same for the same key under the same label, and for no other.
    pub digest: Buffer,
}

#[napi]
impl Hsm {
    /// Makes a wrapping key pair: `RSA_2048`, `RSA_3072`, `RSA_4096` or `SM2`. The device forgets it; its token is all there is.
    #[napi(ts_return_type = "Promise<WrappingPair>")]
    pub fn wrapping_key(
        &self,
        spec: String,
        terms: WrappingTerms,
    ) -> AsyncTask<Work<WrappingKey, WrappingPair>> {
        let device = Arc::clone(&self.device);
        let binding = terms.binding.to_vec();
        aside(
            move || {
                let terms = Terms {
                    scheme: &terms.scheme,
                    expiry: millis(terms.expiry),
                    binding: &binding,
                };
                device.wrapping_key(&spec, &terms)
            },
            |key| WrappingPair {
                token: key.token.into(),
                public_key: key.public_key.into(),
            },
        )
    }

    /// Unwraps a key and makes a token of it. `InvalidToken` when the parcel's token is not genuine or bound to something
    /// else, `ExpiredToken`, `DecryptionFailed`, `InvalidMaterial`: in this order.
    #[napi(ts_return_type = "Promise<ImportedKey>")]
    pub fn import_wrapped(&self, parcel: Parcel) -> AsyncTask<Work<Imported, ImportedKey>> {
        let device = Arc::clone(&self.device);
        let [token, binding, wrapped, label] =
            [parcel.token, parcel.binding, parcel.wrapped, parcel.label]
                .map(|bytes| bytes.to_vec());
        aside(
            move || {
                device.import_wrapped(&::hsm::Parcel {
                    token: &token,
                    binding: &binding,
                    now: millis(parcel.now),
                    wrapped: &wrapped,
                    spec: &parcel.spec,
                    usages: bits(parcel.usages),
                    label: &label,
                })
            },
            |key| ImportedKey {
                token: key.token.into(),
                public_key: key.public_key.map(Buffer::from),
                digest: key.digest.to_vec().into(),
            },
        )
    }
}
