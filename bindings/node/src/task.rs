//! Verbs that take long: done on Node's pool of threads, answered by a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::hsm::{Kind, Result};
use napi::{
    Env, Task,
    bindgen_prelude::{AsyncTask, ToNapiValue, TypeName},
};

use crate::errors::Thrown;

/// What is to be done, and how its result becomes JavaScript's.
pub struct Work<T, J> {
    work: Option<Box<dyn FnOnce() -> Result<T> + Send>>,
    convert: fn(T) -> J,
}

/// Has `work` done aside; inputs must have been copied into it.
pub fn aside<T, J>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
    convert: fn(T) -> J,
) -> AsyncTask<Work<T, J>>
where
    T: Send + 'static,
    J: ToNapiValue + TypeName,
{
    let work: Option<Box<dyn FnOnce() -> Result<T> + Send>> = Some(Box::new(work));
    AsyncTask::new(Work { work, convert })
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Work<T, J> {
    type Output = Result<T>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = self.work.take().expect("a task is done once");
        // A bug of ours fails one call, not the process.
        Ok(catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Kind::Unavailable.into())))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<J> {
        output.map(self.convert).thrown(&env)
    }
}
