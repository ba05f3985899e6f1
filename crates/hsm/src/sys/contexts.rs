//! What AWS-LC does with a key only through a context: OAEP, ML-DSA and ML-KEM.
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

use core::ptr::{self, NonNull};

use aws_lc_sys as lc;

use super::{done, heap::privately, md, pkey::Pkey};
use crate::hash::Hash;

/// One operation's state, freed and wiped when it goes.
struct Context(NonNull<lc::EVP_PKEY_CTX>);

impl Context {
    fn of(key: &Pkey) -> Option<Self> {
        // SAFETY: the context counts itself among the key's owners.
        NonNull::new(unsafe { lc::EVP_PKEY_CTX_new(key.raw(), ptr::null_mut()) }).map(Self)
    }

    fn raw(&self) -> *mut lc::EVP_PKEY_CTX {
        self.0.as_ptr()
    }

    /// OAEP with one hash for label and mask, and an empty label.
    fn oaep(&self, hash: Hash) -> bool {
        // SAFETY: the context is valid, and refuses what its key cannot do.
        unsafe {
            lc::EVP_PKEY_CTX_set_rsa_padding(self.raw(), lc::RSA_PKCS1_OAEP_PADDING) == 1
                && lc::EVP_PKEY_CTX_set_rsa_oaep_md(self.raw(), md(hash)) == 1
                && lc::EVP_PKEY_CTX_set_rsa_mgf1_md(self.raw(), md(hash)) == 1
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is ours.
        unsafe { lc::EVP_PKEY_CTX_free(self.raw()) }
    }
}

/// A message's state, for keys that hash it themselves.
struct Digesting(NonNull<lc::EVP_MD_CTX>);

impl Digesting {
    fn new() -> Option<Self> {
        // SAFETY: nothing is asked for.
        NonNull::new(unsafe { lc::EVP_MD_CTX_new() }).map(Self)
    }
}

impl Drop for Digesting {
    fn drop(&mut self) {
        // SAFETY: the context is ours.
        unsafe { lc::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    pub fn encrypt_oaep(&self, hash: Hash, plaintext: &[u8], out: &mut [u8]) -> Option<usize> {
        let context = Context::of(self)?;
        let mut length = out.len();
        // SAFETY: AWS-LC checks `out` against the length it is told.
        let encrypted = unsafe { lc::EVP_PKEY_encrypt_init(context.raw()) == 1 }
            && context.oaep(hash)
            && unsafe {
                lc::EVP_PKEY_encrypt(
                    context.raw(),
                    out.as_mut_ptr(),
                    &raw mut length,
                    plaintext.as_ptr(),
                    plaintext.len(),
                ) == 1
            };
        done(encrypted.into()).then_some(length)
    }

    /// `out` must be as long as the modulus.
    pub fn decrypt_oaep(&self, hash: Hash, ciphertext: &[u8], out: &mut [u8]) -> Option<usize> {
        privately(|| {
            let context = Context::of(self)?;
            let mut length = out.len();
            // SAFETY: AWS-LC checks `out` against the length it is told.
            let decrypted = unsafe { lc::EVP_PKEY_decrypt_init(context.raw()) == 1 }
                && context.oaep(hash)
                && unsafe {
                    lc::EVP_PKEY_decrypt(
                        context.raw(),
                        out.as_mut_ptr(),
                        &raw mut length,
                        ciphertext.as_ptr(),
                        ciphertext.len(),
                    ) == 1
                };
            done(decrypted.into()).then_some(length)
        })
    }

    /// ML-DSA, hedged, with an empty context, over a message or over the 64 bytes of μ.
    pub fn sign_mldsa(&self, message: &[u8], is_mu: bool, out: &mut [u8]) -> Option<usize> {
        privately(|| {
            let mut length = out.len();
            // SAFETY: both contexts are valid; AWS-LC checks the lengths of μ and of `out`.
            let signed = unsafe {
                if is_mu {
                    let context = Context::of(self)?;
                    lc::EVP_PKEY_sign_init(context.raw()) == 1
                        && lc::EVP_PKEY_sign(
                            context.raw(),
                            out.as_mut_ptr(),
                            &raw mut length,
                            message.as_ptr(),
                            message.len(),
                        ) == 1
                } else {
                    let context = Digesting::new()?;
                    let null = ptr::null_mut();
                    lc::EVP_DigestSignInit(
                        context.0.as_ptr(),
                        null,
                        ptr::null(),
                        null.cast(),
                        self.raw(),
                    ) == 1
                        && lc::EVP_DigestSign(
                            context.0.as_ptr(),
                            out.as_mut_ptr(),
                            &raw mut length,
                            message.as_ptr(),
                            message.len(),
                        ) == 1
                }
            };
            done(signed.into()).then_some(length)
        })
    }

    #[must_use]
    pub fn verify_mldsa(&self, message: &[u8], is_mu: bool, signature: &[u8]) -> bool {
        // SAFETY: both contexts are valid; the slices are only read.
        let verified = unsafe {
            if is_mu {
                Context::of(self).is_some_and(|context| {
                    lc::EVP_PKEY_verify_init(context.raw()) == 1
                        && lc::EVP_PKEY_verify(
                            context.raw(),
                            signature.as_ptr(),
                            signature.len(),
                            message.as_ptr(),
                            message.len(),
                        ) == 1
                })
            } else {
                Digesting::new().is_some_and(|context| {
                    let null = ptr::null_mut();
                    lc::EVP_DigestVerifyInit(
                        context.0.as_ptr(),
                        null,
                        ptr::null(),
                        null.cast(),
                        self.raw(),
                    ) == 1
                        && lc::EVP_DigestVerify(
                            context.0.as_ptr(),
                            signature.as_ptr(),
                            signature.len(),
                            message.as_ptr(),
                            message.len(),
                        ) == 1
                })
            }
        };
        done(verified.into())
    }

    /// ML-KEM: the secret that the random `message` stands for, and what carries it to the owner of the key.
    #[must_use]
    pub fn encapsulate(
        &self,
        message: &[u8; 32],
        secret: &mut [u8; 32],
        ciphertext: &mut [u8],
    ) -> bool {
        privately(|| {
            let Some(context) = Context::of(self) else {
                return false;
            };
            let (mut ciphertext_length, mut secret_length) = (ciphertext.len(), secret.len());
            let mut message_length = message.len();
            // SAFETY: AWS-LC checks both outputs and the message against the lengths it is told.
            let encapsulated = unsafe {
                lc::EVP_PKEY_encapsulate_deterministic(
                    context.raw(),
                    ciphertext.as_mut_ptr(),
                    &raw mut ciphertext_length,
                    secret.as_mut_ptr(),
                    &raw mut secret_length,
                    message.as_ptr(),
                    &raw mut message_length,
                )
            };
            done(encapsulated) && ciphertext_length == ciphertext.len() && secret_length == 32
        })
    }

    /// A ciphertext of the right length always gives a secret; a wrong one gives one that nobody else has.
    #[must_use]
    pub fn decapsulate(&self, ciphertext: &[u8], secret: &mut [u8; 32]) -> bool {
        privately(|| {
            let Some(context) = Context::of(self) else {
                return false;
            };
            let mut length = secret.len();
            // SAFETY: AWS-LC checks the output against the length it is told, and the ciphertext's length against the key.
            let decapsulated = unsafe {
                lc::EVP_PKEY_decapsulate(
                    context.raw(),
                    secret.as_mut_ptr(),
                    &raw mut length,
                    ciphertext.as_ptr(),
                    ciphertext.len(),
                )
            };
            done(decapsulated) && length == 32
        })
    }
}
