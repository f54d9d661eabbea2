//! The tables of every family that the node serves, as one backend.

use super::chains::FamilyConfig;
use super::door::Door;
use super::kernel::Kernel;
use super::table::{NAT, Table};
use crate::error::Result;
use crate::families::{Changes, Families, OfFamily, Written};
use crate::model::NodeConfig;

/// The table's name in both families. kube-proxy's would be taken for one of its own.
const TABLE: &str = "berth-services";

/// Fails when the kernel lacks something that the rules of a family need.
pub fn open(config: &NodeConfig) -> Result<Families<Table<Kernel>>> {
    let of = |family| {
        let mut table = Table::new(Kernel::of(family, TABLE)?, FamilyConfig::of(config, family), &NAT);
        table.probe()?;
        Ok((family, table))
    };
    config.families.iter().copied().map(of).collect::<Result<_>>().map(Families)
}

impl<D: Door> OfFamily for Table<D> {
    fn full(&mut self, services: Changes) -> Result<Written> {
        Table::full(self, services)
    }

    fn change(&mut self, changes: Changes) -> Result<Written> {
        Table::change(self, changes)
    }

    fn verify(&mut self) -> Result<bool> {
        Table::verify(self)
    }

    fn cleanup(&mut self) -> Result<()> {
        Table::cleanup(self)
    }
}
