//! The table of one family. A Service changes in one transaction, which names only what differs.

use std::collections::{BTreeMap, BTreeSet};

use xtables::address::{Cidr, Family};

use super::chain_names::{ChainName, Choice, Way};
use super::chains::{self, FamilyConfig, static_rules};
use super::difference::{Difference, Shared};
use super::door::{Digest, Door, Existing, Failure, Step};
use super::service::{Body, Parts};
use super::sets::{self, Key, SetName, Value};
use super::source_ranges::merged;
use super::wanted::{Changes, Wanted};
use crate::error::Result;
use crate::model::Protocol;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Written {
    /// Chains and elements.
    pub written: usize,
    pub removed: usize,
    /// Services that the kernel did not take, or that another one keeps from an address, with why.
    pub refused: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Table<D> {
    pub(super) door: D,
    config: FamilyConfig,
    wanted: Wanted,
    shared: Shared,
    /// The kernel's generation after our last transaction; None: it is not known what the kernel has.
    generation: Option<u32>,
    rules: Digest,
}

/// Chains and sets that Services need of their own.
#[derive(Debug, Default)]
struct Needed {
    bodies: BTreeMap<ChainName, Body>,
    sets: BTreeSet<SetName>,
}

type Committed<T> = std::result::Result<T, Failure>;

impl<D: Door> Table<D> {
    pub fn new(door: D, config: FamilyConfig) -> Self {
        let (wanted, shared) = Default::default();
        Table { door, config, wanted, shared, generation: None, rules: Digest::default() }
    }

    /// Writes everything anew, and takes away what is not of these Services. Clients stay with their endpoints.
    pub fn full(&mut self, services: Changes) -> Result<Written> {
        self.wanted = Wanted::default();
        self.wanted.exchange(&services);
        match self.write_all() {
            Ok(written) => Ok(Written { written, removed: 0, refused: self.wanted.contested(services.keys()) }),
            Err(Failure::Refused(why)) => {
                // Without any Service the kernel must take it: otherwise it is the fault of none.
                self.wanted = Wanted::default();
                self.write_all().map_err(|_| Failure::Refused(why))?;
                self.change(services)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Writes the changes; those Services that the kernel refuses are found and left out.
    pub fn change(&mut self, changes: Changes) -> Result<Written> {
        let names: Vec<String> = changes.keys().cloned().collect();
        let mut written = Written::default();
        let mut left = vec![changes];
        while let Some(mut changes) = left.pop() {
            match self.attempt(&changes) {
                Ok((count, removed)) => {
                    written.written += count;
                    written.removed += removed;
                }
                Err(Failure::Refused(why)) if changes.len() == 1 => {
                    written.refused.extend(changes.into_keys().map(|name| (name, why.clone())));
                }
                Err(Failure::Refused(_)) => {
                    let middle = changes.keys().nth(changes.len() / 2).cloned().unwrap_or_default();
                    left.push(changes.split_off(&middle));
                    left.push(changes);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        for (name, why) in self.wanted.contested(names.iter()) {
            written.refused.entry(name).or_insert(why);
        }
        Ok(written)
    }

    /// Whether the kernel has what was written. It looks only when any program has changed any rules since.
    pub fn verify(&mut self) -> Result<bool> {
        let Some(known) = self.generation else { return Ok(false) };
        let generation = self.door.generation()?;
        if generation == known {
            return Ok(true);
        }
        let intact = self.door.existing()?.is_some()
            && self.door.rules()? == self.rules
            && self.door.elements(&self.filled_sets())? == self.elements_digest();
        self.generation = intact.then_some(generation);
        Ok(intact)
    }

    pub fn cleanup(&mut self) -> Result<()> {
        self.generation = None;
        Ok(self.door.commit(&mut [Step::AddTable, Step::DeleteTable].into_iter())?)
    }

    /// Makes the changes, or none of them. Gives how much was written and removed.
    fn attempt(&mut self, changes: &Changes) -> Committed<(usize, usize)> {
        let touched = self.wanted.touched(changes);
        let parts = |wanted: &Wanted| touched.iter().map(|name| wanted.parts(name)).collect::<Vec<Parts>>();
        let before = parts(&self.wanted);
        let undo = self.wanted.exchange(changes);
        let after = parts(&self.wanted);
        let difference = Difference::between(&before, &after, &mut self.shared);
        let (count, changes_rules) = (difference.count(), difference.changes_rules());
        let result = self.commit(difference.steps(&self.config), changes_rules);
        if result.is_err() {
            self.wanted.exchange(&undo);
            Difference::between(&after, &before, &mut self.shared);
        }
        result.map(|()| count)
    }

    fn commit(&mut self, steps: Vec<Step>, changes_rules: bool) -> Committed<()> {
        if steps.is_empty() {
            return Ok(());
        }
        self.door.commit(&mut steps.into_iter())?;
        // Each transaction counts one, and 0 is left out: when others made some as well, the numbers differ from now on.
        self.generation = self.generation.map(|generation| generation.wrapping_add(1).max(1));
        if changes_rules {
            self.rules = self.door.rules()?;
        }
        Ok(())
    }

    fn write_all(&mut self) -> Committed<usize> {
        self.generation = None;
        self.shared = Shared::default();
        let mut needed = Needed::default();
        for parts in self.wanted.names().map(|name| self.wanted.parts(name)) {
            self.shared.add(&parts);
            needed.bodies.extend(parts.chains);
            needed.sets.extend(parts.sets);
        }
        let existing = self.door.existing()?;
        let Table { door, config, wanted, shared, .. } = self;
        let mut count = needed.bodies.len();
        let mut write = |head: Vec<Step>| {
            let elements = elements(wanted, shared, config).map(|(set, key, value)| Step::Add(set, key, value));
            door.commit(&mut head.into_iter().chain(elements.inspect(|_| count += 1)))
        };
        match existing {
            None => write(needed.creation(config, &BTreeSet::new()))?,
            Some(existing) => match write(needed.replacement(config, &existing)) {
                // What another version left may be other than ours by the same name.
                Err(Failure::Refused(_)) => write(needed.anew(config))?,
                result => result?,
            },
        }
        self.generation = Some(self.door.generation()?);
        self.rules = self.door.rules()?;
        Ok(count)
    }

    /// Sets that hold what we put there.
    fn filled_sets(&self) -> Vec<SetName> {
        let own = self.wanted.names().flat_map(|name| self.wanted.parts(name).sets);
        sets::STATIC.into_iter().chain(own.filter(|set| !set.is_filled_by_kernel())).collect()
    }

    fn elements_digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (set, key, value) in elements(&self.wanted, &self.shared, &self.config) {
            digest.add_element(&set.to_string(), &key, &value);
        }
        digest
    }
}

/// All that is in the sets.
fn elements<'a>(
    wanted: &'a Wanted,
    shared: &'a Shared,
    config: &'a FamilyConfig,
) -> impl Iterator<Item = (SetName, Key, Value)> + 'a {
    let of_services = wanted.names().flat_map(|name| wanted.parts(name).elements);
    let of_node = merged(&config.node_port_addresses)
        .into_iter()
        .flat_map(|(start, end)| [Some(Key::Start(start)), end.map(Key::End)].into_iter().flatten());
    (of_services.map(|((set, key), value)| (set, key, value)))
        .chain(shared.hairpins())
        .chain(of_node.map(|key| (SetName::NodePortAddresses, key, Value::None)))
}

/// A table with one of everything that Services can need: what takes it takes all.
pub fn everything(family: Family) -> Vec<Step> {
    let probe = || "probe".to_owned();
    let config = FamilyConfig {
        family,
        cluster_cidr: Some(Cidr::loopback(family)),
        service_cidrs: vec![Cidr::loopback(family)],
        node_port_addresses: vec![],
        localhost_node_ports: true,
    };
    let choices = [Choice::Even(1), Choice::Sticky(probe())];
    let entry = |all: Choice, way| ChainName::Entry { node_port: false, way, local: Some(all.clone()), all };
    let mut bodies: BTreeMap<ChainName, Body> = [Way::Inside, Way::Outside, Way::OutsideLocal]
        .into_iter()
        .flat_map(|way| choices.clone().map(|choice| (entry(choice, way), Body::Named)))
        .collect();
    let (address, port, protocol, seconds) = (Cidr::loopback(family).address(), 1, Protocol::Sctp, 1);
    bodies.insert(ChainName::Sticky(probe()), Body::Sticky { endpoints: vec![probe()] });
    bodies.insert(ChainName::Endpoint(probe()), Body::Endpoint { address, port, protocol, seconds });
    bodies.insert(ChainName::Firewall(probe()), Body::Named);
    let sets = BTreeSet::from([SetName::Affinity(probe()), SetName::Ranges(probe())]);
    Needed { bodies, sets }.creation(&config, &BTreeSet::new())
}

impl Needed {
    /// All chains, rules and sets but those of `kept`.
    fn creation(&self, config: &FamilyConfig, kept: &BTreeSet<String>) -> Vec<Step> {
        let sets = sets::STATIC.into_iter().chain(self.sets.iter().cloned());
        let sets = sets.filter(|set| !kept.contains(&set.to_string()));
        let mut steps = vec![Step::AddTable];
        steps.extend(sets.map(Step::AddSet));
        steps.extend(chains::STATIC.into_iter().map(|(chain, base)| Step::AddChain(chain.to_owned(), base)));
        steps.extend(self.bodies.keys().map(|chain| Step::AddChain(chain.to_string(), None)));
        steps.extend(static_rules(config).into_iter().map(|(chain, rule)| Step::AddRule(chain.to_owned(), rule)));
        for (chain, body) in &self.bodies {
            let rules = body.rules(chain, config).into_iter();
            steps.extend(rules.map(|rule| Step::AddRule(chain.to_string(), rule)));
        }
        steps
    }

    /// In place of what is there; what the kernel has put into sets that are needed stays.
    fn replacement(&self, config: &FamilyConfig, existing: &Existing) -> Vec<Step> {
        let by_kernel = self.sets.iter().filter(|set| set.is_filled_by_kernel()).map(SetName::to_string);
        let kept: BTreeSet<String> = by_kernel.filter(|set| existing.sets.contains(set)).collect();
        let gone_sets = existing.sets.iter().filter(|set| !kept.contains(*set));
        let flushes = existing.chains.iter().map(|chain| Step::Flush(chain.clone()));
        flushes
            .chain(gone_sets.map(|set| Step::DeleteSet(set.clone())))
            .chain(existing.chains.iter().map(|chain| Step::DeleteChain(chain.clone())))
            .chain(self.creation(config, &kept))
            .collect()
    }

    fn anew(&self, config: &FamilyConfig) -> Vec<Step> {
        let mut steps = vec![Step::AddTable, Step::DeleteTable];
        steps.extend(self.creation(config, &BTreeSet::new()));
        steps
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
