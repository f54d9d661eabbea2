//! What all policies and pods together need of the table of one family, and what a change of some of them changes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::parts::Parts;
use super::sets::PolicySet;
use crate::nftables::door::Step;
use crate::nftables::expressions::Rule;
use crate::nftables::sets::{Key, Value};

/// Who needs something: a policy or a pod, by a name that no other has.
pub type Owner = Arc<str>;

/// Things that several owners may need. Where they do not agree, as two pods that have one address for a moment, the owner
/// that comes first by name has it.
#[derive(Debug)]
struct Shared<K, V>(BTreeMap<K, Vec<(Owner, V)>>);

impl<K: Ord + Clone, V> Shared<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).and_then(|owners| owners.first()).map(|(_, value)| value)
    }

    fn add(&mut self, owner: &Owner, key: K, value: V) {
        let owners = self.0.entry(key).or_default();
        let at = owners.partition_point(|(other, _)| other < owner);
        owners.insert(at, (owner.clone(), value));
    }

    fn remove(&mut self, owner: &Owner, key: &K) {
        let Some(owners) = self.0.get_mut(key) else { return };
        owners.retain(|(other, _)| other != owner);
        if owners.is_empty() {
            self.0.remove(key);
        }
    }
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Shared(BTreeMap::new())
    }
}

#[derive(Debug, Default)]
pub struct Content {
    chains: Shared<String, Vec<Rule>>,
    sets: Shared<PolicySet, ()>,
    elements: Shared<(PolicySet, Key), Value>,
}

/// An owner with what it needed and needs.
pub type Exchange = (Owner, Parts, Parts);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub written: usize,
    pub removed: usize,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.written += other.written;
        self.removed += other.removed;
    }
}

/// What of the content some owners have touched, as it was.
#[derive(Default)]
struct Before {
    chains: BTreeMap<String, Option<Vec<Rule>>>,
    sets: BTreeMap<PolicySet, bool>,
    elements: BTreeMap<(PolicySet, Key), Option<Value>>,
}

impl Content {
    pub fn chains(&self) -> impl Iterator<Item = (&String, &Vec<Rule>)> {
        self.chains.0.iter().filter_map(|(chain, owners)| Some((chain, &owners.first()?.1)))
    }

    /// Sets that are not those of every table.
    pub fn sets(&self) -> impl Iterator<Item = &PolicySet> {
        self.sets.0.keys()
    }

    pub fn has(&self, set: &PolicySet) -> bool {
        super::sets::STATIC.contains(set) || self.sets.0.contains_key(set)
    }

    /// Those of sets that there are.
    pub fn elements(&self) -> impl Iterator<Item = (&PolicySet, &Key, &Value)> {
        let all = self.elements.0.iter().filter_map(|((set, key), owners)| Some((set, key, &owners.first()?.1)));
        all.filter(|(set, ..)| self.has(set))
    }

    /// Puts new parts in the place of old ones, and gives the steps that make the table so, in an order in which nothing
    /// refers to what is not there.
    pub fn exchange(&mut self, changes: &[Exchange]) -> (Vec<Step<PolicySet>>, Counts) {
        let before = self.touched(changes);
        for (owner, old, new) in changes {
            old.chains.keys().for_each(|chain| self.chains.remove(owner, chain));
            old.sets.iter().for_each(|set| self.sets.remove(owner, set));
            old.elements.keys().for_each(|place| self.elements.remove(owner, place));
            new.chains.iter().for_each(|(chain, rules)| self.chains.add(owner, chain.clone(), rules.clone()));
            new.sets.iter().for_each(|set| self.sets.add(owner, set.clone(), ()));
            new.elements.iter().for_each(|(place, value)| self.elements.add(owner, place.clone(), value.clone()));
        }
        self.steps(before)
    }

    fn touched(&self, changes: &[Exchange]) -> Before {
        let mut before = Before::default();
        for parts in changes.iter().flat_map(|(_, old, new)| [old, new]) {
            for chain in parts.chains.keys() {
                before.chains.entry(chain.clone()).or_insert_with(|| self.chains.get(chain).cloned());
            }
            for set in &parts.sets {
                before.sets.entry(set.clone()).or_insert_with(|| self.sets.get(set).is_some());
            }
            for place in parts.elements.keys() {
                before.elements.entry(place.clone()).or_insert_with(|| self.elements.get(place).cloned());
            }
        }
        before
    }

    fn steps(&self, before: Before) -> (Vec<Step<PolicySet>>, Counts) {
        let mut steps = Vec::new();
        let is = |set: &PolicySet| self.sets.get(set).is_some();
        let new_sets: BTreeSet<&PolicySet> =
            before.sets.iter().filter(|(set, was)| !**was && is(set)).map(|(set, _)| set).collect();
        let gone_sets: BTreeSet<&PolicySet> =
            before.sets.iter().filter(|(set, was)| **was && !is(set)).map(|(set, _)| set).collect();
        steps.extend(new_sets.iter().map(|set| Step::AddSet((*set).clone())));
        let (mut flushed, mut gone_chains, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for (chain, was) in &before.chains {
            let now = self.chains.get(chain);
            match (was, now) {
                (None, Some(_)) => steps.push(Step::AddChain(chain.clone(), None)),
                (Some(was), Some(now)) if was != now => flushed.push(Step::Flush(chain.clone())),
                (Some(_), None) => {
                    gone_chains.push(chain);
                    continue;
                }
                _ => continue,
            }
            rules.extend(now.into_iter().flatten().map(|rule| Step::AddRule(chain.clone(), rule.clone())));
        }
        let chains = before.chains.iter().filter(|(chain, was)| was.as_ref() != self.chains.get(chain)).count();
        steps.extend(flushed);
        steps.extend(rules);
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for (place, was) in before.elements {
            let now = self.elements.get(&place);
            // What comes and goes with its set is added below, or goes with it.
            if was.as_ref() == now || !self.has(&place.0) || new_sets.contains(&place.0) {
                continue;
            }
            if was.is_some() {
                removed.push(Step::Remove(place.0.clone(), place.1));
            }
            added.extend(now.map(|value| Step::Add(place.0, place.1, value.clone())));
        }
        for set in &new_sets {
            added.extend(self.elements_of(set).map(|(key, value)| Step::Add((*set).clone(), key, value)));
        }
        let counts =
            Counts { written: added.len() + chains - gone_chains.len(), removed: removed.len() + gone_chains.len() };
        steps.extend(removed);
        steps.extend(added);
        steps.extend(gone_chains.iter().map(|chain| Step::Flush((*chain).clone())));
        steps.extend(gone_sets.iter().map(|set| Step::DeleteSet(set.to_string())));
        steps.extend(gone_chains.iter().map(|chain| Step::DeleteChain((*chain).clone())));
        (steps, counts)
    }

    fn elements_of<'a>(&'a self, set: &PolicySet) -> impl Iterator<Item = (Key, Value)> + use<'a> {
        let from = Bound::Included((set.clone(), Key::LEAST));
        let own = self.elements.0.range((from, Bound::Unbounded));
        let set = set.clone();
        own.take_while(move |((other, _), _)| *other == set)
            .filter_map(|((_, key), owners)| Some((*key, owners.first()?.1.clone())))
    }
}
