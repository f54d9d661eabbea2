//! The door to Node: state goes in as JSON, one Service at a time; applying runs off the event loop.

use std::sync::{Arc, Mutex, MutexGuard};

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;

use crate::error::NetfilterError;
use crate::iptables::proxy::{Kernel, Proxy, Synced};
use crate::model::{NodeConfig, Service};

type Job<R> = fn(&mut Proxy<Kernel>) -> std::result::Result<R, NetfilterError>;
type Shared = Arc<Mutex<Proxy<Kernel>>>;

#[napi]
pub struct IptablesProxy {
    shared: Shared,
}

/// What a sync did.
#[napi(object)]
pub struct SyncResult {
    pub full: bool,
    pub chains_written: u32,
    pub chains_removed: u32,
}

#[napi]
impl IptablesProxy {
    /// `config`: JSON of `NodeConfig`.
    #[napi(constructor)]
    pub fn new(config: String) -> Result<Self> {
        let config: NodeConfig = parse(&config)?;
        Ok(IptablesProxy { shared: Arc::new(Mutex::new(Proxy::new(Kernel, config))) })
    }

    /// `config`: JSON of `NodeConfig`. Takes effect with the next `sync`.
    #[napi]
    pub fn set_config(&self, config: String) -> Result<()> {
        lock(&self.shared).set_config(parse(&config)?);
        Ok(())
    }

    /// `service`: JSON of `Service`, or null to remove it. Takes effect with the next `sync`.
    #[napi]
    pub fn set_service(&self, key: String, service: Option<String>) -> Result<()> {
        let service: Option<Service> = service.as_deref().map(parse).transpose()?;
        lock(&self.shared).set(key, service);
        Ok(())
    }

    /// Brings the kernel to what was set. Do not call any other method until it has settled.
    #[napi(ts_return_type = "Promise<SyncResult>")]
    pub fn sync(&self) -> AsyncTask<Work<SyncResult>> {
        self.work(|proxy| proxy.sync().map(SyncResult::from))
    }

    /// True when rules were gone and had to be written anew.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn verify(&self) -> AsyncTask<Work<bool>> {
        self.work(Proxy::verify)
    }

    /// Takes all rules and chains of ours away.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn cleanup(&self) -> AsyncTask<Work<()>> {
        self.work(Proxy::cleanup)
    }

    fn work<R>(&self, job: Job<R>) -> AsyncTask<Work<R>>
    where
        Work<R>: Task,
    {
        AsyncTask::new(Work { shared: self.shared.clone(), job })
    }
}

pub struct Work<R> {
    shared: Shared,
    job: Job<R>,
}

impl<R> Task for Work<R>
where
    R: 'static + Send + ToNapiValue + TypeName,
{
    type Output = R;
    type JsValue = R;

    fn compute(&mut self) -> Result<R> {
        (self.job)(&mut lock(&self.shared)).map_err(|error| Error::from_reason(error.to_string()))
    }

    fn resolve(&mut self, _: Env, output: R) -> Result<R> {
        Ok(output)
    }
}

impl From<Synced> for SyncResult {
    fn from(synced: Synced) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        SyncResult {
            full: synced.full,
            chains_written: count(synced.chains_written),
            chains_removed: count(synced.chains_removed),
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::from_reason(NetfilterError::from(error).to_string()))
}

fn lock(shared: &Shared) -> MutexGuard<'_, Proxy<Kernel>> {
    shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
