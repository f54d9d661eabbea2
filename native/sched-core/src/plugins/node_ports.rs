//! NodePorts: host ports must be free on the node.

use super::{Filter, Plugin, Rejection, Score, Verdict, gives_way};
use crate::cluster_event::ClusterEvent;
use crate::pod::Demand;
use crate::usage::Usage;
use std::ops::Range;

const REASON: &str = "node(s) didn't have free ports for the requested pod ports";

pub const PLUGIN: Plugin = Plugin {
    name: "NodePorts",
    events: &[ClusterEvent::NodeAdd, ClusterEvent::AssignedPodDelete],
    pod_fields: &["containers", "initContainers"],
    filter: Filter::Usage(filter),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::resolvable(REASON),
};

fn filter(demand: &Demand, usage: &Usage, range: Range<usize>, verdicts: &mut [Verdict], code: u8) {
    if demand.ports.is_empty() {
        return;
    }
    let code = Verdict::from(code);
    for (verdict, used) in verdicts.iter_mut().zip(&usage.ports[range]) {
        if gives_way(*verdict, code) && used.iter().any(|port| demand.ports.iter().any(|wanted| wanted.conflicts(port)))
        {
            *verdict = code;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::{Value, json};

    #[test]
    fn ports_conflict_by_address_protocol_and_number() {
        let spec = |port: Value| json!({"containers": [{"ports": [port]}]});
        for (case, used, wanted, conflict) in [
            ("same", json!({"hostPort": 80}), json!({"hostPort": 80}), true),
            ("another number", json!({"hostPort": 80}), json!({"hostPort": 81}), false),
            ("another protocol", json!({"hostPort": 80, "protocol": "UDP"}), json!({"hostPort": 80}), false),
            (
                "two addresses",
                json!({"hostPort": 80, "hostIP": "10.0.0.1"}),
                json!({"hostPort": 80, "hostIP": "10.0.0.2"}),
                false,
            ),
            (
                "one address",
                json!({"hostPort": 80, "hostIP": "10.0.0.1"}),
                json!({"hostPort": 80, "hostIP": "10.0.0.1"}),
                true,
            ),
            (
                "any address against one",
                json!({"hostPort": 80, "hostIP": "0.0.0.0"}),
                json!({"hostPort": 80, "hostIP": "10.0.0.1"}),
                true,
            ),
            ("container port only", json!({"containerPort": 80}), json!({"containerPort": 80}), false),
        ] {
            let mut cluster = Cluster::new([node("a")]);
            cluster.run(pod(spec(used)), "a");
            let expected = if conflict { "NodePorts" } else { "" };
            assert_eq!(cluster.verdicts(pod(spec(wanted))), [expected], "{case}");
        }
    }

    #[test]
    fn ports_of_init_containers_count_for_sidecars_only() {
        let mut cluster = Cluster::new([node("a")]);
        let ports = json!([{"hostPort": 80}]);
        cluster.run(pod(json!({"initContainers": [{"ports": ports}]})), "a");
        assert_eq!(cluster.verdicts(pod(json!({"containers": [{"ports": ports}]}))), [""]);
        cluster.run(pod(json!({"initContainers": [{"ports": ports, "restartPolicy": "Always"}]})), "a");
        assert_eq!(cluster.verdicts(pod(json!({"containers": [{"ports": ports}]}))), ["NodePorts"]);
    }
}
