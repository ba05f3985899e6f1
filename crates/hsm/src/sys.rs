//! The one place that calls AWS-LC's C functions: what aws-lc-rs does not offer, or offers only with an allocation per call.
//! Every function here is safe to call; what makes it so stands beside each `unsafe` block.
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

mod contexts;
pub mod edwards;
pub mod heap;
pub mod pkey;
pub mod primes;

use core::{ffi::c_int, mem::MaybeUninit, ptr};

use aws_lc_sys as lc;

use crate::hash::{Hash, MOST_DIGEST};

pub const TAG: usize = 16;

/// Whether a call succeeded. If it did not, AWS-LC has queued a reason for this thread; nobody may read it, so it must not
/// pile up.
fn done(answer: c_int) -> bool {
    if answer != 1 {
        // SAFETY: only this thread's own queue is emptied.
        unsafe { lc::ERR_clear_error() };
    }
    answer == 1
}

fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: these only return pointers to static tables.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
        }
    }
}

fn nid(hash: Hash) -> c_int {
    match hash {
        Hash::Sha1 => lc::NID_sha1,
        Hash::Sha224 => lc::NID_sha224,
        Hash::Sha256 => lc::NID_sha256,
        Hash::Sha384 => lc::NID_sha384,
        Hash::Sha512 => lc::NID_sha512,
    }
}

/// Writes the digest to the front of `out`.
pub fn digest(hash: Hash, message: &[u8], out: &mut [u8; MOST_DIGEST]) {
    let (data, length, out) = (message.as_ptr(), message.len(), out.as_mut_ptr());
    // SAFETY: the message is a slice, and no digest is longer than `out`.
    unsafe {
        match hash {
            Hash::Sha1 => lc::SHA1(data, length, out),
            Hash::Sha224 => lc::SHA224(data, length, out),
            Hash::Sha256 => lc::SHA256(data, length, out),
            Hash::Sha384 => lc::SHA384(data, length, out),
            Hash::Sha512 => lc::SHA512(data, length, out),
        };
    }
}

/// Writes the MAC to the front of `out`.
pub fn hmac(hash: Hash, key: &[u8], message: &[u8], out: &mut [u8; MOST_DIGEST]) -> bool {
    let mut length = 0;
    // SAFETY: key and message are slices, and no MAC is longer than `out`.
    let made = unsafe {
        lc::HMAC(
            md(hash),
            key.as_ptr().cast(),
            key.len(),
            message.as_ptr(),
            message.len(),
            out.as_mut_ptr(),
            &raw mut length,
        )
    };
    done((!made.is_null()).into())
}

/// Compares in a time that depends on the lengths alone.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    // SAFETY: both slices are as long as the first.
    one.len() == other.len()
        && unsafe { lc::CRYPTO_memcmp(one.as_ptr().cast(), other.as_ptr().cast(), one.len()) == 0 }
}

/// Overwrites bytes, or words, with zeros in a way no optimiser removes. Inlined, because it stands on every hot path.
#[inline]
pub fn wipe<T: Copy + Default>(secret: &mut [T]) {
    secret.fill(T::default());
    // SAFETY: the assembly is empty; but as it might read what the pointer leads to, the zeros must be there.
    unsafe {
        core::arch::asm!("/* {0} */", in(reg) secret.as_ptr(), options(nostack, readonly, preserves_flags));
    }
}

/// The operating system's and processor's entropy through AWS-LC's DRBG. False when there is none to be had.
#[must_use]
pub fn random(out: &mut [u8]) -> bool {
    // SAFETY: the pointer and length are those of an exclusive slice.
    unsafe { lc::RAND_bytes(out.as_mut_ptr(), out.len()) == 1 }
}

/// Runs SHA-256's compression function over whole blocks, on the fastest path this processor has.
pub fn sha256_blocks(state: &mut [u32; 8], blocks: &[u8]) {
    assert!(
        blocks.len().is_multiple_of(64),
        "SHA-256 compresses whole blocks"
    );
    // SAFETY: the state has the eight words the function reads and writes, the data `len / 64` whole blocks.
    unsafe { lc::SHA256_TransformBlocks(state.as_mut_ptr(), blocks.as_ptr(), blocks.len() / 64) }
}

/// An AES-GCM key schedule that lives on the stack for one call and is wiped when it goes.
pub struct Gcm(MaybeUninit<lc::EVP_AEAD_CTX>);

impl Gcm {
    /// Expands a key of 16, 24 or 32 bytes; no other size exists.
    pub fn with<R>(key: &[u8], act: impl FnOnce(&Self) -> R) -> Option<R> {
        // SAFETY: these only return pointers to static tables.
        let aead = unsafe {
            match key.len() {
                16 => lc::EVP_aead_aes_128_gcm(),
                24 => lc::EVP_aead_aes_192_gcm(),
                32 => lc::EVP_aead_aes_256_gcm(),
                _ => return None,
            }
        };
        let mut gcm = Self(MaybeUninit::uninit());
        // SAFETY: the context is writable and large enough by its type; the key has the length the AEAD asks for. The
        // context stays where it is (only lent to `act`) and owns no memory, so wiping it in `drop` releases it, too.
        let ready = unsafe {
            lc::EVP_AEAD_CTX_init(
                gcm.0.as_mut_ptr(),
                aead,
                key.as_ptr(),
                key.len(),
                TAG,
                ptr::null_mut(),
            )
        };
        (ready == 1).then(|| act(&gcm))
    }

    /// Writes ciphertext and tag. `out` must be as long as `plaintext`.
    #[must_use]
    pub fn seal(
        &self,
        iv: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
        tag: &mut [u8; TAG],
    ) -> bool {
        assert_eq!(
            plaintext.len(),
            out.len(),
            "a ciphertext is as long as its plaintext"
        );
        let mut tag_length = 0;
        // SAFETY: the context was initialised by `with`; every pointer comes with the length of its slice, `out` is as
        // long as the input, and nothing extra is asked for.
        unsafe {
            lc::EVP_AEAD_CTX_seal_scatter(
                self.0.as_ptr(),
                out.as_mut_ptr(),
                tag.as_mut_ptr(),
                &raw mut tag_length,
                TAG,
                iv.as_ptr(),
                iv.len(),
                plaintext.as_ptr(),
                plaintext.len(),
                ptr::null(),
                0,
                aad.as_ptr(),
                aad.len(),
            ) == 1
        }
    }

    /// Writes the plaintext when the tag is right. False otherwise, and `out` then holds nothing of it.
    #[must_use]
    pub fn open(
        &self,
        iv: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG],
        out: &mut [u8],
    ) -> bool {
        assert_eq!(
            ciphertext.len(),
            out.len(),
            "a plaintext is as long as its ciphertext"
        );
        // SAFETY: as for `seal`.
        unsafe {
            done(lc::EVP_AEAD_CTX_open_gather(
                self.0.as_ptr(),
                out.as_mut_ptr(),
                iv.as_ptr(),
                iv.len(),
                ciphertext.as_ptr(),
                ciphertext.len(),
                tag.as_ptr(),
                TAG,
                aad.as_ptr(),
                aad.len(),
            ))
        }
    }
}

impl Drop for Gcm {
    fn drop(&mut self) {
        // SAFETY: the context is plain memory of this size.
        unsafe { lc::OPENSSL_cleanse(self.0.as_mut_ptr().cast(), size_of::<lc::EVP_AEAD_CTX>()) }
    }
}

/// An AES key schedule for key wrapping, wiped when it goes.
struct Schedule(MaybeUninit<lc::AES_KEY>);

impl Schedule {
    fn with<R>(key: &[u8], decrypts: bool, act: impl FnOnce(*const lc::AES_KEY) -> R) -> Option<R> {
        let bits = match key.len() {
            16 => 128,
            24 => 192,
            32 => 256,
            _ => return None,
        };
        let expand = if decrypts {
            lc::AES_set_decrypt_key
        } else {
            lc::AES_set_encrypt_key
        };
        let mut schedule = Self(MaybeUninit::uninit());
        // SAFETY: the key has the number of bits named, the schedule is writable and of the right type.
        let ready = unsafe { expand(key.as_ptr(), bits, schedule.0.as_mut_ptr()) };
        (ready == 0).then(|| act(schedule.0.as_ptr()))
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: the schedule is plain memory of this size.
        unsafe { lc::OPENSSL_cleanse(self.0.as_mut_ptr().cast(), size_of::<lc::AES_KEY>()) }
    }
}

/// RFC 3394. `out` needs 8 bytes more than `data`; None when the length of `data` is no multiple of 8, or below 16.
pub fn wrap(key: &[u8], data: &[u8], out: &mut [u8]) -> Option<usize> {
    assert!(out.len() >= data.len() + 8, "wrapping adds eight bytes");
    // SAFETY: the schedule is ready, the default initial value is asked for by null, `out` has room for eight bytes more.
    let written = Schedule::with(key, false, |schedule| unsafe {
        lc::AES_wrap_key(
            schedule,
            ptr::null(),
            out.as_mut_ptr(),
            data.as_ptr(),
            data.len(),
        )
    })?;
    usize::try_from(written).ok()
}

/// RFC 3394 backwards. `out` needs 8 bytes less than `data`.
pub fn unwrap(key: &[u8], data: &[u8], out: &mut [u8]) -> Option<usize> {
    assert!(
        out.len() + 8 >= data.len(),
        "unwrapping removes eight bytes"
    );
    // SAFETY: as for `wrap`; AWS-LC refuses data shorter than 24 bytes before it writes.
    let written = Schedule::with(key, true, |schedule| unsafe {
        lc::AES_unwrap_key(
            schedule,
            ptr::null(),
            out.as_mut_ptr(),
            data.as_ptr(),
            data.len(),
        )
    })?;
    usize::try_from(written).ok()
}

/// RFC 5649. `out` needs up to 15 bytes more than `data`.
pub fn wrap_padded(key: &[u8], data: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut written = 0;
    // SAFETY: the schedule is ready, and AWS-LC checks `out` against the length it is told.
    let done = Schedule::with(key, false, |schedule| unsafe {
        lc::AES_wrap_key_padded(
            schedule,
            out.as_mut_ptr(),
            &raw mut written,
            out.len(),
            data.as_ptr(),
            data.len(),
        )
    })?;
    (done == 1).then_some(written)
}

/// RFC 5649 backwards. `out` needs the length of `data`.
pub fn unwrap_padded(key: &[u8], data: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut written = 0;
    // SAFETY: as for `wrap_padded`.
    let done = Schedule::with(key, true, |schedule| unsafe {
        lc::AES_unwrap_key_padded(
            schedule,
            out.as_mut_ptr(),
            &raw mut written,
            out.len(),
            data.as_ptr(),
            data.len(),
        )
    })?;
    (done == 1).then_some(written)
}
