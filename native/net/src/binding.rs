//! The door to Node: JSON in, and all work off the event loop.

use std::sync::{Arc, Mutex};

use guard::guarded;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use xtables::address::Cidr;
use xtables::tables::Kernel;

use crate::config::NetworkConfig;
use crate::error;
use crate::network;

type KernelNetwork = network::NodeNetwork<Kernel>;
type Job<R> = Box<dyn Fn(&mut KernelNetwork) -> error::Result<R> + Send>;

#[napi]
pub struct NodeNetwork {
    config: NetworkConfig,
    shared: Arc<Mutex<KernelNetwork>>,
}

/// What `apply` did.
#[napi(object)]
pub struct NetworkReport {
    /// What was not as wanted, and is now.
    pub changed: Vec<String>,
    pub problems: Vec<NetworkProblem>,
}

/// What cannot be as wanted.
#[napi(object)]
pub struct NetworkProblem {
    pub subject: String,
    pub message: String,
}

#[napi]
impl NodeNetwork {
    /// `config`: JSON of `NetworkConfig`.
    #[napi(constructor)]
    pub fn new(config: String) -> Result<Self> {
        guarded(|| {
            let config: NetworkConfig = serde_json::from_str(&config).map_err(|error| failure(error.into()))?;
            let shared = Arc::new(Mutex::new(KernelNetwork::new(config.clone(), Kernel::of)));
            Ok(NodeNetwork { config, shared })
        })
    }

    /// Makes the network as wanted, with these addresses for the node's pods. Again later: repairs it.
    #[napi(ts_return_type = "Promise<NetworkReport>")]
    pub fn apply(&self, pod_cidrs: Vec<String>) -> Result<AsyncTask<Work<NetworkReport>>> {
        guarded(|| {
            let cidrs: std::result::Result<Vec<Cidr>, String> = pod_cidrs.iter().map(|cidr| cidr.parse()).collect();
            let cidrs = cidrs.map_err(|message| Error::from_reason(format!("podCIDRs: {message}")))?;
            Ok(self.work(Box::new(move |network| Ok(network.apply(&cidrs).into()))))
        })
    }

    /// Takes away the rules, the bridge and the CNI configuration.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn cleanup(&self) -> AsyncTask<Work<()>> {
        self.work(Box::new(|network| network.cleanup(Kernel::of)))
    }

    fn work<R>(&self, job: Job<R>) -> AsyncTask<Work<R>>
    where
        Work<R>: Task,
    {
        AsyncTask::new(Work { config: self.config.clone(), shared: self.shared.clone(), job })
    }
}

pub struct Work<R> {
    config: NetworkConfig,
    shared: Arc<Mutex<KernelNetwork>>,
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
            let mut network = self.shared.lock().unwrap_or_else(|poisoned| {
                // All that is lost with the old one is what it remembers to have written.
                let mut network = poisoned.into_inner();
                *network = KernelNetwork::new(self.config.clone(), Kernel::of);
                self.shared.clear_poison();
                network
            });
            (self.job)(&mut network).map_err(failure)
        })
    }

    fn resolve(&mut self, _: Env, output: R) -> Result<R> {
        Ok(output)
    }
}

impl From<network::Report> for NetworkReport {
    fn from(report: network::Report) -> Self {
        let problem = |network::Problem { subject, message }| NetworkProblem { subject, message };
        NetworkReport { changed: report.changed, problems: report.problems.into_iter().map(problem).collect() }
    }
}

fn failure(error: error::Error) -> Error {
    Error::from_reason(error.to_string())
}
