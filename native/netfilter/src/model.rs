//! What Services ask of the kernel, whatever serves them. JSON as the agent's service proxy makes it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use xtables::address::{Cidr, Family};

/// One Service in one family of addresses; a dual-stack Service is two of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// `namespace/name`.
    pub service: String,
    pub family: Family,
}

/// Everything that is asked of the kernel.
pub type State = BTreeMap<ServiceKey, Arc<Service>>;

/// A Service as it was asked for, and as it is asked for now: None when it was not there, or is gone. Both are the same
/// when a Service that was refused is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub before: Option<Arc<Service>>,
    pub after: Option<Arc<Service>>,
}

pub type Delta = BTreeMap<ServiceKey, Change>;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Of all its addresses.
    pub family: Family,
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub cluster_ip: Option<IpAddr>,
    #[serde(default)]
    pub external_ips: Vec<IpAddr>,
    #[serde(default)]
    pub load_balancer_ips: Vec<IpAddr>,
    /// Sources that may use the load balancer addresses; empty: all.
    #[serde(default)]
    pub load_balancer_source_ranges: Vec<Cidr>,
    /// Seconds for which a client stays with its endpoint; None without ClientIP affinity.
    #[serde(default)]
    pub affinity_seconds: Option<u32>,
    #[serde(default)]
    pub internal_traffic_local: bool,
    #[serde(default)]
    pub external_traffic_local: bool,
    #[serde(default)]
    pub ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    #[serde(default)]
    pub name: String,
    pub protocol: Protocol,
    pub port: u16,
    #[serde(default)]
    pub node_port: Option<u16>,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Serving endpoints that get no new flows: those that they have stay. UDP and SCTP only.
    #[serde(default)]
    pub draining: Vec<Endpoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// As rules and tools spell it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// An endpoint that may get traffic: the caller has left out those that may not (see `usable` in its TypeScript).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub ip: IpAddr,
    pub port: u16,
    /// It is on this node.
    #[serde(default)]
    pub local: bool,
    /// Only for traffic that must stay on this node: it is terminating and this node has no other, or hints send other
    /// traffic elsewhere.
    #[serde(default)]
    pub local_only: bool,
    /// Nobody says which node it is on.
    #[serde(default)]
    pub unplaced: bool,
}

impl Service {
    /// `namespace/name:port`, as comments and logs name a port.
    pub fn port_name(&self, port: &ServicePort) -> String {
        if port.name.is_empty() {
            format!("{}/{}", self.namespace, self.name)
        } else {
            format!("{}/{}:{}", self.namespace, self.name, port.name)
        }
    }

    /// Why no backend may see it; the message names the field.
    pub fn check(&self) -> Result<(), String> {
        let names = self.ports.iter().map(|port| ("ports.name", &port.name));
        for (field, text) in names.chain([("namespace", &self.namespace), ("name", &self.name)]) {
            // It stands in the comments of rules.
            if text.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
                return Err(format!("{field}: invalid value {text:?}"));
            }
        }
        let endpoints = self.ports.iter().flat_map(|port| &port.endpoints);
        let addresses = (self.cluster_ip.iter().map(|ip| ("clusterIp", *ip)))
            .chain(self.external_ips.iter().map(|ip| ("externalIps", *ip)))
            .chain(self.load_balancer_ips.iter().map(|ip| ("loadBalancerIps", *ip)))
            .chain(endpoints.map(|endpoint| ("ports.endpoints.ip", endpoint.ip)))
            .map(|(field, ip)| (field, ip.to_string(), Family::of(ip)));
        let ranges = self.load_balancer_source_ranges.iter();
        let ranges = ranges.map(|range| ("loadBalancerSourceRanges", range.to_string(), range.family()));
        match addresses.chain(ranges).find(|(.., family)| *family != self.family) {
            Some((field, text, _)) => Err(format!("{field}: {text} is not of family {}", self.family)),
            None => Ok(()),
        }
    }
}

/// What holds for the whole node.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfig {
    /// Families that the node serves.
    pub families: Vec<Family>,
    /// Addresses of all pods, at most one range of a family: traffic from outside of it to a cluster address is masqueraded.
    pub cluster_cidrs: Vec<Cidr>,
    /// Addresses of Services: what goes to one of these that no Service has is rejected.
    #[serde(default)]
    pub service_cidrs: Vec<Cidr>,
    /// Addresses of the node that node ports answer on; none of a family: all that it has.
    #[serde(default)]
    pub node_port_addresses: Vec<Cidr>,
    /// Serve node ports on 127.0.0.1, too. There is no such thing in IPv6.
    #[serde(default)]
    pub localhost_node_ports: bool,
    #[serde(default)]
    pub ipvs: IpvsConfig,
}

/// What holds for virtual servers alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpvsConfig {
    /// How a virtual server chooses, by the kernel's name: `rr`.
    pub scheduler: String,
    /// The node answers ARP only for addresses of the interface that was asked.
    pub strict_arp: bool,
    /// Virtual servers of these addresses are another program's.
    pub exclude_cidrs: Vec<Cidr>,
    #[serde(default)]
    pub timeouts: IpvsTimeouts,
}

/// Seconds after which the kernel forgets an idle connection; 0: as it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpvsTimeouts {
    pub tcp: u32,
    /// Once one side has ended it.
    pub tcp_fin: u32,
    pub udp: u32,
}

impl IpvsTimeouts {
    /// Those that are asked for, and else those that there are.
    pub fn over(self, there: IpvsTimeouts) -> IpvsTimeouts {
        let pick = |asked, there| if asked == 0 { there } else { asked };
        IpvsTimeouts {
            tcp: pick(self.tcp, there.tcp),
            tcp_fin: pick(self.tcp_fin, there.tcp_fin),
            udp: pick(self.udp, there.udp),
        }
    }
}

impl Default for IpvsConfig {
    fn default() -> Self {
        IpvsConfig {
            scheduler: "rr".to_owned(),
            strict_arp: false,
            exclude_cidrs: Vec::new(),
            timeouts: IpvsTimeouts::default(),
        }
    }
}

impl NodeConfig {
    pub fn cluster_cidr(&self, family: Family) -> Option<Cidr> {
        self.cluster_cidrs.iter().copied().find(|cidr| cidr.family() == family)
    }

    pub fn service_cidrs(&self, family: Family) -> Vec<Cidr> {
        self.service_cidrs.iter().copied().filter(|cidr| cidr.family() == family).collect()
    }

    pub fn node_port_addresses(&self, family: Family) -> Vec<Cidr> {
        self.node_port_addresses.iter().copied().filter(|cidr| cidr.family() == family).collect()
    }

    /// The kernel leads 127.0.0.0/8 elsewhere when told to, but never ::1.
    pub fn serves_localhost(&self, family: Family) -> bool {
        self.localhost_node_ports && family == Family::Ipv4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_rule_can_be_made_of_is_named_by_its_field() {
        let cases = [
            (r#""clusterIp": "10.0.0.1""#, None),
            (r#""clusterIp": "fd00::1""#, Some("clusterIp: fd00::1 is not of family IPv4")),
            (r#""externalIps": ["192.0.2.1", "fd00::2"]"#, Some("externalIps: fd00::2 is not of family IPv4")),
            (
                r#""loadBalancerSourceRanges": ["fd00::/8"]"#,
                Some("loadBalancerSourceRanges: fd00::/8 is not of family IPv4"),
            ),
            (
                r#""ports": [{"protocol": "TCP", "port": 80, "endpoints": [{"ip": "fd00::3", "port": 1}]}]"#,
                Some("ports.endpoints.ip: fd00::3 is not of family IPv4"),
            ),
            (
                r#""ports": [{"protocol": "TCP", "port": 80, "name": "a\" -j ACCEPT"}]"#,
                Some(r#"ports.name: invalid value "a\" -j ACCEPT""#),
            ),
        ];
        for (fields, message) in cases {
            let json = format!(r#"{{"family": "IPv4", "namespace": "n", "name": "s", {fields}}}"#);
            let service: Service = serde_json::from_str(&json).unwrap();
            assert_eq!(service.check().err().as_deref(), message, "{fields}");
        }
    }
}
