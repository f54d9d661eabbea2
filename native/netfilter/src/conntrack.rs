//! Forgetting flows. UDP has no end of connection: a flow that goes to an endpoint which is gone would go there for as long
//! as its client keeps sending.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{Protocol, Service};
use crate::program::run;

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
    let empty = Service::default();
    let (before, after) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
    for port in before.ports.iter().filter(|port| port.protocol == Protocol::Udp) {
        let now = after.ports.iter().find(|other| (other.protocol, other.port) == (port.protocol, port.port));
        let gone = |ip: IpAddr| !now.is_some_and(|now| now.endpoints.iter().any(|endpoint| endpoint.ip == ip));
        for endpoint in port.endpoints.iter().filter(|endpoint| gone(endpoint.ip)) {
            stale.extend(targets(before, port.port, port.node_port, endpoint.ip).map(|(to, port)| StaleFlow {
                to,
                port,
                endpoint: Some(endpoint.ip),
            }));
        }
    }
    for port in after.ports.iter().filter(|port| port.protocol == Protocol::Udp && !port.endpoints.is_empty()) {
        let was = before.ports.iter().find(|other| (other.protocol, other.port) == (port.protocol, port.port));
        if was.is_none_or(|was| was.endpoints.is_empty()) {
            let any = port.endpoints[0].ip;
            let found = targets(after, port.port, port.node_port, any);
            stale.extend(found.map(|(to, port)| StaleFlow { to, port, endpoint: None }));
        }
    }
    stale
}

/// Where clients send. A node port has every address of the node: unspecified stands for them.
fn targets(service: &Service, port: u16, node_port: Option<u16>, like: IpAddr) -> impl Iterator<Item = (IpAddr, u16)> {
    let unspecified: IpAddr =
        if like.is_ipv4() { std::net::Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let addresses: Vec<IpAddr> = service
        .cluster_ip
        .into_iter()
        .chain(service.external_ips.iter().copied())
        .chain(service.load_balancer_ips.iter().copied())
        .collect();
    addresses.into_iter().map(move |ip| (ip, port)).chain(node_port.map(|node_port| (unspecified, node_port)))
}

/// Takes the flows out of the kernel's table. That there are none is no error.
pub fn forget(flows: &BTreeSet<StaleFlow>) {
    for flow in flows {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, ServicePort};

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
            ..Service::default()
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
