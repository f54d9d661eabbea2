//! Whole decisions, and the two properties that everything rests on: caches change no decision, and no node is ever
//! given more than it has.

use super::{Decision, Scheduler};
use crate::input::{NodeInput, PodInput};
use crate::plugins::Scoring;
use crate::testing::{Cluster, labelled_pod, node, pod, requests};
use proptest::prelude::*;
use serde_json::json;

fn sized(name: &str) -> NodeInput {
    node(name).allocatable("cpu", "4").allocatable("memory", "8Gi")
}

fn message(decision: Decision) -> String {
    match decision {
        Decision::Failed(failure) => failure.message,
        Decision::Node(slot) => format!("node {slot}"),
    }
}

impl Cluster {
    fn schedule(&mut self, pod: PodInput) -> Decision {
        let spec = self.define(pod);
        self.scheduler.schedule(self.last(), &spec)
    }
}

#[test]
fn every_decision_sees_the_ones_before_it() {
    let mut cluster = Cluster::new([sized("a"), sized("b")]);
    let slots: Vec<_> = (0..5).map(|_| message(cluster.schedule(pod(requests("2", "1Gi"))))).collect();
    assert_eq!(slots[..4].iter().filter(|slot| *slot == "node 0").count(), 2);
    assert_eq!(slots[..4].iter().filter(|slot| *slot == "node 1").count(), 2);
    assert_eq!(
        slots[4],
        "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims \
         found for incoming pod."
    );
}

#[test]
fn failures_name_reasons_and_plugins() {
    let mut cluster = Cluster::new([
        sized("a").taint("k", "", "NoSchedule"),
        sized("b").unschedulable(),
        sized("c").label("disk", "ssd"),
        sized("d"),
    ]);
    let spec = json!({"nodeSelector": {"disk": "ssd"},
        "containers": [{"resources": {"requests": {"cpu": "5"}}}]});
    let Decision::Failed(failure) = cluster.schedule(pod(spec)) else { panic!("no node should do") };
    assert_eq!(
        failure.message,
        "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had \
         untolerated taint(s), 1 node(s) were unschedulable. preemption: 0/4 nodes are available: 4 Preemption is not \
         helpful for scheduling."
    );
    assert_eq!(failure.plugins, ["TaintToleration", "NodeUnschedulable", "NodeResourcesFit", "NodeAffinity"]);
}

#[test]
fn an_empty_cluster_has_its_own_words() {
    let mut cluster = Cluster::new([]);
    assert_eq!(message(cluster.schedule(pod(json!({})))), "no nodes available to schedule pods");
}

#[test]
fn pinned_pods_go_where_they_must() {
    let pinned = |names: &[&str]| {
        pod(
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
            [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": names}]}]}}}}),
        )
    };
    let mut cluster = Cluster::new([sized("a"), sized("b").taint("k", "", "NoSchedule"), sized("c")]);
    assert_eq!(cluster.schedule(pinned(&["c"])), Decision::Node(2));
    assert_eq!(
        message(cluster.schedule(pinned(&["b"]))),
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. \
         preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    );
    let conflict = pod(json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": ["a"]},
            {"key": "metadata.name", "operator": "In", "values": ["b"]}]}]}}}}));
    assert_eq!(
        message(cluster.schedule(conflict)),
        "0/3 nodes are available: pod affinity terms conflict. preemption: 0/3 nodes are available: 3 Preemption is not \
         helpful for scheduling."
    );
}

#[test]
fn ties_are_spread_over_all_the_best_nodes() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let mut scheduler = Scheduler::new(seed, Scoring::default());
        for slot in 0..4 {
            scheduler.snapshot.upsert_node(slot, &sized(&format!("n{slot}")));
        }
        scheduler.snapshot.define_spec(1, &pod(requests("1", "1Gi")));
        let spec = scheduler.snapshot.spec(1).unwrap();
        let Decision::Node(slot) = scheduler.schedule(1, &spec) else { panic!("fits") };
        seen.insert(slot);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn a_new_largest_raw_score_rescales_the_others() {
    // Equal pods, so that the index is in use when the node with more soft taints arrives.
    let tainted = |name: &str, taints: usize| {
        (0..taints).fold(sized(name), |node, at| node.taint(&format!("k{at}"), "", "PreferNoSchedule"))
    };
    let mut cached = Cluster::new([tainted("a", 1), sized("b")]);
    let mut fresh = Cluster::new([tainted("a", 1), sized("b")]);
    for step in 0..8 {
        fresh.scheduler.forget();
        assert_eq!(cached.schedule(pod(requests("1", "1Gi"))), fresh.schedule(pod(requests("1", "1Gi"))), "{step}");
        if step == 2 {
            cached.scheduler.snapshot.upsert_node(2, &tainted("c", 3));
            fresh.scheduler.snapshot.upsert_node(2, &tainted("c", 3));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Schedule { kind: usize },
    Release(usize),
    Upsert { slot: usize, kind: usize },
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..10usize).prop_map(|kind| Step::Schedule { kind }),
        2 => (0..200usize).prop_map(Step::Release),
        2 => (0..8usize, 0..5usize).prop_map(|(slot, kind)| Step::Upsert { slot, kind }),
        1 => (0..8usize).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..120)
}

fn node_kind(slot: usize, kind: usize) -> NodeInput {
    let base = sized(&format!("n{slot}")).label("zone", ["x", "y", "y"][(slot + kind) % 3]);
    match kind {
        0 => base,
        1 => base.taint("k", "", "NoSchedule"),
        2 => base.taint("soft", "", "PreferNoSchedule"),
        3 => base.label("disk", "ssd").allocatable("cpu", "8"),
        _ => base.unschedulable().allocatable("example.com/gpu", "2"),
    }
}

fn pod_kind(kind: usize) -> PodInput {
    let apart = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}});
    let spec = match kind {
        0 => requests("500m", "512Mi"),
        1 => requests("1", "3Gi"),
        2 => {
            json!({"tolerations": [{"operator": "Exists"}], "containers": [{"resources": {"requests": {"example.com/gpu": 1}}}]})
        }
        3 => json!({"containers": [{"ports": [{"hostPort": 80}]}]}),
        4 => json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 7, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}]}},
            "containers": [{"resources": {"requests": {"cpu": "100m"}}}]}),
        5 => json!({"nodeSelector": {"disk": "ssd"}}),
        6 => json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}}),
        7 => json!({"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
            [{"weight": 9, "podAffinityTerm": apart}]}}}),
        8 => {
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "a"}}}]})
        }
        _ => {
            json!({"topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {}}, {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "a"}}}]})
        }
    };
    let app = ["a", "b"][kind % 2];
    let mut pod = labelled_pod(json!({"app": app}), spec);
    pod.spec.priority = i32::from(kind == 1 || kind == 8);
    pod
}

/// Plays the steps; `forget` drops all caches before each decision.
fn play(steps: &[Step], forget: bool) -> (Vec<Decision>, Scheduler) {
    let mut scheduler = Scheduler::new(7, Scoring::default());
    for kind in 0..10 {
        scheduler.snapshot.define_spec(kind, &pod_kind(kind as usize));
    }
    for slot in 0..4 {
        scheduler.snapshot.upsert_node(slot, &node_kind(slot, slot));
    }
    let mut decisions = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match *step {
            Step::Schedule { kind } => {
                if forget {
                    scheduler.forget();
                }
                let spec = scheduler.snapshot.spec(kind as u32).unwrap();
                decisions.push(scheduler.schedule(at as u32, &spec));
            }
            Step::Release(pod) => drop(scheduler.snapshot.release(pod as u32)),
            Step::Upsert { slot, kind } => scheduler.snapshot.upsert_node(slot, &node_kind(slot, kind)),
            Step::Remove(slot) => scheduler.snapshot.remove_node(slot),
        }
    }
    (decisions, scheduler)
}

proptest! {
    #[test]
    fn caches_change_no_decision(steps in steps()) {
        prop_assert_eq!(play(&steps, false).0, play(&steps, true).0);
    }

    #[test]
    fn nothing_is_given_twice(steps in steps()) {
        // Nodes may shrink under running pods: leave those steps out.
        let steps: Vec<_> = steps.into_iter().filter(|step| matches!(step, Step::Schedule { .. } | Step::Release(_))).collect();
        let (_, scheduler) = play(&steps, false);
        let usage = &scheduler.snapshot.usage;
        for slot in 0..usage.len() {
            prop_assert!(usage.used_cpu[slot] <= usage.cpu[slot]);
            prop_assert!(usage.used_memory[slot] <= usage.memory[slot]);
            prop_assert!(usage.used_pods[slot] <= usage.pods[slot]);
            prop_assert!(usage.scalars[slot].iter().all(|scalar| scalar.used() <= scalar.allocatable));
            let ports = &usage.ports[slot];
            prop_assert!(ports.iter().enumerate().all(|(at, port)| ports[at + 1..].iter().all(|other| !port.conflicts(other))));
        }
    }
}
