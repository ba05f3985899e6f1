//! The one translation of the core's errors into JavaScript's: `error.code` is the core's kind, on every path.

use ::hsm::{Error, Kind};
use napi::{
    Env, JsValue,
    bindgen_prelude::{JsObjectValue, Object},
};

/// A verb's answer on its way to JavaScript.
pub trait Thrown<T> {
    /// Turns the core's error into one that napi-rs throws as it is.
    fn thrown(self, env: &Env) -> napi::Result<T>;
}

impl<T> Thrown<T> for Result<T, Error> {
    fn thrown(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| match object(env, error) {
            Ok(object) => napi::Error::from(object.to_unknown()),
            Err(failure) => failure,
        })
    }
}

/// The JavaScript error: `code` is from the core's vocabulary, `wait` tells a limited caller how many milliseconds.
pub fn object(env: &Env, error: Error) -> napi::Result<Object<'_>> {
    let mut object = env.create_error(napi::Error::from_reason(error.to_string()))?;
    object.set_named_property("code", error.kind().code())?;
    if let Kind::RateLimited { wait } = error.kind() {
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^53 nanoseconds are a hundred days"
        )]
        object.set_named_property("wait", wait as f64 / 1e6)?;
    }
    Ok(object)
}
