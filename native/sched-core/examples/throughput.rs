//! Decisions a second at 5,000 nodes: `cargo run --release --no-default-features -p sched-core --example throughput`.
//! With the name of a case, that case alone.

use sched_core::input::{NodeInput, PodInput};
use sched_core::plugins::Scoring;
use sched_core::scheduler::{Decision, Scheduler};
use serde_json::{Value, json};
use std::time::Instant;

const NODES: usize = 5_000;

fn main() {
    run("equal specs", 50_000, |_| 100, &json!({}));
    run("50 specs in turn", 50_000, |at| 100 + at % 50, &json!({}));
    run("every spec different", 5_000, |at| 100 + at, &json!({}));
    let selector = json!({"matchLabels": {"app": "bench"}});
    let spread =
        json!([{"maxSkew": 5, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]);
    run("spread over zones", 5_000, |_| 100, &json!({"topologySpreadConstraints": spread}));
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
    let apart = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    run("one a node", 5_000, |_| 100, &json!({"affinity": apart}));
}

/// `milli_cpu` gives the request of the n-th pod.
fn run(name: &str, pods: usize, milli_cpu: impl Fn(usize) -> usize, spec: &Value) {
    if std::env::args().nth(1).is_some_and(|only| only != name) {
        return;
    }
    let mut scheduler = Scheduler::new(1, Scoring::default());
    for slot in 0..NODES {
        let node = json!({"name": format!("node-{slot}"), "labels": {"kubernetes.io/hostname": format!("node-{slot}"), "zone": format!("zone-{}", slot % 10)},
            "allocatable": {"cpu": "32", "memory": "256Gi", "pods": "110"}});
        scheduler.snapshot.upsert_node(slot, &serde_json::from_value::<NodeInput>(node).expect("a node"));
    }
    let input = |at: usize| {
        let mut pod = json!({"namespace": "default", "labels": {"app": "bench"}, "spec": spec});
        let requests = json!({"cpu": format!("{}m", milli_cpu(at)), "memory": "500Mi"});
        pod["spec"]["containers"] = json!([{"resources": {"requests": requests}}]);
        serde_json::from_value::<PodInput>(pod).expect("a pod")
    };
    let inputs: Vec<_> = (0..pods).map(input).collect();
    let started = Instant::now();
    let mut failed = 0;
    let mut last = usize::MAX;
    for (at, input) in inputs.iter().enumerate() {
        // As the scheduler does: a spec is told once.
        if last != milli_cpu(at) {
            last = milli_cpu(at);
            scheduler.snapshot.define_spec(1, input);
        }
        let spec = scheduler.snapshot.spec(1).expect("just defined");
        failed += usize::from(matches!(scheduler.schedule(at as u32, &spec), Decision::Failed(_)));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{name}: {:.0} pods/s ({pods} pods, {failed} without a node)", pods as f64 / seconds);
}
