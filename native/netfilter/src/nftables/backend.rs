//! The tables of every family that the node serves, as one backend.

use std::collections::BTreeMap;

use xtables::address::Family;

use super::chains::FamilyConfig;
use super::door::Door;
use super::kernel::Kernel;
use super::table::{Table, Written, everything};
use super::wanted::Changes;
use crate::backend::{Applied, Backend};
use crate::error::Result;
use crate::model::{Delta, NodeConfig, ServiceKey, State};

/// The table's name in both families. kube-proxy's would be taken for one of its own.
const TABLE: &str = "berth-services";

#[derive(Debug)]
pub struct Nftables<D> {
    families: BTreeMap<Family, Table<D>>,
}

impl Nftables<Kernel> {
    /// Fails when the kernel lacks something that the rules of a family need.
    pub fn open(config: &NodeConfig) -> Result<Self> {
        let mut doors = BTreeMap::new();
        for family in &config.families {
            let mut kernel = Kernel::of(*family, TABLE)?;
            kernel.probe(&everything(*family))?;
            doors.insert(*family, kernel);
        }
        Ok(Nftables::new(config, doors))
    }
}

impl<D: Door> Nftables<D> {
    /// `doors`: one for each family of the configuration.
    pub fn new(config: &NodeConfig, doors: BTreeMap<Family, D>) -> Self {
        let of = |(family, door)| (family, Table::new(door, FamilyConfig::of(config, family)));
        Nftables { families: doors.into_iter().map(of).collect() }
    }

    /// Each family gets its changes; Services of others are refused.
    fn apply(&mut self, mut changes: BTreeMap<Family, Changes>, full: bool) -> Result<Applied> {
        let mut applied = Applied::default();
        for (family, table) in &mut self.families {
            let of_family = changes.remove(family).unwrap_or_default();
            let Written { written, removed, refused } =
                if full { table.full(of_family)? } else { table.change(of_family)? };
            applied.written += written;
            applied.removed += removed;
            let key = |service| ServiceKey { service, family: *family };
            applied.refused.extend(refused.into_iter().map(|(service, why)| (key(service), why)));
        }
        for (family, changes) in changes {
            let key = |service| ServiceKey { service, family };
            let why = format!("this node does not serve {family}");
            let asked = changes.into_iter().filter_map(|(service, after)| after.map(|_| key(service)));
            applied.refused.extend(asked.map(|key| (key, why.clone())));
        }
        Ok(applied)
    }
}

impl<D: Door> Backend for Nftables<D> {
    fn full(&mut self, state: &State) -> Result<Applied> {
        let mut changes: BTreeMap<Family, Changes> = BTreeMap::new();
        for (ServiceKey { service, family }, asked) in state {
            changes.entry(*family).or_default().insert(service.clone(), Some(asked.clone()));
        }
        self.apply(changes, true)
    }

    fn change(&mut self, delta: &Delta) -> Result<Applied> {
        let mut changes: BTreeMap<Family, Changes> = BTreeMap::new();
        for (ServiceKey { service, family }, change) in delta {
            changes.entry(*family).or_default().insert(service.clone(), change.after.clone());
        }
        self.apply(changes, false)
    }

    fn verify(&mut self) -> Result<bool> {
        for table in self.families.values_mut() {
            if !table.verify()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn cleanup(&mut self) -> Result<()> {
        self.families.values_mut().try_for_each(Table::cleanup)
    }
}
