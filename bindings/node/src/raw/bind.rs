//! Rust functions as JavaScript functions, each bound to its device and to the scratch of its thread.
#![allow(unsafe_code, reason = "N-API is a C interface")]

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::Arc,
};

use ::hsm::{Hsm, Kind};
use napi::{
    Env, JsValue,
    bindgen_prelude::Unknown,
    sys::{self, napi_callback_info, napi_env, napi_value},
};

use super::call::{Answer, Bytes, Call, Refusal};
use crate::errors;

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
        scratch: bound.scratch.bytes(),
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
pub fn bind<'env, const ARGUMENTS: usize>(
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

/// Where JavaScript writes associated data. Never moved; freed when the last verb and the last view of it are gone.
pub struct Scratch(*mut [u8]);

// SAFETY: only an address; it is read during calls of the thread that writes to it.
unsafe impl Send for Scratch {}
// SAFETY: as above.
unsafe impl Sync for Scratch {}

impl Scratch {
    const SIZE: usize = 32 * 1024;

    pub fn new() -> Arc<Self> {
        Arc::new(Self(Box::into_raw(vec![0; Self::SIZE].into_boxed_slice())))
    }

    /// The scratch as a view that keeps it alive.
    pub fn expose<'env>(self: &Arc<Self>, env: &'env Env) -> napi::Result<Unknown<'env>> {
        unsafe extern "C" fn release(_: napi_env, _: *mut c_void, scratch: *mut c_void) {
            // SAFETY: the pointer came from `Arc::into_raw` below, and the buffer is gone.
            drop(unsafe { Arc::from_raw(scratch.cast::<Scratch>()) });
        }
        let (mut buffer, mut view) = (ptr::null_mut(), ptr::null_mut());
        let kept = Arc::into_raw(Arc::clone(self)).cast_mut().cast();
        let release = Some(release as unsafe extern "C" fn(_, _, _));
        // SAFETY: plain N-API calls; the memory outlives the buffer, which holds a count of it.
        unsafe {
            let data = self.0.cast();
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

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(napi::Error::from_status(status.into()))
    }
}
