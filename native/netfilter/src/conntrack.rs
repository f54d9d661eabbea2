//! Forgetting flows. UDP has no end of connection: a flow that goes to an endpoint which is gone would go there for as long
//! as its client keeps sending.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use xtables::address::Family;
use xtables::program::run;

use crate::model::{Protocol, Service, ServicePort};

/// A UDP flow to forget: those that a client sent to `to`:`port`, and that went to `endpoint` (None: any of them).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaleFlow {
    pub to: IpAddr,
    pub port: u16,
    pub endpoint: Option<IpAddr>,
}

/// Flows that the change from `old` to `new` makes stale. When a Service gets its first endpoints, flows that went nowhere
/// are stale as well.
pub fn stale_flows(old: Option<&Service>, new: Option<&Service>) -> BTreeSet<StaleFlow> {
    let mut stale = BTreeSet::new();
    for (before, port) in udp_ports(old) {
        let now = same_port(new, port);
        let gone = |ip: IpAddr| !now.is_some_and(|now| now.endpoints.iter().any(|endpoint| endpoint.ip == ip));
        for endpoint in port.endpoints.iter().filter(|endpoint| gone(endpoint.ip)) {
            stale.extend(targets(before, port).map(|(to, port)| StaleFlow { to, port, endpoint: Some(endpoint.ip) }));
        }
    }
    for (after, port) in udp_ports(new).filter(|(_, port)| !port.endpoints.is_empty()) {
        if same_port(old, port).is_none_or(|was| was.endpoints.is_empty()) {
            stale.extend(targets(after, port).map(|(to, port)| StaleFlow { to, port, endpoint: None }));
        }
    }
    stale
}

fn udp_ports(service: Option<&Service>) -> impl Iterator<Item = (&Service, &ServicePort)> {
    let ports = service.into_iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
    ports.filter(|(_, port)| port.protocol == Protocol::Udp)
}

fn same_port<'a>(service: Option<&'a Service>, port: &ServicePort) -> Option<&'a ServicePort> {
    service?.ports.iter().find(|other| (other.protocol, other.port) == (port.protocol, port.port))
}

/// Where clients send. A node port has every address of the node: unspecified stands for them.
fn targets(service: &Service, port: &ServicePort) -> impl Iterator<Item = (IpAddr, u16)> {
    let unspecified: IpAddr = match service.family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let addresses = service.cluster_ip.iter().chain(&service.external_ips).chain(&service.load_balancer_ips);
    let addresses = addresses.map(|ip| (*ip, port.port));
    addresses.chain(port.node_port.map(|node_port| (unspecified, node_port))).collect::<Vec<_>>().into_iter()
}

/// The kernel's table of flows.
pub trait Flows: Send {
    /// That there are none to forget is no error.
    fn forget(&mut self, flows: &BTreeSet<StaleFlow>);
}

/// By way of the program of that name.
#[derive(Debug, Clone, Copy)]
pub struct Conntrack;

impl Flows for Conntrack {
    fn forget(&mut self, flows: &BTreeSet<StaleFlow>) {
        flows.iter().for_each(forget_one);
    }
}

fn forget_one(flow: &StaleFlow) {
    let (to, port) = (flow.to.to_string(), flow.port.to_string());
    let family = if flow.to.is_ipv4() { "ipv4" } else { "ipv6" };
    let mut arguments = vec!["-D", "-f", family, "-p", "udp", "--orig-port-dst", &port];
    if !flow.to.is_unspecified() {
        arguments.extend(["--orig-dst", &to]);
    }
    let endpoint = flow.endpoint.map(|endpoint| endpoint.to_string());
    if let Some(endpoint) = &endpoint {
        arguments.extend(["--dst-nat", endpoint]);
    }
    // Exit status 1 says that nothing matched.
    let _ = run("conntrack", &arguments, "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;
    use crate::testing::service as builder;

    fn service(endpoints: &[&str]) -> Service {
        let endpoints = endpoints
            .iter()
            .map(|ip| Endpoint { ip: ip.parse().unwrap(), port: 53, local: true, local_only: false })
            .collect();
        Service {
            cluster_ip: Some("10.96.0.10".parse().unwrap()),
            ports: vec![ServicePort {
                name: String::new(),
                protocol: Protocol::Udp,
                port: 53,
                node_port: None,
                endpoints,
            }],
            ..builder("shop", "dns")
        }
    }

    fn flow(endpoint: Option<&str>) -> StaleFlow {
        StaleFlow { to: "10.96.0.10".parse().unwrap(), port: 53, endpoint: endpoint.map(|ip| ip.parse().unwrap()) }
    }

    #[test]
    fn a_gone_endpoint_and_a_first_one_make_flows_stale() {
        let (none, one, two) = (service(&[]), service(&["10.0.0.1"]), service(&["10.0.0.1", "10.0.0.2"]));
        assert_eq!(stale_flows(Some(&two), Some(&one)), [flow(Some("10.0.0.2"))].into());
        assert_eq!(stale_flows(Some(&one), None), [flow(Some("10.0.0.1"))].into());
        assert_eq!(stale_flows(Some(&none), Some(&one)), [flow(None)].into());
        assert_eq!(stale_flows(Some(&one), Some(&two)), BTreeSet::new());
    }
}
