//! Figures of one cgroup, from either hierarchy, in kubelet's terms.

use std::{fs, path::Path};

use serde::Serialize;

use crate::hierarchy::Hierarchy;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// `path` is relative to the hierarchy's root. None when the cgroup is gone.
pub fn read(hierarchy: &Hierarchy, path: &str) -> Option<Stats> {
    let path = path.trim_start_matches('/');
    match hierarchy {
        Hierarchy::V1(_) => read_v1(hierarchy, path),
        Hierarchy::V2(root) => read_v2(&root.join(path)),
    }
}

fn read_v1(hierarchy: &Hierarchy, path: &str) -> Option<Stats> {
    let memory = hierarchy.root("memory")?.join(path);
    let usage = number(&memory.join("memory.usage_in_bytes"))?;
    let table = fs::read_to_string(memory.join("memory.stat")).unwrap_or_default();
    let cpu = hierarchy.root("cpuacct").map(|root| root.join(path).join("cpuacct.usage"));
    let pids = hierarchy.root("pids").map(|root| root.join(path).join("pids.current"));
    Some(Stats {
        cpu_usage_nanoseconds: cpu.and_then(|file| number(&file)).unwrap_or(0),
        memory_usage_bytes: usage,
        memory_working_set_bytes: usage.saturating_sub(field(&table, "total_inactive_file")),
        memory_rss_bytes: field(&table, "total_rss"),
        memory_page_faults: field(&table, "total_pgfault"),
        memory_major_page_faults: field(&table, "total_pgmajfault"),
        processes: pids.and_then(|file| number(&file)).unwrap_or(0),
    })
}

fn read_v2(directory: &Path) -> Option<Stats> {
    let cpu = fs::read_to_string(directory.join("cpu.stat")).ok()?;
    let table = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
    // The root of the tree has no memory.current; its use is what the pages sum up to.
    let usage =
        number(&directory.join("memory.current")).unwrap_or_else(|| field(&table, "anon") + field(&table, "file"));
    Some(Stats {
        cpu_usage_nanoseconds: field(&cpu, "usage_usec") * 1000,
        memory_usage_bytes: usage,
        memory_working_set_bytes: usage.saturating_sub(field(&table, "inactive_file")),
        memory_rss_bytes: field(&table, "anon"),
        memory_page_faults: field(&table, "pgfault"),
        memory_major_page_faults: field(&table, "pgmajfault"),
        processes: number(&directory.join("pids.current")).unwrap_or(0),
    })
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn field(table: &str, name: &str) -> u64 {
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_figures_come_from_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| fs::write(root.path().join(file), text).unwrap();
        put("cpu.stat", "usage_usec 5\nuser_usec 4\n");
        put("memory.stat", "anon 100\nfile 50\ninactive_file 30\npgfault 7\n");
        put("memory.current", "150\n");
        let stats = read(&Hierarchy::V2(root.path().to_path_buf()), "").unwrap();
        assert_eq!(stats.cpu_usage_nanoseconds, 5000);
        assert_eq!(stats.memory_working_set_bytes, 120);
        assert_eq!(stats.memory_page_faults, 7);
    }

    #[test]
    fn a_missing_cgroup_has_no_figures() {
        assert_eq!(read(&Hierarchy::V2("/nonexistent".into()), "pod1"), None);
    }
}
