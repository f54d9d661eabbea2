//! What the node-only plugins say of every node for one set of rules: computed once, then kept up to date.

use crate::plugins::{ABSENT, NODE_SCORES, PASSED, Verdict, node_scores, node_verdict};
use crate::pod::NodeRules;
use crate::snapshot::Snapshot;

#[derive(Debug, Default)]
pub struct RuleColumns {
    pub verdicts: Vec<Verdict>,
    pub raw: [Vec<i32>; NODE_SCORES],
    /// How many slots have a raw score other than 0; with none there is nothing to scale.
    pub scored: [usize; NODE_SCORES],
    position: u64,
    built: bool,
}

impl RuleColumns {
    pub fn catch_up(&mut self, rules: &NodeRules, snapshot: &Snapshot) {
        self.verdicts.resize(snapshot.slot_count(), ABSENT);
        for raw in &mut self.raw {
            raw.resize(snapshot.slot_count(), 0);
        }
        let changes = if self.built { snapshot.node_log.since(self.position) } else { None };
        match changes {
            Some(slots) => slots.for_each(|slot| self.set(slot, rules, snapshot)),
            None => (0..snapshot.slot_count()).for_each(|slot| self.set(slot, rules, snapshot)),
        }
        self.position = snapshot.node_log.end();
        self.built = true;
    }

    fn set(&mut self, slot: usize, rules: &NodeRules, snapshot: &Snapshot) {
        let node = snapshot.nodes[slot].as_ref();
        self.verdicts[slot] = node.map_or(ABSENT, |node| node_verdict(rules, node, &snapshot.interner));
        let passes = self.verdicts[slot] == PASSED;
        for (at, (score, _, _)) in node_scores().enumerate() {
            let raw = node.filter(|_| passes).map_or(0, |node| score(rules, node, &snapshot.interner));
            self.scored[at] -= usize::from(self.raw[at][slot] != 0);
            self.scored[at] += usize::from(raw != 0);
            self.raw[at][slot] = raw;
        }
    }
}

/// The largest raw score among the feasible nodes, for each plugin that scores by a node's own properties.
pub type Maxima = [i32; NODE_SCORES];

/// `DefaultNormalizeScore`.
#[inline]
pub fn scale(raw: i32, max: i32, reverse: bool) -> i32 {
    let scaled = if max == 0 { 0 } else { (100 * i64::from(raw) / i64::from(max)) as i32 };
    if reverse { 100 - scaled } else { scaled }
}

/// The sum of the scaled and weighted raw scores.
#[inline]
pub fn scaled(raw: [i32; NODE_SCORES], maxima: &Maxima) -> i32 {
    let plugins = node_scores().enumerate();
    plugins.map(|(at, (_, reverse, weight))| weight * scale(raw[at], maxima[at], reverse)).sum()
}
