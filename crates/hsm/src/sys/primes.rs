//! RSA key pairs from scratch: as AWS-LC makes them, or from a given stream of bytes, for tests that must repeat.
#![allow(unsafe_code, reason = "foreign functions of AWS-LC")]

use core::{
    ffi::c_int,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use aws_lc_sys as lc;

use super::{done, heap::privately, pkey::Pkey};
use crate::{family::GoOn, secret::SecretBuffer};

/// The public exponent of every pair made here.
const EXPONENT: lc::BN_ULONG = 65_537;

/// A pair by FIPS 186-5, from AWS-LC's own generator. None when `go_on` said no, or when there is no entropy.
pub fn generate(bits: u32, mut go_on: GoOn) -> Option<Pkey> {
    unsafe extern "C" fn ask(_: c_int, _: c_int, callback: *mut lc::BN_GENCB) -> c_int {
        // SAFETY: the argument is the reference below, which outlives the search.
        let go_on = unsafe { *(*callback).arg.cast::<GoOn>() };
        go_on().into()
    }
    let mut callback = MaybeUninit::uninit();
    let rsa = Rsa::new()?;
    // SAFETY: the callback's argument outlives the call.
    let made = unsafe {
        lc::BN_GENCB_set(callback.as_mut_ptr(), Some(ask), (&raw mut go_on).cast());
        privately(|| {
            lc::RSA_generate_key_fips(rsa.0.as_ptr(), bits.cast_signed(), callback.as_mut_ptr())
        })
    };
    if done(made) { rsa.into_key() } else { None }
}

/// A pair whose primes are the first that `fill`'s bytes offer.
pub fn derive<E>(
    bits: u32,
    mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<Option<Pkey>, E> {
    privately(|| {
        let Some(numbers) = Numbers::new() else {
            return Ok(None);
        };
        let mut prime = || {
            let mut bytes = SecretBuffer::zero(bits as usize / 16);
            loop {
                fill(&mut bytes)?;
                // The two highest bits make the modulus long enough; primes are odd.
                bytes[0] |= 0xc0;
                *bytes.last_mut().expect("a prime has bytes") |= 1;
                let candidate = Bn::from_bytes(&bytes);
                if let Some(candidate) = candidate.filter(|candidate| numbers.suits(candidate)) {
                    return Ok(candidate);
                }
            }
        };
        let (p, q) = (prime()?, prime()?);
        Ok(numbers.pair(&p, &q))
    })
}

struct Rsa(NonNull<lc::RSA>);

impl Rsa {
    fn new() -> Option<Self> {
        // SAFETY: nothing is asked for.
        NonNull::new(unsafe { lc::RSA_new() }).map(Self)
    }

    fn into_key(self) -> Option<Pkey> {
        // SAFETY: the key counts itself among the pair's owners; it is ours.
        unsafe {
            let key = Pkey::from_raw(lc::EVP_PKEY_new())?;
            done(lc::EVP_PKEY_set1_RSA(key.raw(), self.0.as_ptr())).then_some(key)
        }
    }
}

impl Drop for Rsa {
    fn drop(&mut self) {
        // SAFETY: one owner less.
        unsafe { lc::RSA_free(self.0.as_ptr()) }
    }
}

/// A number that is wiped when it goes.
struct Bn(NonNull<lc::BIGNUM>);

impl Bn {
    fn new() -> Option<Self> {
        // SAFETY: nothing is asked for.
        NonNull::new(unsafe { lc::BN_new() }).map(Self)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        // SAFETY: null asks for a new number.
        NonNull::new(unsafe { lc::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) })
            .map(Self)
    }

    fn raw(&self) -> *mut lc::BIGNUM {
        self.0.as_ptr()
    }
}

impl Drop for Bn {
    fn drop(&mut self) {
        // SAFETY: the number is ours.
        unsafe { lc::BN_clear_free(self.raw()) }
    }
}

/// Room for calculations.
struct Numbers {
    context: NonNull<lc::BN_CTX>,
    exponent: Bn,
}

impl Numbers {
    fn new() -> Option<Self> {
        let exponent = Bn::new()?;
        // SAFETY: the number is ours to write.
        if unsafe { lc::BN_set_word(exponent.raw(), EXPONENT) } != 1 {
            return None;
        }
        // SAFETY: nothing is asked for.
        let context = NonNull::new(unsafe { lc::BN_CTX_new() })?;
        Some(Self { context, exponent })
    }

    /// Whether it is a prime, and one less is prime to the exponent.
    fn suits(&self, candidate: &Bn) -> bool {
        let mut prime = 0;
        // SAFETY: the candidate is only read; no callback is asked for.
        unsafe {
            lc::BN_mod_word(candidate.raw(), EXPONENT) != 1
                && done(lc::BN_primality_test(
                    &raw mut prime,
                    candidate.raw(),
                    lc::BN_prime_checks_for_generation,
                    self.context.as_ptr(),
                    1,
                    ptr::null_mut(),
                ))
                && prime == 1
        }
    }

    /// The private exponent is the inverse modulo the least common multiple: FIPS 186-5, A.1.1.
    fn pair(&self, p: &Bn, q: &Bn) -> Option<Pkey> {
        let numbers = [(); 10].map(|()| Bn::new());
        let [
            Some(n),
            Some(p1),
            Some(q1),
            Some(product),
            Some(gcd),
            Some(lcm),
            Some(d),
            Some(dp),
            Some(dq),
            Some(qi),
        ] = &numbers
        else {
            return None;
        };
        let context = self.context.as_ptr();
        // SAFETY: every number is ours, and AWS-LC allocates what the results need.
        unsafe {
            let (p, q) = if lc::BN_cmp(p.raw(), q.raw()) > 0 {
                (p, q)
            } else {
                (q, p)
            };
            let one = lc::BN_value_one();
            let calculated = lc::BN_mul(n.raw(), p.raw(), q.raw(), context) == 1
                && lc::BN_sub(p1.raw(), p.raw(), one) == 1
                && lc::BN_sub(q1.raw(), q.raw(), one) == 1
                && lc::BN_mul(product.raw(), p1.raw(), q1.raw(), context) == 1
                && lc::BN_gcd(gcd.raw(), p1.raw(), q1.raw(), context) == 1
                && lc::BN_div(
                    lcm.raw(),
                    ptr::null_mut(),
                    product.raw(),
                    gcd.raw(),
                    context,
                ) == 1
                && !lc::BN_mod_inverse(d.raw(), self.exponent.raw(), lcm.raw(), context).is_null()
                && lc::BN_div(ptr::null_mut(), dp.raw(), d.raw(), p1.raw(), context) == 1
                && lc::BN_div(ptr::null_mut(), dq.raw(), d.raw(), q1.raw(), context) == 1
                && !lc::BN_mod_inverse(qi.raw(), q.raw(), p.raw(), context).is_null();
            if !done(calculated.into()) {
                return None;
            }
            let rsa = lc::RSA_new_private_key(
                n.raw(),
                self.exponent.raw(),
                d.raw(),
                p.raw(),
                q.raw(),
                dp.raw(),
                dq.raw(),
                qi.raw(),
            );
            Rsa(NonNull::new(rsa)?).into_key()
        }
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        // SAFETY: the context is ours.
        unsafe { lc::BN_CTX_free(self.context.as_ptr()) }
    }
}
