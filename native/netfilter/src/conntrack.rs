//! Forgetting flows. UDP has no end of connection, and an SCTP association tries for minutes: a flow that goes to an
//! endpoint which is gone would go there for as long as its client keeps sending.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use xtables::address::Family;

use crate::error::Result;
use crate::model::{Protocol, Service, ServicePort};

/// What clients send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// None: every address of the node.
    pub address: Option<IpAddr>,
    pub protocol: Protocol,
    pub port: u16,
}

/// Targets of one family, each with the endpoints that its flows may go to. All other flows to them are stale, those that
/// went nowhere too.
pub type Serving = BTreeMap<Target, BTreeSet<(IpAddr, u16)>>;

/// The kernel's table of flows.
pub trait Flows: Send {
    /// Ends the stale flows; gives how many.
    fn reconcile(&mut self, family: Family, serving: &Serving) -> Result<usize>;
}

/// Adds what of a change can make flows stale. A target that is there no more has no endpoints.
pub fn add_serving(serving: &mut Serving, before: Option<&Service>, after: Option<&Service>) {
    for (target, _) in flows_of(before) {
        serving.insert(target, BTreeSet::new());
    }
    for (target, port) in flows_of(after) {
        let endpoints = port.endpoints.iter().map(|endpoint| (endpoint.ip, endpoint.port));
        let draining = port.draining.iter().map(|endpoint| (endpoint.ip, endpoint.port));
        serving.insert(target, endpoints.chain(draining).collect());
    }
}

fn flows_of(service: Option<&Service>) -> impl Iterator<Item = (Target, &ServicePort)> {
    let ports = service.into_iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
    ports.filter(|(_, port)| port.protocol != Protocol::Tcp).flat_map(|(service, port)| {
        let at = move |address, number| (Target { address, protocol: port.protocol, port: number }, port);
        let addresses = service.cluster_ip.iter().chain(&service.external_ips).chain(&service.load_balancer_ips);
        addresses.map(move |ip| at(Some(*ip), port.port)).chain(port.node_port.map(|number| at(None, number)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{endpoint, port, service as builder};

    fn service(protocol: Protocol, endpoints: &[&str]) -> Service {
        let endpoints = endpoints.iter().map(|ip| endpoint(ip, 5353, true)).collect();
        let mut port = port("", protocol, 53, endpoints);
        port.node_port = Some(30053);
        Service { cluster_ip: Some("10.96.0.10".parse().unwrap()), ports: vec![port], ..builder("shop", "dns") }
    }

    fn shown(before: Option<&Service>, after: Option<&Service>) -> Vec<String> {
        let mut serving = Serving::new();
        add_serving(&mut serving, before, after);
        let line = |(target, endpoints): (&Target, &BTreeSet<(IpAddr, u16)>)| {
            let endpoints: Vec<_> = endpoints.iter().map(|(ip, port)| format!("{ip}:{port}")).collect();
            format!("{:?} {} {}", target.address.map(|ip| ip.to_string()), target.port, endpoints.join(" "))
        };
        serving.iter().map(line).collect()
    }

    #[test]
    fn flows_may_go_to_endpoints_that_serve() {
        let (one, none) = (service(Protocol::Udp, &["10.0.0.1"]), service(Protocol::Udp, &[]));
        let both = ["None 30053 10.0.0.1:5353", "Some(\"10.96.0.10\") 53 10.0.0.1:5353"];
        assert_eq!(shown(None, Some(&one)), both);
        assert_eq!(shown(Some(&none), Some(&one)), both);
        assert_eq!(shown(Some(&one), None), ["None 30053 ", "Some(\"10.96.0.10\") 53 "]);
        let mut draining = none;
        draining.ports[0].draining = one.ports[0].endpoints.clone();
        assert_eq!(shown(Some(&one), Some(&draining)), both, "flows of an endpoint that drains stay");
        assert_eq!(shown(None, Some(&service(Protocol::Sctp, &[]))).len(), 2);
        assert_eq!(shown(None, Some(&service(Protocol::Tcp, &["10.0.0.1"]))), [""; 0]);
    }
}
