//! Keeps the kernel's tables equal to the Services. Each table changes in one atomic commit, and only chains that differ
//! from what was applied are written; the first sync, and the one after a failure, reads what is there and writes all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::chains::{
    EXTERNAL_SERVICES, FILTER_HOOKS, FIREWALL, FORWARD, Hook, MARK_MASQ, NAT_HOOKS, NODE_PORTS, POSTROUTING,
    PROXY_FIREWALL, SERVICES, is_of_a_service,
};
use super::rules::{Chains, ServiceRules, base_filter, base_nat, nat_services_tail, service_rules};
use crate::conntrack::{StaleFlow, forget, stale_flows};
use crate::error::NetfilterError;
use crate::model::{NodeConfig, Service};
use crate::program::run;

const SHARED_NAT: [&str; 2] = [SERVICES, NODE_PORTS];
const SHARED_FILTER: [&str; 3] = [SERVICES, EXTERNAL_SERVICES, PROXY_FIREWALL];
const BASE: [&str; 4] = [POSTROUTING, MARK_MASQ, FORWARD, FIREWALL];

/// The kernel's tables, or a stand-in for tests of what is asked of them.
pub trait Tables {
    /// `iptables-save -t TABLE`.
    fn save(&mut self, table: &str) -> Result<String, NetfilterError>;
    /// `iptables-restore --noflush`.
    fn restore(&mut self, input: &str) -> Result<(), NetfilterError>;
    /// Whether a rule is there.
    fn check(&mut self, table: &str, hook: &Hook) -> bool;
    fn forget(&mut self, flows: &BTreeSet<StaleFlow>);
}

#[derive(Debug, Default)]
pub struct Kernel;

impl Tables for Kernel {
    fn save(&mut self, table: &str) -> Result<String, NetfilterError> {
        run("iptables-save", &["-t", table], "")
    }

    fn restore(&mut self, input: &str) -> Result<(), NetfilterError> {
        run("iptables-restore", &["-w", "10", "--noflush"], input).map(drop)
    }

    fn check(&mut self, table: &str, (chain, matches, target): &Hook) -> bool {
        let mut arguments = vec!["-w", "10", "-t", table, "-C", chain];
        arguments.extend(*matches);
        arguments.extend(["-j", target]);
        run("iptables", &arguments, "").is_ok()
    }

    fn forget(&mut self, flows: &BTreeSet<StaleFlow>) {
        forget(flows);
    }
}

/// What a sync did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    pub full: bool,
    pub chains_written: usize,
    pub chains_removed: usize,
}

#[derive(Debug, Default)]
struct Entry {
    service: Service,
    rules: ServiceRules,
}

#[derive(Debug)]
pub struct Proxy<T> {
    pub(super) tables: T,
    config: NodeConfig,
    entries: BTreeMap<String, Entry>,
    /// Services that changed since the last sync: None when they went.
    pending: BTreeMap<String, Option<Service>>,
    /// Content of chains as last applied, by table; None when the kernel's state is not known.
    applied: Option<[Chains; 2]>,
}

impl<T: Tables> Proxy<T> {
    pub fn new(tables: T, config: NodeConfig) -> Self {
        Proxy { tables, config, entries: BTreeMap::new(), pending: BTreeMap::new(), applied: None }
    }

    /// `key` names the Service and family; None removes it. Takes effect with the next `sync`.
    pub fn set(&mut self, key: String, service: Option<Service>) {
        self.pending.insert(key, service);
    }

    pub fn set_config(&mut self, config: NodeConfig) {
        if self.config != config {
            self.config = config;
            let keys: Vec<String> = self.entries.keys().cloned().collect();
            for key in keys {
                let service = self.entries[&key].service.clone();
                self.pending.entry(key).or_insert(Some(service));
            }
        }
    }

    pub fn sync(&mut self) -> Result<Synced, NetfilterError> {
        let (touched, stale) = self.take_pending();
        let result = match self.applied.take() {
            Some(applied) => self.apply_changes(applied, touched),
            None => self.apply_all(),
        };
        if result.is_ok() && !stale.is_empty() {
            self.tables.forget(&stale);
        }
        result
    }

    /// Writes everything anew when somebody else took our rules away. True when that was so.
    pub fn verify(&mut self) -> Result<bool, NetfilterError> {
        let intact = self.tables.check("nat", &NAT_HOOKS[0]) && self.tables.check("filter", &FILTER_HOOKS[0]);
        if !intact {
            self.applied = None;
            self.sync()?;
        }
        Ok(!intact)
    }

    /// Takes every rule and chain of ours out of the kernel.
    pub fn cleanup(&mut self) -> Result<(), NetfilterError> {
        for (table, hooks) in [("nat", &NAT_HOOKS[..]), ("filter", &FILTER_HOOKS[..])] {
            let Ok(saved) = self.tables.save(table) else { continue };
            let chains: Vec<&str> = chains_in(&saved).filter(|chain| is_ours(chain)).collect();
            let mut input = format!("*{table}\n");
            for chain in &chains {
                let _ = writeln!(input, ":{chain} - [0:0]");
            }
            for hook in hooks.iter().filter(|hook| has_hook(&saved, hook)) {
                let _ = writeln!(input, "-D {}", hook_rule(hook));
            }
            for chain in &chains {
                let _ = writeln!(input, "-X {chain}");
            }
            input.push_str("COMMIT\n");
            if !chains.is_empty() {
                self.tables.restore(&input)?;
            }
        }
        self.applied = None;
        Ok(())
    }

    /// Takes over what changed: chains that may differ now with their new content (None: gone), and flows to forget.
    fn take_pending(&mut self) -> (BTreeMap<String, Option<String>>, BTreeSet<StaleFlow>) {
        let mut touched = BTreeMap::new();
        let mut stale = BTreeSet::new();
        for (key, service) in std::mem::take(&mut self.pending) {
            let old = self.entries.remove(&key);
            stale.append(&mut stale_flows(old.as_ref().map(|entry| &entry.service), service.as_ref()));
            touched.extend(old.into_iter().flat_map(|entry| entry.rules.chains.into_keys()).map(|chain| (chain, None)));
            if let Some(service) = service {
                let rules = service_rules(&service, &self.config);
                touched.extend(rules.chains.iter().map(|(chain, content)| (chain.clone(), Some(content.clone()))));
                self.entries.insert(key, Entry { service, rules });
            }
        }
        (touched, stale)
    }

    fn apply_changes(
        &mut self,
        applied: [Chains; 2],
        touched: BTreeMap<String, Option<String>>,
    ) -> Result<Synced, NetfilterError> {
        let [mut nat, mut filter] = applied;
        let mut nat_delta = Delta::default();
        for (chain, content) in touched {
            nat_delta.set(&mut nat, &chain, content);
        }
        let (shared_nat, shared_filter) = self.shared();
        for (chain, content) in base_nat(&self.config).into_iter().chain(shared_nat) {
            nat_delta.set(&mut nat, &chain, Some(content));
        }
        let mut filter_delta = Delta::default();
        for (chain, content) in base_filter(&self.config).into_iter().chain(shared_filter) {
            filter_delta.set(&mut filter, &chain, Some(content));
        }
        let synced = Synced {
            full: false,
            chains_written: nat_delta.written.len() + filter_delta.written.len(),
            chains_removed: nat_delta.removed.len(),
        };
        let input = filter_delta.input("filter", &filter, "") + &nat_delta.input("nat", &nat, "");
        if !input.is_empty() {
            self.tables.restore(&input)?;
        }
        self.applied = Some([nat, filter]);
        Ok(synced)
    }

    fn apply_all(&mut self) -> Result<Synced, NetfilterError> {
        let (shared_nat, shared_filter) = self.shared();
        let mut nat = base_nat(&self.config);
        nat.extend(shared_nat);
        for entry in self.entries.values() {
            nat.extend(entry.rules.chains.clone());
        }
        let mut filter = base_filter(&self.config);
        filter.extend(shared_filter);
        let saved_nat = self.tables.save("nat")?;
        let saved_filter = self.tables.save("filter")?;
        let removed: BTreeSet<String> = chains_in(&saved_nat)
            .filter(|chain| is_of_a_service(chain) && !nat.contains_key(*chain))
            .map(str::to_owned)
            .collect();
        let synced = Synced { full: true, chains_written: nat.len() + filter.len(), chains_removed: removed.len() };
        let nat_delta = Delta { written: nat.keys().cloned().collect(), removed };
        let filter_delta = Delta { written: filter.keys().cloned().collect(), removed: BTreeSet::new() };
        let input = filter_delta.input("filter", &filter, &missing_hooks(&saved_filter, &FILTER_HOOKS))
            + &nat_delta.input("nat", &nat, &missing_hooks(&saved_nat, &NAT_HOOKS));
        self.tables.restore(&input)?;
        self.applied = Some([nat, filter]);
        Ok(synced)
    }

    /// The chains that hold lines of every Service: of nat, and of filter.
    fn shared(&self) -> (Chains, Chains) {
        let mut nat = SHARED_NAT.map(|_| String::new());
        let mut filter = SHARED_FILTER.map(|_| String::new());
        for Entry { rules, .. } in self.entries.values() {
            nat[0].push_str(&rules.nat_services);
            nat[1].push_str(&rules.nat_node_ports);
            filter[0].push_str(&rules.filter_services);
            filter[1].push_str(&rules.filter_external);
            filter[2].push_str(&rules.filter_firewall);
        }
        nat[0].push_str(&nat_services_tail(&self.config));
        let named = |name: &str, content: String| (name.to_owned(), content);
        (
            SHARED_NAT.into_iter().zip(nat).map(|(name, content)| named(name, content)).collect(),
            SHARED_FILTER.into_iter().zip(filter).map(|(name, content)| named(name, content)).collect(),
        )
    }
}

/// Chains of one table that are to change.
#[derive(Debug, Default)]
struct Delta {
    written: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Delta {
    fn set(&mut self, chains: &mut Chains, chain: &str, content: Option<String>) {
        match content {
            Some(content) if chains.get(chain) == Some(&content) => {}
            Some(content) => {
                chains.insert(chain.to_owned(), content);
                self.written.insert(chain.to_owned());
            }
            None => {
                if chains.remove(chain).is_some() {
                    self.removed.insert(chain.to_owned());
                }
            }
        }
    }

    /// Naming a chain in the head empties it; all of it happens at COMMIT.
    fn input(&self, table: &str, chains: &Chains, hooks: &str) -> String {
        if self.written.is_empty() && self.removed.is_empty() && hooks.is_empty() {
            return String::new();
        }
        let mut input = format!("*{table}\n");
        for chain in self.written.union(&self.removed) {
            let _ = writeln!(input, ":{chain} - [0:0]");
        }
        input.push_str(hooks);
        for chain in &self.written {
            for rule in chains[chain].lines() {
                let _ = writeln!(input, "-A {chain} {rule}");
            }
        }
        for chain in &self.removed {
            let _ = writeln!(input, "-X {chain}");
        }
        input.push_str("COMMIT\n");
        input
    }
}

fn is_ours(chain: &str) -> bool {
    is_of_a_service(chain) || SHARED_NAT.contains(&chain) || SHARED_FILTER.contains(&chain) || BASE.contains(&chain)
}

fn chains_in(saved: &str) -> impl Iterator<Item = &str> {
    saved.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next())
}

fn hook_rule((chain, matches, target): &Hook) -> String {
    [&[*chain], *matches, &["-j", target]].concat().join(" ")
}

fn has_hook(saved: &str, hook: &Hook) -> bool {
    let rule = format!("-A {}", hook_rule(hook));
    saved.lines().any(|line| line == rule)
}

/// Inserted at the top, in reverse, so that they stand in the order of the table.
fn missing_hooks(saved: &str, hooks: &[Hook]) -> String {
    let missing = hooks.iter().rev().filter(|hook| !has_hook(saved, hook));
    missing.fold(String::new(), |text, hook| text + "-I " + &hook_rule(hook) + "\n")
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
pub(super) mod tests;
