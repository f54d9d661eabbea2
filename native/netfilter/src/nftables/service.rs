//! From a Service to what it adds to the table: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use xtables::address::Cidr;

use super::chain_names::{ChainName, Choice, Way};
use super::chains::{FamilyConfig, entry_rules, sticky_rules};
use super::expressions::{Jump, Rule, Side};
use super::sets::{Key, SetName, Value};
use super::source_ranges::merged;
use crate::frontend::{Claim, Frontend, frontends};
use crate::hash::hash;
use crate::model::{Endpoint, Protocol, Service, ServicePort};

/// Whether the Service has what it claims.
pub type Has<'a> = &'a dyn Fn(&Frontend) -> bool;

/// What a Service adds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parts {
    pub elements: BTreeMap<(SetName, Key), Value>,
    /// Chains that it needs, with what is in them. Several Services may need one.
    pub chains: BTreeMap<ChainName, Body>,
    /// Sets of its own.
    pub sets: BTreeSet<SetName>,
    /// Elements that several Services may need, of sets without values.
    pub shared: BTreeSet<(SetName, Key)>,
}

/// What is in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The name of the chain says it.
    Named,
    Sticky {
        endpoints: Vec<String>,
    },
    Endpoint {
        address: IpAddr,
        port: u16,
        protocol: Protocol,
        seconds: u32,
    },
}

/// Pods of this node that get the packets of a port, and may reach themselves.
pub fn hairpins(port: &ServicePort) -> impl Iterator<Item = (SetName, Key)> {
    let near = port.endpoints.iter().filter(|endpoint| endpoint.local || endpoint.unplaced);
    near.map(|endpoint| (SetName::Hairpin, Key::Loop(endpoint.ip)))
}

pub fn parts(_: &FamilyConfig, service: &Service, has: Has) -> Parts {
    let mut parts = Parts::default();
    for port in &service.ports {
        PortParts::new(service, port).add_to(&mut parts, has);
    }
    parts
}

struct PortParts<'a> {
    service: &'a Service,
    port: &'a ServicePort,
    all: Vec<&'a Endpoint>,
    local: Vec<&'a Endpoint>,
}

impl<'a> PortParts<'a> {
    fn new(service: &'a Service, port: &'a ServicePort) -> Self {
        let all = port.endpoints.iter().filter(|endpoint| !endpoint.local_only).collect();
        let local = port.endpoints.iter().filter(|endpoint| endpoint.local).collect();
        PortParts { service, port, all, local }
    }

    fn add_to(&self, parts: &mut Parts, has: Has) {
        for (claim, frontend) in frontends(self.service, self.port).filter(|(_, frontend)| has(frontend)) {
            let inside = frontend.address.is_some() && claim == Claim::Allocated;
            if inside {
                self.inside(parts, frontend)
            } else {
                self.outside(parts, frontend)
            }
            if claim == Claim::LoadBalancer && !self.service.load_balancer_source_ranges.is_empty() {
                firewall(parts, self.service, frontend, &self.service.load_balancer_source_ranges);
            }
        }
        parts.shared.extend(hairpins(self.port));
    }

    fn inside(&self, parts: &mut Parts, frontend: Frontend) {
        let local = self.service.internal_traffic_local;
        let usable = if local { &self.local } else { &self.all };
        if usable.is_empty() {
            return self.nobody(parts, frontend);
        }
        let all = self.choice(parts, frontend, usable, local, SetName::Endpoints);
        self.enter(parts, frontend, Way::Inside, all, None);
    }

    fn outside(&self, parts: &mut Parts, frontend: Frontend) {
        if self.all.is_empty() && self.local.is_empty() {
            return self.nobody(parts, frontend);
        }
        let endpoints = frontend.pick(SetName::Endpoints, SetName::NodePortEndpoints);
        if !self.service.external_traffic_local {
            let all = self.choice(parts, frontend, &self.all, false, endpoints);
            return self.enter(parts, frontend, Way::Outside, all, None);
        }
        let local_endpoints = frontend.pick(SetName::LocalEndpoints, SetName::NodePortLocalEndpoints);
        let local = match &self.local[..] {
            [] => {
                // Pods and this node get through; others shall ask another node.
                self.nobody(parts, frontend);
                None
            }
            local => Some(self.choice(parts, frontend, local, true, local_endpoints)),
        };
        let all = self.choice(parts, frontend, &self.all, false, endpoints);
        self.enter(parts, frontend, Way::OutsideLocal, all, local);
    }

    fn enter(&self, parts: &mut Parts, frontend: Frontend, way: Way, all: Choice, local: Option<Choice>) {
        let chain = ChainName::Entry { node_port: frontend.address.is_none(), way, all, local };
        let (map, value) = match chain.kind() {
            Some(kind) => (frontend.pick(SetName::ServiceKinds, SetName::NodePortKinds), Value::Kind(kind)),
            None => (frontend.pick(SetName::Services, SetName::NodePorts), Value::Goto(chain.to_string())),
        };
        parts.elements.entry((map, Key::Frontend(frontend))).or_insert(value);
        parts.chains.insert(chain, Body::Named);
    }

    /// Without any endpoint a client is told at once; when others have some, its packet is dropped, to be sent again
    /// elsewhere.
    fn nobody(&self, parts: &mut Parts, frontend: Frontend) {
        let none = self.all.is_empty() && self.local.is_empty();
        let map = frontend.pick(SetName::NoEndpoints, SetName::NoEndpointNodePorts);
        let value = if none { Value::Goto(ChainName::Reject.to_string()) } else { Value::Drop };
        parts.elements.insert((map, Key::Frontend(frontend)), value);
    }

    /// How one of the endpoints is chosen, with what that takes.
    fn choice(
        &self,
        parts: &mut Parts,
        frontend: Frontend,
        endpoints: &[&Endpoint],
        local: bool,
        map: SetName,
    ) -> Choice {
        if let Some(seconds) = self.service.affinity_seconds {
            return self.sticky(parts, endpoints, local, seconds);
        }
        for (index, endpoint) in (0..).zip(endpoints) {
            let slot = (map.clone(), Key::Slot(frontend, index));
            parts.elements.entry(slot).or_insert(Value::Endpoint(endpoint.ip, endpoint.port));
        }
        Choice::Even(u32::try_from(endpoints.len()).unwrap_or(u32::MAX))
    }

    /// Chains and sets of the port's own: each endpoint has a set of the clients that stay with it.
    fn sticky(&self, parts: &mut Parts, endpoints: &[&Endpoint], local: bool, seconds: u32) -> Choice {
        let (name, protocol) = (self.service.port_name(self.port), self.port.protocol);
        let port = hash(&[&name, protocol.name(), if local { "local" } else { "" }]);
        let mut hashes = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let Endpoint { ip: address, port, .. } = **endpoint;
            let of_endpoint = hash(&[&name, protocol.name(), &format!("{address}:{port}")]);
            let chain = ChainName::Endpoint(of_endpoint.clone());
            parts.chains.insert(chain, Body::Endpoint { address, port, protocol, seconds });
            parts.sets.insert(SetName::Affinity(of_endpoint.clone()));
            hashes.push(of_endpoint);
        }
        parts.chains.insert(ChainName::Sticky(port.clone()), Body::Sticky { endpoints: hashes });
        Choice::Sticky(port)
    }
}

/// Only these ranges may send to the address.
pub fn firewall(parts: &mut Parts, service: &Service, frontend: Frontend, ranges: &[Cidr]) {
    let of_service = hash(&[&service.namespace, &service.name]);
    let chain = ChainName::Firewall(of_service.clone());
    parts.elements.insert((SetName::Firewall, Key::Frontend(frontend)), Value::Goto(chain.to_string()));
    parts.chains.insert(chain, Body::Named);
    let set = SetName::Ranges(of_service);
    for (start, end) in merged(ranges) {
        parts.elements.insert((set.clone(), Key::Start(start)), Value::None);
        if let Some(end) = end {
            parts.elements.insert((set.clone(), Key::End(end)), Value::None);
        }
    }
    parts.sets.insert(set);
}

impl Body {
    pub fn rules(&self, name: &ChainName, config: &FamilyConfig) -> Vec<Rule> {
        let rule = || Rule::new(config.family);
        match (self, name) {
            (Body::Named, ChainName::Entry { node_port, way, all, local }) => {
                entry_rules(config, *node_port, *way, all, local.as_ref())
            }
            (Body::Named, ChainName::Firewall(hash)) => {
                let ranges = SetName::Ranges(hash.clone()).to_string();
                vec![rule().key_address(Side::Source).in_set(&ranges, false).verdict(Jump::Drop)]
            }
            (Body::Sticky { endpoints }, ChainName::Sticky(_)) => sticky_rules(config, endpoints),
            (Body::Endpoint { address, port, protocol, seconds }, ChainName::Endpoint(hash)) => {
                let clients = SetName::Affinity(hash.clone()).to_string();
                vec![
                    rule().key_address(Side::Source).remember(&clients, *seconds),
                    rule().protocol(*protocol).lead_to(*address, *port),
                ]
            }
            _ => Vec::new(),
        }
    }
}
