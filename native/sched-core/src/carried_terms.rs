//! The terms that running pods carry: what their affinity does to the pods that come after them.

use crate::intern::Symbol;
use crate::pod_matcher::{Namespaces, Subject};
use crate::topology_rules::{Pull, Term, TopologyRules};
use std::collections::HashMap;

/// The terms of running pods that act on others, with how many pods carry each, by slot.
#[derive(Debug, Default)]
pub struct CarriedTerms {
    terms: HashMap<(Term, Pull), HashMap<usize, u32>>,
}

impl CarriedTerms {
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
