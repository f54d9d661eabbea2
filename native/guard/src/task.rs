//! The same for what napi calls: functions, futures, and tasks of the thread pool.

use std::future::Future;

use napi::{Env, Error, Result, Task};

use crate::caught::{Panic, caught, caught_future};

impl From<Panic> for Error {
    fn from(panic: Panic) -> Self {
        Self::from_reason(panic.to_string())
    }
}

/// The body of a function of a binding.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work)
}

/// The body of an asynchronous function of a binding.
pub fn guarded_future<T>(future: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    caught_future(future)
}

/// A task whose panics reject its promise: napi calls `compute` and `resolve` from functions of C.
pub struct Guarded<T>(pub T);

impl<T: Task> Task for Guarded<T> {
    type Output = T::Output;
    type JsValue = T::JsValue;

    fn compute(&mut self) -> Result<Self::Output> {
        caught(|| self.0.compute())
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> Result<Self::JsValue> {
        caught(|| self.0.resolve(env, output))
    }

    fn reject(&mut self, env: Env, error: Error) -> Result<Self::JsValue> {
        caught(|| self.0.reject(env, error))
    }

    fn finally(self, env: Env) -> Result<()> {
        caught(|| self.0.finally(env))
    }
}
