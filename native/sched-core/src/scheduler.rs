//! One decision after the other, each seeing those before it.

use crate::class_index::{ClassIndex, Scan};
use crate::failure::{Failure, Histogram, Preemption, fit_error, no_nodes};
use crate::plugins::{
    ABSENT, AFFINITY_CONFLICT, ClusterQuery, NODE_SCORES, PASSED, Rejection, Scoring, Verdict, filter_cluster,
    filter_usage, node_scores, node_verdict, plugin_of, score_cluster, score_usage,
};
use crate::pod::{PodClass, PodSpec};
use crate::random::Random;
use crate::rule_columns::{Maxima, RuleColumns, scaled};
use crate::snapshot::Snapshot;
use crate::topology_cache::TopologyCache;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Cached columns and indexes beyond this many are dropped, the longest unused first.
const CACHED_RULES: usize = 128;
const CACHED_CLASSES: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Node(usize),
    Failed(Failure),
}

#[derive(Debug, Default)]
struct Cached<T> {
    value: T,
    used: u64,
}

/// Evicts the entry used longest ago once there are more than `limit`.
fn evict<T>(cache: &mut HashMap<u32, Cached<T>>, limit: usize) {
    if cache.len() > limit
        && let Some(oldest) = cache.iter().min_by_key(|(_, entry)| entry.used).map(|(&key, _)| key)
    {
        cache.remove(&oldest);
    }
}

#[derive(Debug)]
pub struct Scheduler {
    pub snapshot: Snapshot,
    scoring: Scoring,
    random: Random,
    columns: HashMap<u32, Cached<RuleColumns>>,
    /// The first pod of a class is decided by a scan; the second makes an index worth its memory.
    indexes: HashMap<u32, Cached<Option<ClassIndex>>>,
    /// Pods that wait for room on a node, and which.
    nominated: BTreeMap<u32, (usize, Arc<PodSpec>)>,
    scan: Scan,
    topology: TopologyCache,
    /// The failure found last. Waiting pods are often alike and tried one after another.
    last_failure: Option<LastFailure>,
    ticks: u64,
}

/// A failure, and everything that it depends on.
#[derive(Debug)]
struct LastFailure {
    class: u32,
    priority: i32,
    never_preempts: bool,
    changes: (u64, u64),
    failure: Failure,
}

impl Scheduler {
    pub fn new(seed: u64, scoring: Scoring) -> Self {
        Self {
            snapshot: Snapshot::default(),
            scoring,
            random: Random::new(seed),
            columns: HashMap::new(),
            indexes: HashMap::new(),
            nominated: BTreeMap::new(),
            scan: Scan::default(),
            topology: TopologyCache::default(),
            last_failure: None,
            ticks: 0,
        }
    }

    /// Drops everything computed so far. Decisions must not depend on it: tests compare with and without.
    pub fn forget(&mut self) {
        self.columns.clear();
        self.indexes.clear();
        self.topology = TopologyCache::default();
        self.last_failure = None;
    }

    /// Decides for one pod and, when it found a node, counts the pod there. Room that was made for other pods of its
    /// priority or above is not given away.
    pub fn schedule(&mut self, pod: u32, spec: &Arc<PodSpec>) -> Decision {
        let reserved = self.reserve(pod, spec.priority);
        let decision = self.decide(pod, spec);
        reserved.into_iter().for_each(|other| drop(self.snapshot.release(other)));
        match &decision {
            Decision::Node(slot) => {
                self.nominated.remove(&pod);
                // It has not begun yet: nothing on the node is younger.
                self.snapshot.assign(pod, spec, *slot, i64::MAX);
            }
            Decision::Failed(Failure { nomination: Some(nomination), .. }) => self.nominate(pod, spec, nomination.slot),
            Decision::Failed(Failure { waits: true, .. }) => {}
            Decision::Failed(_) => drop(self.nominated.remove(&pod)),
        }
        decision
    }

    /// The pod waits for room on this node that is being made for it.
    pub fn nominate(&mut self, pod: u32, spec: &Arc<PodSpec>, slot: usize) {
        self.nominated.insert(pod, (slot, spec.clone()));
    }

    /// The pod runs, or is about to, on the node of this slot.
    pub fn assign(&mut self, pod: u32, spec: &Arc<PodSpec>, slot: usize, started: i64) {
        self.nominated.remove(&pod);
        self.snapshot.assign(pod, spec, slot, started);
    }

    /// The pod takes nothing any more, and waits for nothing.
    pub fn release(&mut self, pod: u32) {
        self.nominated.remove(&pod);
        self.snapshot.release(pod);
    }

    pub(crate) fn nominated_slot(&self, pod: u32) -> Option<usize> {
        self.nominated.get(&pod).map(|(slot, _)| *slot)
    }

    pub(crate) fn draw(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    /// Counts the nominated pods that go before this one where they will be. Returns them.
    fn reserve(&mut self, pod: u32, priority: i32) -> Vec<u32> {
        let mut reserved = Vec::new();
        for (&other, (slot, spec)) in &self.nominated {
            if other != pod && spec.priority >= priority {
                self.snapshot.assign(other, spec, *slot, i64::MAX);
                reserved.push(other);
            }
        }
        reserved
    }

    /// The verdict of all plugins on one node. What pods have that were taken off their nodes is free.
    pub(crate) fn fits(&mut self, spec: &PodSpec, slot: usize) -> Verdict {
        let away = |&user: &u32| self.snapshot.assigned(user).is_none();
        let spec = match &spec.once_free {
            Some(free) if spec.class.rules.volumes.users.iter().all(away) => free,
            _ => spec,
        };
        if self.snapshot.nodes.get(slot).is_none_or(Option::is_none) {
            return ABSENT;
        }
        if !self.concerns_topology(spec) {
            return self.verdict(&spec.class, slot);
        }
        self.filter_all(spec);
        self.scan.verdicts[slot]
    }

    /// Why the pod fits nowhere; unchanged clusters are not searched twice.
    fn known_failure(&self, spec: &PodSpec) -> Option<&Failure> {
        let last = self.last_failure.as_ref()?;
        if self.concerns_topology(spec) {
            return None;
        }
        let same = last.class == spec.class.id
            && last.priority == spec.priority
            && last.never_preempts == spec.never_preempts
            && last.changes == self.changes();
        same.then_some(&last.failure)
    }

    fn changes(&self) -> (u64, u64) {
        (self.snapshot.usage_log.end(), self.snapshot.node_log.end())
    }

    fn decide(&mut self, pod: u32, spec: &Arc<PodSpec>) -> Decision {
        if let Some(failure) = self.known_failure(spec) {
            return Decision::Failed(failure.clone());
        }
        if self.snapshot.node_count == 0 {
            return Decision::Failed(no_nodes());
        }
        if let Some(slot) = self.nominated_slot(pod)
            && self.fits(spec, slot) == PASSED
        {
            return Decision::Node(slot);
        }
        let class = spec.class.clone();
        if self.concerns_topology(spec) {
            return match self.with_topology(spec) {
                Some(slot) => Decision::Node(slot),
                None => Decision::Failed(self.explain(pod, spec, |scheduler, slot| scheduler.scan.verdicts[slot])),
            };
        }
        let chosen = if class.rules.pinned.is_some() { self.among_pinned(&class) } else { self.among_all(&class) };
        match chosen {
            Some(slot) => Decision::Node(slot),
            None => {
                let failure = self.explain(pod, spec, |scheduler, slot| scheduler.verdict(&spec.class, slot));
                let changes = self.changes();
                self.last_failure = failure.nomination.is_none().then(|| LastFailure {
                    class: class.id,
                    priority: spec.priority,
                    never_preempts: spec.never_preempts,
                    changes,
                    failure: failure.clone(),
                });
                Decision::Failed(failure)
            }
        }
    }

    fn among_all(&mut self, class: &PodClass) -> Option<usize> {
        self.ticks += 1;
        evict(&mut self.columns, CACHED_RULES);
        evict(&mut self.indexes, CACHED_CLASSES);
        let columns = self.columns.entry(class.rules_id).or_default();
        columns.used = self.ticks;
        columns.value.catch_up(&class.rules, &self.snapshot);
        let columns = &columns.value;
        if let Some(entry) = self.indexes.get_mut(&class.id) {
            entry.used = self.ticks;
            let index = entry.value.get_or_insert_default();
            index.catch_up(class, columns, &self.snapshot, &self.scoring);
            return index.pick(&mut self.random);
        }
        self.indexes.insert(class.id, Cached { value: None, used: self.ticks });
        match self.scan.filter(class, columns, &self.snapshot) {
            0 => None,
            1 => self.scan.verdicts.iter().position(|&verdict| verdict == PASSED),
            _ => {
                let maxima = self.scan.maxima(columns);
                self.scan.score(class, columns, &self.snapshot, &self.scoring, &maxima);
                self.scan.pick(&mut self.random)
            }
        }
    }

    /// Whether the places of other pods matter to this one.
    fn concerns_topology(&self, spec: &PodSpec) -> bool {
        let snapshot = &self.snapshot;
        spec.topology.asks() || snapshot.carried.matching(&spec.topology.subject, &snapshot.namespaces).next().is_some()
    }

    fn with_topology(&mut self, spec: &PodSpec) -> Option<usize> {
        self.filter_all(spec);
        let columns = &self.columns[&spec.class.rules_id].value;
        let maxima = self.scan.maxima(columns);
        self.scan.score(&spec.class, columns, &self.snapshot, &self.scoring, &maxima);
        let mut query = ClusterQuery { snapshot: &self.snapshot, cache: &mut self.topology };
        score_cluster(spec, &mut query, &self.scan.verdicts, &mut self.scan.totals);
        self.scan.pick(&mut self.random)
    }

    /// Leaves the verdict of all plugins on all slots in `scan`.
    fn filter_all(&mut self, spec: &PodSpec) {
        let class = &spec.class;
        self.ticks += 1;
        evict(&mut self.columns, CACHED_RULES);
        let columns = self.columns.entry(class.rules_id).or_default();
        columns.used = self.ticks;
        columns.value.catch_up(&class.rules, &self.snapshot);
        self.scan.filter(class, &columns.value, &self.snapshot);
        let mut query = ClusterQuery { snapshot: &self.snapshot, cache: &mut self.topology };
        filter_cluster(spec, &mut query, &mut self.scan.verdicts);
    }

    /// The verdict of every plugin on every slot, and the scores, as a decision would see them now.
    #[cfg(test)]
    pub fn evaluate(&mut self, spec: &PodSpec) -> &Scan {
        let random = self.random.clone();
        self.with_topology(spec);
        self.random = random;
        &self.scan
    }

    /// Pods that pin their nodes (those of a DaemonSet) have rules of their own, each: nothing is cached for them.
    fn among_pinned(&mut self, class: &PodClass) -> Option<usize> {
        let snapshot = &self.snapshot;
        let slots = class.rules.pinned.iter().flatten().filter_map(|&name| snapshot.slot_of(name));
        let mut feasible: Vec<usize> = slots.filter(|&slot| self.verdict(class, slot) == PASSED).collect();
        feasible.sort_unstable();
        let raw: Vec<[i32; NODE_SCORES]> = feasible.iter().map(|&slot| self.raw_scores(class, slot)).collect();
        let maxima: Maxima = std::array::from_fn(|at| raw.iter().map(|raw| raw[at]).max().unwrap_or(0).max(0));
        let totals: Vec<i32> = feasible
            .iter()
            .zip(&raw)
            .map(|(&slot, &raw)| {
                let mut total = [scaled(raw, &maxima)];
                score_usage(&class.demand, &snapshot.usage, &self.scoring, slot..slot + 1, &mut total);
                total[0]
            })
            .collect();
        let best = *totals.iter().max()?;
        let ties: Vec<usize> = (0..totals.len()).filter(|&at| totals[at] == best).collect();
        Some(feasible[ties[self.random.below(ties.len())]])
    }

    fn raw_scores(&self, class: &PodClass, slot: usize) -> [i32; NODE_SCORES] {
        let mut raw = [0; NODE_SCORES];
        if let Some(node) = &self.snapshot.nodes[slot] {
            for (raw, (score, _, _)) in raw.iter_mut().zip(node_scores()) {
                *raw = score(&class.rules, node, &self.snapshot.interner);
            }
        }
        raw
    }

    /// The verdict on one node, from scratch.
    pub fn verdict(&self, class: &PodClass, slot: usize) -> Verdict {
        let Some(node) = self.snapshot.nodes.get(slot).and_then(Option::as_ref) else {
            return ABSENT;
        };
        let mut verdict = [node_verdict(&class.rules, node, &self.snapshot.interner)];
        filter_usage(&class.demand, &self.snapshot.usage, slot..slot + 1, &mut verdict);
        verdict[0]
    }

    pub fn rejection(&self, class: &PodClass, slot: usize, verdict: Verdict) -> Rejection {
        let detail = (verdict >> 8) as u8;
        (plugin_of(verdict).explain)(&class.demand, &self.snapshot.usage, slot, &self.snapshot.interner, detail)
    }

    /// Collects every node's reasons. Runs only for pods that fit nowhere.
    fn explain(&mut self, pod: u32, spec: &Arc<PodSpec>, verdict: impl Fn(&Self, usize) -> Verdict) -> Failure {
        let class = &spec.class;
        let nodes = self.snapshot.node_count;
        let mut plugins = Vec::new();
        let mut reasons = Histogram::new();
        let mut helped: Vec<usize> = Vec::new();
        let mut whole = None;
        let pinned = class.rules.pinned.as_ref();
        if pinned.is_some_and(Vec::is_empty) {
            whole = Some(AFFINITY_CONFLICT);
            plugins.push("NodeAffinity");
        }
        for slot in 0..self.snapshot.slot_count() {
            let Some(node) = &self.snapshot.nodes[slot] else { continue };
            if whole.is_some() {
                break;
            }
            if pinned.is_some_and(|names| !names.contains(&node.name)) {
                *reasons.entry("node(s) didn't satisfy plugin(s) [NodeAffinity]".to_owned()).or_default() += 1;
                note(&mut plugins, "NodeAffinity");
                continue;
            }
            let verdict = verdict(self, slot);
            if verdict == PASSED {
                continue;
            }
            note(&mut plugins, plugin_of(verdict).name);
            let rejection = self.rejection(class, slot, verdict);
            for reason in &rejection.reasons {
                match reasons.get_mut(reason) {
                    Some(count) => *count += 1,
                    None => drop(reasons.insert(reason.clone(), 1)),
                }
            }
            if rejection.resolvable {
                helped.push(slot);
            }
        }
        let (preemption, nomination) = self.preempt(pod, spec, &helped);
        let waits = matches!(preemption, Preemption::Waiting);
        Failure { message: fit_error(nodes, whole, &reasons, &preemption), plugins, waits, nomination }
    }
}

fn note(plugins: &mut Vec<&'static str>, name: &'static str) {
    if !plugins.contains(&name) {
        plugins.push(name);
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
