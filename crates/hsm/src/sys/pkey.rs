//! Key pairs as AWS-LC holds them: RSA, the NIST curves and secp256k1, ML-DSA, ML-KEM; and the public keys of others.
//!
//! INVARIANT: a key is complete when it is made and never changed afterwards, so threads can share it. (What AWS-LC caches
//! in an RSA key on its first use is behind a lock of its own.)
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

use core::{
    ffi::{c_int, c_uint},
    fmt,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use aws_lc_sys as lc;

use super::{done, heap::privately, md, nid};
use crate::{hash::Hash, secret::SecretBuffer};

/// One key, or one pair.
pub struct Pkey(NonNull<lc::EVP_PKEY>);

// SAFETY: AWS-LC's keys are not bound to a thread.
unsafe impl Send for Pkey {}
// SAFETY: see the invariant above.
unsafe impl Sync for Pkey {}

/// What kind of key a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Of so many bits.
    Rsa(c_uint),
    /// On the curve of this number.
    Ec(c_int),
    /// Of any other kind, or of no kind at all.
    Other(c_int),
}

impl Sort {
    pub const P256: Self = Self::Ec(lc::NID_X9_62_prime256v1);
    pub const P384: Self = Self::Ec(lc::NID_secp384r1);
    pub const P521: Self = Self::Ec(lc::NID_secp521r1);
    pub const K256: Self = Self::Ec(lc::NID_secp256k1);
    pub const MLDSA44: Self = Self::Other(lc::NID_MLDSA44);
    pub const MLDSA65: Self = Self::Other(lc::NID_MLDSA65);
    pub const MLDSA87: Self = Self::Other(lc::NID_MLDSA87);
    pub const MLKEM512: Self = Self::Other(lc::NID_MLKEM512);
    pub const MLKEM768: Self = Self::Other(lc::NID_MLKEM768);
    pub const MLKEM1024: Self = Self::Other(lc::NID_MLKEM1024);
}

/// Longer than any signature by elliptic curves in DER.
const MOST_ECDSA: usize = 160;
/// Longer than any pair's PKCS#8.
const MOST_PKCS8: usize = 2560;
/// Longer than any public key's DER.
const MOST_SPKI: usize = 3072;

impl Pkey {
    /// Reads a PKCS#8 `PrivateKeyInfo`, which AWS-LC checks: the point against the scalar, the modulus against its factors.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let key = privately(|| Self::parse(der, lc::EVP_parse_private_key))?;
        key.write_public();
        Some(key)
    }

    /// Reads a `SubjectPublicKeyInfo`. A point that is not on its curve is refused.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        Self::parse(der, lc::EVP_parse_public_key)
    }

    /// Has AWS-LC write the public half into PKCS#8 even when it had to calculate it; not every reader can.
    fn write_public(&self) {
        let ec = self.ec();
        if !ec.is_null() {
            // SAFETY: nobody else has the key yet.
            unsafe { lc::EC_KEY_set_enc_flags(ec, 0) };
        }
    }

    fn parse(
        der: &[u8],
        parse: unsafe extern "C" fn(*mut lc::CBS) -> *mut lc::EVP_PKEY,
    ) -> Option<Self> {
        let mut cbs = MaybeUninit::uninit();
        // SAFETY: `CBS_init` initialises the reader over a slice that outlives it; the key that comes out is ours.
        let (key, left) = unsafe {
            lc::CBS_init(cbs.as_mut_ptr(), der.as_ptr(), der.len());
            let key = parse(cbs.as_mut_ptr());
            (NonNull::new(key).map(Self), lc::CBS_len(cbs.as_ptr()))
        };
        done(c_int::from(key.is_some()));
        key.filter(|_| left == 0)
    }

    /// Takes ownership of a key that AWS-LC made.
    ///
    /// # Safety
    /// The pointer is null, or nobody else frees the key.
    pub(super) unsafe fn from_raw(key: *mut lc::EVP_PKEY) -> Option<Self> {
        NonNull::new(key).map(Self)
    }

    /// The pair as PKCS#8.
    pub fn to_pkcs8(&self) -> Option<SecretBuffer> {
        let mut out = SecretBuffer::zero(MOST_PKCS8);
        let length = self.pkcs8(&mut out)?;
        out.truncate(length);
        Some(out)
    }

    /// Writes PKCS#8, and says how long it is.
    pub fn pkcs8(&self, out: &mut [u8]) -> Option<usize> {
        self.marshal(out, lc::EVP_marshal_private_key)
    }

    /// The public half as `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> Option<Vec<u8>> {
        let mut out = vec![0; MOST_SPKI];
        let length = self.marshal(&mut out, lc::EVP_marshal_public_key)?;
        out.truncate(length);
        Some(out)
    }

    fn marshal(
        &self,
        out: &mut [u8],
        marshal: unsafe extern "C" fn(*mut lc::CBB, *const lc::EVP_PKEY) -> c_int,
    ) -> Option<usize> {
        let mut cbb = MaybeUninit::uninit();
        let mut length = 0;
        // SAFETY: the writer is initialised over an exclusive slice, never grows beyond it, and is cleaned up.
        let written = unsafe {
            let written = lc::CBB_init_fixed(cbb.as_mut_ptr(), out.as_mut_ptr(), out.len()) == 1
                && marshal(cbb.as_mut_ptr(), self.0.as_ptr()) == 1
                && lc::CBB_finish(cbb.as_mut_ptr(), ptr::null_mut(), &raw mut length) == 1;
            lc::CBB_cleanup(cbb.as_mut_ptr());
            written
        };
        done(c_int::from(written)).then_some(length)
    }

    pub fn sort(&self) -> Sort {
        // SAFETY: the getters only read, and return null for a key of another kind.
        unsafe {
            match lc::EVP_PKEY_id(self.0.as_ptr()) {
                lc::EVP_PKEY_RSA => Sort::Rsa(lc::RSA_bits(self.rsa())),
                lc::EVP_PKEY_EC => Sort::Ec(lc::EC_GROUP_get_curve_name(lc::EC_KEY_get0_group(
                    self.ec(),
                ))),
                lc::EVP_PKEY_PQDSA => Sort::Other(lc::EVP_PKEY_pqdsa_get_type(self.0.as_ptr())),
                lc::EVP_PKEY_KEM => Sort::Other(lc::EVP_PKEY_kem_get_type(self.0.as_ptr())),
                other => Sort::Other(other),
            }
        }
    }

    /// Writes the private scalar of a pair on a curve, as long as `out`.
    #[must_use]
    pub fn scalar(&self, out: &mut [u8]) -> bool {
        // SAFETY: the scalar belongs to the key; a missing one is not dereferenced.
        unsafe {
            let ec = self.ec();
            let scalar = if ec.is_null() {
                ptr::null()
            } else {
                lc::EC_KEY_get0_private_key(ec)
            };
            !scalar.is_null() && done(lc::BN_bn2bin_padded(out.as_mut_ptr(), out.len(), scalar))
        }
    }

    /// Writes the seed that an ML-DSA or ML-KEM pair was made from.
    #[must_use]
    pub fn seed(&self, out: &mut [u8]) -> bool {
        let mut length = out.len();
        // SAFETY: the slice is as long as it says, and checked against what is to be written.
        let written = unsafe {
            lc::EVP_PKEY_get_private_seed(self.0.as_ptr(), out.as_mut_ptr(), &raw mut length)
        };
        done(written) && length == out.len()
    }

    /// RSASSA-PKCS1-v1_5 over a digest. `out` must be as long as the modulus.
    pub fn sign_pkcs1(&self, hash: Hash, digest: &[u8], out: &mut [u8]) -> Option<usize> {
        let rsa = self.rsa();
        let mut length = 0;
        // SAFETY: the key is an RSA pair and `out` has room for a signature, both checked.
        unsafe {
            if rsa.is_null() || out.len() < lc::RSA_size(rsa) as usize {
                return None;
            }
            let signed = privately(|| {
                lc::RSA_sign(
                    nid(hash),
                    digest.as_ptr(),
                    digest.len(),
                    out.as_mut_ptr(),
                    &raw mut length,
                    rsa,
                )
            });
            done(signed).then_some(length as usize)
        }
    }

    #[must_use]
    pub fn verify_pkcs1(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let rsa = self.rsa();
        // SAFETY: the key is an RSA key; the slices are only read.
        !rsa.is_null()
            && done(unsafe {
                lc::RSA_verify(
                    nid(hash),
                    digest.as_ptr(),
                    digest.len(),
                    signature.as_ptr(),
                    signature.len(),
                    rsa,
                )
            })
    }

    /// RSASSA-PSS over a digest, the mask by the same hash, the salt as long as the digest.
    pub fn sign_pss(&self, hash: Hash, digest: &[u8], out: &mut [u8]) -> Option<usize> {
        let rsa = self.rsa();
        let mut length = 0;
        // SAFETY: the key is an RSA pair; AWS-LC checks the length of `out`.
        unsafe {
            if rsa.is_null() {
                return None;
            }
            let signed = privately(|| {
                lc::RSA_sign_pss_mgf1(
                    rsa,
                    &raw mut length,
                    out.as_mut_ptr(),
                    out.len(),
                    digest.as_ptr(),
                    digest.len(),
                    md(hash),
                    md(hash),
                    SALT_AS_DIGEST,
                )
            });
            done(signed).then_some(length)
        }
    }

    #[must_use]
    pub fn verify_pss(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let rsa = self.rsa();
        // SAFETY: the key is an RSA key; the slices are only read.
        !rsa.is_null()
            && done(unsafe {
                lc::RSA_verify_pss_mgf1(
                    rsa,
                    digest.as_ptr(),
                    digest.len(),
                    md(hash),
                    md(hash),
                    SALT_AS_DIGEST,
                    signature.as_ptr(),
                    signature.len(),
                )
            })
    }

    /// ECDSA over a digest, in DER.
    pub fn sign_ecdsa(&self, digest: &[u8], out: &mut [u8]) -> Option<usize> {
        let ec = self.ec();
        let mut signature = [0; MOST_ECDSA];
        let mut length = 0;
        // SAFETY: the key is a pair on a curve; none of the curves has signatures longer than the buffer.
        unsafe {
            if ec.is_null() || lc::ECDSA_size(ec) > MOST_ECDSA {
                return None;
            }
            let signed = privately(|| {
                lc::ECDSA_sign(
                    0,
                    digest.as_ptr(),
                    digest.len(),
                    signature.as_mut_ptr(),
                    &raw mut length,
                    ec,
                )
            });
            if !done(signed) {
                return None;
            }
        }
        let signature = signature.get(..length as usize)?;
        out.get_mut(..signature.len())?.copy_from_slice(signature);
        Some(signature.len())
    }

    #[must_use]
    pub fn verify_ecdsa(&self, digest: &[u8], signature: &[u8]) -> bool {
        let ec = self.ec();
        // SAFETY: the key is one on a curve; the slices are only read.
        !ec.is_null()
            && done(unsafe {
                lc::ECDSA_verify(
                    0,
                    digest.as_ptr(),
                    digest.len(),
                    signature.as_ptr(),
                    signature.len(),
                    ec,
                )
            })
    }

    /// The x-coordinate of the product of this pair's scalar and the peer's point. `out` must have its length.
    #[must_use]
    pub fn agree(&self, peer: &Self, out: &mut [u8]) -> bool {
        let (own, peer) = (self.ec(), peer.ec());
        if own.is_null() || peer.is_null() {
            return false;
        }
        // SAFETY: both keys are on curves, which AWS-LC compares; it writes no more than it is told to.
        let written = privately(|| unsafe {
            lc::ECDH_compute_key(
                out.as_mut_ptr().cast(),
                out.len(),
                lc::EC_KEY_get0_public_key(peer),
                own,
                None,
            )
        });
        let right = usize::try_from(written) == Ok(out.len());
        done(c_int::from(right))
    }

    pub(super) fn raw(&self) -> *mut lc::EVP_PKEY {
        self.0.as_ptr()
    }

    /// Null for a key of another kind. AWS-LC takes even keys it only reads as mutable.
    fn rsa(&self) -> *mut lc::RSA {
        // SAFETY: the getter only reads.
        unsafe { lc::EVP_PKEY_get0_RSA(self.0.as_ptr()) }
    }

    fn ec(&self) -> *mut lc::EC_KEY {
        // SAFETY: the getter only reads.
        unsafe { lc::EVP_PKEY_get0_EC_KEY(self.0.as_ptr()) }
    }
}

/// In AWS-LC's language.
const SALT_AS_DIGEST: c_int = -1;

impl Drop for Pkey {
    fn drop(&mut self) {
        // SAFETY: the key is ours; AWS-LC wipes what it frees.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

impl fmt::Debug for Pkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sort().fmt(f)
    }
}
