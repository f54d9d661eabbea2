//! NodeAffinity: `nodeSelector` and required node affinity filter, preferred node affinity scores.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::NodeRules;
use crate::snapshot::Node;

const REASON: &str = "node(s) didn't match Pod's node affinity/selector";
/// Said in place of any node's reason when the terms contradict each other about `metadata.name`.
pub const AFFINITY_CONFLICT: &str = "pod affinity terms conflict";

pub const PLUGIN: Plugin = Plugin {
    name: "NodeAffinity",
    events: &[ClusterEvent::NodeAdd, ClusterEvent::NodeLabel],
    pod_fields: &["nodeSelector", "affinity"],
    filter: Filter::Node(passes),
    score: Score::Node { raw: preference, reverse: false },
    weight: 2,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};

pub fn passes(rules: &NodeRules, node: &Node, interner: &Interner) -> bool {
    rules.selector.iter().all(|requirement| requirement.matches(&node.labels, interner))
        && rules
            .required
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| term.matches(node.name, &node.labels, interner)))
}

fn preference(rules: &NodeRules, node: &Node, interner: &Interner) -> i32 {
    let matching = rules.preferred.iter().filter(|(_, term)| term.matches(node.name, &node.labels, interner));
    matching.map(|(weight, _)| weight).sum()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::{Value, json};

    fn cluster() -> Cluster {
        Cluster::new([node("a").label("zone", "x").label("cores", "4"), node("b").label("zone", "y"), node("c")])
    }

    fn required(terms: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn selector_and_required_terms_filter() {
        let no = "NodeAffinity";
        let expression =
            |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
        for (case, spec, expected) in [
            ("no demand", json!({}), vec!["", "", ""]),
            ("selector", json!({"nodeSelector": {"zone": "x"}}), vec!["", no, no]),
            ("selector, all pairs", json!({"nodeSelector": {"zone": "x", "rack": "1"}}), vec![no, no, no]),
            (
                "In",
                required(json!([{"matchExpressions": [expression("zone", "In", json!(["x", "y"]))]}])),
                vec!["", "", no],
            ),
            (
                "terms are ORed",
                required(json!([
                {"matchExpressions": [expression("zone", "In", json!(["y"]))]},
                {"matchExpressions": [expression("zone", "DoesNotExist", json!([]))]}])),
                vec![no, "", ""],
            ),
            (
                "expressions are ANDed",
                required(json!([{"matchExpressions": [
                expression("zone", "Exists", json!([])), expression("cores", "Gt", json!(["3"]))]}])),
                vec!["", no, no],
            ),
            ("no terms match nothing", required(json!([])), vec![no, no, no]),
            ("an empty term matches nothing", required(json!([{}])), vec![no, no, no]),
            (
                "field NotIn",
                required(json!([{"matchFields": [expression("metadata.name", "NotIn", json!(["a"]))]}])),
                vec![no, "", ""],
            ),
        ] {
            assert_eq!(cluster().verdicts(pod(spec)), expected, "{case}");
        }
    }

    #[test]
    fn preferred_terms_score_by_weight() {
        let spec = json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 30, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}},
            {"weight": 10, "preference": {"matchExpressions": [{"key": "cores", "operator": "In", "values": ["4"]}]}},
            {"weight": 5, "preference": {}}]}}});
        assert_eq!(cluster().node_scores(pod(spec))[1], [200, 150, 0]);
    }
}
