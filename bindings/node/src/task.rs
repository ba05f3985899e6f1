//! Verbs that take long: done on Node's pool of threads, answered by a promise.

use std::{
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use ::hsm::{Kind, Result};
use napi::{
    Env, JsValue, ScopedTask, Task,
    bindgen_prelude::{AsyncTask, BufferSlice, ToNapiValue, TypeName, Unknown},
};

use crate::errors::Thrown;

type Doing<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// What is to be done, and how its result becomes JavaScript's.
pub struct Work<T, J> {
    work: Option<Doing<T>>,
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
    let work: Option<Doing<T>> = Some(Box::new(work));
    AsyncTask::new(Work { work, convert })
}

/// What is to be done for bytes, which are copied into memory of JavaScript's own: it answers often and with little, and
/// buffers that lead outside cost their collector dearly.
pub struct Bytes<T>(Option<Doing<T>>);

/// Has `work` done aside, and its bytes copied.
pub fn aside_bytes<T>(work: impl FnOnce() -> Result<T> + Send + 'static) -> AsyncTask<Bytes<T>>
where
    T: Deref<Target = [u8]> + Send + 'static,
{
    AsyncTask::new(Bytes(Some(Box::new(work))))
}

impl<'task, T: Deref<Target = [u8]> + Send + 'static> ScopedTask<'task> for Bytes<T> {
    type Output = Result<T>;
    type JsValue = Unknown<'task>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(compute(&mut self.0))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Unknown<'task>> {
        let bytes = output.thrown(env)?;
        Ok(BufferSlice::copy_from(env, &bytes[..])?.to_unknown())
    }
}

/// Takes the work out and does it. A bug of ours fails one call, not the process.
fn compute<T>(work: &mut Option<Doing<T>>) -> Result<T> {
    let work = work.take().expect("a task is done once");
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Kind::Unavailable.into()))
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Work<T, J> {
    type Output = Result<T>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(compute(&mut self.work))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<J> {
        output.map(self.convert).thrown(&env)
    }
}
