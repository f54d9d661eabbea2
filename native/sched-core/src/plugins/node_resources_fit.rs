//! NodeResourcesFit: requests must fit into what is left; the strategy says whether empty or full nodes are preferred.

use super::{Filter, MAX_NODE_SCORE, Plugin, Rejection, Score, Verdict, gives_way};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::Demand;
use crate::usage::Usage;
use serde::Deserialize;
use std::ops::Range;

pub const PLUGIN: Plugin = Plugin {
    name: "NodeResourcesFit",
    events: &[
        ClusterEvent::NodeAdd,
        ClusterEvent::NodeAllocatable,
        ClusterEvent::AssignedPodDelete,
        ClusterEvent::AssignedPodResize,
    ],
    pod_fields: &["containers", "initContainers", "resources", "overhead"],
    filter: Filter::Usage(filter),
    score: Score::Usage(score),
    weight: 1,
    explain,
};

/// `scoringStrategy.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Strategy {
    #[default]
    LeastAllocated,
    MostAllocated,
    RequestedToCapacityRatio,
}

/// A point of the curve of RequestedToCapacityRatio: utilization in percent, score 0..=10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ShapePoint {
    pub utilization: i64,
    pub score: i64,
}

/// `NodeResourcesFitArgs.scoringStrategy`, over CPU and memory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scoring {
    #[serde(rename = "type")]
    pub strategy: Strategy,
    pub cpu_weight: i64,
    pub memory_weight: i64,
    pub shape: Vec<ShapePoint>,
}

impl Default for Scoring {
    fn default() -> Self {
        Self { strategy: Strategy::LeastAllocated, cpu_weight: 1, memory_weight: 1, shape: Vec::new() }
    }
}

fn filter(demand: &Demand, usage: &Usage, range: Range<usize>, verdicts: &mut [Verdict], code: u8) {
    let code = Verdict::from(code);
    let requests = &demand.requests;
    let (cpu, memory, storage) = (requests.milli_cpu, requests.memory, requests.ephemeral_storage);
    // A request of nothing fits even where more is taken than there is.
    let (any_cpu, any_memory, any_storage) = (cpu > 0, memory > 0, storage > 0);
    let first = range.start;
    let len = range.len();
    let (used_pods, pods) = (&usage.used_pods[range.clone()], &usage.pods[range.clone()]);
    let (used_cpu, all_cpu) = (&usage.used_cpu[range.clone()], &usage.cpu[range.clone()]);
    let (used_memory, all_memory) = (&usage.used_memory[range.clone()], &usage.memory[range.clone()]);
    let (used_storage, all_storage) = (&usage.used_storage[range.clone()], &usage.storage[range]);
    for at in 0..len {
        let short = (used_pods[at] >= pods[at])
            | (any_cpu & (cpu > all_cpu[at] - used_cpu[at]))
            | (any_memory & (memory > all_memory[at] - used_memory[at]))
            | (any_storage & (storage > all_storage[at] - used_storage[at]));
        verdicts[at] = if short & gives_way(verdicts[at], code) { code } else { verdicts[at] };
    }
    if requests.scalars.is_empty() {
        return;
    }
    for (at, verdict) in verdicts.iter_mut().enumerate().filter(|(_, verdict)| gives_way(**verdict, code)) {
        if requests.scalars.iter().any(|&(name, amount)| {
            let (all, used) = usage.scalar_of(first + at, name);
            amount > 0 && amount > all - used
        }) {
            *verdict = code;
        }
    }
}

fn explain(demand: &Demand, usage: &Usage, slot: usize, interner: &Interner, _: u8) -> Rejection {
    let mut reasons = Vec::new();
    let mut resolvable = true;
    if usage.used_pods[slot] >= usage.pods[slot] {
        reasons.push("Too many pods".to_owned());
    }
    let requests = &demand.requests;
    let mut check = |name: &str, wanted: i64, all: i64, used: i64| {
        if wanted > 0 && wanted > all - used {
            reasons.push(format!("Insufficient {name}"));
            resolvable &= wanted <= all;
        }
    };
    check("cpu", requests.milli_cpu, usage.cpu[slot], usage.used_cpu[slot]);
    check("memory", requests.memory, usage.memory[slot], usage.used_memory[slot]);
    check("ephemeral-storage", requests.ephemeral_storage, usage.storage[slot], usage.used_storage[slot]);
    for &(name, amount) in &requests.scalars {
        let (all, used) = usage.scalar_of(slot, name);
        check(interner.text(name), amount, all, used);
    }
    Rejection { reasons, resolvable }
}

fn score(demand: &Demand, usage: &Usage, scoring: &Scoring, range: Range<usize>, totals: &mut [i32], weight: i32) {
    match scoring.strategy {
        Strategy::LeastAllocated => {
            combine(demand, usage, scoring, range, totals, weight, |left, _| left);
        }
        Strategy::MostAllocated => {
            combine(demand, usage, scoring, range, totals, weight, |left, all| all - left);
        }
        Strategy::RequestedToCapacityRatio => requested_to_capacity(demand, usage, scoring, range, totals, weight),
    }
}

/// What the pod would leave of a resource: 0 when it takes more than there is. No operand is negative, so nothing
/// overflows, however much is requested.
#[inline]
fn left(all: i64, used: i64, wanted: i64) -> i64 {
    (all - used).max(wanted) - wanted
}

/// The weighted mean of the two resources' scores, leaving out a resource that the node does not have. `part` says which
/// part counts, of what would be left and of all.
#[inline]
fn combine(
    demand: &Demand,
    usage: &Usage,
    scoring: &Scoring,
    range: Range<usize>,
    totals: &mut [i32],
    weight: i32,
    part: impl Fn(i64, i64) -> i64,
) {
    let (cpu_weight, memory_weight) = (scoring.cpu_weight, scoring.memory_weight);
    let even = cpu_weight == 1 && memory_weight == 1;
    let (cpus, used_cpu) = (&usage.cpu[range.clone()], &usage.non_zero_cpu[range.clone()]);
    let (memories, used_memory) = (&usage.memory[range.clone()], &usage.non_zero_memory[range]);
    for at in 0..totals.len() {
        let score = |all, used, wanted| if all == 0 { 0 } else { percent(part(left(all, used, wanted), all), all) };
        let cpu = score(cpus[at], used_cpu[at], demand.non_zero_cpu);
        let memory = score(memories[at], used_memory[at], demand.non_zero_memory);
        let mean = if even && cpus[at] != 0 && memories[at] != 0 {
            (cpu + memory) >> 1
        } else {
            let weights = i64::from(cpus[at] != 0) * cpu_weight + i64::from(memories[at] != 0) * memory_weight;
            if weights == 0 { 0 } else { (cpu * cpu_weight + memory * memory_weight) / weights }
        };
        totals[at] += weight * mean as i32;
    }
}

/// `part * 100 / all` of a part that is not negative. A division of floats, corrected, is several times as fast as one of
/// 64-bit integers, and this is the innermost loop.
#[inline]
fn percent(part: i64, all: i64) -> i64 {
    let Some(scaled) = part.checked_mul(i64::from(MAX_NODE_SCORE)) else {
        return (i128::from(part) * i128::from(MAX_NODE_SCORE) / i128::from(all)) as i64;
    };
    let quotient = (scaled as f64 / all as f64) as i64;
    quotient - i64::from(quotient.saturating_mul(all) > scaled)
}

fn requested_to_capacity(
    demand: &Demand,
    usage: &Usage,
    scoring: &Scoring,
    range: Range<usize>,
    totals: &mut [i32],
    weight: i32,
) {
    for (slot, total) in range.zip(totals) {
        let mut sum = 0;
        let mut weights = 0;
        for (all, used, wanted, resource_weight) in [
            (usage.cpu[slot], usage.non_zero_cpu[slot], demand.non_zero_cpu, scoring.cpu_weight),
            (usage.memory[slot], usage.non_zero_memory[slot], demand.non_zero_memory, scoring.memory_weight),
        ] {
            if all == 0 {
                continue;
            }
            let utilization = percent(all - left(all, used, wanted), all);
            let score = curve(&scoring.shape, utilization);
            // Resources that score nothing do not dilute the others: so does the reference.
            if score > 0 {
                sum += score * resource_weight;
                weights += resource_weight;
            }
        }
        if weights > 0 {
            *total += weight * (sum as f64 / weights as f64).round() as i32;
        }
    }
}

/// The broken line through the shape's points, scaled from 0..=10 to 0..=100.
fn curve(shape: &[ShapePoint], utilization: i64) -> i64 {
    let Some(first) = shape.first() else {
        return 0;
    };
    if utilization <= first.utilization {
        return first.score * 10;
    }
    for pair in shape.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        if utilization <= to.utilization {
            let rise = (to.score - from.score) * 10;
            return from.score * 10 + rise * (utilization - from.utilization) / (to.utilization - from.utilization);
        }
    }
    shape[shape.len() - 1].score * 10
}

#[cfg(test)]
mod tests {
    use super::{ShapePoint, Strategy, curve, percent};
    use crate::testing::{Cluster, node, pod, requests};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_left_must_suffice() {
        for (case, spec, expected) in [
            ("fits exactly", requests("3", "6Gi"), ""),
            ("a little too much cpu", requests("3001m", "1Gi"), "Insufficient cpu"),
            ("too much memory", requests("1", "7Gi"), "Insufficient memory"),
            ("both", requests("5", "9Gi"), "Insufficient cpu, Insufficient memory"),
            (
                "a resource no node has",
                json!({"containers": [{"resources": {"requests": {"example.com/gpu": 1}}}]}),
                "Insufficient example.com/gpu",
            ),
            (
                "storage",
                json!({"containers": [{"resources": {"requests": {"ephemeral-storage": 1}}}]}),
                "Insufficient ephemeral-storage",
            ),
            ("nothing", json!({}), ""),
        ] {
            let mut cluster = Cluster::new([node("a").allocatable("cpu", "4").allocatable("memory", "8Gi")]);
            cluster.run(pod(requests("1", "2Gi")), "a");
            assert_eq!(cluster.reasons(pod(spec)).join(", "), expected, "{case}");
        }
    }

    #[test]
    fn a_request_of_nothing_fits_an_overfull_node_unless_pods_are_counted_out() {
        let mut cluster = Cluster::new([node("a").allocatable("cpu", "1").allocatable("pods", "2")]);
        cluster.run(pod(requests("2", "0")), "a");
        assert_eq!(cluster.verdicts(pod(json!({}))), [""]);
        cluster.run(pod(json!({})), "a");
        assert_eq!(cluster.reasons(pod(json!({}))), ["Too many pods"]);
    }

    #[test]
    fn extended_resources_are_counted() {
        let gpu = json!({"containers": [{"resources": {"requests": {"example.com/gpu": 2}}}]});
        let mut cluster = Cluster::new([node("a").allocatable("example.com/gpu", "3")]);
        assert_eq!(cluster.verdicts(pod(gpu.clone())), [""]);
        cluster.run(pod(gpu.clone()), "a");
        assert_eq!(cluster.reasons(pod(gpu)), ["Insufficient example.com/gpu"]);
    }

    #[test]
    fn strategies_score_as_the_reference() {
        // Node a: 3000 of 4000 milli and 5 GiB of 10 GiB with the pod; node b is empty: 1000 of 4000, 2 of 10 GiB.
        for (strategy, shape, expected) in [
            (Strategy::LeastAllocated, vec![], [(25 + 50) / 2, (75 + 80) / 2]),
            (Strategy::MostAllocated, vec![], [(75 + 50) / 2, (25 + 20) / 2]),
            (
                Strategy::RequestedToCapacityRatio,
                vec![ShapePoint { utilization: 0, score: 0 }, ShapePoint { utilization: 100, score: 10 }],
                [63, 23],
            ),
        ] {
            let sized = |name| node(name).allocatable("cpu", "4").allocatable("memory", "10Gi");
            let mut cluster = Cluster::new([sized("a"), sized("b")]);
            cluster.scoring.strategy = strategy;
            cluster.scoring.shape = shape;
            cluster.run(pod(requests("2", "3Gi")), "a");
            assert_eq!(cluster.usage_scores(pod(requests("1", "2Gi")), "NodeResourcesFit"), expected, "{strategy:?}");
        }
    }

    #[test]
    fn the_curve_is_a_broken_line() {
        let shape = [(20, 0), (40, 10), (80, 4)].map(|(utilization, score)| ShapePoint { utilization, score });
        let scores = [0, 20, 30, 40, 60, 80, 100].map(|utilization| curve(&shape, utilization));
        assert_eq!(scores, [0, 0, 50, 100, 70, 40, 40]);
    }

    proptest! {
        #[test]
        fn percent_is_exact(all in 1..i64::MAX / 200, share in 0.0..1.0f64, near in 0..3i64) {
            let part = ((all as f64 * share) as i64).saturating_add(near).clamp(0, all);
            prop_assert_eq!(percent(part, all), (i128::from(part) * 100 / i128::from(all)) as i64);
        }
    }
}
