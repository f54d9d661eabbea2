//! NodeUnschedulable: cordoned nodes take only pods that tolerate the cordon's taint.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::NodeRules;
use crate::snapshot::Node;

const REASON: &str = "node(s) were unschedulable";

pub const PLUGIN: Plugin = Plugin {
    name: "NodeUnschedulable",
    events: &[ClusterEvent::NodeAdd, ClusterEvent::NodeTaint],
    pod_fields: &["tolerations"],
    filter: Filter::Node(passes),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};

fn passes(rules: &NodeRules, node: &Node, _: &Interner) -> bool {
    !node.unschedulable || rules.tolerates_unschedulable
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::json;

    #[test]
    fn cordoned_nodes_need_a_toleration() {
        let mut cluster = Cluster::new([node("a"), node("b").unschedulable()]);
        let key = "node.kubernetes.io/unschedulable";
        for (case, tolerations, expected) in [
            ("none", json!([]), vec!["", "NodeUnschedulable"]),
            ("by key", json!([{"key": key, "operator": "Exists"}]), vec!["", ""]),
            ("everything", json!([{"operator": "Exists"}]), vec!["", ""]),
            (
                "other effect",
                json!([{"key": key, "operator": "Exists", "effect": "NoExecute"}]),
                vec!["", "NodeUnschedulable"],
            ),
            ("other key", json!([{"key": "x", "operator": "Exists"}]), vec!["", "NodeUnschedulable"]),
        ] {
            assert_eq!(cluster.verdicts(pod(json!({"tolerations": tolerations}))), expected, "{case}");
        }
    }
}
