//! The families of a node, as one backend.

use super::family::FamilyServers;
use super::kernel::Kernel;
use super::route::Route;
use super::rules::IPVS;
use crate::error::Result;
use crate::families::{Families, OfFamily};
use crate::model::NodeConfig;
use crate::nftables::chains::FamilyConfig;
use crate::nftables::door::Door;
use crate::nftables::kernel::Kernel as Nftables;
use crate::nftables::sets::SetName;
use crate::nftables::table::Table;
use xtables::address::Family;

/// The table's name in both families.
const TABLE: &str = "berth-ipvs";

type KernelServers = FamilyServers<Nftables, Kernel>;

/// Fails when the kernel lacks IPVS, its scheduler, or something that the rules of a family need.
pub fn open(config: &NodeConfig) -> Result<Families<KernelServers>> {
    let of = |family| {
        let mut of_family = of_family(config, family)?;
        of_family.door.probe()?;
        of_family.table.probe()?;
        Ok((family, of_family))
    };
    config.families.iter().copied().map(of).collect::<Result<_>>().map(Families)
}

fn of_family(config: &NodeConfig, family: Family) -> Result<KernelServers> {
    let door = Kernel::of(family, &config.ipvs)?;
    Ok(FamilyServers::new(table(config, family)?, door, &config.ipvs))
}

fn table(config: &NodeConfig, family: Family) -> Result<Table<Nftables>> {
    Ok(Table::new(Nftables::of(family, TABLE)?, FamilyConfig::of(config, family), &IPVS))
}

/// Takes away what this mode left on a node that has another one now. Virtual servers of a node that never had this mode are
/// another program's.
pub fn clean_up(config: &NodeConfig) -> Result<()> {
    let was_here = Route::open()?.interface()?.is_some();
    for family in &config.families {
        if was_here {
            of_family(config, *family)?.cleanup()?;
        } else if Door::<SetName>::existing(&mut Nftables::of(*family, TABLE)?).is_ok_and(|table| table.is_some()) {
            table(config, *family)?.cleanup()?;
        }
    }
    Ok(())
}
