//! PodTopologySpread: `DoNotSchedule` constraints keep domains within their skew, `ScheduleAnyway` ones prefer the
//! emptier domains. Only constraints that the pod states; the reference's defaults for Services are not applied.

use super::taint_toleration;
use super::{ClusterQuery, Filter, MAX_NODE_SCORE, PASSED, Plugin, Rejection, Score, Verdict, node_affinity, verdict};
use crate::cluster_event::ClusterEvent;
use crate::pod::PodSpec;
use crate::topology_cache::NO_DOMAIN;
use crate::topology_rules::SpreadConstraint;

const SKEW: u8 = 0;
const LABEL: u8 = 1;
const REASON: &str = "node(s) didn't match pod topology spread constraints";
const REASON_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

pub const PLUGIN: Plugin = Plugin {
    name: "PodTopologySpread",
    events: &[
        ClusterEvent::NodeAdd,
        ClusterEvent::NodeDelete,
        ClusterEvent::NodeLabel,
        ClusterEvent::NodeTaint,
        ClusterEvent::AssignedPodAdd,
        ClusterEvent::AssignedPodUpdate,
        ClusterEvent::AssignedPodDelete,
    ],
    pod_fields: &["topologySpreadConstraints", "nodeSelector", "affinity", "tolerations"],
    filter: Filter::Cluster(filter),
    score: Score::Cluster(score),
    weight: 2,
    explain: |_, _, _, _, detail| match detail {
        LABEL => Rejection::unresolvable(REASON_LABEL),
        _ => Rejection::resolvable(REASON),
    },
};

/// Whether a node counts for the constraint.
fn included(spec: &PodSpec, query: &ClusterQuery, constraint: &SpreadConstraint, slot: usize) -> bool {
    let Some(node) = &query.snapshot.nodes[slot] else { return false };
    let (rules, interner) = (&spec.class.rules, &query.snapshot.interner);
    (!constraint.honor_affinity || node_affinity::passes(rules, node, interner))
        && (!constraint.honor_taints || taint_toleration::passes(rules, node, interner))
}

/// For each slot, whether the node has all the labels that the constraints name.
fn labelled(query: &mut ClusterQuery, constraints: &[SpreadConstraint]) -> Vec<bool> {
    let mut all = vec![true; query.snapshot.slot_count()];
    for constraint in constraints {
        let domains = query.cache.domains(constraint.key, query.snapshot);
        for (all, &domain) in all.iter_mut().zip(&domains.of) {
            *all &= domain != NO_DOMAIN;
        }
    }
    all
}

/// Matching pods by domain, and which domains have a node that counts.
fn spread(
    spec: &PodSpec,
    query: &mut ClusterQuery,
    constraint: &SpreadConstraint,
    labelled: &[bool],
) -> (Vec<i64>, Vec<bool>) {
    let snapshot = query.snapshot;
    let domains = query.cache.domains(constraint.key, snapshot);
    let mut present = vec![false; domains.count];
    let everywhere = trivial(spec, constraint);
    let include: Vec<bool> = labelled
        .iter()
        .enumerate()
        .map(|(slot, &labelled)| labelled && (everywhere || included(spec, query, constraint, slot)))
        .collect();
    let domains = query.cache.domains(constraint.key, snapshot);
    for (slot, &domain) in domains.of.iter().enumerate() {
        if include[slot] {
            present[domain as usize] = true;
        }
    }
    let counts = match &constraint.matcher {
        Some(matcher) => {
            let matchers = std::slice::from_ref(matcher);
            query.cache.domain_counts(matchers, constraint.key, snapshot, |slot| include[slot])
        }
        None => vec![0; present.len()],
    };
    (counts, present)
}

/// No policy can leave a node out.
fn trivial(spec: &PodSpec, constraint: &SpreadConstraint) -> bool {
    let rules = &spec.class.rules;
    !constraint.honor_taints && (!constraint.honor_affinity || (rules.selector.is_empty() && rules.required.is_none()))
}

fn filter(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &mut [Verdict], code: u8) {
    let constraints = &spec.topology.hard_spread;
    if constraints.is_empty() {
        return;
    }
    let labelled = labelled(query, constraints);
    for constraint in constraints {
        let (counts, present) = spread(spec, query, constraint, &labelled);
        let domains = present.iter().filter(|present| **present).count();
        let present_counts = counts.iter().zip(&present).filter(|(_, present)| **present).map(|(&count, _)| count);
        let least =
            if domains < constraint.min_domains { 0 } else { present_counts.min().unwrap_or(i64::from(i32::MAX)) };
        let own = i64::from(constraint.counts_itself);
        let domains = query.cache.domains(constraint.key, query.snapshot);
        for (slot, passed) in verdicts.iter_mut().enumerate().filter(|(_, passed)| **passed == PASSED) {
            match domains.of[slot] {
                NO_DOMAIN => *passed = verdict(code, LABEL),
                domain if counts[domain as usize] + own - least > constraint.max_skew => *passed = verdict(code, SKEW),
                _ => {}
            }
        }
    }
}

fn score(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &[Verdict], totals: &mut [i32], weight: i32) {
    let constraints = &spec.topology.soft_spread;
    if constraints.is_empty() {
        return;
    }
    let labelled = labelled(query, constraints);
    let scored = |slot: usize| verdicts[slot] == PASSED && labelled[slot];
    let mut scores = vec![0.0; totals.len()];
    for constraint in constraints {
        let by_host = spec.topology.hostname == Some(constraint.key);
        let (counts, _) = spread(spec, query, constraint, &labelled);
        let by_slot = match &constraint.matcher {
            Some(matcher) if by_host => query.cache.counts(std::slice::from_ref(matcher), query.snapshot).to_vec(),
            _ => Vec::new(),
        };
        let domains = query.cache.domains(constraint.key, query.snapshot);
        let mut seen = vec![false; domains.count];
        let mut nodes = 0;
        for (slot, &domain) in domains.of.iter().enumerate().filter(|(slot, _)| scored(*slot)) {
            debug_assert!(labelled[slot]);
            seen[domain as usize] = true;
            nodes += 1;
        }
        let size = if by_host { nodes } else { seen.iter().filter(|seen| **seen).count() };
        let scale = (size as f64 + 2.0).ln();
        for (slot, score) in scores.iter_mut().enumerate().filter(|(slot, _)| scored(*slot)) {
            let count = match by_slot.get(slot) {
                Some(&count) => count,
                None => counts[domains.of[slot] as usize],
            };
            *score += count as f64 * scale + (constraint.max_skew - 1) as f64;
        }
    }
    let rounded: Vec<i64> = scores.iter().map(|score: &f64| score.round() as i64).collect();
    let among = || rounded.iter().enumerate().filter(|(slot, _)| scored(*slot)).map(|(_, &score)| score);
    let (least, most) = (among().min().unwrap_or(0), among().max().unwrap_or(0));
    for (slot, total) in totals.iter_mut().enumerate().filter(|(slot, _)| scored(*slot)) {
        let all = i64::from(MAX_NODE_SCORE);
        *total += weight * if most == 0 { all } else { all * (most + least - rounded[slot]) / most } as i32;
    }
}

#[cfg(test)]
mod tests {
    use crate::input::PodInput;
    use crate::testing::{Cluster, labelled_pod, node};
    use serde_json::{Value, json};

    fn spread(constraint: Value) -> PodInput {
        let mut whole = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "a"}}});
        whole.as_object_mut().unwrap().extend(constraint.as_object().unwrap().clone());
        labelled_pod(json!({"app": "a"}), json!({"topologySpreadConstraints": [whole]}))
    }

    fn cluster() -> Cluster {
        let mut cluster = Cluster::new([
            node("a").label("zone", "x"),
            node("b").label("zone", "x"),
            node("c").label("zone", "y"),
            node("d"),
        ]);
        cluster.run(labelled_pod(json!({"app": "a"}), json!({})), "a");
        cluster.run(labelled_pod(json!({"app": "b"}), json!({})), "c");
        cluster
    }

    #[test]
    fn hard_constraints_keep_the_skew() {
        let skew = "node(s) didn't match pod topology spread constraints";
        let label = "node(s) didn't match pod topology spread constraints (missing required label)";
        for (case, constraint, expected) in [
            ("one more in x would be two ahead", json!({}), [skew, skew, "", label]),
            ("a wider skew", json!({"maxSkew": 2}), ["", "", "", label]),
            ("by host: only a is ahead", json!({"topologyKey": "kubernetes.io/hostname"}), [skew, "", "", ""]),
            (
                "a selector that does not count the pod",
                json!({"labelSelector": {"matchLabels": {"app": "b"}}}),
                ["", "", "", label],
            ),
            (
                "more domains wanted than there are: the least counts as 0",
                json!({"maxSkew": 1, "minDomains": 3}),
                [skew, skew, "", label],
            ),
            ("no selector counts nobody", json!({"labelSelector": null}), ["", "", "", label]),
            (
                "the pod's own label joins the selector",
                json!({"labelSelector": {}, "matchLabelKeys": ["app"]}),
                [skew, skew, "", label],
            ),
        ] {
            assert_eq!(cluster().all_reasons(spread(constraint)), expected, "{case}");
        }
    }

    #[test]
    fn nodes_that_the_pod_cannot_use_do_not_count_unless_told() {
        let run = |policy: Value| {
            let mut cluster = cluster();
            let mut pod = spread(policy);
            pod.spec.node_selector.insert("zone".to_owned(), "x".to_owned());
            cluster.all_reasons(pod)[1].clone()
        };
        assert_eq!(run(json!({})), "", "zone y is out of reach, so x is the only domain");
        assert_ne!(run(json!({"nodeAffinityPolicy": "Ignore"})), "");
    }

    #[test]
    fn soft_constraints_prefer_the_emptier_domain() {
        let scores =
            cluster().cluster_scores(spread(json!({"whenUnsatisfiable": "ScheduleAnyway"})), "PodTopologySpread");
        assert_eq!(scores, [0, 0, 200, 0], "d lacks the label");
    }
}
