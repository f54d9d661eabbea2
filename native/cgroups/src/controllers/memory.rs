use std::{fs, path::Path};

use super::{Setting, field, number, or_max};
use crate::{limits::Limits, stats::Stats};

pub(super) fn v1(limits: &Limits) -> Vec<Setting> {
    limits.memory_limit.map(|limit| Setting::new("memory", "memory.limit_in_bytes", limit)).into_iter().collect()
}

pub(super) fn v2(limits: &Limits) -> Vec<Setting> {
    let files = [
        ("memory.max", limits.memory_limit),
        ("memory.high", limits.memory_high),
        ("memory.min", limits.memory_min),
        ("memory.low", limits.memory_low),
    ];
    files
        .into_iter()
        .filter_map(|(file, value)| value.map(|value| Setting::new("memory", file, or_max(value))))
        .collect()
}

pub(super) fn read_v1(place: &Path, stats: &mut Stats) -> Option<()> {
    let usage = number(&place.join("memory.usage_in_bytes"))?;
    let table = fs::read_to_string(place.join("memory.stat")).unwrap_or_default();
    stats.memory_usage_bytes = usage;
    stats.memory_working_set_bytes = usage.saturating_sub(field(&table, "total_inactive_file"));
    stats.memory_rss_bytes = field(&table, "total_rss");
    stats.memory_page_faults = field(&table, "total_pgfault");
    stats.memory_major_page_faults = field(&table, "total_pgmajfault");
    Some(())
}

pub(super) fn read_v2(place: &Path, stats: &mut Stats) {
    let table = fs::read_to_string(place.join("memory.stat")).unwrap_or_default();
    // The root of the tree has no memory.current; its use is what the pages sum up to.
    let usage = number(&place.join("memory.current")).unwrap_or_else(|| field(&table, "anon") + field(&table, "file"));
    stats.memory_usage_bytes = usage;
    stats.memory_working_set_bytes = usage.saturating_sub(field(&table, "inactive_file"));
    stats.memory_rss_bytes = field(&table, "anon");
    stats.memory_page_faults = field(&table, "pgfault");
    stats.memory_major_page_faults = field(&table, "pgmajfault");
}

/// How many processes of the cgroup the kernel killed for want of memory: `memory.events` of v2, `memory.oom_control` of v1.
/// None when the cgroup is gone.
pub fn oom_kills(place: &Path) -> Option<u64> {
    let table =
        ["memory.events", "memory.oom_control"].iter().find_map(|file| fs::read_to_string(place.join(file)).ok())?;
    Some(field(&table, "oom_kill"))
}
