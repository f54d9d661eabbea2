//! N-API: thin wrappers. A failed call rejects with a message that is JSON, `{"code": <gRPC code>, "message": ...}`.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use std::{sync::Arc, time::Duration};

use guard::{guarded, guarded_future};
use napi::{
    Error, Result, Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue},
};
use napi_derive::napi;
use serde_json::json;

use crate::{client, error, events, health, image_views};

fn failure(error: &error::Error) -> Error {
    let text = json!({ "code": error.code() as i32, "message": error.to_string() }).to_string();
    Error::new(Status::GenericFailure, text)
}

#[napi]
pub struct RuntimeClient {
    inner: Arc<client::Client>,
}

#[napi]
impl RuntimeClient {
    #[napi(constructor)]
    pub fn new(endpoint: String) -> Result<Self> {
        // The channel needs the runtime that the async functions run on.
        guarded(|| {
            napi::bindgen_prelude::within_runtime_if_available(|| client::Client::new(&endpoint))
                .map(|inner| Self { inner: Arc::new(inner) })
                .map_err(|error| failure(&error))
        })
    }

    /// `method` is the CRI name, `request` its message as JSON; resolves to the answer as JSON.
    #[napi]
    pub async fn call(&self, method: String, request: String, timeout_ms: u32) -> Result<String> {
        guarded_future(async {
            let timeout = Duration::from_millis(u64::from(timeout_ms));
            self.inner.call(&method, &request, timeout).await.map_err(|error| failure(&error))
        })
        .await
    }

    /// Resolves to the mounts that show the image, as JSON: `[{"type": ..., "source": ..., "options": [...]}]`.
    #[napi]
    pub async fn open_image_view(&self, image: String, owner: String, key: String) -> Result<String> {
        guarded_future(async {
            let mounts = image_views::open(&self.inner, &image, &owner, &key).await.map_err(|error| failure(&error))?;
            Ok(json!(mounts).to_string())
        })
        .await
    }

    #[napi]
    pub async fn close_image_views(&self, owner: String) -> Result<()> {
        guarded_future(async { image_views::close(&self.inner, &owner).await.map_err(|error| failure(&error)) }).await
    }

    /// Delivers events as JSON (`{"kind": "stopped", "id": ...}`) and resolves when the stream ends.
    #[napi(ts_args_type = "deliver: (event: string) => void", ts_return_type = "Promise<void>")]
    pub async fn watch_events(
        &self,
        deliver: ThreadsafeFunction<String, UnknownReturnValue, String, Status, false, true>,
    ) -> Result<()> {
        guarded_future(async {
            let result = events::watch(&self.inner, |event| {
                if let Ok(text) = serde_json::to_string(&event) {
                    deliver.call(text, ThreadsafeFunctionCallMode::NonBlocking);
                }
            });
            result.await.map_err(|error| failure(&error))
        })
        .await
    }
}

/// Resolves to an empty string when the service is serving, to the reason otherwise.
#[napi]
pub async fn check_grpc_health(address: String, service: String, timeout_ms: u32) -> Result<String> {
    guarded_future(async {
        let timeout = Duration::from_millis(u64::from(timeout_ms));
        Ok(health::check(&address, &service, timeout).await.err().unwrap_or_default())
    })
    .await
}
