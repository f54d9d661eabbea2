//! Limits as properties of units. systemd writes its properties to the kernel's files whenever it likes, so whatever it
//! knows of must be told to it; what it does not know of (huge pages) goes into the files alone.

use crate::{limits::Limits, weight::WeightCurve};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<String>),
}

pub type Property = (&'static str, Value);

/// systemd's word for no limit.
const INFINITY: u64 = u64::MAX;
const SECOND: u64 = 1_000_000;
/// systemd keeps a quota as whole percents of a CPU: microseconds in a second.
const PERCENT: u64 = SECOND / 100;
const DEFAULT_PERIOD: u64 = 100_000;

/// What a new slice gets, beside its limits.
pub fn of_slice(name: &str, parent: &str, version: u8) -> Vec<Property> {
    let accounting = if version == 1 { "BlockIOAccounting" } else { "IOAccounting" };
    vec![
        ("Description", Value::Text(format!("cgroup of pods {name}"))),
        ("Wants", Value::List(vec![parent.to_owned()])),
        ("MemoryAccounting", Value::Flag(true)),
        ("CPUAccounting", Value::Flag(true)),
        (accounting, Value::Flag(true)),
        ("TasksAccounting", Value::Flag(true)),
        // Without it the slice would wait for the end of the machine's start, and end with its stop.
        ("DefaultDependencies", Value::Flag(false)),
    ]
}

/// The limits with the quota that systemd can keep: rounded up, so that containers below get all of theirs. The files must
/// have the same number.
pub fn representable(limits: &Limits) -> Limits {
    let Some(quota) = limits.cpu_quota.and_then(|quota| u64::try_from(quota).ok()) else { return limits.clone() };
    let period = limits.cpu_period.unwrap_or(DEFAULT_PERIOD);
    let rounded = (quota * SECOND / period).div_ceil(PERCENT) * PERCENT * period / SECOND;
    Limits { cpu_quota: i64::try_from(rounded.max(quota)).ok(), ..limits.clone() }
}

pub fn of_limits_v1(limits: &Limits) -> Vec<Property> {
    let memory = limits.memory_limit.map(|limit| ("MemoryLimit", infinite(limit)));
    let shares = limits.cpu_shares.map(|shares| ("CPUShares", Value::Number(shares.max(2))));
    memory.into_iter().chain(shares).chain(quota(limits)).chain(tasks(limits)).collect()
}

pub fn of_limits_v2(limits: &Limits, curve: WeightCurve) -> Vec<Property> {
    let memory = [
        ("MemoryMax", limits.memory_limit),
        ("MemoryHigh", limits.memory_high),
        ("MemoryMin", limits.memory_min),
        ("MemoryLow", limits.memory_low),
    ];
    let memory = memory.into_iter().filter_map(|(name, limit)| limit.map(|limit| (name, infinite(limit))));
    let weight = limits.cpu_shares.map(|shares| ("CPUWeight", Value::Number(curve.weight(shares))));
    memory.chain(weight).chain(quota(limits)).chain(tasks(limits)).collect()
}

fn quota(limits: &Limits) -> Vec<Property> {
    let mut properties = Vec::new();
    if let Some(period) = limits.cpu_period {
        properties.push(("CPUQuotaPeriodUSec", Value::Number(period)));
    }
    if let Some(quota) = limits.cpu_quota {
        let period = limits.cpu_period.unwrap_or(DEFAULT_PERIOD);
        let in_a_second = u64::try_from(quota).map_or(INFINITY, |quota| quota * SECOND / period);
        properties.push(("CPUQuotaPerSecUSec", Value::Number(in_a_second)));
    }
    properties
}

fn tasks(limits: &Limits) -> Option<Property> {
    // systemd refuses 0.
    limits.pids_limit.map(|limit| ("TasksMax", if limit == 0 { Value::Number(1) } else { infinite(limit) }))
}

fn infinite(limit: i64) -> Value {
    Value::Number(u64::try_from(limit).unwrap_or(INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(properties: Vec<Property>) -> Vec<String> {
        properties.into_iter().map(|(name, value)| format!("{name}={value:?}")).collect()
    }

    #[test]
    fn limits_have_the_properties_of_their_hierarchy() {
        let all = Limits {
            cpu_shares: Some(1024),
            cpu_quota: Some(50_000),
            cpu_period: Some(100_000),
            memory_limit: Some(1 << 20),
            memory_high: Some(1 << 19),
            memory_min: Some(0),
            memory_low: Some(0),
            pids_limit: Some(7),
            ..Limits::default()
        };
        let none = Limits {
            cpu_quota: Some(-1),
            cpu_period: Some(100_000),
            memory_limit: Some(-1),
            pids_limit: Some(-1),
            ..Limits::default()
        };
        let infinity = u64::MAX;
        assert_eq!(
            shown(of_limits_v1(&all)),
            [
                "MemoryLimit=Number(1048576)",
                "CPUShares=Number(1024)",
                "CPUQuotaPeriodUSec=Number(100000)",
                "CPUQuotaPerSecUSec=Number(500000)",
                "TasksMax=Number(7)"
            ]
        );
        assert_eq!(
            shown(of_limits_v2(&all, WeightCurve::Quadratic)),
            [
                "MemoryMax=Number(1048576)",
                "MemoryHigh=Number(524288)",
                "MemoryMin=Number(0)",
                "MemoryLow=Number(0)",
                "CPUWeight=Number(100)",
                "CPUQuotaPeriodUSec=Number(100000)",
                "CPUQuotaPerSecUSec=Number(500000)",
                "TasksMax=Number(7)"
            ]
        );
        assert_eq!(
            shown(of_limits_v1(&none)),
            [
                format!("MemoryLimit=Number({infinity})"),
                "CPUQuotaPeriodUSec=Number(100000)".to_owned(),
                format!("CPUQuotaPerSecUSec=Number({infinity})"),
                format!("TasksMax=Number({infinity})")
            ]
        );
        assert!(of_limits_v2(&Limits::default(), WeightCurve::Linear).is_empty());
    }

    #[test]
    fn a_quota_is_rounded_up_to_whole_percents() {
        for (quota, period, expected) in [
            (Some(50_000), Some(100_000), Some(50_000)),
            (Some(50_001), Some(100_000), Some(51_000)),
            (Some(33_333), None, Some(34_000)),
            (Some(2_500), Some(10_000), Some(2_500)),
            (Some(2_510), Some(10_000), Some(2_600)),
            (Some(-1), Some(100_000), Some(-1)),
            (None, None, None),
        ] {
            let limits = Limits { cpu_quota: quota, cpu_period: period, ..Limits::default() };
            assert_eq!(representable(&limits).cpu_quota, expected, "{quota:?} {period:?}");
        }
    }

    #[test]
    fn a_limit_of_no_processes_is_one_since_systemd_refuses_none() {
        let limits = Limits { pids_limit: Some(0), ..Limits::default() };
        assert_eq!(shown(of_limits_v2(&limits, WeightCurve::Linear)), ["TasksMax=Number(1)"]);
    }

    #[test]
    fn a_slice_is_counted_in_all_ways_and_lies_in_its_parent() {
        for (version, accounting) in [(1, "BlockIOAccounting"), (2, "IOAccounting")] {
            let properties = of_slice("kubepods-burstable.slice", "kubepods.slice", version);
            assert!(properties.contains(&("Wants", Value::List(vec!["kubepods.slice".to_owned()]))));
            assert!(properties.contains(&(accounting, Value::Flag(true))));
            assert!(properties.contains(&("DefaultDependencies", Value::Flag(false))));
        }
    }
}
