//! InterPodAffinity: required terms of the pod, and required anti-affinity of pods that run already, filter; preferred
//! terms of either side score.

use super::{ClusterQuery, Filter, MAX_NODE_SCORE, PASSED, Plugin, Rejection, Score, Verdict, verdict};
use crate::cluster_event::ClusterEvent;
use crate::pod::PodSpec;
use crate::pod_matcher::PodMatcher;
use crate::topology_cache::NO_DOMAIN;
use crate::topology_rules::{Pull, Term};

const AFFINITY: u8 = 0;
const ANTI_AFFINITY: u8 = 1;
const EXISTING: u8 = 2;

pub const PLUGIN: Plugin = Plugin {
    name: "InterPodAffinity",
    events: &[
        ClusterEvent::NodeAdd,
        ClusterEvent::NodeLabel,
        ClusterEvent::AssignedPodAdd,
        ClusterEvent::AssignedPodUpdate,
        ClusterEvent::AssignedPodDelete,
    ],
    pod_fields: &["affinity"],
    filter: Filter::Cluster(filter),
    score: Score::Cluster(score),
    weight: 2,
    explain: |_, _, _, _, detail| match detail {
        AFFINITY => Rejection::unresolvable("node(s) didn't match pod affinity rules"),
        ANTI_AFFINITY => Rejection::resolvable("node(s) didn't match pod anti-affinity rules"),
        _ => Rejection::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"),
    },
};

fn filter(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &mut [Verdict], code: u8) {
    let rules = &spec.topology;
    let snapshot = query.snapshot;
    if !rules.affinity.is_empty() {
        require(&rules.affinity, spec, query, verdicts, verdict(code, AFFINITY));
    }
    for term in &rules.anti_affinity {
        let matchers = std::slice::from_ref(&term.matcher);
        let counts = query.cache.domain_counts(matchers, term.key, snapshot, |_| true);
        let domains = query.cache.domains(term.key, snapshot);
        for (passed, &domain) in verdicts.iter_mut().zip(&domains.of).filter(|(passed, _)| **passed == PASSED) {
            if domain != NO_DOMAIN && counts[domain as usize] > 0 {
                *passed = verdict(code, ANTI_AFFINITY);
            }
        }
    }
    for (key, pull, slots) in snapshot.carried.matching(&rules.subject, &snapshot.namespaces) {
        if pull != Pull::Forbids {
            continue;
        }
        let domains = query.cache.domains(key, snapshot);
        let mut forbidden = vec![false; domains.count];
        for &slot in slots.keys() {
            if domains.of[slot] != NO_DOMAIN {
                forbidden[domains.of[slot] as usize] = true;
            }
        }
        for (passed, &domain) in verdicts.iter_mut().zip(&domains.of).filter(|(passed, _)| **passed == PASSED) {
            if domain != NO_DOMAIN && forbidden[domain as usize] {
                *passed = verdict(code, EXISTING);
            }
        }
    }
}

/// Every term needs a pod in the node's domain that matches all terms. The first pod of a group, which matches its own
/// terms while nobody else does, may start anywhere.
fn require(terms: &[Term], spec: &PodSpec, query: &mut ClusterQuery, verdicts: &mut [Verdict], code: Verdict) {
    let snapshot = query.snapshot;
    let matchers: Vec<PodMatcher> = terms.iter().map(|term| term.matcher.clone()).collect();
    let by_term: Vec<Vec<i64>> =
        terms.iter().map(|term| query.cache.domain_counts(&matchers, term.key, snapshot, |_| true)).collect();
    let nobody = by_term.iter().flatten().all(|&count| count == 0);
    let subject = &spec.topology.subject;
    let first = nobody && matchers.iter().all(|matcher| matcher.matches(subject, &snapshot.namespaces));
    for (term, counts) in terms.iter().zip(&by_term) {
        let domains = query.cache.domains(term.key, snapshot);
        for (passed, &domain) in verdicts.iter_mut().zip(&domains.of).filter(|(passed, _)| **passed == PASSED) {
            if domain == NO_DOMAIN || !(first || counts[domain as usize] > 0) {
                *passed = code;
            }
        }
    }
}

fn score(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &[Verdict], totals: &mut [i32], weight: i32) {
    let snapshot = query.snapshot;
    let rules = &spec.topology;
    let mut scores = vec![0i64; totals.len()];
    let mut any = false;
    for (weight, term) in &rules.preferred {
        let matchers = std::slice::from_ref(&term.matcher);
        let counts = query.cache.domain_counts(matchers, term.key, snapshot, |_| true);
        any |= counts.iter().any(|&count| count != 0);
        let domains = query.cache.domains(term.key, snapshot);
        for (score, &domain) in scores.iter_mut().zip(&domains.of).filter(|(_, domain)| **domain != NO_DOMAIN) {
            *score += i64::from(*weight) * counts[domain as usize];
        }
    }
    for (key, pull, slots) in snapshot.carried.matching(&rules.subject, &snapshot.namespaces) {
        let Pull::Weighs(weight) = pull else { continue };
        let domains = query.cache.domains(key, snapshot);
        let mut counts = vec![0i64; domains.count];
        for (&slot, &count) in slots {
            if domains.of[slot] != NO_DOMAIN {
                counts[domains.of[slot] as usize] += i64::from(count);
                any = true;
            }
        }
        for (score, &domain) in scores.iter_mut().zip(&domains.of).filter(|(_, domain)| **domain != NO_DOMAIN) {
            *score += i64::from(weight) * counts[domain as usize];
        }
    }
    if !any {
        return;
    }
    let among = || scores.iter().zip(verdicts).filter(|(_, verdict)| **verdict == PASSED).map(|(&score, _)| score);
    let (least, most) = (among().min().unwrap_or(0), among().max().unwrap_or(0));
    if most > least {
        for (total, &score) in totals.iter_mut().zip(&scores) {
            let share = (score - least) as f64 / (most - least) as f64;
            *total += weight * (f64::from(MAX_NODE_SCORE) * share) as i32;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::input::PodInput;
    use crate::testing::{Cluster, labelled_pod, node};
    use serde_json::{Value, json};

    const NO_AFFINITY: &str = "node(s) didn't match pod affinity rules";
    const NO_ANTI: &str = "node(s) didn't match pod anti-affinity rules";
    const NO_EXISTING: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

    fn term(app: &str, key: &str) -> Value {
        json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}})
    }

    fn with(app: &str, kind: &str, when: &str, terms: Value) -> PodInput {
        labelled_pod(
            json!({"app": app}),
            json!({"affinity": {kind: {format!("{when}DuringSchedulingIgnoredDuringExecution"): terms}}}),
        )
    }

    fn cluster() -> Cluster {
        let mut cluster = Cluster::new([
            node("a").label("zone", "x"),
            node("b").label("zone", "x"),
            node("c").label("zone", "y"),
            node("d"),
        ]);
        cluster.run(labelled_pod(json!({"app": "db"}), json!({})), "a");
        cluster
    }

    #[test]
    fn required_terms_look_at_the_domain() {
        let foreign = json!({"topologyKey": "zone", "namespaces": ["other"], "labelSelector": {}});
        let everywhere = json!({"topologyKey": "zone", "namespaceSelector": {}, "labelSelector": {}});
        for (case, pod, expected) in [
            (
                "near db by zone",
                with("w", "podAffinity", "required", json!([term("db", "zone")])),
                ["", "", NO_AFFINITY, NO_AFFINITY],
            ),
            (
                "near db by host",
                with("w", "podAffinity", "required", json!([term("db", "kubernetes.io/hostname")])),
                ["", NO_AFFINITY, NO_AFFINITY, NO_AFFINITY],
            ),
            ("near nobody", with("w", "podAffinity", "required", json!([term("none", "zone")])), [NO_AFFINITY; 4]),
            (
                "the first of a group",
                with("w", "podAffinity", "required", json!([term("w", "zone")])),
                ["", "", "", NO_AFFINITY],
            ),
            ("another namespace", with("w", "podAffinity", "required", json!([foreign])), [NO_AFFINITY; 4]),
            (
                "all namespaces",
                with("w", "podAffinity", "required", json!([everywhere])),
                ["", "", NO_AFFINITY, NO_AFFINITY],
            ),
            (
                "away from db",
                with("w", "podAntiAffinity", "required", json!([term("db", "zone")])),
                [NO_ANTI, NO_ANTI, "", ""],
            ),
        ] {
            assert_eq!(cluster().all_reasons(pod), expected, "{case}");
        }
    }

    #[test]
    fn running_pods_keep_others_away() {
        let mut cluster = cluster();
        let loner = cluster.run(with("loner", "podAntiAffinity", "required", json!([term("w", "zone")])), "c");
        let pod = || labelled_pod(json!({"app": "w"}), json!({}));
        assert_eq!(cluster.all_reasons(pod()), ["", "", NO_EXISTING, ""]);
        cluster.scheduler.snapshot.release(loner);
        assert_eq!(cluster.all_reasons(pod()), ["", "", "", ""]);
    }

    #[test]
    fn preferred_terms_of_both_sides_score() {
        let preferred = |app: &str, weight: i64| json!([{"weight": weight, "podAffinityTerm": term(app, "zone")}]);
        let mut near = cluster();
        assert_eq!(
            near.cluster_scores(with("w", "podAffinity", "preferred", preferred("db", 5)), "InterPodAffinity"),
            [200, 200, 0, 0]
        );
        let mut away = cluster();
        assert_eq!(
            away.cluster_scores(with("w", "podAntiAffinity", "preferred", preferred("db", 5)), "InterPodAffinity"),
            [0, 0, 200, 200]
        );
        let mut drawn = cluster();
        drawn.run(with("fan", "podAffinity", "preferred", preferred("w", 5)), "c");
        assert_eq!(
            drawn.cluster_scores(labelled_pod(json!({"app": "w"}), json!({})), "InterPodAffinity"),
            [0, 0, 200, 0]
        );
    }
}
