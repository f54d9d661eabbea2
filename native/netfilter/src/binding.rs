//! The door to Node: state goes in as JSON, one Service at a time; the kernel is spoken to off the event loop.

use std::sync::{Arc, Mutex, PoisonError};

use guard::guarded;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;

use crate::backend::Backend;
use crate::error::NetfilterError;
use crate::front::{Front, Synced};
use crate::mode::{self, Opened};
use crate::model::{NodeConfig, Service};
use crate::netlink::flows::Conntrack;

type KernelFront = Front<Box<dyn Backend>, Conntrack>;
type Job<R> = fn(&mut KernelFront) -> std::result::Result<R, NetfilterError>;

struct Shared {
    /// What was set since the last sync, in its order. Apart, so that setting never waits for the kernel.
    inbox: Mutex<Vec<(String, Vec<Service>)>>,
    /// Poisoned by a panic: what it knows of the kernel may be wrong then, and every later call fails.
    front: Mutex<KernelFront>,
}

#[napi]
pub struct ServiceProxy {
    shared: Arc<Shared>,
    mode: &'static str,
    passed_over: Vec<(&'static str, String)>,
    config: NodeConfig,
}

/// A mode that this machine cannot run, or whose rules it cannot remove.
#[napi(object)]
pub struct ModeProblem {
    pub mode: String,
    pub why: String,
}

fn problems(all: Vec<(&'static str, String)>) -> Vec<ModeProblem> {
    all.into_iter().map(|(mode, why)| ModeProblem { mode: mode.to_owned(), why }).collect()
}

/// What a sync did.
#[napi(object)]
pub struct SyncResult {
    /// Everything was written anew.
    pub full: bool,
    /// Chains, and elements of sets where the mode has them.
    pub written: u32,
    pub removed: u32,
    /// Flows to endpoints that are gone, which were ended.
    pub flows_ended: u32,
    /// Why flows could not be looked through.
    pub flows_problem: Option<String>,
    /// Services that the kernel did not take. They are served as before; all others as they were set.
    pub refused: Vec<RefusedService>,
}

#[napi(object)]
pub struct RefusedService {
    /// `namespace/name`.
    pub service: String,
    /// `IPv4` or `IPv6`.
    pub family: String,
    pub message: String,
}

#[napi]
impl ServiceProxy {
    /// `mode`: a value of `--proxy-mode`, where `auto` is the best that this machine can run; throws when there is no such mode or when this machine cannot run it.
    /// `config`: JSON of `NodeConfig`.
    #[napi(constructor)]
    pub fn new(mode: String, config: String) -> Result<Self> {
        guarded(|| {
            let config: NodeConfig = parse(&config)?;
            let Opened { mode, backend, passed_over } = mode::open(&mode, &config).map_err(failure)?;
            let shared = Shared { inbox: Mutex::default(), front: Mutex::new(Front::new(backend, Conntrack)) };
            Ok(ServiceProxy { shared: Arc::new(shared), mode, passed_over, config })
        })
    }

    /// The mode that was opened: never `auto`.
    #[napi(getter)]
    pub fn mode(&self) -> Result<String> {
        guarded(|| Ok(self.mode.to_owned()))
    }

    /// Better modes that this machine cannot run, with why.
    #[napi]
    pub fn passed_over(&self) -> Result<Vec<ModeProblem>> {
        guarded(|| Ok(problems(self.passed_over.clone())))
    }

    /// Takes away what other modes left; gives those that could not be.
    #[napi(ts_return_type = "Promise<Array<ModeProblem>>")]
    pub fn clean_up_others(&self) -> AsyncTask<CleanUpOthers> {
        AsyncTask::new(CleanUpOthers { mode: self.mode, config: self.config.clone() })
    }

    /// `name`: `namespace/name`. `views`: JSON, an array with a `Service` for each family; empty to remove it. Throws when
    /// no rules can be made of it, and leaves what was set before. Takes effect with the next `sync`.
    #[napi]
    pub fn set_service(&self, name: String, views: String) -> Result<()> {
        guarded(|| {
            let views: Vec<Service> = parse(&views)?;
            views.iter().try_for_each(|view| view.check().map_err(Error::from_reason))?;
            // Pushing is all that is ever done under this lock.
            self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner).push((name, views));
            Ok(())
        })
    }

    /// True once a call has panicked: open another one, and set every Service again.
    #[napi(getter)]
    pub fn broken(&self) -> Result<bool> {
        guarded(|| Ok(self.shared.front.is_poisoned()))
    }

    /// Brings the kernel to what was set.
    #[napi(ts_return_type = "Promise<SyncResult>")]
    pub fn sync(&self) -> AsyncTask<Work<SyncResult>> {
        self.work(|front| front.sync().map(SyncResult::from))
    }

    /// Writes everything anew when rules were gone (`full`), and tries again what was refused. Null: neither was so.
    #[napi(ts_return_type = "Promise<SyncResult | null>")]
    pub fn verify(&self) -> AsyncTask<Work<Option<SyncResult>>> {
        self.work(|front| Ok(front.verify()?.map(SyncResult::from)))
    }

    /// Takes all rules of this mode away, whichever process wrote them.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn cleanup(&self) -> AsyncTask<Work<()>> {
        self.work(Front::cleanup)
    }

    fn work<R>(&self, job: Job<R>) -> AsyncTask<Work<R>>
    where
        Work<R>: Task,
    {
        AsyncTask::new(Work { shared: self.shared.clone(), job })
    }
}

pub struct Work<R> {
    shared: Arc<Shared>,
    job: Job<R>,
}

impl<R> Task for Work<R>
where
    R: 'static + Send + ToNapiValue + TypeName,
{
    type Output = R;
    type JsValue = R;

    fn compute(&mut self) -> Result<R> {
        guarded(|| {
            let broken = |_| Error::from_reason("the service proxy panicked in an earlier call");
            let mut front = self.shared.front.lock().map_err(broken)?;
            let set = std::mem::take(&mut *self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner));
            for (name, views) in set {
                front.set(&name, views);
            }
            (self.job)(&mut front).map_err(failure)
        })
    }

    fn resolve(&mut self, _: Env, output: R) -> Result<R> {
        Ok(output)
    }
}

pub struct CleanUpOthers {
    mode: &'static str,
    config: NodeConfig,
}

impl Task for CleanUpOthers {
    type Output = Vec<ModeProblem>;
    type JsValue = Vec<ModeProblem>;

    fn compute(&mut self) -> Result<Vec<ModeProblem>> {
        guarded(|| Ok(problems(mode::clean_up_others(self.mode, &self.config))))
    }

    fn resolve(&mut self, _: Env, output: Vec<ModeProblem>) -> Result<Vec<ModeProblem>> {
        Ok(output)
    }
}

impl From<Synced> for SyncResult {
    fn from(Synced { full, applied, flows }: Synced) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let refused = applied.refused.into_iter();
        let refused = refused.map(|(key, message)| RefusedService {
            service: key.service,
            family: key.family.to_string(),
            message,
        });
        SyncResult {
            full,
            written: count(applied.written),
            removed: count(applied.removed),
            flows_ended: flows.as_ref().map_or(0, |ended| count(*ended)),
            flows_problem: flows.err(),
            refused: refused.collect(),
        }
    }
}

pub fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| failure(NetfilterError::from(error)))
}

pub fn failure(error: NetfilterError) -> Error {
    Error::from_reason(error.to_string())
}
