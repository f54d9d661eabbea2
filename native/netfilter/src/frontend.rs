//! What clients of a Service send to, and how the Service came by it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::model::{Protocol, Service, ServicePort};

/// An address with a port, or a port of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frontend {
    /// None: every address of the node.
    pub address: Option<IpAddr>,
    pub protocol: Protocol,
    pub port: u16,
}

impl Frontend {
    pub fn pick<T>(&self, of_address: T, of_node: T) -> T {
        if self.address.is_some() { of_address } else { of_node }
    }
}

impl fmt::Display for Frontend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address} port {}/{}", self.port, self.protocol.name()),
            None => write!(f, "node port {}/{}", self.port, self.protocol.name()),
        }
    }
}

/// How a Service came by an address: who has a lower one keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The API gave it, to this Service alone.
    Allocated,
    LoadBalancer,
    External,
}

/// What clients of a port send to.
pub fn frontends<'a>(service: &'a Service, port: &'a ServicePort) -> impl Iterator<Item = (Claim, Frontend)> + use<'a> {
    let at = |address, port_number| Frontend { address, protocol: port.protocol, port: port_number };
    let cluster = service.cluster_ip.iter().map(move |ip| (Claim::Allocated, at(Some(*ip), port.port)));
    let node = port.node_port.into_iter().map(move |node_port| (Claim::Allocated, at(None, node_port)));
    let balancer = service.load_balancer_ips.iter().map(move |ip| (Claim::LoadBalancer, at(Some(*ip), port.port)));
    let external = service.external_ips.iter().map(move |ip| (Claim::External, at(Some(*ip), port.port)));
    cluster.chain(node).chain(balancer).chain(external)
}

/// All that a Service wants to have.
pub fn claims(service: &Service) -> BTreeMap<Frontend, Claim> {
    let mut claims = BTreeMap::new();
    for (claim, frontend) in service.ports.iter().flat_map(|port| frontends(service, port)) {
        let best = claims.entry(frontend).or_insert(claim);
        *best = claim.min(*best);
    }
    claims
}
