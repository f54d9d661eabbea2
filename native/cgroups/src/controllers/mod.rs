//! What the limits are in the kernel's files, and what it counts there: one file a controller, for both hierarchies.

mod cpu;
mod freezer;
mod hugetlb;
mod memory;
mod pids;

pub use freezer::FreezeFiles;
pub use memory::oom_kills;

use std::{borrow::Cow, fs, path::Path};

use crate::{hierarchy::Hierarchy, limits::Limits, stats::Stats, weight::WeightCurve};

/// A value for a file of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub controller: &'static str,
    pub file: Cow<'static, str>,
    pub value: String,
}

impl Setting {
    fn new(controller: &'static str, file: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        Self { controller, file: file.into(), value: value.to_string() }
    }
}

/// -1 is no limit, for which v2 has a word.
fn or_max(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

/// In the order in which they must be written.
pub fn settings_v1(limits: &Limits) -> Vec<Setting> {
    [cpu::v1(limits), memory::v1(limits), hugetlb::v1(limits), pids::settings(limits)].concat()
}

pub fn settings_v2(limits: &Limits, curve: WeightCurve) -> Vec<Setting> {
    [cpu::v2(limits, curve), memory::v2(limits), hugetlb::v2(limits), pids::settings(limits)].concat()
}

/// Figures of one cgroup, from either hierarchy. `path` is relative to the hierarchy's root. None when it is gone.
pub fn stats(hierarchy: &Hierarchy, path: &Path) -> Option<Stats> {
    let mut stats = Stats::default();
    match hierarchy {
        Hierarchy::V1(_) => {
            let place = |controller: &str| Some(hierarchy.root(controller)?.join(path));
            memory::read_v1(&place("memory")?, &mut stats)?;
            if let Some(place) = place("cpuacct") {
                cpu::read_v1(&place, &mut stats);
            }
            if let Some(place) = place("pids") {
                pids::read(&place, &mut stats);
            }
        }
        Hierarchy::V2(root) => {
            let place = root.join(path);
            cpu::read_v2(&place, &mut stats)?;
            memory::read_v2(&place, &mut stats);
            pids::read(&place, &mut stats);
        }
    }
    Some(stats)
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The number behind a name in a table of lines `name number`; 0 when it is not there.
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
    use crate::limits::PageSize;

    fn shown(settings: Vec<Setting>) -> Vec<String> {
        settings.into_iter().map(|setting| format!("{}={}", setting.file, setting.value)).collect()
    }

    #[test]
    fn limits_are_written_in_each_hierarchys_own_words() {
        let all = Limits {
            cpu_shares: Some(1024),
            cpu_quota: Some(-1),
            cpu_period: Some(100_000),
            memory_limit: Some(1 << 20),
            memory_high: Some(1 << 19),
            memory_min: Some(0),
            memory_low: Some(4096),
            hugepages: vec![(PageSize::parse("2MB").unwrap(), 4 << 20)],
            pids_limit: Some(-1),
        };
        let quota = Limits { cpu_quota: Some(50_000), ..Limits::default() };
        let unlimited = Limits { memory_limit: Some(-1), cpu_shares: Some(0), ..Limits::default() };
        for (limits, v1, v2) in [
            (Limits::default(), vec![], vec![]),
            (
                all,
                vec![
                    "cpu.shares=1024",
                    "cpu.cfs_period_us=100000",
                    "cpu.cfs_quota_us=-1",
                    "memory.limit_in_bytes=1048576",
                    "hugetlb.2MB.limit_in_bytes=4194304",
                    "hugetlb.2MB.rsvd.limit_in_bytes=4194304",
                    "pids.max=max",
                ],
                vec![
                    "cpu.weight=39",
                    "cpu.max=max 100000",
                    "memory.max=1048576",
                    "memory.high=524288",
                    "memory.min=0",
                    "memory.low=4096",
                    "hugetlb.2MB.max=4194304",
                    "hugetlb.2MB.rsvd.max=4194304",
                    "pids.max=max",
                ],
            ),
            (quota, vec!["cpu.cfs_quota_us=50000"], vec!["cpu.max=50000"]),
            (unlimited, vec!["cpu.shares=2", "memory.limit_in_bytes=-1"], vec!["cpu.weight=1", "memory.max=max"]),
        ] {
            assert_eq!(shown(settings_v1(&limits)), v1, "{limits:?}");
            assert_eq!(shown(settings_v2(&limits, WeightCurve::Linear)), v2, "{limits:?}");
        }
    }

    #[test]
    fn v2_figures_come_from_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| fs::write(root.path().join(file), text).unwrap();
        put("cpu.stat", "usage_usec 5\nuser_usec 4\n");
        put("memory.stat", "anon 100\nfile 50\ninactive_file 30\npgfault 7\n");
        put("memory.current", "150\n");
        put("pids.current", "3\n");
        let stats = stats(&Hierarchy::V2(root.path().to_path_buf()), Path::new("")).unwrap();
        assert_eq!(stats.cpu_usage_nanoseconds, 5000);
        assert_eq!(stats.memory_working_set_bytes, 120);
        assert_eq!(stats.memory_page_faults, 7);
        assert_eq!(stats.processes, 3);
    }

    #[test]
    fn v1_figures_come_from_each_controllers_folder() {
        let mount = tempfile::tempdir().unwrap();
        let roots = ["memory", "cpuacct", "pids"].map(|name| (name.to_owned(), mount.path().join(name)));
        for (_, root) in &roots {
            fs::create_dir(root).unwrap();
        }
        let put = |file: &str, text: &str| fs::write(mount.path().join(file), text).unwrap();
        put("memory/memory.usage_in_bytes", "150\n");
        put("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 30\ntotal_rss 100\n");
        put("cpuacct/cpuacct.usage", "5000\n");
        put("pids/pids.current", "3\n");
        let stats = stats(&Hierarchy::V1(roots.to_vec()), Path::new("")).unwrap();
        assert_eq!((stats.cpu_usage_nanoseconds, stats.memory_rss_bytes, stats.processes), (5000, 100, 3));
        assert_eq!(stats.memory_working_set_bytes, 120);
    }

    #[test]
    fn a_missing_cgroup_has_no_figures() {
        assert_eq!(stats(&Hierarchy::V2("/nonexistent".into()), Path::new("pod1")), None);
    }
}
