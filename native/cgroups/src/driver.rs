use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Limits of one cgroup. None leaves the kernel's value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// v1 scale, 2..262144; the v2 driver converts it to a weight.
    pub cpu_shares: Option<u64>,
    /// Microseconds of CPU time in a period; -1 is no limit.
    pub cpu_quota: Option<i64>,
    /// Microseconds.
    pub cpu_period: Option<u64>,
    /// Bytes; -1 is no limit.
    pub memory_limit: Option<i64>,
    /// Processes; -1 is no limit.
    pub pids_limit: Option<i64>,
}

/// Paths are relative to the hierarchy's root, `kubepods/burstable/pod<uid>`, whatever the driver makes of them.
pub trait CgroupDriver: Send + Sync {
    fn version(&self) -> u8;
    /// Makes the cgroup and its parents in every hierarchy and applies the limits; what exists is only updated.
    fn apply(&self, path: &str, resources: &Resources) -> Result<()>;
    fn exists(&self, path: &str) -> bool;
    /// Removes the cgroup with everything below it. Processes still inside are killed first; a missing cgroup is fine.
    fn remove(&self, path: &str) -> Result<()>;
    /// Removes a cgroup without processes and children in every hierarchy; another one is left as it is.
    fn remove_if_empty(&self, path: &str) -> Result<()>;
    /// Processes in the cgroup and below it.
    fn processes(&self, path: &str) -> Result<Vec<u32>>;
    /// Names of the direct children.
    fn children(&self, path: &str) -> Result<Vec<String>>;
}
