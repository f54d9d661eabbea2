//! What a cgroup may use.

/// None leaves the kernel's value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// v1 scale, 2..262144; a weight is made of it for v2.
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
