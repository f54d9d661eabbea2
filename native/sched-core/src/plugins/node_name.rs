//! NodeName: a pod that names its node runs there or nowhere.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::NodeRules;
use crate::snapshot::Node;

const REASON: &str = "node(s) didn't match the requested node name";

pub const PLUGIN: Plugin = Plugin {
    name: "NodeName",
    events: &[ClusterEvent::NodeAdd],
    pod_fields: &["nodeName"],
    filter: Filter::Node(passes),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};

fn passes(rules: &NodeRules, node: &Node, _: &Interner) -> bool {
    rules.node_name.is_none_or(|name| name == node.name)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::json;

    #[test]
    fn only_the_named_node_passes() {
        let mut cluster = Cluster::new([node("a"), node("b")]);
        for (case, spec, expected) in [
            ("no name", json!({}), vec!["", ""]),
            ("a name", json!({"nodeName": "b"}), vec!["NodeName", ""]),
            ("an unknown name", json!({"nodeName": "c"}), vec!["NodeName", "NodeName"]),
        ] {
            assert_eq!(cluster.verdicts(pod(spec)), expected, "{case}");
        }
    }
}
