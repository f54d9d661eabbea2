//! What the agent asks of cgroups, whoever makes them: this process by files, or systemd by messages.

use std::{future::Future, pin::Pin};

use crate::{
    error::Result,
    limits::Limits,
    path::{Cgroup, PodPath},
    stats::{Events, Stats},
};

/// The kernel, or another process, may take its time.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Every operation works in all hierarchies that are mounted.
pub trait CgroupDriver: Send + Sync {
    /// Of the hierarchy that limits are written to: 1, also for a hybrid system, or 2.
    fn version(&self) -> u8;
    /// What the runtime is told to put a pod's sandbox and containers below: a path within the hierarchy. With systemd its
    /// last part is the name of the pod's slice. It must be the runtime's driver, too.
    fn runtime_parent(&self, pod: &PodPath) -> String;
    /// Makes the cgroup and those above it; what exists is left as it is.
    fn create(&self, cgroup: &Cgroup) -> Answer<()>;
    /// Makes the cgroup where it is missing, and applies the limits.
    fn apply(&self, cgroup: &Cgroup, limits: &Limits) -> Answer<()>;
    /// Moves a process into the cgroup.
    fn attach(&self, cgroup: &Cgroup, process: u32) -> Answer<()>;
    /// Stops every process in the cgroup and below it, or lets them go on; resolves when it is so.
    fn freeze(&self, cgroup: &Cgroup, freeze: bool) -> Answer<()>;
    /// Kills every process in the cgroup and below it; resolves when none is left. A missing cgroup is fine.
    fn kill(&self, cgroup: &Cgroup) -> Answer<()>;
    /// Removes the cgroup with everything below it. Processes still inside are killed first; a missing cgroup is fine.
    fn remove(&self, cgroup: &Cgroup) -> Answer<()>;
    /// Removes a cgroup without processes and children; another one is left as it is.
    fn remove_if_empty(&self, cgroup: &Cgroup) -> Answer<()>;
    /// None when the cgroup is gone.
    fn stats(&self, cgroup: &Cgroup) -> Answer<Option<Stats>>;
    /// None when the cgroup is gone.
    fn events(&self, cgroup: &Cgroup) -> Answer<Option<Events>>;
}
