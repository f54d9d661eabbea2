//! Builders for the tests of plugins: nodes and pods that read like sentences.

use crate::input::{NodeInput, PodInput, TaintInput};
use crate::plugins::{ClusterQuery, PASSED, REGISTRY, Score, Scoring, node_scores, plugin_of};
use crate::pod::PodSpec;
use crate::quantity::Quantity;
use crate::rule_columns::{RuleColumns, scale};
use crate::scheduler::Scheduler;
use crate::topology_cache::TopologyCache;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn node(name: &str) -> NodeInput {
    let mut node = NodeInput { name: name.to_owned(), ..NodeInput::default() };
    node.allocatable.insert("pods".to_owned(), Quantity::from_whole(110));
    node.label("kubernetes.io/hostname", name)
}

impl NodeInput {
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    pub fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        self.taints.push(TaintInput { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() });
        self
    }

    pub fn unschedulable(mut self) -> Self {
        self.unschedulable = true;
        self
    }

    pub fn allocatable(mut self, name: &str, quantity: &str) -> Self {
        self.allocatable.insert(name.to_owned(), Quantity::parse(quantity).expect("a quantity"));
        self
    }
}

/// A pod of namespace `default` with this `spec`.
pub fn pod(spec: Value) -> PodInput {
    serde_json::from_value(json!({"namespace": "default", "spec": spec})).expect("a pod")
}

/// A pod with these labels.
pub fn labelled_pod(labels: Value, spec: Value) -> PodInput {
    serde_json::from_value(json!({"namespace": "default", "labels": labels, "spec": spec})).expect("a pod")
}

/// A spec with one container.
pub fn requests(cpu: &str, memory: &str) -> Value {
    json!({"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]})
}

pub struct Cluster {
    pub scheduler: Scheduler,
    pub scoring: Scoring,
    names: Vec<String>,
    next: u32,
}

impl Cluster {
    pub fn new(nodes: impl IntoIterator<Item = NodeInput>) -> Self {
        let mut scheduler = Scheduler::new(1, Scoring::default());
        let mut names = Vec::new();
        for (slot, node) in nodes.into_iter().enumerate() {
            names.push(node.name.clone());
            scheduler.snapshot.upsert_node(slot, &node);
        }
        Self { scheduler, scoring: Scoring::default(), names, next: 0 }
    }

    pub fn define(&mut self, pod: PodInput) -> Arc<PodSpec> {
        self.next += 1;
        self.scheduler.snapshot.define_spec(self.next, &pod);
        self.scheduler.snapshot.spec(self.next).expect("just defined")
    }

    /// The number of the pod defined last.
    pub fn last(&self) -> u32 {
        self.next
    }

    /// Lets a pod run on a node without asking any plugin.
    pub fn run(&mut self, pod: PodInput, node: &str) -> u32 {
        let spec = self.define(pod);
        let slot = self.names.iter().position(|name| name == node).expect("a node of this name");
        self.scheduler.snapshot.assign(self.next, &spec, slot, i64::from(self.next));
        self.next
    }

    /// By node: the name of the plugin that rejects the pod, or ''.
    pub fn verdicts(&mut self, pod: PodInput) -> Vec<&'static str> {
        let spec = self.define(pod);
        let name = |slot| match self.scheduler.verdict(&spec.class, slot) {
            PASSED => "",
            verdict => plugin_of(verdict).name,
        };
        (0..self.names.len()).map(name).collect()
    }

    /// The scaled, weighted scores of TaintToleration and NodeAffinity, by plugin and node.
    pub fn node_scores(&mut self, pod: PodInput) -> Vec<Vec<i32>> {
        let spec = self.define(pod);
        let mut columns = RuleColumns::default();
        columns.catch_up(&spec.class.rules, &self.scheduler.snapshot);
        let plugins = node_scores().enumerate();
        plugins
            .map(|(at, (_, reverse, weight))| {
                let max = columns.raw[at].iter().copied().max().unwrap_or(0);
                columns.raw[at].iter().map(|&raw| weight * scale(raw, max, reverse)).collect()
            })
            .collect()
    }

    /// The weighted scores of a plugin that looks at usage, by node.
    pub fn usage_scores(&mut self, pod: PodInput, name: &str) -> Vec<i32> {
        let spec = self.define(pod);
        let mut totals = vec![0; self.names.len()];
        let plugin = REGISTRY.iter().find(|plugin| plugin.name == name).expect("a registered plugin");
        let Score::Usage(score) = plugin.score else { panic!("{name} does not score by usage") };
        let usage = &self.scheduler.snapshot.usage;
        score(&spec.class.demand, usage, &self.scoring, 0..self.names.len(), &mut totals, plugin.weight);
        totals
    }

    /// By node: the reasons of the plugin that rejects the pod, with those that look at other pods.
    pub fn all_reasons(&mut self, pod: PodInput) -> Vec<String> {
        let spec = self.define(pod);
        let verdicts = self.scheduler.evaluate(&spec).verdicts.clone();
        let reasons = |(slot, &verdict): (usize, &u16)| match verdict {
            PASSED => String::new(),
            verdict => self.scheduler.rejection(&spec.class, slot, verdict).reasons.join(", "),
        };
        verdicts.iter().enumerate().map(reasons).collect()
    }

    /// The weighted scores of a plugin that looks at other pods, by node.
    pub fn cluster_scores(&mut self, pod: PodInput, name: &str) -> Vec<i32> {
        let spec = self.define(pod);
        let verdicts = self.scheduler.evaluate(&spec).verdicts.clone();
        let plugin = REGISTRY.iter().find(|plugin| plugin.name == name).expect("a registered plugin");
        let Score::Cluster(score) = plugin.score else { panic!("{name} does not look at other pods") };
        let mut totals = vec![0; self.names.len()];
        let mut query = ClusterQuery { snapshot: &self.scheduler.snapshot, cache: &mut TopologyCache::default() };
        score(&spec, &mut query, &verdicts, &mut totals, plugin.weight);
        totals
    }

    /// The reasons of the first node.
    pub fn reasons(&mut self, pod: PodInput) -> Vec<String> {
        let spec = self.define(pod);
        match self.scheduler.verdict(&spec.class, 0) {
            PASSED => Vec::new(),
            verdict => self.scheduler.rejection(&spec.class, 0, verdict).reasons,
        }
    }
}
