//! Ed25519 and Ed25519ph on bare bytes, as AWS-LC takes them.
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

use core::ptr;

use aws_lc_sys as lc;

use super::done;

/// The seed, and the public key behind it.
pub const PRIVATE: usize = 64;
pub const PUBLIC: usize = 32;
pub const SIGNATURE: usize = 64;

/// Writes the private key of a seed: RFC 8032, 5.1.5.
pub fn expand(seed: &[u8; 32], private: &mut [u8; PRIVATE]) {
    let mut public = [0; PUBLIC];
    // SAFETY: all three have the lengths the function asks for.
    unsafe {
        lc::ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr());
    }
}

/// Ed25519, or with `prehashed` Ed25519ph with an empty context, which hashes the message itself.
#[must_use]
pub fn sign(
    private: &[u8; PRIVATE],
    message: &[u8],
    prehashed: bool,
    out: &mut [u8; SIGNATURE],
) -> bool {
    // SAFETY: key and signature have the lengths the functions ask for; an empty context needs no address.
    done(unsafe {
        if prehashed {
            lc::ED25519ph_sign(
                out.as_mut_ptr(),
                message.as_ptr(),
                message.len(),
                private.as_ptr(),
                ptr::null(),
                0,
            )
        } else {
            lc::ED25519_sign(
                out.as_mut_ptr(),
                message.as_ptr(),
                message.len(),
                private.as_ptr(),
            )
        }
    })
}

#[must_use]
pub fn verify(
    public: &[u8; PUBLIC],
    message: &[u8],
    prehashed: bool,
    signature: &[u8; SIGNATURE],
) -> bool {
    // SAFETY: as for `sign`; everything is only read.
    done(unsafe {
        if prehashed {
            lc::ED25519ph_verify(
                message.as_ptr(),
                message.len(),
                signature.as_ptr(),
                public.as_ptr(),
                ptr::null(),
                0,
            )
        } else {
            lc::ED25519_verify(
                message.as_ptr(),
                message.len(),
                signature.as_ptr(),
                public.as_ptr(),
            )
        }
    })
}
