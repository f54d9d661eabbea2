//! What one Service asks of the kernel, whatever serves it. JSON as the agent's service proxy makes it.

use std::net::IpAddr;

use serde::Deserialize;

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    /// Addresses of one family; a dual-stack Service is given once for each.
    pub cluster_ip: Option<IpAddr>,
    pub external_ips: Vec<IpAddr>,
    pub load_balancer_ips: Vec<IpAddr>,
    /// Sources that may use the load balancer addresses, as CIDRs; empty: all.
    pub load_balancer_source_ranges: Vec<String>,
    /// Seconds for which a client stays with its endpoint; None without ClientIP affinity.
    pub affinity_seconds: Option<u32>,
    pub internal_traffic_local: bool,
    pub external_traffic_local: bool,
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
    /// Only for traffic that must stay on this node: it is terminating, and this node has no other.
    #[serde(default)]
    pub local_only: bool,
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
}

/// What holds for the whole node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfig {
    /// Addresses of all pods: traffic from outside of it to a cluster address is masqueraded.
    pub cluster_cidr: Option<String>,
    /// Addresses of this node's pods: what leaves them for outside the cluster is masqueraded.
    #[serde(default)]
    pub pod_cidr: Option<String>,
    /// Serve node ports on 127.0.0.1, too.
    #[serde(default)]
    pub localhost_node_ports: bool,
}
