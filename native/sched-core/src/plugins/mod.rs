//! The plugins, one file each, with Kubernetes' names, weights and reasons, and the registry that fixes their order.
//!
//! Plugins work on columns: a filter marks the slots of a range that it rejects, a score adds to the totals of a range.
//! A range of one slot is how a cached column is brought up to date after a placement.

mod inter_pod_affinity;
mod node_affinity;
mod node_name;
mod node_ports;
pub mod node_resources_balanced_allocation;
pub mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
mod taint_toleration;
mod volume_binding;
mod volume_restrictions;
mod volume_zone;

pub use node_affinity::AFFINITY_CONFLICT;
pub use node_resources_fit::Scoring;

use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::{Demand, NodeRules, PodSpec};
use crate::snapshot::{Node, Snapshot};
use crate::topology_cache::TopologyCache;
use crate::usage::Usage;
use std::ops::Range;

/// `MaxNodeScore`.
pub const MAX_NODE_SCORE: i32 = 100;

/// 0: no plugin rejects the node. Otherwise the code of the first plugin that does (1 + its index in [`REGISTRY`]), and
/// above it a detail that the plugin's `explain` understands.
pub type Verdict = u16;
pub const PASSED: Verdict = 0;
/// A slot without a node: no plugin rejects it, it just is not there.
pub const ABSENT: Verdict = Verdict::MAX;

/// Whether the plugin with this code has the first word: none before it rejects the node.
pub fn gives_way(verdict: Verdict, code: Verdict) -> bool {
    (verdict == PASSED) | ((verdict & 0xff > code) & (verdict != ABSENT))
}

pub fn verdict(code: u8, detail: u8) -> Verdict {
    u16::from(detail) << 8 | u16::from(code)
}

/// What plugins that look at other pods work with.
pub struct ClusterQuery<'a> {
    pub snapshot: &'a Snapshot,
    pub cache: &'a mut TopologyCache,
}

pub struct Plugin {
    pub name: &'static str,
    /// What can undo its rejection (source: each plugin's EventsToRegister): a pod that it rejected waits for one of these.
    pub events: &'static [ClusterEvent],
    /// The fields of a pod's spec that it reads: `input` knows them, and the caller passes on no others.
    pub pod_fields: &'static [&'static str],
    pub filter: Filter,
    pub score: Score,
    /// How much the score counts; 0 for plugins that only filter.
    pub weight: i32,
    /// Why the plugin rejects the node.
    pub explain: fn(&Demand, &Usage, usize, &Interner, u8) -> Rejection,
}

pub enum Filter {
    None,
    /// Depends on the node's own properties only: true lets it pass.
    Node(fn(&NodeRules, &Node, &Interner) -> bool),
    /// Depends on what the pod's volumes say of the node: rejects it for any of these reasons, which are the detail.
    Volumes(u8),
    /// Depends on what the node's pods take. Overwrites the verdicts of slots that it rejects and that [give way](gives_way).
    Usage(fn(&Demand, &Usage, Range<usize>, &mut [Verdict], u8)),
    /// Depends on where other pods are. Sees all slots, and overwrites the verdicts of those that passed so far.
    Cluster(fn(&PodSpec, &mut ClusterQuery, &mut [Verdict], u8)),
}

pub type RawScore = fn(&NodeRules, &Node, &Interner) -> i32;

pub enum Score {
    None,
    /// Depends on the node's own properties only; scaled to 0..=100 over the feasible nodes, `reverse`: least is best.
    Node {
        raw: RawScore,
        reverse: bool,
    },
    /// Adds `weight` times a score of 0..=100 to the totals of the range, which starts at slot `range.start`.
    Usage(fn(&Demand, &Usage, &Scoring, Range<usize>, &mut [i32], i32)),
    /// Depends on where other pods are: adds `weight` times 0..=100 to the totals of the slots that passed.
    Cluster(fn(&PodSpec, &mut ClusterQuery, &[Verdict], &mut [i32], i32)),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reasons: Vec<String>,
    /// Whether removing pods from the node could help (`Unschedulable`, not `UnschedulableAndUnresolvable`).
    pub resolvable: bool,
}

impl Rejection {
    pub fn unresolvable(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], resolvable: false }
    }

    pub fn resolvable(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], resolvable: true }
    }
}

/// Every plugin, in the order in which Kubernetes' default profile runs filters: a node is explained by the first that
/// rejects it.
pub const REGISTRY: &[Plugin] = &[
    node_name::PLUGIN,
    node_unschedulable::PLUGIN,
    taint_toleration::PLUGIN,
    node_affinity::PLUGIN,
    node_ports::PLUGIN,
    node_resources_fit::PLUGIN,
    volume_restrictions::PLUGIN,
    volume_binding::PLUGIN,
    volume_zone::PLUGIN,
    pod_topology_spread::PLUGIN,
    inter_pod_affinity::PLUGIN,
    node_resources_balanced_allocation::PLUGIN,
];

/// How many plugins score by a node's own properties.
pub const NODE_SCORES: usize = count_node_scores();

const fn count_node_scores() -> usize {
    let mut count = 0;
    let mut at = 0;
    while at < REGISTRY.len() {
        if matches!(REGISTRY[at].score, Score::Node { .. }) {
            count += 1;
        }
        at += 1;
    }
    count
}

/// The plugins that score by a node's own properties: raw function, whether least is best, weight.
pub fn node_scores() -> impl Iterator<Item = (RawScore, bool, i32)> {
    REGISTRY.iter().filter_map(|plugin| match plugin.score {
        Score::Node { raw, reverse } => Some((raw, reverse, plugin.weight)),
        _ => None,
    })
}

pub fn plugin_of(verdict: Verdict) -> &'static Plugin {
    &REGISTRY[usize::from(verdict & 0xff) - 1]
}

/// The verdict of the plugins that look at the node alone.
pub fn node_verdict(rules: &NodeRules, node: &Node, interner: &Interner) -> Verdict {
    for (at, plugin) in REGISTRY.iter().enumerate() {
        let code = at as u8 + 1;
        match plugin.filter {
            Filter::Node(passes) if !passes(rules, node, interner) => return verdict(code, 0),
            Filter::Volumes(reasons) if rules.volumes.of(node.name) & reasons != 0 => {
                return verdict(code, rules.volumes.of(node.name) & reasons);
            }
            _ => {}
        }
    }
    PASSED
}

/// Completes node verdicts with the plugins that look at usage. `verdicts[0]` belongs to slot `range.start`.
pub fn filter_usage(demand: &Demand, usage: &Usage, range: Range<usize>, verdicts: &mut [Verdict]) {
    for (at, plugin) in REGISTRY.iter().enumerate() {
        if let Filter::Usage(filter) = plugin.filter {
            filter(demand, usage, range.clone(), verdicts, at as u8 + 1);
        }
    }
}

/// Completes verdicts with the plugins that look at other pods.
pub fn filter_cluster(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &mut [Verdict]) {
    for (at, plugin) in REGISTRY.iter().enumerate() {
        if let Filter::Cluster(filter) = plugin.filter {
            filter(spec, query, verdicts, at as u8 + 1);
        }
    }
}

/// Adds the scores that depend on other pods.
pub fn score_cluster(spec: &PodSpec, query: &mut ClusterQuery, verdicts: &[Verdict], totals: &mut [i32]) {
    for plugin in REGISTRY {
        if let Score::Cluster(score) = plugin.score {
            score(spec, query, verdicts, totals, plugin.weight);
        }
    }
}

/// Adds the scores that depend on usage.
pub fn score_usage(demand: &Demand, usage: &Usage, scoring: &Scoring, range: Range<usize>, totals: &mut [i32]) {
    for plugin in REGISTRY {
        if let Score::Usage(score) = plugin.score {
            score(demand, usage, scoring, range.clone(), totals, plugin.weight);
        }
    }
}
