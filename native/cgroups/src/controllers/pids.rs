use std::path::Path;

use super::{Setting, number, or_max};
use crate::{limits::Limits, stats::Stats};

/// Both hierarchies have the same files.
pub(super) fn settings(limits: &Limits) -> Vec<Setting> {
    limits.pids_limit.map(|limit| Setting::new("pids", "pids.max", or_max(limit))).into_iter().collect()
}

pub(super) fn read(place: &Path, stats: &mut Stats) {
    stats.processes = number(&place.join("pids.current")).unwrap_or(0);
}
