//! From Services to chains: pure.

use std::net::{IpAddr, SocketAddr};

use xtables::address::{Cidr, Family};
use xtables::ruleset::{Chains, line};

use super::chains::{
    ENDPOINT, EXTERNAL, FIREWALL, FIREWALL_OF, FORWARD, LOCAL, MARK_MASQ, NODE_PORTS, POSTROUTING, SERVICE,
};
use crate::hash::hash;
use crate::model::{Endpoint, NodeConfig, Service, ServicePort};

/// Bit of the packet mark that asks for masquerading after routing; kubelet and kube-proxy use the same one.
const MASQUERADE: &str = "0x4000/0x4000";

/// What rules of one family need to know of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyConfig {
    pub family: Family,
    pub cluster_cidr: Option<Cidr>,
    pub service_cidrs: Vec<Cidr>,
    /// Addresses of the node that node ports answer on; empty: all.
    pub node_port_addresses: Vec<Cidr>,
    pub localhost_node_ports: bool,
}

impl FamilyConfig {
    pub fn of(config: &NodeConfig, family: Family) -> Self {
        FamilyConfig {
            family,
            cluster_cidr: config.cluster_cidr(family),
            service_cidrs: config.service_cidrs(family),
            node_port_addresses: config.node_port_addresses(family),
            localhost_node_ports: config.serves_localhost(family),
        }
    }

    fn loopback(&self) -> &'static str {
        match self.family {
            Family::Ipv4 => "127.0.0.0/8",
            Family::Ipv6 => "::1/128",
        }
    }
}

/// What one Service adds: chains of its own, and lines to the shared chains.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ServiceRules {
    /// In table nat.
    pub chains: Chains,
    /// Lines for KUBE-SERVICES in nat, and there for load balancer and external addresses; for KUBE-NODEPORTS in nat.
    pub nat_services: String,
    pub nat_balancers: String,
    pub nat_external: String,
    pub nat_node_ports: String,
    /// Lines for KUBE-SERVICES, KUBE-EXTERNAL-SERVICES, KUBE-PROXY-FIREWALL in filter.
    pub filter_services: String,
    pub filter_external: String,
    pub filter_firewall: String,
}

/// Chains that do not depend on any Service: table nat.
pub fn base_nat() -> Chains {
    let mut postrouting = String::new();
    line(&mut postrouting, &format!("-m mark ! --mark {MASQUERADE} -j RETURN"));
    line(&mut postrouting, "-j MARK --xor-mark 0x4000");
    line(
        &mut postrouting,
        "-m comment --comment \"traffic that must come back this way\" -j MASQUERADE --random-fully",
    );
    Chains::from([
        (POSTROUTING.to_owned(), postrouting),
        (MARK_MASQ.to_owned(), "-j MARK --or-mark 0x4000\n".to_owned()),
    ])
}

/// Chains that do not depend on any Service: table filter.
pub fn base_filter(config: &FamilyConfig) -> Chains {
    let mut forward = String::new();
    line(&mut forward, "-m conntrack --ctstate INVALID -j DROP");
    line(
        &mut forward,
        &format!("-m comment --comment \"on the way to an endpoint\" -m mark --mark {MASQUERADE} -j ACCEPT"),
    );
    line(&mut forward, "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    let mut firewall = String::new();
    if config.localhost_node_ports {
        // route_localnet lets neighbours send to 127.0.0.0/8: only answers may.
        line(
            &mut firewall,
            "! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"not from outside\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        );
    }
    Chains::from([(FORWARD.to_owned(), forward), (FIREWALL.to_owned(), firewall)])
}

/// The last lines of nat's KUBE-SERVICES, behind those of all Services.
pub fn nat_services_tail(config: &FamilyConfig) -> String {
    let mut tail = String::new();
    let ranges = config.node_port_addresses.iter().map(|range| format!("-d {range} "));
    let mut places: Vec<String> = ranges.collect();
    if places.is_empty() {
        let all = if config.localhost_node_ports { String::new() } else { format!("! -d {} ", config.loopback()) };
        places.push(all);
    }
    for place in places {
        let comment = "-m comment --comment \"node ports, last of all\"";
        line(&mut tail, &format!("{place}{comment} -m addrtype --dst-type LOCAL -j {NODE_PORTS}"));
    }
    tail
}

/// The last lines of filter's KUBE-SERVICES. What a Service leads elsewhere has another address by then.
pub fn filter_services_tail(config: &FamilyConfig) -> String {
    let mut tail = String::new();
    for range in &config.service_cidrs {
        line(&mut tail, &format!("-d {range} -m comment --comment \"no Service has this address or port\" -j REJECT"));
    }
    tail
}

impl ServiceRules {
    /// Whether a line of iptables-restore's input is of this Service.
    pub fn has(&self, line: &str) -> bool {
        let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|rest| rest.split_once(' ')) else { return false };
        let shared = [
            &self.nat_services,
            &self.nat_balancers,
            &self.nat_external,
            &self.nat_node_ports,
            &self.filter_services,
            &self.filter_external,
            &self.filter_firewall,
        ];
        self.chains.contains_key(chain) || shared.iter().any(|lines| lines.lines().any(|line| line == rule))
    }
}

pub fn service_rules(service: &Service, config: &FamilyConfig) -> ServiceRules {
    let mut rules = ServiceRules::default();
    for port in &service.ports {
        PortRules::new(service, port, config).write(&mut rules);
    }
    rules
}

struct PortRules<'a> {
    service: &'a Service,
    port: &'a ServicePort,
    config: &'a FamilyConfig,
    name: String,
    protocol: &'static str,
    hash: String,
}

impl<'a> PortRules<'a> {
    fn new(service: &'a Service, port: &'a ServicePort, config: &'a FamilyConfig) -> Self {
        let name = service.port_name(port);
        let protocol = port.protocol.name();
        let hash = hash(&[&name, protocol]);
        PortRules { service, port, config, name, protocol, hash }
    }

    fn chain(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.hash)
    }

    fn endpoint_chain(&self, endpoint: &Endpoint) -> String {
        let address = format!("{}:{}", endpoint.ip, endpoint.port);
        format!("{ENDPOINT}{}", hash(&[&self.name, self.protocol, &address]))
    }

    fn write(&self, rules: &mut ServiceRules) {
        let endpoints = &self.port.endpoints;
        let all: Vec<&Endpoint> = endpoints.iter().filter(|endpoint| !endpoint.local_only).collect();
        let local: Vec<&Endpoint> = endpoints.iter().filter(|endpoint| endpoint.local).collect();
        let uses_local = self.service.internal_traffic_local || self.service.external_traffic_local;
        if !all.is_empty() {
            rules.chains.insert(self.chain(SERVICE), self.spread(&all, true));
        }
        if uses_local && !local.is_empty() {
            rules.chains.insert(self.chain(LOCAL), self.spread(&local, false));
        }
        for endpoint in endpoints.iter().filter(|endpoint| uses_local || !endpoint.local_only) {
            rules.chains.insert(self.endpoint_chain(endpoint), self.to_endpoint(endpoint));
        }
        self.cluster_address(rules, &all, &local);
        self.outside(rules, &all, &local);
    }

    fn cluster_address(&self, rules: &mut ServiceRules, all: &[&Endpoint], local: &[&Endpoint]) {
        let Some(ip) = self.service.cluster_ip else { return };
        let usable = if self.service.internal_traffic_local { local } else { all };
        if usable.is_empty() {
            let (target, why) = no_endpoints(all);
            line(
                &mut rules.filter_services,
                &format!("{} -m comment --comment \"{} {why}\" -j {target}", self.to(ip), self.name),
            );
            return;
        }
        let prefix = if self.service.internal_traffic_local { LOCAL } else { SERVICE };
        line(
            &mut rules.nat_services,
            &format!("{} {} -j {}", self.to(ip), self.comment("cluster IP"), self.chain(prefix)),
        );
    }

    /// External addresses, load balancer addresses and the node port: all by way of one chain.
    fn outside(&self, rules: &mut ServiceRules, all: &[&Endpoint], local: &[&Endpoint]) {
        let service = self.service;
        let external =
            !service.external_ips.is_empty() || !service.load_balancer_ips.is_empty() || self.port.node_port.is_some();
        if !external {
            return;
        }
        let usable = if service.external_traffic_local { local } else { all };
        let addresses = service.external_ips.iter().chain(&service.load_balancer_ips);
        if all.is_empty() || usable.is_empty() {
            let (target, why) = no_endpoints(all);
            for ip in addresses {
                line(
                    &mut rules.filter_external,
                    &format!("{} -m comment --comment \"{} {why}\" -j {target}", self.to(*ip), self.name),
                );
            }
            if let Some(node_port) = self.port.node_port {
                line(
                    &mut rules.filter_external,
                    &format!(
                        "-p {0} -m {0} --dport {node_port} -m addrtype --dst-type LOCAL -m comment --comment \"{1} {why}\" -j {target}",
                        self.protocol, self.name
                    ),
                );
            }
            if all.is_empty() {
                return;
            }
        }
        rules.chains.insert(self.chain(EXTERNAL), self.external_chain(!local.is_empty()));
        let chain = self.chain(EXTERNAL);
        for ip in &service.external_ips {
            line(&mut rules.nat_external, &format!("{} {} -j {chain}", self.to(*ip), self.comment("external IP")));
        }
        for ip in &service.load_balancer_ips {
            let way_in =
                if service.load_balancer_source_ranges.is_empty() { chain.clone() } else { self.chain(FIREWALL_OF) };
            line(
                &mut rules.nat_balancers,
                &format!("{} {} -j {way_in}", self.to(*ip), self.comment("load balancer IP")),
            );
            if !service.load_balancer_source_ranges.is_empty() {
                line(
                    &mut rules.filter_firewall,
                    &format!("{} {} -j DROP", self.to(*ip), self.comment("not in the source ranges")),
                );
            }
        }
        if !service.load_balancer_source_ranges.is_empty() && !service.load_balancer_ips.is_empty() {
            let mut firewall = String::new();
            for range in &service.load_balancer_source_ranges {
                line(&mut firewall, &format!("-s {range} -j {chain}"));
            }
            rules.chains.insert(self.chain(FIREWALL_OF), firewall);
        }
        if let Some(node_port) = self.port.node_port {
            line(
                &mut rules.nat_node_ports,
                &format!("-p {0} -m {0} --dport {node_port} {1} -j {chain}", self.protocol, self.comment("node port")),
            );
        }
    }

    fn external_chain(&self, has_local: bool) -> String {
        let mut chain = String::new();
        if !self.service.external_traffic_local {
            line(&mut chain, &format!("{} -j {MARK_MASQ}", self.comment("masquerade, so that answers come back")));
            line(&mut chain, &format!("-j {}", self.chain(SERVICE)));
            return chain;
        }
        // Pods and this node itself may use every endpoint by the outer address, too.
        if let Some(cluster) = self.config.cluster_cidr {
            line(&mut chain, &format!("-s {cluster} {} -j {}", self.comment("pods"), self.chain(SERVICE)));
        }
        line(&mut chain, &format!("{} -m addrtype --src-type LOCAL -j {MARK_MASQ}", self.comment("this node")));
        line(
            &mut chain,
            &format!("{} -m addrtype --src-type LOCAL -j {}", self.comment("this node"), self.chain(SERVICE)),
        );
        if has_local {
            line(&mut chain, &format!("-j {}", self.chain(LOCAL)));
        }
        chain
    }

    /// A chain that picks one of the endpoints with even odds; clients with affinity go back to theirs first.
    fn spread(&self, endpoints: &[&Endpoint], masquerade_strangers: bool) -> String {
        let mut chain = String::new();
        if let (true, Some(ip), Some(cluster)) =
            (masquerade_strangers, self.service.cluster_ip, self.config.cluster_cidr)
        {
            line(
                &mut chain,
                &format!("! -s {cluster} {} {} -j {MARK_MASQ}", self.to(ip), self.comment("from outside the pods")),
            );
        }
        if let Some(seconds) = self.service.affinity_seconds {
            for endpoint in endpoints {
                let target = self.endpoint_chain(endpoint);
                line(
                    &mut chain,
                    &format!(
                        "{} -m recent --name {target} --rcheck --seconds {seconds} --reap -j {target}",
                        self.comment("affinity")
                    ),
                );
            }
        }
        for (at, endpoint) in endpoints.iter().enumerate() {
            let left = endpoints.len() - at;
            let odds = if left == 1 {
                String::new()
            } else {
                format!("-m statistic --mode random --probability {:.10} ", 1.0 / left as f64)
            };
            line(
                &mut chain,
                &format!(
                    "{} {odds}-j {}",
                    self.comment(&format!("{}:{}", endpoint.ip, endpoint.port)),
                    self.endpoint_chain(endpoint)
                ),
            );
        }
        chain
    }

    fn to_endpoint(&self, endpoint: &Endpoint) -> String {
        let mut chain = String::new();
        let target = self.endpoint_chain(endpoint);
        line(
            &mut chain,
            &format!("-s {} {} -j {MARK_MASQ}", host(endpoint.ip), self.comment("a pod that calls itself")),
        );
        let remember =
            self.service.affinity_seconds.map(|_| format!("-m recent --name {target} --set ")).unwrap_or_default();
        line(
            &mut chain,
            &format!(
                "-p {0} {1} {remember}-m {0} -j DNAT --to-destination {2}",
                self.protocol,
                self.comment("endpoint"),
                socket(endpoint.ip, endpoint.port)
            ),
        );
        chain
    }

    fn to(&self, ip: IpAddr) -> String {
        format!("-d {} -p {1} -m {1} --dport {2}", host(ip), self.protocol, self.port.port)
    }

    fn comment(&self, what: &str) -> String {
        format!("-m comment --comment \"{} {what}\"", self.name)
    }
}

/// Without any endpoint a client is told at once; when others have some, its packet is dropped, to be sent again elsewhere.
fn no_endpoints(all: &[&Endpoint]) -> (&'static str, &'static str) {
    if all.is_empty() { ("REJECT", "has no endpoints") } else { ("DROP", "has no local endpoints") }
}

fn host(ip: IpAddr) -> String {
    format!("{ip}/{}", Family::of(ip).bits())
}

fn socket(ip: IpAddr, port: u16) -> String {
    SocketAddr::new(ip, port).to_string()
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
