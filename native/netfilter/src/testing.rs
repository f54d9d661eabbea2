//! Builders for tests.

use xtables::address::Family;

use crate::model::{Endpoint, NodeConfig, Protocol, Service, ServicePort};

/// An IPv4 Service without addresses or ports.
pub fn service(namespace: &str, name: &str) -> Service {
    Service {
        family: Family::Ipv4,
        namespace: namespace.into(),
        name: name.into(),
        cluster_ip: None,
        external_ips: vec![],
        load_balancer_ips: vec![],
        load_balancer_source_ranges: vec![],
        affinity_seconds: None,
        internal_traffic_local: false,
        external_traffic_local: false,
        ports: vec![],
    }
}

pub fn port(name: &str, protocol: Protocol, port: u16, endpoints: Vec<Endpoint>) -> ServicePort {
    ServicePort { name: name.into(), protocol, port, node_port: None, endpoints, draining: vec![] }
}

pub fn endpoint(ip: &str, port: u16, local: bool) -> Endpoint {
    Endpoint { ip: ip.parse().unwrap(), port, local, local_only: false, unplaced: false }
}

/// What the agent gives: IPv4, with node ports on 127.0.0.1.
pub fn config() -> NodeConfig {
    NodeConfig {
        families: vec![Family::Ipv4],
        cluster_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
        localhost_node_ports: true,
        ..NodeConfig::default()
    }
}
