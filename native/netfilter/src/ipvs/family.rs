//! What serves one family: its table, its virtual servers, and the addresses of the interface.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use rustix::io::Errno;

use super::destinations::destinations;
use super::door::{Addresses, ServerDoor};
use super::listed::Listed;
use super::servers::{Mode, Server, ServerKey, Servers, Step, steps};
use crate::error::{NetfilterError, Result};
use crate::families::{Changes, OfFamily, Written};
use crate::frontend::{Frontend, claims, frontends};
use crate::model::{Endpoint, IpvsConfig, Protocol};
use crate::nftables::door::Door;
use crate::nftables::table::Table;

#[derive(Debug)]
pub struct FamilyServers<D, K> {
    pub(super) table: Table<D>,
    pub(super) door: K,
    config: IpvsConfig,
    /// What the kernel has, with destinations that still have connections.
    servers: Servers,
    bound: BTreeSet<IpAddr>,
    /// The kernel has what `servers` and `bound` say.
    known: bool,
}

impl<D: Door, K: ServerDoor> FamilyServers<D, K> {
    pub fn new(table: Table<D>, door: K, config: &IpvsConfig) -> Self {
        let (servers, bound) = Default::default();
        FamilyServers { table, door, config: config.clone(), servers, bound, known: false }
    }

    /// Addresses of the node at which node ports answer.
    fn answers_node_ports(&self, address: &IpAddr) -> bool {
        let config = self.table.config();
        let ranges = &config.node_port_addresses;
        let asked = ranges.is_empty() || ranges.iter().any(|range| range.contains(*address));
        asked && config.node_addresses.contains(address)
    }

    fn keys(&self, Frontend { address, protocol, port }: Frontend) -> Vec<ServerKey> {
        let key = |address| ServerKey { address, protocol, port };
        match address {
            Some(address) => vec![key(address)],
            None => {
                let own = self.table.config().node_addresses.iter();
                own.filter(|address| self.answers_node_ports(address)).map(|address| key(*address)).collect()
            }
        }
    }

    /// Virtual servers that these Services ask for.
    fn keys_of<'a>(&self, names: impl Iterator<Item = &'a String>) -> BTreeSet<ServerKey> {
        let services = names.filter_map(|name| self.table.wanted().get(name));
        let frontends = services.flat_map(|service| claims(service).into_keys());
        frontends.flat_map(|frontend| self.keys(frontend)).collect()
    }

    /// Who has a virtual server: by its address, or else by a port of the node.
    fn owner(&self, key: &ServerKey) -> Option<(&str, Frontend)> {
        let ServerKey { address, protocol, port } = *key;
        let of = |address| {
            let frontend = Frontend { address, protocol, port };
            self.table.wanted().owner(&frontend).map(|owner| (owner, frontend))
        };
        of(Some(address)).or_else(|| of(None).filter(|_| self.answers_node_ports(&address)))
    }

    fn wanted(&self, key: &ServerKey) -> Option<Server> {
        let (owner, frontend) = self.owner(key)?;
        let service = self.table.wanted().get(owner)?;
        let all = service.ports.iter().flat_map(|port| frontends(service, port).map(move |it| (port, it)));
        let (port, (claim, frontend)) = all.into_iter().find(|(_, (_, other))| *other == frontend)?;
        let place = |endpoint: &Endpoint| (endpoint.ip, endpoint.port);
        let mut weights: BTreeMap<_, _> = port.draining.iter().map(|endpoint| (place(endpoint), 0)).collect();
        let destinations = destinations(service, port, claim, &frontend);
        weights.extend(destinations.endpoints.into_iter().map(|endpoint| (place(endpoint), 1)));
        let mode = Mode { scheduler: self.config.scheduler.clone(), persistent: service.affinity_seconds };
        Some(Server { mode, destinations: weights })
    }

    /// Without virtual servers that are another program's.
    fn listed(&mut self) -> Result<Listed> {
        let mut listed = self.door.servers()?;
        let excluded = |address| self.config.exclude_cidrs.iter().any(|range| range.contains(address));
        let ours = |key: &ServerKey| !excluded(key.address) || self.owner(key).is_some();
        listed.servers.retain(|key, _| ours(key));
        Ok(listed)
    }

    /// Brings these virtual servers, and their addresses, to what is wanted.
    fn write(&mut self, keys: BTreeSet<ServerKey>, written: &mut Written) -> Result<()> {
        let all: Vec<Step> =
            keys.iter().flat_map(|key| steps(*key, self.servers.get(key), self.wanted(key).as_ref())).collect();
        self.apply(&all, written)?;
        let own = &self.table.config().node_addresses;
        let addresses: BTreeSet<IpAddr> = keys.iter().map(|key| key.address).collect();
        let is_needed = |address: &IpAddr| has_server(&self.servers, *address) && !own.contains(address);
        let (needed, free): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(is_needed);
        let added: Vec<IpAddr> = needed.into_iter().filter(|address| !self.bound.contains(address)).collect();
        let removed: Vec<IpAddr> = free.into_iter().filter(|address| self.bound.contains(address)).collect();
        self.door.bind(&added, &removed)?;
        self.bound.extend(added);
        self.bound.retain(|address| !removed.contains(address));
        Ok(())
    }

    fn apply(&mut self, all: &[Step], written: &mut Written) -> Result<()> {
        let answers = self.door.apply(all)?;
        let mut failed = BTreeSet::new();
        for (step, answer) in all.iter().zip(answers) {
            let gone = |error: &io::Error| {
                [Errno::NOENT, Errno::SRCH].iter().any(|known| error.raw_os_error() == Some(known.raw_os_error()))
            };
            match answer {
                Some(error) if !(step.removes() && gone(&error)) => {
                    let Some((owner, _)) = self.owner(&step.key()) else { return Err(NetfilterError::Netlink(error)) };
                    // What follows for that virtual server fails because of this.
                    if failed.insert(step.key()) {
                        written.refused.entry(owner.to_owned()).or_insert_with(|| error.to_string());
                        // That there is one already, or none, is not as it was known.
                        self.known = self.known && !gone(&error) && error.kind() != io::ErrorKind::AlreadyExists;
                    }
                }
                _ => {
                    step.apply(&mut self.servers);
                    if step.removes() { written.removed += 1 } else { written.written += 1 }
                }
            }
        }
        Ok(())
    }

    /// Destinations that weigh nothing because they are gone, and that have no connections any more.
    fn drained(&self, listed: &Listed) -> Vec<Step> {
        let mut drained = Vec::new();
        for (key, server) in &self.servers {
            let mut light = server.destinations.iter().filter(|(_, weight)| **weight == 0).peekable();
            if light.peek().is_none() {
                continue;
            }
            let wanted = self.wanted(key).map(|server| server.destinations).unwrap_or_default();
            let done = light.filter(|(destination, _)| {
                !wanted.contains_key(destination) && !listed.connections.contains_key(&(*key, **destination))
            });
            drained.extend(done.map(|(destination, _)| Step::DeleteDestination(*key, *destination)));
        }
        drained
    }
}

fn has_server(servers: &Servers, address: IpAddr) -> bool {
    let first = ServerKey { address, protocol: Protocol::Tcp, port: 0 };
    servers.range(first..).next().is_some_and(|(key, _)| key.address == address)
}

impl<D: Door, K: ServerDoor> OfFamily for FamilyServers<D, K> {
    fn full(&mut self, services: Changes) -> Result<Written> {
        self.known = false;
        self.door.prepare()?;
        let Addresses { own, of_services } = self.door.addresses()?;
        self.table.set_node_addresses(own);
        let mut written = self.table.full(services)?;
        self.servers = self.listed()?.servers;
        let mut keys = self.keys_of(self.table.wanted().names());
        keys.extend(self.servers.keys());
        self.bound = of_services;
        self.known = true;
        self.write(keys, &mut written)?;
        let stray: Vec<IpAddr> =
            self.bound.iter().copied().filter(|address| !has_server(&self.servers, *address)).collect();
        self.door.bind(&[], &stray)?;
        self.bound.retain(|address| !stray.contains(address));
        Ok(written)
    }

    fn change(&mut self, changes: Changes) -> Result<Written> {
        let touched = self.table.wanted().touched(&changes);
        let mut keys = self.keys_of(touched.iter());
        let mut written = self.table.change(changes)?;
        keys.extend(self.keys_of(touched.iter()));
        self.write(keys, &mut written)?;
        Ok(written)
    }

    fn verify(&mut self) -> Result<bool> {
        let repaired = self.door.prepare()?;
        let Addresses { own, of_services } = self.door.addresses()?;
        let listed = self.listed()?;
        let intact = self.known
            && !repaired
            && own == self.table.config().node_addresses
            && of_services == self.bound
            && listed.servers == self.servers;
        if !intact {
            return Ok(false);
        }
        let drained = self.drained(&listed);
        self.apply(&drained, &mut Written::default())?;
        self.table.verify()
    }

    fn cleanup(&mut self) -> Result<()> {
        self.known = false;
        self.servers.clear();
        self.bound.clear();
        self.door.remove()?;
        self.table.cleanup()
    }
}

#[cfg(test)]
#[path = "family_tests.rs"]
mod tests;
