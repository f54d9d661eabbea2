//! Virtual servers and addresses in memory, for tests: as strict as the kernel is about what is there and what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use rustix::io::Errno;

use super::door::{Addresses, ServerDoor};
use super::listed::Listed;
use super::servers::{Destination, ServerKey, Servers, Step};

#[derive(Debug, Default)]
pub struct Memory {
    pub servers: Servers,
    pub connections: BTreeMap<(ServerKey, Destination), u64>,
    pub own: BTreeSet<IpAddr>,
    /// None: there is no interface.
    pub bound: Option<BTreeSet<IpAddr>>,
    /// Virtual servers of this port are refused.
    pub refused_port: Option<u16>,
    /// Those so far.
    pub steps: Vec<Step>,
}

impl ServerDoor for Memory {
    fn prepare(&mut self) -> io::Result<bool> {
        let absent = self.bound.is_none();
        self.bound.get_or_insert_default();
        Ok(absent)
    }

    fn servers(&mut self) -> io::Result<Listed> {
        Ok(Listed { servers: self.servers.clone(), connections: self.connections.clone() })
    }

    fn apply(&mut self, steps: &[Step]) -> io::Result<Vec<Option<io::Error>>> {
        self.steps.extend(steps.iter().cloned());
        let mut one = |step: &Step| {
            if matches!(step, Step::AddServer(key, _) if Some(key.port) == self.refused_port) {
                return Some(Errno::INVAL.into());
            }
            let failed = !step.apply(&mut self.servers);
            let error = match step {
                Step::AddServer(..) | Step::AddDestination(..) => Errno::EXIST,
                Step::EditServer(..) | Step::DeleteServer(_) => Errno::SRCH,
                Step::EditDestination(..) | Step::DeleteDestination(..) => Errno::NOENT,
            };
            failed.then(|| error.into())
        };
        Ok(steps.iter().map(&mut one).collect())
    }

    fn addresses(&mut self) -> io::Result<Addresses> {
        Ok(Addresses { own: self.own.clone(), of_services: self.bound.clone().unwrap_or_default() })
    }

    fn remove(&mut self) -> io::Result<()> {
        self.servers.clear();
        self.bound = None;
        Ok(())
    }

    fn bind(&mut self, added: &[IpAddr], removed: &[IpAddr]) -> io::Result<()> {
        let bound = self.bound.as_mut().ok_or(Errno::NODEV)?;
        for address in added {
            assert!(bound.insert(*address), "{address} is there");
        }
        for address in removed {
            assert!(bound.remove(address), "{address} is not there");
        }
        Ok(())
    }
}
