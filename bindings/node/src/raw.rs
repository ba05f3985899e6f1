//! The hot verbs as bare N-API functions: numbers and byte views in, a number out, no object crosses.
//!
//! Buffers that user code can reach are looked up anew on every call, for they can be detached between two. Only the
//! scratch is remembered: its memory is ours, and lives as long as anyone, here or in JavaScript, can still reach it.

mod bind;
mod call;
mod keys;

use std::sync::Arc;

use ::hsm::{Hsm, Sealed, Slot, Target};
use napi::{Env, bindgen_prelude::Unknown};
use napi_derive::napi;

use self::{
    bind::{Scratch, bind},
    call::{Answer, Bytes, Call},
};

/// The hot path: synchronous, writing into buffers they are given, returning how many bytes they wrote.
///
/// Associated data is `scratch[aadAt .. aadAt + aadLength]`; its first `prefix` bytes are copied in front of the body, in
/// the clear. A body is nonce (16), IV (12), ciphertext, tag (16). Inputs and `out` must not overlap.
#[napi(object, object_from_js = false)]
pub struct Verbs<'env> {
    /// Associated data is written here before a call and read during it. 32 KiB, one for each call of `verbs()`.
    #[napi(ts_type = "Uint8Array")]
    pub scratch: Unknown<'env>,
    /// Seals `plaintext` into `out` from `at` on.
    #[napi(
        ts_type = "(slot: number, plaintext: Uint8Array, aadAt: number, aadLength: number, prefix: number, out: Uint8Array, at: number) => number"
    )]
    pub encrypt: Unknown<'env>,
    /// Opens the body that begins at `bodyAt` in `blob` into `out` from `at` on.
    #[napi(
        ts_type = "(slot: number, blob: Uint8Array, bodyAt: number, aadAt: number, aadLength: number, out: Uint8Array, at: number) => number"
    )]
    pub decrypt: Unknown<'env>,
    /// Makes a data key of `length` bytes: into `plain` from `plainAt` on, and sealed into `out` like `encrypt`. Without
    /// `plain` it exists only sealed (and is 1,024 bytes long at most).
    #[napi(
        ts_type = "(slot: number, length: number, plain: Uint8Array | undefined, plainAt: number, aadAt: number, aadLength: number, prefix: number, out: Uint8Array, at: number) => number"
    )]
    pub data_key: Unknown<'env>,
    /// Opens a body under one slot and seals it under another; the plaintext stays inside.
    #[napi(
        ts_type = "(source: number, blob: Uint8Array, bodyAt: number, aadAt: number, aadLength: number, destination: number, destinationAadAt: number, destinationAadLength: number, prefix: number, out: Uint8Array, at: number) => number"
    )]
    pub reencrypt: Unknown<'env>,
    /// Seals plaintexts that stand back to back in `packed`; the frames stand back to back in `out`.
    #[napi(
        ts_type = "(slot: number, packed: Uint8Array, lengths: Uint32Array, aadAt: number, aadLength: number, prefix: number, out: Uint8Array, at: number) => number"
    )]
    pub encrypt_many: Unknown<'env>,
    /// Opens frames that stand back to back, the body of each at `bodyAt` in it; all of them or none.
    #[napi(
        ts_type = "(slot: number, packed: Uint8Array, lengths: Uint32Array, bodyAt: number, aadAt: number, aadLength: number, out: Uint8Array, at: number) => number"
    )]
    pub decrypt_many: Unknown<'env>,
    /// Fills `out[at .. at + length]` from the device's generator.
    #[napi(ts_type = "(out: Uint8Array, at: number, length: number) => void")]
    pub random: Unknown<'env>,
    /// Signs `message` into `out`. Scheme: 1–3 PKCS #1 v1.5 and 4–6 PSS with SHA-256, SHA-384, SHA-512; 7 ECDSA, 8 Ed25519,
    /// 9 Ed25519ph, 10 ML-DSA, 11 SM2. Form: 0 raw, 1 digest (not hashed again), 2 external μ.
    #[napi(
        ts_type = "(slot: number, scheme: number, form: number, message: Uint8Array, out: Uint8Array, at: number) => number"
    )]
    pub sign: Unknown<'env>,
    /// 1 when the signature is right, otherwise 0.
    #[napi(
        ts_type = "(slot: number, scheme: number, form: number, message: Uint8Array, signature: Uint8Array) => number"
    )]
    pub verify: Unknown<'env>,
    /// Writes the MAC of `message` into `out`.
    #[napi(ts_type = "(slot: number, message: Uint8Array, out: Uint8Array, at: number) => number")]
    pub mac: Unknown<'env>,
    /// 1 when the MAC is right, otherwise 0.
    #[napi(ts_type = "(slot: number, message: Uint8Array, mac: Uint8Array) => number")]
    pub mac_verify: Unknown<'env>,
    /// Writes the secret shared with the owner of `peer`, a `SubjectPublicKeyInfo`; `InvalidPublicKey` when it is none.
    #[napi(ts_type = "(slot: number, peer: Uint8Array, out: Uint8Array, at: number) => number")]
    pub agree: Unknown<'env>,
    /// Makes a secret of 32 bytes and the ciphertext that carries it, whose length it returns.
    #[napi(
        ts_type = "(slot: number, secretOut: Uint8Array, secretAt: number, ciphertextOut: Uint8Array, ciphertextAt: number) => number"
    )]
    pub encapsulate: Unknown<'env>,
    /// Writes the secret that `ciphertext` carries.
    #[napi(
        ts_type = "(slot: number, ciphertext: Uint8Array, out: Uint8Array, at: number) => number"
    )]
    pub decapsulate: Unknown<'env>,
}

/// Makes the verbs of a device for this thread.
pub fn verbs<'env>(env: &'env Env, hsm: &Arc<Hsm>) -> napi::Result<Verbs<'env>> {
    let scratch = Scratch::new();
    Ok(Verbs {
        scratch: scratch.expose(env)?,
        encrypt: bind(env, hsm, &scratch, encrypt)?,
        decrypt: bind(env, hsm, &scratch, decrypt)?,
        data_key: bind(env, hsm, &scratch, data_key)?,
        reencrypt: bind(env, hsm, &scratch, reencrypt)?,
        encrypt_many: bind(env, hsm, &scratch, encrypt_many)?,
        decrypt_many: bind(env, hsm, &scratch, decrypt_many)?,
        random: bind(env, hsm, &scratch, random)?,
        sign: bind(env, hsm, &scratch, keys::sign)?,
        verify: bind(env, hsm, &scratch, keys::verify)?,
        mac: bind(env, hsm, &scratch, keys::mac)?,
        mac_verify: bind(env, hsm, &scratch, keys::mac_verify)?,
        agree: bind(env, hsm, &scratch, keys::agree)?,
        encapsulate: bind(env, hsm, &scratch, keys::encapsulate)?,
        decapsulate: bind(env, hsm, &scratch, keys::decapsulate)?,
    })
}

/// The slot of a number from JavaScript; what is no number of a slot names none.
pub fn slot(number: f64) -> Slot {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and slot 0 never is"
    )]
    Slot::from_number(number as u64)
}

fn encrypt(call: &Call<7>) -> Answer {
    let (input, out) = call.apart(call.bytes(1)?, call.out(5, 6)?)?;
    Ok(call
        .hsm
        .encrypt(call.slot(0)?, input, call.aad(2)?, call.number(4)?, out)?)
}

fn decrypt(call: &Call<7>) -> Answer {
    let (input, out) = call.apart(call.body(1, 2)?, call.out(5, 6)?)?;
    Ok(call.hsm.decrypt(call.slot(0)?, input, call.aad(3)?, out)?)
}

fn data_key(call: &Call<9>) -> Answer {
    let (slot, length, aad, prefix) = (
        call.slot(0)?,
        call.number(1)?,
        call.aad(4)?,
        call.number(6)?,
    );
    if call.is_undefined(2)? {
        let (_, out) = call.apart(Bytes::NONE, call.out(7, 8)?)?;
        return Ok(call.hsm.data_key_sealed(slot, length, aad, prefix, out)?);
    }
    let plain = call.out(2, 3)?.first(length)?;
    let (plain, out) = call.apart_mut(plain, call.out(7, 8)?)?;
    Ok(call.hsm.data_key(slot, plain, aad, prefix, out)?)
}

fn reencrypt(call: &Call<11>) -> Answer {
    let (body, out) = call.apart(call.body(1, 2)?, call.out(9, 10)?)?;
    let from = Sealed {
        slot: call.slot(0)?,
        body,
        aad: call.aad(3)?,
    };
    let to = Target {
        slot: call.slot(5)?,
        aad: call.aad(6)?,
        prefix: call.number(8)?,
    };
    Ok(call.hsm.reencrypt(from, to, out)?)
}

fn encrypt_many(call: &Call<8>) -> Answer {
    let lengths = call.lengths(2)?;
    let (packed, out) = call.apart(call.bytes(1)?, call.out(6, 7)?)?;
    Ok(call.hsm.encrypt_many(
        call.slot(0)?,
        packed,
        &lengths,
        call.aad(3)?,
        call.number(5)?,
        out,
    )?)
}

fn decrypt_many(call: &Call<8>) -> Answer {
    let lengths = call.lengths(2)?;
    let (packed, out) = call.apart(call.bytes(1)?, call.out(6, 7)?)?;
    Ok(call.hsm.decrypt_many(
        call.slot(0)?,
        packed,
        &lengths,
        call.number(3)?,
        call.aad(4)?,
        out,
    )?)
}

fn random(call: &Call<3>) -> Answer {
    let (_, out) = call.apart(Bytes::NONE, call.out(0, 1)?.first(call.number(2)?)?)?;
    call.hsm.random(out)?;
    Ok(out.len())
}
