//! The one place that calls AWS-LC's C functions, for XTS is in its C library alone. What is here is safe to call.
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

use core::ptr::{self, NonNull};

use aws_lc_sys as lc;

use crate::KEY;

/// Which way a cipher goes; its schedule is made for one of them.
#[derive(Clone, Copy)]
pub enum Direction {
    Decrypt = 0,
    Encrypt = 1,
}

/// AES-256-XTS in one direction. AWS-LC wipes all that it frees, the schedules with it.
pub struct Cipher(NonNull<lc::EVP_CIPHER_CTX>);

// SAFETY: the context is this cipher's alone and knows no thread.
unsafe impl Send for Cipher {}

impl Cipher {
    /// None when there is no memory, or when the halves of the key are equal.
    pub fn new(direction: Direction, key: &[u8; KEY]) -> Option<Self> {
        // SAFETY: nothing is asked for.
        let cipher = Self(NonNull::new(unsafe { lc::EVP_CIPHER_CTX_new() })?);
        // SAFETY: the context is new, the cipher a static table, and the key as long as that cipher's keys are.
        let ready = unsafe {
            lc::EVP_CipherInit_ex(
                cipher.0.as_ptr(),
                lc::EVP_aes_256_xts(),
                ptr::null_mut(),
                key.as_ptr(),
                ptr::null(),
                direction as i32,
            )
        };
        done(ready == 1).then_some(cipher)
    }

    /// Goes over one data unit in place. False, with the unit as it was, for one shorter than a block.
    #[must_use]
    pub fn run(&mut self, tweak: [u8; 16], unit: &mut [u8]) -> bool {
        let (context, data) = (self.0.as_ptr(), unit.as_mut_ptr());
        // SAFETY: the context has its key; the tweak is as long as the cipher's and copied, and the unit may be input and
        // output at once.
        let done_with = unsafe {
            lc::EVP_CipherInit_ex(
                context,
                ptr::null(),
                ptr::null_mut(),
                ptr::null(),
                tweak.as_ptr(),
                -1,
            ) == 1
                && lc::EVP_Cipher(context, data, data, unit.len()) == 1
        };
        done(done_with)
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        // SAFETY: the context is ours.
        unsafe { lc::EVP_CIPHER_CTX_free(self.0.as_ptr()) }
    }
}

/// If a call failed, AWS-LC has queued a reason for this thread; nobody reads it, so it must not pile up.
fn done(well: bool) -> bool {
    if !well {
        // SAFETY: only this thread's own queue is emptied.
        unsafe { lc::ERR_clear_error() };
    }
    well
}
