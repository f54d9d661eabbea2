//! The table of one family. A Service changes in one transaction, which names only what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use xtables::address::{Cidr, Family};

use super::chain_names::{ChainName, Choice, Way};
use super::chains::{self, Base, FamilyConfig, static_rules};
use super::difference::{Difference, Shared};
use super::door::{Digest, Door, Existing, Failure, Step};
use super::expressions::Rule;
use super::service::{self, Body, Has, Parts};
use super::sets::{self, Key, SetName, Value};
use super::source_ranges::merged;
use super::wanted::Wanted;
use crate::error::Result;
use crate::families::{Changes, Written};
use crate::model::{Protocol, Service};

#[derive(Debug)]
pub struct Table<D> {
    pub(crate) door: D,
    config: FamilyConfig,
    layout: &'static Layout,
    wanted: Wanted,
    shared: Shared,
    /// The kernel's generation after our last transaction; None: it is not known what the kernel has.
    generation: Option<u32>,
    rules: Digest,
}

/// Chains and sets that Services need of their own.
#[derive(Debug, Default)]
pub struct Needed {
    pub bodies: BTreeMap<ChainName, Body>,
    pub sets: BTreeSet<SetName>,
}

/// What a table has whatever Services there are, and what a Service adds to it.
#[derive(Debug)]
pub struct Layout {
    /// Those that are jumped to come first.
    pub chains: &'static [(&'static str, Option<Base>)],
    pub sets: &'static [SetName],
    pub rules: fn(&FamilyConfig) -> Vec<(&'static str, Rule)>,
    pub parts: fn(&FamilyConfig, &Service, Has) -> Parts,
    /// One of each kind of chain and set that Services can need.
    pub samples: fn(Family) -> Needed,
}

/// Addresses are changed by the rules of the table.
pub static NAT: Layout =
    Layout { chains: &chains::STATIC, sets: &sets::STATIC, rules: static_rules, parts: service::parts, samples };

type Committed<T> = std::result::Result<T, Failure>;

impl<D: Door> Table<D> {
    pub fn new(door: D, config: FamilyConfig, layout: &'static Layout) -> Self {
        let (wanted, shared) = Default::default();
        Table { door, config, layout, wanted, shared, generation: None, rules: Digest::default() }
    }

    /// Fails when the kernel lacks something that the table can need; changes nothing.
    pub fn probe(&mut self) -> Result<()> {
        let range = Cidr::loopback(self.config.family);
        let config = FamilyConfig {
            cluster_cidr: Some(range),
            service_cidrs: vec![range],
            localhost_node_ports: true,
            ..self.config.clone()
        };
        let needed = (self.layout.samples)(config.family);
        Ok(self.door.probe(&needed.creation(self.layout, &config, &BTreeSet::new()))?)
    }

    pub fn config(&self) -> &FamilyConfig {
        &self.config
    }

    /// Takes effect with the next full write.
    pub fn set_node_addresses(&mut self, addresses: BTreeSet<IpAddr>) {
        self.config.node_addresses = addresses;
    }

    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    fn parts(&self, name: &str) -> Parts {
        let Table { config, layout, wanted, .. } = self;
        parts(config, layout, wanted, name)
    }

    /// Writes everything anew, and takes away what is not of these Services. Clients stay with their endpoints.
    pub fn full(&mut self, services: Changes) -> Result<Written> {
        self.wanted = Wanted::default();
        self.wanted.exchange(&services);
        let mut refused = BTreeMap::new();
        let mut result = self.write_all();
        if let Err(Failure::Refused(_)) = result {
            // What is there goes on serving until all others can be written.
            refused = self.refused_of(&services)?;
            self.wanted.exchange(&refused.keys().map(|name| (name.clone(), None)).collect());
            result = self.write_all();
        }
        match result {
            Ok(written) => {
                for (name, why) in self.wanted.contested(services.keys()) {
                    refused.entry(name).or_insert(why);
                }
                Ok(Written { written, removed: 0, refused })
            }
            Err(Failure::Refused(why)) => {
                // Services that are refused only together. Without any Service the kernel must take it: otherwise it is the fault of none.
                self.wanted = Wanted::default();
                self.write_all().map_err(|_| Failure::Refused(why))?;
                self.change(services)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Services that the kernel does not take by themselves, found by halves. Changes nothing.
    fn refused_of(&mut self, services: &Changes) -> Committed<BTreeMap<String, String>> {
        self.probe_with(&Changes::new())?;
        let mut refused = BTreeMap::new();
        let mut left = vec![services.clone()];
        while let Some(mut some) = left.pop() {
            match self.probe_with(&some) {
                Err(Failure::Refused(why)) if some.len() == 1 => {
                    refused.extend(some.into_keys().map(|name| (name, why.clone())));
                }
                Err(Failure::Refused(_)) => {
                    let middle = some.keys().nth(some.len() / 2).cloned().unwrap_or_default();
                    left.push(some.split_off(&middle));
                    left.push(some);
                }
                result => result?,
            }
        }
        Ok(refused)
    }

    fn probe_with(&mut self, services: &Changes) -> Committed<()> {
        let mut wanted = Wanted::default();
        wanted.exchange(services);
        let Table { door, config, layout, .. } = self;
        let (shared, needed) = needed(config, layout, &wanted);
        let mut steps = needed.creation(layout, config, &BTreeSet::new());
        let elements = elements(config, layout, &wanted, &shared);
        steps.extend(elements.map(|(set, key, value)| Step::Add(set, key, value)));
        door.probe(&steps)
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
        let before: Vec<Parts> = touched.iter().map(|name| self.parts(name)).collect();
        let undo = self.wanted.exchange(changes);
        let after: Vec<Parts> = touched.iter().map(|name| self.parts(name)).collect();
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
        let (shared, needed) = needed(&self.config, self.layout, &self.wanted);
        self.shared = shared;
        let existing = self.door.existing()?;
        let Table { door, config, layout, wanted, shared, .. } = self;
        let mut count = needed.bodies.len();
        let mut write = |head: Vec<Step>| {
            let elements = elements(config, layout, wanted, shared).map(|(set, key, value)| Step::Add(set, key, value));
            door.commit(&mut head.into_iter().chain(elements.inspect(|_| count += 1)))
        };
        match existing {
            None => write(needed.creation(layout, config, &BTreeSet::new()))?,
            Some(existing) => match write(needed.replacement(layout, config, &existing)) {
                // What another version left may be other than ours by the same name.
                Err(Failure::Refused(_)) => write(needed.anew(layout, config))?,
                result => result?,
            },
        }
        self.generation = Some(self.door.generation()?);
        self.rules = self.door.rules()?;
        Ok(count)
    }

    /// Sets that hold what we put there.
    fn filled_sets(&self) -> Vec<SetName> {
        let own = self.wanted.names().flat_map(|name| self.parts(name).sets);
        self.layout.sets.iter().cloned().chain(own.filter(|set| !set.is_filled_by_kernel())).collect()
    }

    fn elements_digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (set, key, value) in elements(&self.config, self.layout, &self.wanted, &self.shared) {
            digest.add_element(&set.to_string(), &key, &value);
        }
        digest
    }
}

fn parts(config: &FamilyConfig, layout: &Layout, wanted: &Wanted, name: &str) -> Parts {
    let of = |service| (layout.parts)(config, service, &|frontend| wanted.has(name, frontend));
    wanted.get(name).map(|service| of(service)).unwrap_or_default()
}

/// What all Services together need, and what of it several share.
fn needed(config: &FamilyConfig, layout: &Layout, wanted: &Wanted) -> (Shared, Needed) {
    let (mut shared, mut needed) = (Shared::default(), Needed::default());
    for parts in wanted.names().map(|name| parts(config, layout, wanted, name)) {
        shared.add(&parts);
        needed.bodies.extend(parts.chains);
        needed.sets.extend(parts.sets);
    }
    (shared, needed)
}

/// All that is in the sets.
fn elements<'a>(
    config: &'a FamilyConfig,
    layout: &'a Layout,
    wanted: &'a Wanted,
    shared: &'a Shared,
) -> impl Iterator<Item = (SetName, Key, Value)> + 'a {
    let of_services = wanted.names().flat_map(|name| parts(config, layout, wanted, name).elements);
    let of_node = merged(&config.node_port_addresses)
        .into_iter()
        .flat_map(|(start, end)| [Some(Key::Start(start)), end.map(Key::End)].into_iter().flatten());
    (of_services.map(|((set, key), value)| (set, key, value)))
        .chain(shared.elements())
        .chain(of_node.map(|key| (SetName::NodePortAddresses, key, Value::None)))
}

fn samples(family: Family) -> Needed {
    let probe = || "probe".to_owned();
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
    Needed { bodies, sets: BTreeSet::from([SetName::Affinity(probe()), SetName::Ranges(probe())]) }
}

impl Needed {
    /// All chains, rules and sets but those of `kept`.
    fn creation(&self, layout: &Layout, config: &FamilyConfig, kept: &BTreeSet<String>) -> Vec<Step> {
        let sets = layout.sets.iter().chain(&self.sets).cloned();
        let sets = sets.filter(|set| !kept.contains(&set.to_string()));
        let mut steps = vec![Step::AddTable];
        steps.extend(sets.map(Step::AddSet));
        steps.extend(layout.chains.iter().map(|(chain, base)| Step::AddChain((*chain).to_owned(), *base)));
        steps.extend(self.bodies.keys().map(|chain| Step::AddChain(chain.to_string(), None)));
        steps.extend((layout.rules)(config).into_iter().map(|(chain, rule)| Step::AddRule(chain.to_owned(), rule)));
        for (chain, body) in &self.bodies {
            let rules = body.rules(chain, config).into_iter();
            steps.extend(rules.map(|rule| Step::AddRule(chain.to_string(), rule)));
        }
        steps
    }

    /// In place of what is there; what the kernel has put into sets that are needed stays.
    fn replacement(&self, layout: &Layout, config: &FamilyConfig, existing: &Existing) -> Vec<Step> {
        let by_kernel = self.sets.iter().filter(|set| set.is_filled_by_kernel()).map(SetName::to_string);
        let kept: BTreeSet<String> = by_kernel.filter(|set| existing.sets.contains(set)).collect();
        let gone_sets = existing.sets.iter().filter(|set| !kept.contains(*set));
        let flushes = existing.chains.iter().map(|chain| Step::Flush(chain.clone()));
        flushes
            .chain(gone_sets.map(|set| Step::DeleteSet(set.clone())))
            .chain(existing.chains.iter().map(|chain| Step::DeleteChain(chain.clone())))
            .chain(self.creation(layout, config, &kept))
            .collect()
    }

    fn anew(&self, layout: &Layout, config: &FamilyConfig) -> Vec<Step> {
        let mut steps = vec![Step::AddTable, Step::DeleteTable];
        steps.extend(self.creation(layout, config, &BTreeSet::new()));
        steps
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
