//! The hot verbs as bare N-API functions: numbers and byte views in, a number out, no object crosses.
//!
//! Buffers that user code can reach are looked up anew on every call, for they can be detached between two. Only the
//! scratch is remembered: its memory is ours, and lives as long as anyone, here or in JavaScript, can still reach it.
#![allow(unsafe_code, reason = "N-API is a C interface")]

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::Arc,
};

use ::hsm::{Error, Hsm, Kind, Sealed, Slot, Target};
use napi::{
    Env, JsValue,
    bindgen_prelude::Unknown,
    sys::{self, napi_callback_info, napi_env, napi_value},
};
use napi_derive::napi;

use crate::errors;

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
}

/// Makes the verbs of a device for this thread.
pub fn verbs<'env>(env: &'env Env, hsm: &Arc<Hsm>) -> napi::Result<Verbs<'env>> {
    let scratch = Scratch::new();
    Ok(Verbs {
        scratch: expose(env, &scratch)?,
        encrypt: bind(env, hsm, &scratch, encrypt)?,
        decrypt: bind(env, hsm, &scratch, decrypt)?,
        data_key: bind(env, hsm, &scratch, data_key)?,
        reencrypt: bind(env, hsm, &scratch, reencrypt)?,
        encrypt_many: bind(env, hsm, &scratch, encrypt_many)?,
        decrypt_many: bind(env, hsm, &scratch, decrypt_many)?,
        random: bind(env, hsm, &scratch, random)?,
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

/// How many bytes were written, or what to throw.
type Answer = Result<usize, Refusal>;

enum Refusal {
    /// The core's own.
    Core(Error),
    /// An argument of another type than the verb takes.
    Type,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<Kind> for Refusal {
    fn from(kind: Kind) -> Self {
        Self::Core(kind.into())
    }
}

/// One call's arguments.
struct Call<'c, const ARGUMENTS: usize> {
    hsm: &'c Hsm,
    scratch: &'c Scratch,
    env: napi_env,
    arguments: [napi_value; ARGUMENTS],
}

impl<const ARGUMENTS: usize> Call<'_, ARGUMENTS> {
    fn slot(&self, at: usize) -> Result<Slot, Refusal> {
        let mut number = 0.0;
        // SAFETY: the value belongs to this call.
        let status =
            unsafe { sys::napi_get_value_double(self.env, self.arguments[at], &raw mut number) };
        checked(status).map(|()| slot(number))
    }

    /// A position or a length. A negative one comes out so large that it is out of every bounds.
    fn number(&self, at: usize) -> Result<usize, Refusal> {
        let mut number = 0;
        // SAFETY: the value belongs to this call.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.arguments[at], &raw mut number) };
        checked(status).map(|()| number as usize)
    }

    fn is_undefined(&self, at: usize) -> Result<bool, Refusal> {
        let mut kind = 0;
        // SAFETY: the value belongs to this call.
        checked(unsafe { sys::napi_typeof(self.env, self.arguments[at], &raw mut kind) })?;
        Ok(kind == sys::ValueType::napi_undefined)
    }

    fn view(
        &self,
        at: usize,
        wanted: sys::napi_typedarray_type,
    ) -> Result<(*mut c_void, usize), Refusal> {
        let (mut kind, mut length, mut data) = (-1, 0, ptr::null_mut());
        // SAFETY: the value belongs to this call; a value of another type is refused, and writes nothing.
        checked(unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.arguments[at],
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        if kind == wanted {
            Ok((data, length))
        } else {
            Err(Refusal::Type)
        }
    }

    fn bytes(&self, at: usize) -> Result<Bytes, Refusal> {
        let (data, length) = self.view(at, sys::TypedarrayType::uint8_array)?;
        Ok(Bytes {
            at: data.cast(),
            length,
        })
    }

    /// The bytes of argument `at` from where argument `from` says.
    fn out(&self, at: usize, from: usize) -> Result<Bytes, Refusal> {
        self.bytes(at)?
            .skip(self.number(from)?)
            .ok_or(Kind::BufferTooSmall.into())
    }

    fn body(&self, at: usize, from: usize) -> Result<Bytes, Refusal> {
        self.bytes(at)?
            .skip(self.number(from)?)
            .ok_or(Kind::DecryptionFailed.into())
    }

    /// A copy, because another thread can write to it if it is shared.
    fn lengths(&self, at: usize) -> Result<Vec<u32>, Refusal> {
        let (data, length) = self.view(at, sys::TypedarrayType::uint32_array)?;
        let mut lengths = vec![0; length];
        if length > 0 {
            // SAFETY: N-API says that so many words are there, and a Uint32Array is aligned.
            unsafe { ptr::copy_nonoverlapping(data.cast::<u32>(), lengths.as_mut_ptr(), length) };
        }
        Ok(lengths)
    }

    /// The part of the scratch that the arguments `at` (position) and `at + 1` (length) name.
    fn aad(&self, at: usize) -> Result<&[u8], Refusal> {
        let aad = self
            .scratch
            .bytes()
            .skip(self.number(at)?)
            .ok_or(Kind::InvalidLength)?;
        let length = self.number(at + 1)?;
        if length > aad.length {
            return Err(Kind::InvalidLength.into());
        }
        // SAFETY: inside of the scratch, which outlives the call; `out` was kept apart from all of it.
        Ok(unsafe { std::slice::from_raw_parts(aad.at, length) })
    }

    /// Makes slices of an input and an output, if they share no byte with each other and the output none with the scratch.
    #[expect(
        clippy::mut_from_ref,
        reason = "what is lent is JavaScript's memory, for as long as the call lasts"
    )]
    fn apart(&self, input: Bytes, out: Bytes) -> Result<(&[u8], &mut [u8]), Refusal> {
        self.apart_mut(input, out)
            .map(|(input, out)| (&*input, out))
    }

    #[expect(
        clippy::mut_from_ref,
        reason = "what is lent is JavaScript's memory, for as long as the call lasts"
    )]
    fn apart_mut(&self, one: Bytes, other: Bytes) -> Result<(&mut [u8], &mut [u8]), Refusal> {
        let scratch = self.scratch.bytes();
        if one.overlaps(other) || other.overlaps(scratch) || one.overlaps(scratch) {
            return Err(Kind::InvalidLength.into());
        }
        // SAFETY: N-API says that the bytes are there; no JavaScript runs until the call ends, so they stay; they overlap
        // with nothing else that this call makes a slice of.
        Ok(unsafe { (one.slice(), other.slice()) })
    }
}

/// Bytes that JavaScript holds, before anybody has promised not to write to them.
#[derive(Clone, Copy)]
struct Bytes {
    at: *mut u8,
    length: usize,
}

impl Bytes {
    const NONE: Self = Self {
        at: ptr::null_mut(),
        length: 0,
    };

    fn skip(self, count: usize) -> Option<Self> {
        let length = self.length.checked_sub(count)?;
        Some(Self {
            at: self.at.wrapping_add(count),
            length,
        })
    }

    fn first(self, length: usize) -> Result<Self, Refusal> {
        if length <= self.length {
            Ok(Self { length, ..self })
        } else {
            Err(Kind::BufferTooSmall.into())
        }
    }

    fn overlaps(self, other: Self) -> bool {
        let (start, other_start) = (self.at as usize, other.at as usize);
        let some = self.length > 0 && other.length > 0;
        some && start < other_start + other.length && other_start < start + self.length
    }

    /// The caller promises that the bytes are there, and that nothing else reads or writes them.
    unsafe fn slice<'s>(self) -> &'s mut [u8] {
        // An empty or detached buffer has no address.
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: promised.
        unsafe { std::slice::from_raw_parts_mut(self.at, self.length) }
    }
}

/// Where JavaScript writes associated data. Never moved; freed when the last verb and the last view of it are gone.
struct Scratch(*mut [u8]);

// SAFETY: only an address; it is read during calls of the thread that writes to it.
unsafe impl Send for Scratch {}
// SAFETY: as above.
unsafe impl Sync for Scratch {}

impl Scratch {
    const SIZE: usize = 32 * 1024;

    fn new() -> Arc<Self> {
        Arc::new(Self(Box::into_raw(vec![0; Self::SIZE].into_boxed_slice())))
    }

    fn bytes(&self) -> Bytes {
        Bytes {
            at: self.0.cast(),
            length: Self::SIZE,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: made from a Box in `new`, and nobody is left who knows the address.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// What every function carries: its device, the scratch of its thread, and what to do.
struct Bound<const ARGUMENTS: usize> {
    hsm: Arc<Hsm>,
    scratch: Arc<Scratch>,
    act: fn(&Call<ARGUMENTS>) -> Answer,
}

/// What JavaScript calls. No panic goes further than here.
unsafe extern "C" fn entry<const ARGUMENTS: usize>(
    env: napi_env,
    info: napi_callback_info,
) -> napi_value {
    let mut arguments = [ptr::null_mut(); ARGUMENTS];
    let mut count = ARGUMENTS;
    let mut data = ptr::null_mut();
    // SAFETY: called by Node with a valid info; arguments that are missing become `undefined`.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        );
    }
    // SAFETY: `bind` gave the function this data, and `unbind` frees it only when the function is gone.
    let bound = unsafe { &*data.cast::<Bound<ARGUMENTS>>() };
    let call = Call {
        hsm: &bound.hsm,
        scratch: &bound.scratch,
        env,
        arguments,
    };
    match catch_unwind(AssertUnwindSafe(|| (bound.act)(&call))) {
        Ok(Ok(written)) => {
            let mut value = ptr::null_mut();
            // SAFETY: a number for the current scope. Lengths stay below 2^53.
            unsafe {
                sys::napi_create_int64(
                    env,
                    i64::try_from(written).unwrap_or(i64::MAX),
                    &raw mut value,
                )
            };
            value
        }
        Ok(Err(refusal)) => throw(env, &refusal),
        Err(_) => throw(env, &Kind::Unavailable.into()),
    }
}

#[cold]
fn throw(env: napi_env, refusal: &Refusal) -> napi_value {
    match refusal {
        Refusal::Core(error) => {
            if let Ok(object) = errors::object(&Env::from_raw(env), *error) {
                // SAFETY: an error object of the current scope. When it is thrown, the value returned is ignored.
                unsafe { sys::napi_throw(env, object.raw()) };
            }
        }
        Refusal::Type => {
            // The code that napi-rs has for the same mistake.
            // SAFETY: both strings end in a zero.
            unsafe {
                sys::napi_throw_type_error(
                    env,
                    c"InvalidArg".as_ptr(),
                    c"an argument has the wrong type".as_ptr(),
                )
            };
        }
    }
    ptr::null_mut()
}

/// Makes a JavaScript function that owns what it is bound to.
fn bind<'env, const ARGUMENTS: usize>(
    env: &'env Env,
    hsm: &Arc<Hsm>,
    scratch: &Arc<Scratch>,
    act: fn(&Call<ARGUMENTS>) -> Answer,
) -> napi::Result<Unknown<'env>> {
    unsafe extern "C" fn unbind<const ARGUMENTS: usize>(
        _: napi_env,
        data: *mut c_void,
        _: *mut c_void,
    ) {
        // SAFETY: the pointer came from a Box below, and its function is gone.
        drop(unsafe { Box::from_raw(data.cast::<Bound<ARGUMENTS>>()) });
    }
    let data = Box::into_raw(Box::new(Bound {
        hsm: Arc::clone(hsm),
        scratch: Arc::clone(scratch),
        act,
    }));
    let mut function = ptr::null_mut();
    // SAFETY: plain N-API calls; ownership of `data` passes to the finalizer once that is in place.
    unsafe {
        let entry = Some(entry::<ARGUMENTS> as unsafe extern "C" fn(_, _) -> _);
        check(sys::napi_create_function(
            env.raw(),
            ptr::null(),
            0,
            entry,
            data.cast(),
            &raw mut function,
        ))?;
        let unbind = Some(unbind::<ARGUMENTS> as unsafe extern "C" fn(_, _, _));
        check(sys::napi_add_finalizer(
            env.raw(),
            function,
            data.cast(),
            unbind,
            ptr::null_mut(),
            ptr::null_mut(),
        ))?;
        Ok(Unknown::from_raw_unchecked(env.raw(), function))
    }
}

/// The scratch as a view that keeps it alive.
fn expose<'env>(env: &'env Env, scratch: &Arc<Scratch>) -> napi::Result<Unknown<'env>> {
    unsafe extern "C" fn release(_: napi_env, _: *mut c_void, scratch: *mut c_void) {
        // SAFETY: the pointer came from `Arc::into_raw` below, and the buffer is gone.
        drop(unsafe { Arc::from_raw(scratch.cast::<Scratch>()) });
    }
    let (mut buffer, mut view) = (ptr::null_mut(), ptr::null_mut());
    let kept = Arc::into_raw(Arc::clone(scratch)).cast_mut().cast();
    let release = Some(release as unsafe extern "C" fn(_, _, _));
    // SAFETY: plain N-API calls; the memory outlives the buffer, which holds a count of it.
    unsafe {
        let data = scratch.0.cast();
        check(sys::napi_create_external_arraybuffer(
            env.raw(),
            data,
            Scratch::SIZE,
            release,
            kept,
            &raw mut buffer,
        ))?;
        let kind = sys::TypedarrayType::uint8_array;
        check(sys::napi_create_typedarray(
            env.raw(),
            kind,
            Scratch::SIZE,
            buffer,
            0,
            &raw mut view,
        ))?;
        Ok(Unknown::from_raw_unchecked(env.raw(), view))
    }
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(napi::Error::from_status(status.into()))
    }
}

fn checked(status: sys::napi_status) -> Result<(), Refusal> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Refusal::Type)
    }
}
