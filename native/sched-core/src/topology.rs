//! What pods demand of the places of other pods, and the counts that answer it.

use crate::input::{PodAffinityTermInput, PodInput};
use crate::intern::{Interner, Symbol};
use crate::pod_matcher::{Namespaces, PodMatcher, Selector, Subject, digest, digest_labels};
use crate::selector::label;
use crate::snapshot::Snapshot;
use std::collections::HashMap;

/// `hardPodAffinityWeight`: what a running pod's required affinity is worth to a pod that it matches.
const HARD_AFFINITY_WEIGHT: i32 = 1;
/// Match counts kept; beyond this many the longest unused is dropped.
const CACHED_COUNTS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub matcher: PodMatcher,
    pub key: Symbol,
}

#[derive(Clone, Debug)]
pub struct SpreadConstraint {
    pub max_skew: i64,
    pub key: Symbol,
    /// None: an empty selector, which counts no pod.
    pub matcher: Option<PodMatcher>,
    /// The pod itself counts among those that it wants spread.
    pub counts_itself: bool,
    pub min_domains: usize,
    pub honor_affinity: bool,
    pub honor_taints: bool,
}

/// What a term of a running pod does to a pod that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pull {
    Forbids,
    Weighs(i32),
}

#[derive(Clone, Debug, Default)]
pub struct TopologyRules {
    pub subject: Subject,
    pub hard_spread: Vec<SpreadConstraint>,
    pub soft_spread: Vec<SpreadConstraint>,
    pub affinity: Vec<Term>,
    pub anti_affinity: Vec<Term>,
    /// Negative weights: anti-affinity.
    pub preferred: Vec<(i32, Term)>,
    pub hostname: Option<Symbol>,
}

impl TopologyRules {
    pub fn compile(input: &PodInput, interner: &mut Interner) -> Self {
        let subject = Subject {
            namespace: digest(&input.namespace),
            labels: digest_labels(&input.labels),
            terminating: input.terminating,
        };
        let affinity = &input.spec.affinity;
        let mut term = |list: &PodAffinityTermInput| compile_term(list, input, interner);
        let mut preferred: Vec<(i32, Term)> = Vec::new();
        preferred.extend(affinity.pod_affinity.preferred.iter().map(|p| (p.weight as i32, term(&p.pod_affinity_term))));
        let anti = &affinity.pod_anti_affinity;
        preferred.extend(anti.preferred.iter().map(|p| (-(p.weight as i32), term(&p.pod_affinity_term))));
        let required = affinity.pod_affinity.required.iter().map(&mut term).collect();
        let anti_affinity = anti.required.iter().map(&mut term).collect();
        let mut rules = Self {
            affinity: required,
            anti_affinity,
            preferred,
            hostname: Some(interner.intern("kubernetes.io/hostname")),
            ..Self::default()
        };
        for constraint in &input.spec.topology_spread_constraints {
            let mut selector = Selector::compile(constraint.label_selector.as_ref());
            selector.merge(&constraint.match_label_keys, &input.labels, false);
            let compiled = SpreadConstraint {
                max_skew: constraint.max_skew,
                key: interner.intern(&constraint.topology_key),
                counts_itself: selector.matches(&subject.labels),
                matcher: (!selector.is_empty()).then(|| PodMatcher {
                    namespaces: vec![subject.namespace],
                    namespace_selector: None,
                    selector,
                    living_only: true,
                }),
                min_domains: constraint.min_domains.map_or(1, |count| count.max(1) as usize),
                honor_affinity: constraint.node_affinity_policy != "Ignore",
                honor_taints: constraint.node_taints_policy == "Honor",
            };
            if constraint.when_unsatisfiable == "ScheduleAnyway" {
                rules.soft_spread.push(compiled);
            } else {
                rules.hard_spread.push(compiled);
            }
        }
        rules.subject = subject;
        rules
    }

    /// Whether the pod itself asks where other pods are.
    pub fn asks(&self) -> bool {
        !(self.hard_spread.is_empty()
            && self.soft_spread.is_empty()
            && self.affinity.is_empty()
            && self.anti_affinity.is_empty()
            && self.preferred.is_empty())
    }

    /// The terms that act on other pods once this one runs.
    pub fn pulls(&self) -> impl Iterator<Item = (&Term, Pull)> {
        let forbids = self.anti_affinity.iter().map(|term| (term, Pull::Forbids));
        let attracts = self.affinity.iter().map(|term| (term, Pull::Weighs(HARD_AFFINITY_WEIGHT)));
        forbids.chain(attracts).chain(self.preferred.iter().map(|(weight, term)| (term, Pull::Weighs(*weight))))
    }
}

fn compile_term(term: &PodAffinityTermInput, pod: &PodInput, interner: &mut Interner) -> Term {
    let mut selector = Selector::compile(term.label_selector.as_ref());
    selector.merge(&term.match_label_keys, &pod.labels, false);
    selector.merge(&term.mismatch_label_keys, &pod.labels, true);
    let mut namespaces: Vec<_> = term.namespaces.iter().map(|name| digest(name)).collect();
    if namespaces.is_empty() && term.namespace_selector.is_none() {
        namespaces.push(digest(&pod.namespace));
    }
    let namespace_selector = term.namespace_selector.as_ref().map(|selector| Selector::compile(Some(selector)));
    let matcher = PodMatcher { namespaces, namespace_selector, selector, living_only: false };
    Term { matcher, key: interner.intern(&term.topology_key) }
}

/// The terms of running pods that act on others, with how many pods carry each, by slot.
#[derive(Debug, Default)]
pub struct Carried {
    terms: HashMap<(Term, Pull), HashMap<usize, u32>>,
}

impl Carried {
    pub fn add(&mut self, slot: usize, rules: &TopologyRules) {
        for (term, pull) in rules.pulls() {
            *self.terms.entry((term.clone(), pull)).or_default().entry(slot).or_default() += 1;
        }
    }

    pub fn remove(&mut self, slot: usize, rules: &TopologyRules) {
        for (term, pull) in rules.pulls() {
            let key = (term.clone(), pull);
            let Some(slots) = self.terms.get_mut(&key) else { continue };
            if let Some(count) = slots.get_mut(&slot) {
                *count -= 1;
                if *count == 0 {
                    slots.remove(&slot);
                }
            }
            if slots.is_empty() {
                self.terms.remove(&key);
            }
        }
    }

    /// Those that match the pod.
    pub fn matching<'a>(
        &'a self,
        pod: &'a Subject,
        namespaces: &'a Namespaces,
    ) -> impl Iterator<Item = (Symbol, Pull, &'a HashMap<usize, u32>)> {
        self.terms
            .iter()
            .filter(move |((term, _), _)| term.matcher.matches(pod, namespaces))
            .map(|((term, pull), slots)| (term.key, *pull, slots))
    }
}

/// The domain of each slot under one topology key: nodes with the same value share a number.
#[derive(Debug, Default)]
pub struct Domains {
    /// `NO_DOMAIN` for slots without a node or without the label.
    pub of: Vec<u32>,
    pub count: usize,
    built_at: Option<u64>,
}

pub const NO_DOMAIN: u32 = u32::MAX;

impl Domains {
    fn catch_up(&mut self, key: Symbol, snapshot: &Snapshot) {
        let now = snapshot.node_log.end();
        if self.built_at == Some(now) {
            return;
        }
        let mut numbers: HashMap<Symbol, u32> = HashMap::new();
        self.of.clear();
        self.of.extend(snapshot.nodes.iter().map(|node| {
            let Some(value) = node.as_ref().and_then(|node| label(&node.labels, key)) else { return NO_DOMAIN };
            let next = numbers.len() as u32;
            *numbers.entry(value).or_insert(next)
        }));
        self.count = numbers.len();
        self.built_at = Some(now);
    }
}

#[derive(Debug, Default)]
struct Counts {
    by_slot: Vec<i64>,
    position: Option<u64>,
    namespaces: u64,
    used: u64,
}

/// Counts of matching pods by slot and domains of nodes, kept between decisions.
#[derive(Debug, Default)]
pub struct TopologyCache {
    counts: HashMap<Vec<PodMatcher>, Counts>,
    domains: HashMap<Symbol, Domains>,
    ticks: u64,
}

impl TopologyCache {
    pub fn domains(&mut self, key: Symbol, snapshot: &Snapshot) -> &Domains {
        let domains = self.domains.entry(key).or_default();
        domains.catch_up(key, snapshot);
        domains
    }

    /// How many pods match all of `matchers`, by slot.
    pub fn counts(&mut self, matchers: &[PodMatcher], snapshot: &Snapshot) -> &[i64] {
        self.ticks += 1;
        if self.counts.len() > CACHED_COUNTS
            && let Some(oldest) = self.counts.iter().min_by_key(|(_, counts)| counts.used).map(|(key, _)| key.clone())
        {
            self.counts.remove(&oldest);
        }
        if !self.counts.contains_key(matchers) {
            self.counts.insert(matchers.to_vec(), Counts::default());
        }
        let counts = self.counts.get_mut(matchers).expect("just made");
        counts.used = self.ticks;
        let matches = |subject: &Subject| matchers.iter().all(|matcher| matcher.matches(subject, &snapshot.namespaces));
        counts.by_slot.resize(snapshot.slot_count(), 0);
        let current = counts.namespaces == snapshot.namespaces_version;
        let log = counts.position.filter(|_| current).and_then(|position| snapshot.pod_log.since(position));
        match log {
            Some(changes) => {
                for change in changes.filter(|change| matches(&change.spec.topology.subject)) {
                    counts.by_slot[change.slot] += change.delta;
                }
            }
            None => {
                for slot in 0..snapshot.slot_count() {
                    let pods = snapshot.pods_on(slot).iter().filter_map(|&pod| snapshot.assigned(pod));
                    let count = pods.filter(|assigned| matches(&assigned.spec.topology.subject)).count();
                    counts.by_slot[slot] = count as i64;
                }
            }
        }
        counts.position = Some(snapshot.pod_log.end());
        counts.namespaces = snapshot.namespaces_version;
        &counts.by_slot
    }

    /// How many pods match all of `matchers`, by domain of `key`; `include` says which slots count at all.
    pub fn domain_counts(
        &mut self,
        matchers: &[PodMatcher],
        key: Symbol,
        snapshot: &Snapshot,
        include: impl Fn(usize) -> bool,
    ) -> Vec<i64> {
        self.domains(key, snapshot);
        self.counts(matchers, snapshot);
        let (domains, counts) = (&self.domains[&key], &self.counts[matchers].by_slot);
        let mut sums = vec![0; domains.count];
        for (slot, (&domain, &count)) in domains.of.iter().zip(counts).enumerate() {
            if domain != NO_DOMAIN && count != 0 && include(slot) {
                sums[domain as usize] += count;
            }
        }
        sums
    }
}
