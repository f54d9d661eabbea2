//! What a change of Services changes in their table.

use std::collections::{BTreeMap, BTreeSet};

use super::chain_names::ChainName;
use super::chains::FamilyConfig;
use super::door::Step;
use super::service::{Body, Parts};
use super::sets::{Key, SetName, Value};

/// What several Services need, with how many do.
#[derive(Debug, Default)]
pub struct Shared {
    chains: BTreeMap<ChainName, usize>,
    elements: BTreeMap<(SetName, Key), usize>,
}

impl Shared {
    pub fn add(&mut self, parts: &Parts) {
        parts.chains.keys().for_each(|chain| *self.chains.entry(chain.clone()).or_default() += 1);
        parts.shared.iter().for_each(|place| *self.elements.entry(place.clone()).or_default() += 1);
    }

    pub fn remove(&mut self, parts: &Parts) {
        parts.chains.keys().for_each(|chain| release(&mut self.chains, chain));
        parts.shared.iter().for_each(|place| release(&mut self.elements, place));
    }

    pub fn elements(&self) -> impl Iterator<Item = (SetName, Key, Value)> {
        let kinds = self.chains.keys().filter_map(kind).map(|((set, key), value)| (set, key, value));
        self.elements.keys().map(|(set, key)| (set.clone(), *key, Value::None)).chain(kinds)
    }
}

/// The element that leads to a chain by its number.
fn kind(chain: &ChainName) -> Option<((SetName, Key), Value)> {
    Some(((SetName::Kinds, Key::Kind(chain.kind()?)), Value::Goto(chain.to_string())))
}

fn release<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[derive(Debug, Default)]
pub struct Difference {
    elements: BTreeMap<(SetName, Key), (Option<Value>, Option<Value>)>,
    new_chains: BTreeMap<ChainName, Body>,
    changed_chains: BTreeMap<ChainName, Body>,
    gone_chains: BTreeSet<ChainName>,
    new_sets: BTreeSet<SetName>,
    gone_sets: BTreeSet<SetName>,
}

impl Difference {
    /// Between the parts of the same Services; `shared` becomes what it is with the new ones.
    pub fn between(before: &[Parts], after: &[Parts], shared: &mut Shared) -> Self {
        let mut difference = Difference::default();
        for parts in before {
            let was =
                |((set, key), value): (&(SetName, Key), &Value)| ((set.clone(), *key), (Some(value.clone()), None));
            difference.elements.extend(parts.elements.iter().map(was));
            difference.gone_sets.extend(parts.sets.iter().cloned());
        }
        for parts in after {
            for ((set, key), value) in &parts.elements {
                difference.elements.entry((set.clone(), *key)).or_default().1 = Some(value.clone());
            }
            difference.new_sets.extend(parts.sets.iter().cloned());
        }
        difference.elements.retain(|_, (before, after)| before != after);
        let stay: BTreeSet<SetName> = difference.gone_sets.intersection(&difference.new_sets).cloned().collect();
        difference.gone_sets.retain(|set| !stay.contains(set));
        difference.new_sets.retain(|set| !stay.contains(set));
        difference.compare_shared(before, after, shared);
        difference
    }

    fn compare_shared(&mut self, before: &[Parts], after: &[Parts], shared: &mut Shared) {
        let bodies = |all: &[Parts]| -> BTreeMap<ChainName, Body> {
            all.iter().flat_map(|parts| parts.chains.clone()).collect()
        };
        let places = |all: &[Parts]| -> BTreeSet<(SetName, Key)> {
            all.iter().flat_map(|parts| parts.shared.iter().cloned()).collect()
        };
        let there = |shared: &Shared, chain: &ChainName| shared.chains.contains_key(chain);
        let (old, new) = (bodies(before), bodies(after));
        let was: BTreeSet<&ChainName> = old.keys().chain(new.keys()).filter(|chain| there(shared, chain)).collect();
        let (old_places, new_places) = (places(before), places(after));
        let had: BTreeSet<&(SetName, Key)> =
            (old_places.union(&new_places)).filter(|place| shared.elements.contains_key(*place)).collect();
        before.iter().for_each(|parts| shared.remove(parts));
        after.iter().for_each(|parts| shared.add(parts));
        for (chain, body) in &new {
            if !was.contains(chain) {
                self.new_chains.insert(chain.clone(), body.clone());
            } else if old.get(chain).is_some_and(|before| before != body) {
                self.changed_chains.insert(chain.clone(), body.clone());
            }
        }
        self.gone_chains.extend(was.into_iter().filter(|chain| !there(shared, chain)).cloned());
        self.elements.extend(self.new_chains.keys().filter_map(kind).map(|(place, to)| (place, (None, Some(to)))));
        self.elements.extend(self.gone_chains.iter().filter_map(kind).map(|(place, to)| (place, (Some(to), None))));
        for place in old_places.union(&new_places) {
            match (had.contains(place), shared.elements.contains_key(place)) {
                (true, false) => self.elements.insert(place.clone(), (Some(Value::None), None)),
                (false, true) => self.elements.insert(place.clone(), (None, Some(Value::None))),
                _ => None,
            };
        }
    }

    /// Chains and elements that are written, and that are removed.
    pub fn count(&self) -> (usize, usize) {
        let written = self.elements.values().filter(|(_, after)| after.is_some()).count();
        let chains = self.new_chains.len() + self.changed_chains.len();
        (written + chains, self.elements.len() - written + self.gone_chains.len())
    }

    pub fn changes_rules(&self) -> bool {
        !(self.new_chains.is_empty() && self.changed_chains.is_empty() && self.gone_chains.is_empty())
    }

    /// In an order in which nothing refers to what is not there.
    pub fn steps(self, config: &FamilyConfig) -> Vec<Step> {
        let mut steps: Vec<Step> = self.new_sets.into_iter().map(Step::AddSet).collect();
        steps.extend(self.new_chains.keys().map(|chain| Step::AddChain(chain.to_string(), None)));
        steps.extend(self.changed_chains.keys().map(|chain| Step::Flush(chain.to_string())));
        for (chain, body) in self.new_chains.iter().chain(&self.changed_chains) {
            let rules = body.rules(chain, config).into_iter();
            steps.extend(rules.map(|rule| Step::AddRule(chain.to_string(), rule)));
        }
        let removed = self.elements.iter().filter(|(_, (before, _))| before.is_some());
        steps.extend(removed.map(|((set, key), _)| Step::Remove(set.clone(), *key)));
        let added = self.elements.into_iter().filter_map(|(place, (_, after))| Some((place, after?)));
        steps.extend(added.map(|((set, key), value)| Step::Add(set, key, value)));
        steps.extend(self.gone_chains.iter().map(|chain| Step::Flush(chain.to_string())));
        steps.extend(self.gone_sets.iter().map(|set| Step::DeleteSet(set.to_string())));
        steps.extend(self.gone_chains.iter().map(|chain| Step::DeleteChain(chain.to_string())));
        steps
    }
}
