use std::{fs, path::Path};

use super::{Setting, field, number, or_max};
use crate::{limits::Limits, stats::Stats, weight::WeightCurve};

/// The kernel refuses less.
const MIN_SHARES: u64 = 2;

pub(super) fn v1(limits: &Limits) -> Vec<Setting> {
    let shares = limits.cpu_shares.map(|shares| Setting::new("cpu", "cpu.shares", shares.max(MIN_SHARES)));
    let period = limits.cpu_period.map(|period| Setting::new("cpu", "cpu.cfs_period_us", period));
    let quota = limits.cpu_quota.map(|quota| Setting::new("cpu", "cpu.cfs_quota_us", quota));
    shares.into_iter().chain(period).chain(quota).collect()
}

/// Quota and period share a file; the kernel keeps the period when it is left out.
pub(super) fn v2(limits: &Limits, curve: WeightCurve) -> Vec<Setting> {
    let weight = limits.cpu_shares.map(|shares| Setting::new("cpu", "cpu.weight", curve.weight(shares)));
    let quota = limits.cpu_quota.map(|quota| match limits.cpu_period {
        Some(period) => Setting::new("cpu", "cpu.max", format!("{} {period}", or_max(quota))),
        None => Setting::new("cpu", "cpu.max", or_max(quota)),
    });
    weight.into_iter().chain(quota).collect()
}

pub(super) fn read_v1(place: &Path, stats: &mut Stats) {
    stats.cpu_usage_nanoseconds = number(&place.join("cpuacct.usage")).unwrap_or(0);
}

pub(super) fn read_v2(place: &Path, stats: &mut Stats) -> Option<()> {
    let table = fs::read_to_string(place.join("cpu.stat")).ok()?;
    stats.cpu_usage_nanoseconds = field(&table, "usage_usec") * 1000;
    Some(())
}
