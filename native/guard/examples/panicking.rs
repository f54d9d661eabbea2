//! A library for Node whose functions panic, each in one of the ways in which a binding can be called. For tests/node.rs.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use guard::{Guarded, guarded, guarded_future};
use napi::{Env, Result, Task, bindgen_prelude::AsyncTask};
use napi_derive::napi;

fn panic_if(panics: bool, what: &str) -> Result<String> {
    assert!(!panics, "{what} failed");
    Ok("done".to_owned())
}

#[napi]
pub fn call(panics: bool) -> Result<String> {
    guarded(|| panic_if(panics, "call"))
}

#[napi]
pub async fn future(panics: bool) -> Result<String> {
    guarded_future(async move { panic_if(panics, "future") }).await
}

#[napi(ts_return_type = "Promise<string>")]
pub fn compute(panics: bool) -> AsyncTask<Guarded<Step>> {
    AsyncTask::new(Guarded(Step { compute: panics, resolve: false }))
}

#[napi(ts_return_type = "Promise<string>")]
pub fn resolve(panics: bool) -> AsyncTask<Guarded<Step>> {
    AsyncTask::new(Guarded(Step { compute: false, resolve: panics }))
}

pub struct Step {
    compute: bool,
    resolve: bool,
}

impl Task for Step {
    type Output = ();
    type JsValue = String;

    fn compute(&mut self) -> Result<()> {
        panic_if(self.compute, "compute").map(drop)
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<String> {
        panic_if(self.resolve, "resolve")
    }
}
