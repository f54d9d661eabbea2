//! How many matching pods each node and each topology domain has: the counts that answer what pods demand.

use crate::intern::Symbol;
use crate::pod_matcher::{PodMatcher, Subject};
use crate::selector::label;
use crate::snapshot::Snapshot;
use std::collections::HashMap;

/// Match counts kept; beyond this many the longest unused is dropped.
const CACHED_COUNTS: usize = 256;

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
