//! The tables of every family that the node serves, as one backend.

use std::collections::BTreeMap;

use xtables::address::Family;
use xtables::tables::{Kernel, Tables};

use super::family_tables::{Changes, FamilyTables, Written};
use super::rules::FamilyConfig;
use crate::backend::{Applied, Backend};
use crate::error::Result;
use crate::model::{Change, Delta, NodeConfig, ServiceKey, State};

/// The tables of each family that the node serves.
#[derive(Debug)]
pub struct Iptables<T> {
    families: BTreeMap<Family, FamilyTables<T>>,
}

impl Iptables<Kernel> {
    /// Fails when the programs or the kernel's tables of a family are not there.
    pub fn open(config: &NodeConfig) -> Result<Self> {
        for family in &config.families {
            Kernel::of(*family).detect()?;
        }
        Ok(Iptables::new(config, Kernel::of))
    }
}

impl<T: Tables> Iptables<T> {
    pub fn new(config: &NodeConfig, tables: impl Fn(Family) -> T) -> Self {
        let of = |family| (family, FamilyTables::new(tables(family), FamilyConfig::of(config, family)));
        Iptables { families: config.families.iter().copied().map(of).collect() }
    }

    /// Every family in turn; Services of others are refused.
    fn apply<'a, S>(
        &mut self,
        services: impl Iterator<Item = (&'a ServiceKey, S)> + Clone,
        job: impl Fn(&mut FamilyTables<T>, &mut dyn Iterator<Item = (&'a String, S)>) -> Result<Written>,
    ) -> Result<Applied> {
        let mut applied = Applied::default();
        for (family, tables) in &mut self.families {
            let mut of_family = (services.clone())
                .filter(|(key, _)| key.family == *family)
                .map(|(ServiceKey { service, .. }, change)| (service, change));
            let Written { chains, removed, refused } = job(tables, &mut of_family)?;
            applied.written += chains;
            applied.removed += removed;
            let key = |service| ServiceKey { service, family: *family };
            applied.refused.extend(refused.into_iter().map(|(service, why)| (key(service), why)));
        }
        for (key, _) in services.filter(|(key, _)| !self.families.contains_key(&key.family)) {
            applied.refused.insert(key.clone(), format!("this node does not serve {}", key.family));
        }
        Ok(applied)
    }
}

impl<T: Tables> Backend for Iptables<T> {
    fn full(&mut self, state: &State) -> Result<Applied> {
        self.apply(state.iter(), |tables, services| {
            let rules = services.map(|(name, service)| (name.clone(), Some(tables.rules(service)))).collect();
            tables.full(rules)
        })
    }

    fn change(&mut self, delta: &Delta) -> Result<Applied> {
        self.apply(delta.iter(), |tables, services| {
            let rules = |(name, change): (&String, &Change)| {
                (name.clone(), change.after.as_ref().map(|service| tables.rules(service)))
            };
            let changes: Changes = services.map(rules).collect();
            if changes.is_empty() { Ok(Written::default()) } else { tables.change(changes) }
        })
    }

    fn verify(&mut self) -> Result<bool> {
        for tables in self.families.values_mut() {
            if !tables.verify()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn cleanup(&mut self) -> Result<()> {
        self.families.values_mut().try_for_each(FamilyTables::cleanup)
    }
}
