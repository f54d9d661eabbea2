//! Every node's score for one pod class, kept in buckets by score: the best nodes are at hand, and after a placement
//! only the node that changed is looked at again.

use crate::bitset::BitSet;
use crate::plugins::{NODE_SCORES, PASSED, Scoring, Verdict, filter_usage, score_usage};
use crate::pod::PodClass;
use crate::random::Random;
use crate::rule_columns::{Maxima, RuleColumns, scaled};
use crate::snapshot::Snapshot;
use std::collections::BTreeMap;

const INFEASIBLE: i32 = -1;

#[derive(Debug, Default)]
pub struct ClassIndex {
    usage_position: u64,
    node_position: u64,
    built: bool,
    /// By slot.
    totals: Vec<i32>,
    /// By score.
    buckets: Vec<BitSet>,
    /// The scores whose bucket holds a node.
    occupied: BitSet,
    maxima: Maxima,
    /// By slot: the raw scores that the total was made of.
    raw: Vec<[i32; NODE_SCORES]>,
    /// How many feasible nodes have each raw score other than 0.
    raw_counts: [BTreeMap<i32, usize>; NODE_SCORES],
}

impl ClassIndex {
    /// Reads what changed since the last call.
    pub fn catch_up(&mut self, class: &PodClass, columns: &RuleColumns, snapshot: &Snapshot, scoring: &Scoring) {
        let slots = snapshot.slot_count();
        let current = self.built.then(|| {
            let usage = snapshot.usage_log.since(self.usage_position)?;
            let nodes = snapshot.node_log.since(self.node_position)?;
            Some((usage, nodes))
        });
        match current.flatten() {
            Some((usage, nodes)) => {
                self.totals.resize(slots, INFEASIBLE);
                self.raw.resize(slots, [0; NODE_SCORES]);
                let (mut last, mut stale) = (usize::MAX, false);
                for slot in usage.chain(nodes) {
                    if slot != last {
                        stale |= self.refresh(slot, class, columns, snapshot, scoring);
                        last = slot;
                    }
                    if stale {
                        break;
                    }
                }
                if stale {
                    self.rebuild(class, columns, snapshot, scoring);
                }
            }
            None => self.rebuild(class, columns, snapshot, scoring),
        }
        self.usage_position = snapshot.usage_log.end();
        self.node_position = snapshot.node_log.end();
        self.built = true;
    }

    /// One of the best nodes.
    pub fn pick(&self, random: &mut Random) -> Option<usize> {
        let best = &self.buckets[self.occupied.last()?];
        best.nth(random.below(best.len()))
    }

    fn rebuild(&mut self, class: &PodClass, columns: &RuleColumns, snapshot: &Snapshot, scoring: &Scoring) {
        self.buckets.iter_mut().for_each(BitSet::clear);
        self.occupied.clear();
        self.raw_counts = Default::default();
        let slots = snapshot.slot_count();
        let mut scan = Scan::default();
        scan.filter(class, columns, snapshot);
        self.maxima = scan.maxima(columns);
        scan.score(class, columns, snapshot, scoring, &self.maxima);
        self.totals.clear();
        self.totals.resize(slots, INFEASIBLE);
        self.raw.resize(slots, [0; NODE_SCORES]);
        for slot in 0..slots {
            if scan.verdicts[slot] == PASSED {
                self.put(slot, scan.totals[slot], raw(columns, slot));
            }
        }
    }

    /// Evaluates one slot anew. True when the best raw score changed, which shifts every node's scaled score.
    fn refresh(
        &mut self,
        slot: usize,
        class: &PodClass,
        columns: &RuleColumns,
        snapshot: &Snapshot,
        scoring: &Scoring,
    ) -> bool {
        self.take(slot);
        let mut verdict = [columns.verdicts[slot]];
        filter_usage(&class.demand, &snapshot.usage, slot..slot + 1, &mut verdict);
        if verdict[0] == PASSED {
            if raw(columns, slot).iter().zip(self.maxima).any(|(&raw, max)| raw > max) {
                return true;
            }
            let mut total = [scaled(raw(columns, slot), &self.maxima)];
            score_usage(&class.demand, &snapshot.usage, scoring, slot..slot + 1, &mut total);
            self.put(slot, total[0], raw(columns, slot));
        }
        let best = |counts: &BTreeMap<i32, usize>| counts.last_key_value().map_or(0, |(&raw, _)| raw.max(0));
        self.raw_counts.iter().zip(self.maxima).any(|(counts, max)| best(counts) != max)
    }

    fn put(&mut self, slot: usize, total: i32, raw: [i32; NODE_SCORES]) {
        self.totals[slot] = total;
        self.raw[slot] = raw;
        let score = total as usize;
        if score >= self.buckets.len() {
            self.buckets.resize_with(score + 1, BitSet::default);
        }
        self.buckets[score].insert(slot);
        self.occupied.insert(score);
        for (counts, raw) in self.raw_counts.iter_mut().zip(raw).filter(|(_, raw)| *raw != 0) {
            *counts.entry(raw).or_default() += 1;
        }
    }

    fn take(&mut self, slot: usize) {
        let score = std::mem::replace(&mut self.totals[slot], INFEASIBLE);
        if score == INFEASIBLE {
            return;
        }
        let bucket = &mut self.buckets[score as usize];
        bucket.remove(slot);
        if bucket.is_empty() {
            self.occupied.remove(score as usize);
        }
        for (counts, raw) in self.raw_counts.iter_mut().zip(self.raw[slot]).filter(|(_, raw)| *raw != 0) {
            if let Some(count) = counts.get_mut(&raw) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&raw);
                }
            }
        }
    }
}

fn raw(columns: &RuleColumns, slot: usize) -> [i32; NODE_SCORES] {
    std::array::from_fn(|at| columns.raw[at][slot])
}

/// One pass over all nodes. The vectors are scratch space that the next pass uses again.
#[derive(Debug, Default)]
pub struct Scan {
    pub verdicts: Vec<Verdict>,
    pub totals: Vec<i32>,
}

impl Scan {
    /// Returns how many nodes pass.
    pub fn filter(&mut self, class: &PodClass, columns: &RuleColumns, snapshot: &Snapshot) -> usize {
        self.verdicts.clone_from(&columns.verdicts);
        filter_usage(&class.demand, &snapshot.usage, 0..snapshot.slot_count(), &mut self.verdicts);
        self.verdicts.iter().filter(|&&verdict| verdict == PASSED).count()
    }

    pub fn maxima(&self, columns: &RuleColumns) -> Maxima {
        std::array::from_fn(|at| {
            if columns.scored[at] == 0 {
                return 0;
            }
            let feasible = columns.raw[at].iter().zip(&self.verdicts).filter(|(_, verdict)| **verdict == PASSED);
            feasible.map(|(&raw, _)| raw).max().unwrap_or(0).max(0)
        })
    }

    pub fn score(
        &mut self,
        class: &PodClass,
        columns: &RuleColumns,
        snapshot: &Snapshot,
        scoring: &Scoring,
        maxima: &Maxima,
    ) {
        let slots = snapshot.slot_count();
        self.totals.clear();
        if maxima.iter().all(|&max| max == 0) {
            self.totals.resize(slots, scaled([0; NODE_SCORES], maxima));
        } else {
            self.totals.extend((0..slots).map(|slot| scaled(raw(columns, slot), maxima)));
        }
        score_usage(&class.demand, &snapshot.usage, scoring, 0..slots, &mut self.totals);
    }

    /// One of the best nodes among those that passed.
    pub fn pick(&self, random: &mut Random) -> Option<usize> {
        let (mut best, mut count) = (INFEASIBLE, 0);
        for (&total, &verdict) in self.totals.iter().zip(&self.verdicts) {
            let total = if verdict == PASSED { total } else { INFEASIBLE };
            if total > best {
                (best, count) = (total, 1);
            } else {
                count += usize::from(total == best);
            }
        }
        if best == INFEASIBLE {
            return None;
        }
        let rank = random.below(count);
        let mut ties =
            (0..self.totals.len()).filter(|&slot| self.verdicts[slot] == PASSED && self.totals[slot] == best);
        ties.nth(rank)
    }
}
