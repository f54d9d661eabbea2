//! VolumeBinding: a node must reach the volumes of the pod's claims, and give claims that wait for a node a volume.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::volume_rules::reason::{ELSEWHERE, NO_SUCH_VOLUME, NO_VOLUME};

/// In the order in which kube-scheduler gives them.
const REASONS: [(u8, &str); 3] = [
    (ELSEWHERE, "node(s) didn't match PersistentVolume's node affinity"),
    (NO_VOLUME, "node(s) didn't find available persistent volumes to bind"),
    (NO_SUCH_VOLUME, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
];

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeBinding",
    events: &[
        ClusterEvent::NodeAdd,
        ClusterEvent::NodeLabel,
        ClusterEvent::ClaimChange,
        ClusterEvent::VolumeChange,
        ClusterEvent::StorageClassChange,
    ],
    pod_fields: &[],
    filter: Filter::Volumes(ELSEWHERE | NO_VOLUME | NO_SUCH_VOLUME),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, detail| Rejection {
        reasons: REASONS.iter().filter(|(bit, _)| detail & bit != 0).map(|&(_, text)| text.to_owned()).collect(),
        resolvable: false,
    },
};

#[cfg(test)]
mod tests {
    use crate::input::PodInput;
    use crate::testing::{Cluster, node, pod, requests};
    use serde_json::{Value, json};

    fn with(rules: Value) -> PodInput {
        PodInput { volume_rules: serde_json::from_value(rules).expect("rules"), ..pod(json!({})) }
    }

    #[test]
    fn nodes_are_rejected_as_the_rules_say() {
        let mut cluster = Cluster::new([node("a"), node("b"), node("c")]);
        for (case, rules, expected) in [
            ("none", json!({}), vec!["", "", ""]),
            ("one node", json!({"nodes": {"b": 1}}), vec!["", "VolumeBinding", ""]),
            ("all but one", json!({"others": 2, "nodes": {"b": 0}}), vec!["VolumeBinding", "", "VolumeBinding"]),
            ("a node that is not there", json!({"nodes": {"x": 4}}), vec!["", "", ""]),
            ("in use", json!({"others": 16}), vec!["VolumeRestrictions"; 3]),
            ("another zone", json!({"nodes": {"c": 8}}), vec!["", "", "VolumeZone"]),
            ("in use and elsewhere", json!({"nodes": {"a": 18}}), vec!["VolumeRestrictions", "", ""]),
            ("elsewhere and another zone", json!({"nodes": {"a": 10}}), vec!["VolumeBinding", "", ""]),
        ] {
            assert_eq!(cluster.verdicts(with(rules)), expected, "{case}");
        }
    }

    #[test]
    fn what_comes_before_in_the_profile_is_told_first() {
        let full = || node("a").allocatable("cpu", "1").allocatable("memory", "1Gi").allocatable("pods", "10");
        let mut cluster = Cluster::new([full()]);
        let asks = |rules: Value, spec: Value| PodInput {
            volume_rules: serde_json::from_value(rules).expect("rules"),
            ..pod(spec)
        };
        let port = json!({"containers": [{"ports": [{"hostPort": 80}]}]});
        for rules in [json!({"others": 2}), json!({"others": 16}), json!({"others": 8})] {
            let cpu = asks(rules.clone(), requests("2", "1Mi"));
            assert_eq!(cluster.verdicts(cpu), ["NodeResourcesFit"], "{rules}");
            let small = asks(rules.clone(), requests("1", "1Mi"));
            assert_ne!(cluster.verdicts(small), ["NodeResourcesFit"], "{rules}");
        }
        cluster.run(pod(port.clone()), "a");
        assert_eq!(cluster.verdicts(asks(json!({"others": 2}), port)), ["NodePorts"]);
        let mut elsewhere = Cluster::new([full().taint("k", "", "NoSchedule")]);
        assert_eq!(elsewhere.verdicts(asks(json!({"others": 2}), requests("2", "1Mi"))), ["TaintToleration"]);
    }

    #[test]
    fn every_reason_is_told() {
        let mut cluster = Cluster::new([node("a")]);
        for (rules, expected) in [
            (
                3,
                vec![
                    "node(s) didn't match PersistentVolume's node affinity",
                    "node(s) didn't find available persistent volumes to bind",
                ],
            ),
            (4, vec!["node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"]),
            (8, vec!["node(s) had no available volume zone"]),
            (
                16,
                vec![
                    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
                ],
            ),
        ] {
            assert_eq!(cluster.reasons(with(json!({"others": rules}))), expected);
        }
    }
}
