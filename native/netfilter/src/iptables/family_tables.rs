//! Keeps the kernel's tables of one family equal to the Services. Each table changes in one atomic commit, and only chains
//! that differ from what was applied are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use xtables::error::Error;
use xtables::ruleset::{Chains, Hook, Saved, TableChange};
use xtables::tables::Tables;

use super::chains::{FILTER_HOOKS, MARK_MASQ, NAT_HOOKS, SHARED_FILTER, SHARED_NAT, is_of_a_service, is_ours};
use super::rules::{
    FamilyConfig, ServiceRules, base_filter, base_nat, filter_services_tail, nat_services_tail, service_rules,
};
use crate::error::Result;
use crate::model::Service;

/// The tables that we write, in this order: a Service is refused by filter before it is let through by nat.
const TABLES: [(&str, &[Hook]); 2] = [("filter", &FILTER_HOOKS), ("nat", &NAT_HOOKS)];

/// Up to so many chains each verification looks at all of them. `iptables-save` (nft, 1.8.9) takes 1.4 s of processor time
/// for 12,000 chains: with more than a few, only the jumps to ours are looked for.
const VERIFIED_WHOLE: usize = 1000;

/// Rules of Services by `namespace/name`; None: the Service goes.
pub type Changes = BTreeMap<String, Option<Arc<ServiceRules>>>;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Written {
    pub chains: usize,
    pub removed: usize,
    /// Services that the tables did not take, with why; they have what they had before.
    pub refused: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct FamilyTables<T> {
    pub(super) tables: T,
    config: FamilyConfig,
    services: BTreeMap<String, Arc<ServiceRules>>,
    /// Content of chains as last applied, in the order of `TABLES`; None when the kernel's state is not known.
    applied: Option<[Chains; 2]>,
}

impl<T: Tables> FamilyTables<T> {
    pub fn new(tables: T, config: FamilyConfig) -> Self {
        FamilyTables { tables, config, services: BTreeMap::new(), applied: None }
    }

    pub fn rules(&self, service: &Service) -> Arc<ServiceRules> {
        Arc::new(service_rules(service, &self.config))
    }

    /// Writes all chains, and takes away those of Services that are not among these.
    pub fn full(&mut self, services: Changes) -> Result<Written> {
        self.services.clear();
        self.applied = None;
        self.isolating(services)
    }

    pub fn change(&mut self, changes: Changes) -> Result<Written> {
        self.isolating(changes)
    }

    pub fn verify(&mut self) -> Result<bool> {
        let Some(applied) = &self.applied else { return Ok(false) };
        let whole = applied.iter().map(BTreeMap::len).sum::<usize>() <= VERIFIED_WHOLE;
        for ((table, hooks), chains) in TABLES.into_iter().zip(applied) {
            let intact = if whole {
                let saved = self.tables.save(table)?;
                hooks.iter().all(|hook| Saved(&saved).has(hook)) && Saved(&saved).holds(chains)
            } else {
                self.tables.check(table, &hooks[0])
            };
            if !intact {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes every rule and chain of ours out of the kernel. A table that is not there has none.
    pub fn cleanup(&mut self) -> Result<()> {
        self.applied = None;
        for (table, hooks) in TABLES {
            let Ok(saved) = self.tables.save(table) else { continue };
            self.restore(&Saved(&saved).removal(table, hooks, is_ours))?;
        }
        Ok(())
    }

    /// Writes the changes; those Services that the tables refuse are found and left out.
    fn isolating(&mut self, changes: Changes) -> Result<Written> {
        let mut written = Written::default();
        let mut left = vec![changes];
        while let Some(mut changes) = left.pop() {
            let error = match self.attempt(&changes) {
                Ok((chains, removed)) => {
                    written.chains += chains;
                    written.removed += removed;
                    continue;
                }
                Err(error @ Error::Refused { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            // When not even this is taken, it is no Service's fault.
            if written.refused.is_empty() && self.probe().is_err() {
                return Err(error.into());
            }
            if let Some(guilty) = guilty(&error, &changes) {
                changes.remove(&guilty);
                written.refused.insert(guilty, error.to_string());
                left.push(changes);
            } else if changes.len() > 1 {
                let middle = changes.keys().nth(changes.len() / 2).cloned().unwrap_or_default();
                left.push(changes.split_off(&middle));
                left.push(changes);
            } else {
                return Err(error.into());
            }
        }
        Ok(written)
    }

    /// Writes the changes, or none of them. Gives how many chains were written and removed.
    fn attempt(&mut self, changes: &Changes) -> xtables::error::Result<(usize, usize)> {
        let before = self.exchange(changes);
        let result = match self.applied.take() {
            Some(mut applied) => {
                let result = self.write_changes(&mut applied, changes, &before);
                // A table changes as a whole or not at all: what was applied is known after a failure, too.
                self.applied = Some(applied);
                result
            }
            None => self.write_all(),
        };
        if result.is_err() {
            self.exchange(&before);
        }
        result
    }

    /// Gives what undoes it.
    fn exchange(&mut self, changes: &Changes) -> Changes {
        let exchange = |(name, rules): (&String, &Option<Arc<ServiceRules>>)| {
            let before = match rules {
                Some(rules) => self.services.insert(name.clone(), rules.clone()),
                None => self.services.remove(name),
            };
            (name.clone(), before)
        };
        changes.iter().map(exchange).collect()
    }

    fn write_changes(
        &mut self,
        applied: &mut [Chains; 2],
        changes: &Changes,
        before: &Changes,
    ) -> xtables::error::Result<(usize, usize)> {
        // None first, so that a chain which stays keeps its content.
        let gone = before.values().flatten().flat_map(|rules| rules.chains.keys()).map(|chain| (chain, None));
        let there = changes.values().flatten().flat_map(|rules| &rules.chains);
        let own: BTreeMap<&String, Option<&String>> =
            gone.chain(there.map(|(chain, content)| (chain, Some(content)))).collect();
        let [shared_filter, shared_nat] = self.shared();
        let mut filter = TableChange::default();
        for (chain, content) in shared_filter {
            filter.want(&applied[0], chain, Some(content));
        }
        let mut nat = TableChange::default();
        for (chain, content) in own {
            nat.want(&applied[1], chain.clone(), content.cloned());
        }
        for (chain, content) in shared_nat {
            nat.want(&applied[1], chain, Some(content));
        }
        let count = (filter.written.len() + nat.written.len(), nat.removed.len());
        for (change, ((table, _), applied)) in [filter, nat].into_iter().zip(TABLES.into_iter().zip(applied)) {
            self.restore(&change.input(table))?;
            change.commit(applied);
        }
        Ok(count)
    }

    fn write_all(&mut self) -> xtables::error::Result<(usize, usize)> {
        let [mut filter, mut nat] = self.shared();
        filter.extend(base_filter(&self.config));
        nat.extend(base_nat());
        nat.extend(self.services.values().flat_map(|rules| rules.chains.clone()));
        let mut applied = [Chains::new(), Chains::new()];
        let mut count = (0, 0);
        for (written, ((table, hooks), applied)) in [filter, nat].into_iter().zip(TABLES.into_iter().zip(&mut applied))
        {
            let saved = self.tables.save(table)?;
            let stale = Saved(&saved).chains().filter(|chain| is_of_a_service(chain) && !written.contains_key(*chain));
            let removed: BTreeSet<String> = stale.map(str::to_owned).collect();
            let change = TableChange { written, removed, hooks: Saved(&saved).missing(hooks) };
            self.restore(&change.input(table))?;
            count = (count.0 + change.written.len(), count.1 + change.removed.len());
            change.commit(applied);
        }
        self.applied = Some(applied);
        Ok(count)
    }

    fn restore(&mut self, input: &str) -> xtables::error::Result<()> {
        if input.is_empty() { Ok(()) } else { self.tables.restore(input) }
    }

    /// Whether the tables take anything at all.
    fn probe(&mut self) -> xtables::error::Result<()> {
        let written = base_nat().into_iter().filter(|(chain, _)| chain == MARK_MASQ).collect();
        self.restore(&TableChange { written, ..TableChange::default() }.input("nat"))
    }

    /// The chains that hold lines of every Service. What several claim is led by the first line: that of its owner.
    fn shared(&self) -> [Chains; 2] {
        let all = |lines: fn(&ServiceRules) -> &String| -> String {
            self.services.values().map(|rules| lines(rules).as_str()).collect()
        };
        let services = [
            all(|rules| &rules.nat_services),
            all(|rules| &rules.nat_balancers),
            all(|rules| &rules.nat_external),
            nat_services_tail(&self.config),
        ];
        let nat = [services.concat(), all(|rules| &rules.nat_node_ports)];
        let filter = [
            all(|rules| &rules.filter_services) + &filter_services_tail(&self.config),
            all(|rules| &rules.filter_external),
            all(|rules| &rules.filter_firewall),
        ];
        let named = |(name, content): (&str, String)| (name.to_owned(), content);
        [
            SHARED_FILTER.into_iter().zip(filter).map(named).collect(),
            SHARED_NAT.into_iter().zip(nat).map(named).collect(),
        ]
    }
}

/// The Service that an error is about: the one that has the line, or the only one.
fn guilty(error: &Error, changes: &Changes) -> Option<String> {
    let mut written = changes.iter().filter_map(|(name, rules)| Some((name, rules.as_ref()?)));
    let by_line = match error {
        Error::Refused { line: Some(line), .. } => written.clone().find(|(_, rules)| rules.has(line)),
        _ => None,
    };
    let only = || written.next().filter(|_| changes.len() == 1);
    by_line.or_else(only).map(|(name, _)| name.clone())
}

#[cfg(test)]
#[path = "family_tables_tests.rs"]
mod tests;
