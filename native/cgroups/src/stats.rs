//! Figures of one cgroup, in kubelet's terms.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Total CPU time used.
    pub cpu_usage_nanoseconds: u64,
    pub memory_usage_bytes: u64,
    /// Usage without the inactive file pages, which the kernel gives back under pressure.
    pub memory_working_set_bytes: u64,
    pub memory_rss_bytes: u64,
    pub memory_page_faults: u64,
    pub memory_major_page_faults: u64,
    pub processes: u64,
}

/// What happened in a cgroup and below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Whether a process is in it.
    pub populated: bool,
    /// Processes that the kernel killed for want of memory, since the cgroup was made.
    pub oom_kills: u64,
}
