//! One call from JavaScript: its arguments, read as cheaply as N-API allows, and checked against every bound.
#![allow(unsafe_code, reason = "N-API is a C interface")]

use std::{ffi::c_void, ptr};

use ::hsm::{Error, Hsm, Kind, Slot};
use napi::sys::{self, napi_env, napi_value};

use super::slot;

/// How many bytes were written, or what to throw.
pub type Answer = Result<usize, Refusal>;

pub enum Refusal {
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
pub struct Call<'c, const ARGUMENTS: usize> {
    pub hsm: &'c Hsm,
    pub scratch: Bytes,
    pub env: napi_env,
    pub arguments: [napi_value; ARGUMENTS],
}

impl<const ARGUMENTS: usize> Call<'_, ARGUMENTS> {
    pub fn slot(&self, at: usize) -> Result<Slot, Refusal> {
        let mut number = 0.0;
        // SAFETY: the value belongs to this call.
        let status =
            unsafe { sys::napi_get_value_double(self.env, self.arguments[at], &raw mut number) };
        checked(status).map(|()| slot(number))
    }

    /// A position or a length. A negative one comes out so large that it is out of every bounds.
    pub fn number(&self, at: usize) -> Result<usize, Refusal> {
        let mut number = 0;
        // SAFETY: the value belongs to this call.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.arguments[at], &raw mut number) };
        checked(status).map(|()| number as usize)
    }

    /// A number that stands for something.
    pub fn code(&self, at: usize) -> Result<u32, Refusal> {
        let number = self.number(at)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub fn is_undefined(&self, at: usize) -> Result<bool, Refusal> {
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

    pub fn bytes(&self, at: usize) -> Result<Bytes, Refusal> {
        let (data, length) = self.view(at, sys::TypedarrayType::uint8_array)?;
        Ok(Bytes {
            at: data.cast(),
            length,
        })
    }

    /// The bytes of argument `at` from where argument `from` says.
    pub fn out(&self, at: usize, from: usize) -> Result<Bytes, Refusal> {
        self.bytes(at)?
            .skip(self.number(from)?)
            .ok_or(Kind::BufferTooSmall.into())
    }

    pub fn body(&self, at: usize, from: usize) -> Result<Bytes, Refusal> {
        self.bytes(at)?
            .skip(self.number(from)?)
            .ok_or(Kind::DecryptionFailed.into())
    }

    /// A copy, because another thread can write to it if it is shared.
    pub fn lengths(&self, at: usize) -> Result<Vec<u32>, Refusal> {
        let (data, length) = self.view(at, sys::TypedarrayType::uint32_array)?;
        let mut lengths = vec![0; length];
        if length > 0 {
            // SAFETY: N-API says that so many words are there, and a Uint32Array is aligned.
            unsafe { ptr::copy_nonoverlapping(data.cast::<u32>(), lengths.as_mut_ptr(), length) };
        }
        Ok(lengths)
    }

    /// The part of the scratch that the arguments `at` (position) and `at + 1` (length) name.
    pub fn aad(&self, at: usize) -> Result<&[u8], Refusal> {
        let aad = self
            .scratch
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
    #[allow(
        clippy::mut_from_ref,
        reason = "what is lent is JavaScript's memory, for as long as the call lasts"
    )]
    pub fn apart(&self, input: Bytes, out: Bytes) -> Result<(&[u8], &mut [u8]), Refusal> {
        self.apart_mut(input, out)
            .map(|(input, out)| (&*input, out))
    }

    #[allow(
        clippy::mut_from_ref,
        reason = "what is lent is JavaScript's memory, for as long as the call lasts"
    )]
    pub fn apart_mut(&self, one: Bytes, other: Bytes) -> Result<(&mut [u8], &mut [u8]), Refusal> {
        let scratch = self.scratch;
        if one.overlaps(other) || other.overlaps(scratch) || one.overlaps(scratch) {
            return Err(Kind::InvalidLength.into());
        }
        // SAFETY: N-API says that the bytes are there; no JavaScript runs until the call ends, so they stay; they overlap
        // with nothing else that this call makes a slice of.
        Ok(unsafe { (one.slice(), other.slice()) })
    }

    /// Makes slices of two inputs, where nothing is written; they may be the same.
    pub fn both(&self, one: usize, other: usize) -> Result<(&[u8], &[u8]), Refusal> {
        let (one, other) = (self.bytes(one)?, self.bytes(other)?);
        // SAFETY: as above, and a call that has no output writes to neither.
        Ok(unsafe { (one.shared(), other.shared()) })
    }
}

/// Bytes that JavaScript holds, before anybody has promised not to write to them.
#[derive(Clone, Copy)]
pub struct Bytes {
    pub at: *mut u8,
    pub length: usize,
}

impl Bytes {
    pub const NONE: Self = Self {
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

    pub fn first(self, length: usize) -> Result<Self, Refusal> {
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

    /// The caller promises that the bytes are there, and that nothing writes to them.
    unsafe fn shared<'s>(self) -> &'s [u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: promised.
        unsafe { std::slice::from_raw_parts(self.at, self.length) }
    }
}

fn checked(status: sys::napi_status) -> Result<(), Refusal> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Refusal::Type)
    }
}
