//! TaintToleration: NoSchedule and NoExecute taints must be tolerated; intolerable PreferNoSchedule taints cost score.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::{Effect, NodeRules};
use crate::snapshot::Node;

const REASON: &str = "node(s) had untolerated taint(s)";

pub const PLUGIN: Plugin = Plugin {
    name: "TaintToleration",
    events: &[ClusterEvent::NodeAdd, ClusterEvent::NodeTaint],
    pod_fields: &["tolerations"],
    filter: Filter::Node(passes),
    score: Score::Node { raw: intolerable, reverse: true },
    weight: 3,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};

pub fn passes(rules: &NodeRules, node: &Node, _: &Interner) -> bool {
    node.taints.iter().all(|taint| {
        !matches!(taint.effect, Effect::NoSchedule | Effect::NoExecute)
            || rules.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    })
}

fn intolerable(rules: &NodeRules, node: &Node, _: &Interner) -> i32 {
    let count = node.taints.iter().filter(|taint| {
        taint.effect == Effect::PreferNoSchedule
            && !rules.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    });
    count.count() as i32
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::json;

    #[test]
    fn hard_taints_must_be_tolerated() {
        let mut cluster = Cluster::new([
            node("free"),
            node("schedule").taint("k", "v", "NoSchedule"),
            node("execute").taint("k", "v", "NoExecute"),
            node("prefer").taint("k", "v", "PreferNoSchedule"),
        ]);
        let no = "TaintToleration";
        for (case, tolerations, expected) in [
            ("none", json!([]), vec!["", no, no, ""]),
            ("equal", json!([{"key": "k", "value": "v"}]), vec!["", "", "", ""]),
            ("another value", json!([{"key": "k", "operator": "Equal", "value": "w"}]), vec!["", no, no, ""]),
            ("exists", json!([{"key": "k", "operator": "Exists"}]), vec!["", "", "", ""]),
            ("one effect", json!([{"key": "k", "operator": "Exists", "effect": "NoExecute"}]), vec!["", no, "", ""]),
            ("every key", json!([{"operator": "Exists"}]), vec!["", "", "", ""]),
            (
                "comparison operators are off",
                json!([{"key": "k", "operator": "Gt", "value": "1"}]),
                vec!["", no, no, ""],
            ),
        ] {
            assert_eq!(cluster.verdicts(pod(json!({"tolerations": tolerations}))), expected, "{case}");
        }
    }

    #[test]
    fn soft_taints_cost_score_in_proportion() {
        let mut cluster = Cluster::new([
            node("none"),
            node("one").taint("a", "", "PreferNoSchedule"),
            node("two").taint("a", "", "PreferNoSchedule").taint("b", "", "PreferNoSchedule"),
        ]);
        assert_eq!(cluster.node_scores(pod(json!({})))[0], [300, 150, 0]);
        let tolerant = pod(json!({"tolerations": [{"key": "b", "operator": "Exists"}]}));
        assert_eq!(cluster.node_scores(tolerant)[0], [300, 0, 0]);
    }
}
