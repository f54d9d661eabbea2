//! NodeResourcesBalancedAllocation: prefers nodes on which the pod brings the shares of CPU and memory closer together.

use super::{Filter, MAX_NODE_SCORE, Plugin, Rejection, Score, Scoring};
use crate::pod::Demand;
use crate::usage::Usage;
use std::ops::Range;

pub const PLUGIN: Plugin = Plugin {
    name: "NodeResourcesBalancedAllocation",
    events: &[],
    pod_fields: &["containers", "initContainers", "resources", "overhead"],
    filter: Filter::None,
    score: Score::Usage(score),
    weight: 1,
    explain: |_, _, _, _, _| Rejection { reasons: Vec::new(), resolvable: true },
};

/// Half the range, plus half of how much the balance gains: about 75 when nothing changes.
fn score(demand: &Demand, usage: &Usage, _: &Scoring, range: Range<usize>, totals: &mut [i32], weight: i32) {
    let (cpu, memory) = (demand.requests.milli_cpu, demand.requests.memory);
    if cpu == 0 && memory == 0 {
        // Pods that request nothing would all be drawn to the same node.
        return;
    }
    let (cpus, used_cpu) = (&usage.cpu[range.clone()], &usage.used_cpu[range.clone()]);
    let (memories, used_memory) = (&usage.memory[range.clone()], &usage.used_memory[range]);
    let half = MAX_NODE_SCORE / 2;
    // Added as floats, which do not overflow.
    let (cpu, memory) = (cpu as f64, memory as f64);
    for at in 0..totals.len() {
        if cpus[at] == 0 || memories[at] == 0 {
            // With fewer than two resources there is nothing to balance.
            totals[at] += weight * (half + half / 2);
            continue;
        }
        let (used_cpu, cpus) = (used_cpu[at] as f64, cpus[at] as f64);
        let (used_memory, memories) = (used_memory[at] as f64, memories[at] as f64);
        let with = balance(used_cpu + cpu, cpus, used_memory + memory, memories);
        let without = balance(used_cpu, cpus, used_memory, memories);
        totals[at] += weight * (half + (half + with - without) / 2);
    }
}

/// 100 when both shares are equal, 50 when one resource is used up and the other untouched.
#[inline]
fn balance(used_cpu: f64, cpu: f64, used_memory: f64, memory: f64) -> i32 {
    let share = |used: f64, all: f64| (used / all).min(1.0);
    let deviation = ((share(used_cpu, cpu) - share(used_memory, memory)) / 2.0).abs();
    ((1.0 - deviation) * f64::from(MAX_NODE_SCORE)) as i32
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod, requests};
    use serde_json::json;

    #[test]
    fn the_score_follows_the_change_of_balance() {
        let sized = |name| node(name).allocatable("cpu", "10").allocatable("memory", "10Gi");
        let mut cluster = Cluster::new([sized("empty"), sized("cpu-heavy"), sized("memory-heavy"), node("bare")]);
        cluster.run(pod(requests("5", "0")), "cpu-heavy");
        cluster.run(pod(requests("0", "5Gi")), "memory-heavy");
        for (case, spec, expected) in [
            ("even pod", requests("1", "1Gi"), [75, 75, 75, 75]),
            // empty: 100 -> 80; cpu-heavy: 75 -> 95; memory-heavy: 75 -> 55.
            ("memory pod", requests("0", "4Gi"), [65, 85, 65, 75]),
            ("best effort", json!({}), [0, 0, 0, 0]),
        ] {
            assert_eq!(cluster.usage_scores(pod(spec), "NodeResourcesBalancedAllocation"), expected, "{case}");
        }
    }
}
