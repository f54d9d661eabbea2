//! The door to Node for NetworkPolicies: policies and pods go in as JSON, one at a time.

use std::sync::{Arc, Mutex, PoisonError};

use guard::guarded;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use xtables::address::Family;

use crate::binding::{failure, parse};
use crate::error::NetfilterError;
use crate::nftables::kernel::Kernel;
use crate::policy::model::{Pod, Policy, PolicyConfig};
use crate::policy::policies::{Policies, Synced, TABLE};

type KernelPolicies = Policies<Kernel>;
type Job<R> = fn(&mut KernelPolicies) -> std::result::Result<R, NetfilterError>;

enum Change {
    Policy(String, Option<Policy>),
    Pod(String, Option<Pod>),
}

struct Shared {
    /// What was set since the last sync, in its order. Apart, so that setting never waits for the kernel.
    inbox: Mutex<Vec<Change>>,
    /// Poisoned by a panic: what it knows of the kernel may be wrong then, and every later call fails.
    policies: Mutex<KernelPolicies>,
}

#[napi]
pub struct PolicyTable {
    shared: Arc<Shared>,
}

#[napi(object)]
pub struct RefusedPolicy {
    /// `namespace/name`.
    pub policy: String,
    /// `IPv4` or `IPv6`.
    pub family: String,
    pub message: String,
}

/// What a sync of policies did.
#[napi(object)]
pub struct PolicySync {
    /// Everything was written anew.
    pub full: bool,
    /// Chains, and elements of sets.
    pub written: u32,
    pub removed: u32,
    /// Policies that the kernel did not take: whom they select is isolated, and they let nothing pass.
    pub refused: Vec<RefusedPolicy>,
}

#[napi]
impl PolicyTable {
    /// `config`: JSON of `PolicyConfig`. Throws, and says why, when this machine cannot enforce policies.
    #[napi(constructor)]
    pub fn new(config: String) -> Result<Self> {
        guarded(|| {
            let config: PolicyConfig = parse(&config)?;
            let open = |family| Kernel::of(family, TABLE).map(|kernel| (family, kernel));
            let doors = [Family::Ipv4, Family::Ipv6].into_iter().map(open).collect::<std::io::Result<Vec<_>>>();
            let mut policies = Policies::new(doors.map_err(|error| failure(error.into()))?, &config);
            policies.detect().map_err(failure)?;
            let shared = Shared { inbox: Mutex::default(), policies: Mutex::new(policies) };
            Ok(PolicyTable { shared: Arc::new(shared) })
        })
    }

    /// True once a call has panicked: open another one, and set everything again.
    #[napi(getter)]
    pub fn broken(&self) -> Result<bool> {
        guarded(|| Ok(self.shared.policies.is_poisoned()))
    }

    /// `name`: `namespace/name`. `policy`: JSON of a `Policy`; empty to remove it. Throws when no rules can be made of it, and
    /// leaves what was set before. Takes effect with the next `sync`.
    #[napi]
    pub fn set_policy(&self, name: String, policy: String) -> Result<()> {
        guarded(|| {
            let policy = if policy.is_empty() { None } else { Some(parse(&policy)?) };
            self.push(Change::Policy(name, policy));
            Ok(())
        })
    }

    /// `name`: `namespace/name`. `pod`: JSON of a `Pod`; empty to remove it. Takes effect with the next `sync`.
    #[napi]
    pub fn set_pod(&self, name: String, pod: String) -> Result<()> {
        guarded(|| {
            let pod = if pod.is_empty() { None } else { Some(parse(&pod)?) };
            self.push(Change::Pod(name, pod));
            Ok(())
        })
    }

    /// Brings the kernel to what was set.
    #[napi(ts_return_type = "Promise<PolicySync>")]
    pub fn sync(&self) -> AsyncTask<Work<PolicySync>> {
        self.work(|policies| policies.sync().map(PolicySync::from))
    }

    /// Writes everything anew when rules were gone (`full`), and tries again what was refused. Null: neither was so.
    #[napi(ts_return_type = "Promise<PolicySync | null>")]
    pub fn verify(&self) -> AsyncTask<Work<Option<PolicySync>>> {
        self.work(|policies| Ok(policies.verify()?.map(PolicySync::from)))
    }

    /// Takes all rules away, whichever process wrote them.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn cleanup(&self) -> AsyncTask<Work<()>> {
        self.work(Policies::cleanup)
    }

    /// Pushing is all that is ever done under this lock.
    fn push(&self, change: Change) {
        self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(change);
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
            let broken = |_| Error::from_reason("the table of policies panicked in an earlier call");
            let mut policies = self.shared.policies.lock().map_err(broken)?;
            let changes = std::mem::take(&mut *self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner));
            for change in changes {
                match change {
                    Change::Policy(name, policy) => policies.set_policy(name, policy),
                    Change::Pod(name, pod) => policies.set_pod(name, pod),
                }
            }
            (self.job)(&mut policies).map_err(failure)
        })
    }

    fn resolve(&mut self, _: Env, output: R) -> Result<R> {
        Ok(output)
    }
}

impl From<Synced> for PolicySync {
    fn from(synced: Synced) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let refused = synced.refused.into_iter();
        let refused =
            refused.map(|((family, policy), message)| RefusedPolicy { policy, family: family.to_string(), message });
        PolicySync {
            full: synced.full,
            written: count(synced.written),
            removed: count(synced.removed),
            refused: refused.collect(),
        }
    }
}
