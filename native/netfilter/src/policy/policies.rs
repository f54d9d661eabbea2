//! Knows all policies and pods, and keeps the tables of both families equal to them.

use std::collections::{BTreeMap, BTreeSet};

use xtables::address::{Cidr, Family};

use super::content::{Counts, Exchange};
use super::model::{Peer, Pod, Policy, PolicyConfig, PolicyRule, Port, PortChoice};
use super::parts::{Parts, of_pod, of_policy, without_rules};
use super::sets::PolicySet;
use super::table::Table;
use crate::error::Result;
use crate::model::Protocol;
use crate::nftables::door::{Door, Failure};

/// The table's name in both families.
pub const TABLE: &str = "berth-policy";

/// What a sync did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Everything was written anew.
    pub full: bool,
    /// Chains, and elements of sets.
    pub written: usize,
    pub removed: usize,
    /// Policies that the kernel did not take: whom they select is isolated, and they let nothing pass.
    pub refused: Refused,
}

/// By family and `namespace/name`; why.
pub type Refused = BTreeMap<(Family, String), String>;

/// Policies and pods by name; None: it is gone.
#[derive(Debug, Default, Clone)]
struct Changes {
    policies: BTreeMap<String, Option<Policy>>,
    pods: BTreeMap<String, Option<Pod>>,
}

#[derive(Debug, Default)]
struct State {
    policies: BTreeMap<String, Policy>,
    pods: BTreeMap<String, Pod>,
    refused: Refused,
}

#[derive(Debug)]
pub struct Policies<D> {
    tables: Vec<Table<D>>,
    state: State,
    pending: Changes,
    /// The kernel has the state.
    in_kernel: bool,
}

impl State {
    fn policy(&self, name: &str, family: Family) -> Parts {
        let Some(policy) = self.policies.get(name) else { return Parts::default() };
        if self.refused.contains_key(&(family, name.to_owned())) {
            return of_policy(name, &without_rules(policy), family);
        }
        of_policy(name, policy, family)
    }

    fn pod(&self, name: &str, family: Family) -> Parts {
        self.pods.get(name).map(|pod| of_pod(pod, family)).unwrap_or_default()
    }

    /// Parts of these, in their order.
    fn parts(&self, policies: &BTreeSet<String>, pods: &BTreeSet<String>, family: Family) -> Vec<(String, Parts)> {
        let of_policies = policies.iter().map(|name| (format!("policy {name}"), self.policy(name, family)));
        let of_pods = pods.iter().map(|name| (format!("pod {name}"), self.pod(name, family)));
        of_policies.chain(of_pods).collect()
    }

    fn take(&mut self, changes: Changes) {
        for (name, policy) in changes.policies {
            drop(match policy {
                Some(policy) => self.policies.insert(name, policy),
                None => self.policies.remove(&name),
            });
        }
        for (name, pod) in changes.pods {
            drop(match pod {
                Some(pod) => self.pods.insert(name, pod),
                None => self.pods.remove(&name),
            });
        }
    }
}

impl<D: Door<PolicySet>> Policies<D> {
    pub fn new(doors: Vec<(Family, D)>, config: &PolicyConfig) -> Self {
        let table = |(family, door)| Table::new(door, family, config.clone());
        Policies {
            tables: doors.into_iter().map(table).collect(),
            state: State::default(),
            pending: Changes::default(),
            in_kernel: false,
        }
    }

    /// Fails when the kernel lacks something that policies need; changes nothing.
    pub fn detect(&mut self) -> Result<()> {
        for table in &mut self.tables {
            table.probe(&everything(table.family))?;
        }
        Ok(())
    }

    /// `name`: `namespace/name`. Takes effect with the next `sync`.
    pub fn set_policy(&mut self, name: String, policy: Option<Policy>) {
        self.pending.policies.insert(name, policy);
    }

    /// `name`: `namespace/name`, or any other that no pod has. Takes effect with the next `sync`.
    pub fn set_pod(&mut self, name: String, pod: Option<Pod>) {
        self.pending.pods.insert(name, pod);
    }

    /// Brings the kernel to what was set. After an error the next one writes everything anew.
    pub fn sync(&mut self) -> Result<Synced> {
        let changes = std::mem::take(&mut self.pending);
        let had_policies = !self.state.policies.is_empty();
        let names: BTreeSet<String> = changes.policies.keys().cloned().collect();
        let pods: BTreeSet<String> = changes.pods.keys().cloned().collect();
        let before: Vec<_> = self.tables.iter().map(|table| self.state.parts(&names, &pods, table.family)).collect();
        self.state.take(changes);
        self.state.refused.retain(|(_, name), _| !names.contains(name));
        // Without a policy there is no table.
        let has_policies = !self.state.policies.is_empty();
        let full = !self.in_kernel || has_policies != had_policies;
        self.in_kernel = false;
        let counts = match (full, has_policies) {
            (true, _) => self.write_all()?,
            (false, true) => self.write(&names, &pods, before)?,
            (false, false) => Counts::default(),
        };
        self.in_kernel = true;
        let refused = self.state.refused.clone();
        Ok(Synced { full, written: counts.written, removed: counts.removed, refused })
    }

    /// Writes everything anew when somebody took rules away, and tries refused policies again. None: neither was so.
    pub fn verify(&mut self) -> Result<Option<Synced>> {
        for table in &mut self.tables {
            self.in_kernel = self.in_kernel && table.verify()?;
        }
        if self.in_kernel && self.state.refused.is_empty() {
            return Ok(None);
        }
        for (_, name) in self.state.refused.keys() {
            let policy = self.state.policies.get(name).cloned();
            self.pending.policies.entry(name.clone()).or_insert(policy);
        }
        self.sync().map(Some)
    }

    #[cfg(test)]
    pub fn tables(&self) -> impl Iterator<Item = &Table<D>> {
        self.tables.iter()
    }

    #[cfg(test)]
    pub fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table<D>> {
        self.tables.iter_mut()
    }

    pub fn cleanup(&mut self) -> Result<()> {
        self.in_kernel = false;
        self.tables.iter_mut().try_for_each(Table::cleanup)
    }

    fn write_all(&mut self) -> Result<Counts> {
        let names: BTreeSet<String> = self.state.policies.keys().cloned().collect();
        let pods: BTreeSet<String> = self.state.pods.keys().cloned().collect();
        self.state.refused.clear();
        let Policies { tables, state, .. } = self;
        let mut total = Counts::default();
        for table in tables {
            let family = table.family;
            let owners = |state: &State| {
                let parts = state.parts(&names, &pods, family).into_iter();
                let owners = parts.map(|(owner, new)| (owner.into(), Parts::default(), new)).collect::<Vec<Exchange>>();
                (!names.is_empty()).then_some(owners)
            };
            let counts = match table.full(owners(state)) {
                Err(Failure::Refused(why)) if refuse(table, state, &names)? => {
                    table.full(owners(state)).map_err(|_| Failure::Refused(why))
                }
                result => result,
            }?;
            total.add(&counts);
        }
        Ok(total)
    }

    fn write(
        &mut self,
        names: &BTreeSet<String>,
        pods: &BTreeSet<String>,
        before: Vec<Vec<(String, Parts)>>,
    ) -> Result<Counts> {
        let Policies { tables, state, .. } = self;
        let mut total = Counts::default();
        for (table, before) in tables.iter_mut().zip(before) {
            let family = table.family;
            let changes = |state: &State| {
                let after = state.parts(names, pods, family).into_iter();
                let pairs = before.iter().cloned().zip(after);
                pairs.map(|((owner, old), (_, new))| (owner.into(), old, new)).collect::<Vec<Exchange>>()
            };
            let counts = match table.change(&changes(state)) {
                Err(Failure::Refused(why)) if refuse(table, state, names)? => {
                    table.change(&changes(state)).map_err(|_| Failure::Refused(why))
                }
                result => result,
            }?;
            total.add(&counts);
        }
        Ok(total)
    }
}

/// Finds the policies that the kernel does not take by themselves; true when there are some.
fn refuse<D: Door<PolicySet>>(table: &mut Table<D>, state: &mut State, names: &BTreeSet<String>) -> Result<bool> {
    let mut found = false;
    for name in names {
        match table.probe(&state.policy(name, table.family)) {
            Ok(()) => {}
            Err(Failure::Refused(why)) => {
                state.refused.insert((table.family, name.clone()), why);
                found = true;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(found)
}

/// What policies can need: who takes it takes all.
fn everything(family: Family) -> Parts {
    let cidr = Cidr::loopback(family);
    let port = |which| Port { protocol: Protocol::Sctp, which };
    let rule = PolicyRule {
        peers: Some(vec![Peer::Pods("probe".into()), Peer::Block { cidr, except: vec![] }, Peer::Dns]),
        ports: Some(vec![port(PortChoice::Range(53, 60)), port(PortChoice::Name("probe".into()))]),
    };
    let policy = Policy { ingress: Some(vec![rule.clone()]), egress: Some(vec![rule]) };
    let mut parts = of_policy("probe/probe", &policy, family);
    let policies = Some(vec!["probe/probe".to_owned()]);
    let pod = Pod { addresses: vec![cidr.address()], ingress: policies.clone(), egress: policies, ..Pod::default() };
    let pod = of_pod(&pod, family);
    parts.chains.extend(pod.chains);
    parts.elements.extend(pod.elements);
    parts
}
