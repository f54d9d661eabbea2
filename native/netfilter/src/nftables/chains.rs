//! The chains of the table. Those of kube-proxy's nftables mode keep their names. Services of one kind share a chain: what
//! differs between them stands in maps, so that a change of a Service is one of elements.

use std::collections::BTreeSet;
use std::net::IpAddr;

use xtables::address::{Cidr, Family};

use super::chain_names::{ChainName, Choice, REJECT, Way};
use super::expressions::{Jump, Rule, Side};
use super::sets::SetName;
use crate::model::NodeConfig;

/// What rules of one family need to know of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyConfig {
    pub family: Family,
    pub cluster_cidr: Option<Cidr>,
    pub service_cidrs: Vec<Cidr>,
    /// Addresses of the node that node ports answer on; empty: all.
    pub node_port_addresses: Vec<Cidr>,
    pub localhost_node_ports: bool,
    /// Addresses that the node has by itself.
    pub node_addresses: BTreeSet<IpAddr>,
}

impl FamilyConfig {
    pub fn of(config: &NodeConfig, family: Family) -> Self {
        FamilyConfig {
            family,
            cluster_cidr: config.cluster_cidr(family),
            service_cidrs: config.service_cidrs(family),
            node_port_addresses: config.node_port_addresses(family),
            localhost_node_ports: config.serves_localhost(family),
            node_addresses: BTreeSet::new(),
        }
    }

    pub fn rule(&self) -> Rule {
        Rule::new(self.family)
    }

    /// `ip daddr . meta l4proto . th dport`.
    pub fn by_address(&self) -> Rule {
        self.rule().key_address(Side::Destination).key_protocol().key_port()
    }

    pub fn loopback(&self) -> Cidr {
        Cidr::loopback(self.family)
    }
}

/// A chain that the kernel runs by itself: type, hook (`enum nf_inet_hooks`), priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    pub kind: &'static str,
    pub hook: u32,
    pub priority: i32,
}

pub const PREROUTING: u32 = 0;
pub const INPUT: u32 = 1;
pub const FORWARD: u32 = 2;
pub const OUTPUT: u32 = 3;
pub const POSTROUTING: u32 = 4;
/// `NF_IP_PRI_NAT_DST`, `NF_IP_PRI_NAT_SRC`.
pub const DESTINATION: i32 = -100;
pub const SOURCE: i32 = 100;

pub const fn base(kind: &'static str, hook: u32, priority: i32) -> Option<Base> {
    Some(Base { kind, hook, priority })
}

pub const FIREWALL_CHECK: &str = "firewall-check";
const SERVICE_ENDPOINTS_CHECK: &str = "service-endpoints-check";
const NODE_PORT_ENDPOINTS_CHECK: &str = "nodeport-endpoints-check";
pub const CLUSTER_IPS_CHECK: &str = "cluster-ips-check";
pub const SERVICES: &str = "services";
pub const MASQUERADING: &str = "masquerading";

/// They lead to the endpoint of a map that a chain of a Service has chosen. The kernel looks at all elements of a map when another chain
/// begins to use it: so chains that come and go use none of these.
const LEADERS: [(&str, SetName, bool); 4] = [
    ("to-endpoint", SetName::Endpoints, false),
    ("to-local-endpoint", SetName::LocalEndpoints, false),
    ("to-nodeport-endpoint", SetName::NodePortEndpoints, true),
    ("to-nodeport-local-endpoint", SetName::NodePortLocalEndpoints, true),
];

/// The chains that every table has; those that are jumped to come first.
pub const STATIC: [(&str, Option<Base>); 19] = [
    (REJECT, None),
    (LEADERS[0].0, None),
    (LEADERS[1].0, None),
    (LEADERS[2].0, None),
    (LEADERS[3].0, None),
    (FIREWALL_CHECK, None),
    (SERVICE_ENDPOINTS_CHECK, None),
    (NODE_PORT_ENDPOINTS_CHECK, None),
    (CLUSTER_IPS_CHECK, None),
    (SERVICES, None),
    (MASQUERADING, None),
    // Before addresses are changed.
    ("filter-prerouting-pre-dnat", base("filter", PREROUTING, DESTINATION - 10)),
    ("filter-output-pre-dnat", base("filter", OUTPUT, DESTINATION - 10)),
    ("filter-input", base("filter", INPUT, 0)),
    ("filter-forward", base("filter", FORWARD, 0)),
    ("filter-output", base("filter", OUTPUT, 0)),
    ("nat-prerouting", base("nat", PREROUTING, DESTINATION)),
    ("nat-output", base("nat", OUTPUT, DESTINATION)),
    ("nat-postrouting", base("nat", POSTROUTING, SOURCE)),
];

/// Rules of the chains that every table has.
pub fn static_rules(config: &FamilyConfig) -> Vec<(&'static str, Rule)> {
    let check = |chain, to| (chain, config.rule().new_flow().verdict(Jump::Jump(to)));
    let jump = |chain, to| (chain, config.rule().verdict(Jump::Jump(to)));
    let kinds = SetName::Kinds.to_string();
    let mut rules = vec![
        (REJECT, config.rule().reject()),
        (FIREWALL_CHECK, config.by_address().verdict_of(&SetName::Firewall.to_string())),
        (SERVICE_ENDPOINTS_CHECK, config.by_address().verdict_of(&SetName::NoEndpoints.to_string())),
        check("filter-prerouting-pre-dnat", FIREWALL_CHECK),
        check("filter-output-pre-dnat", FIREWALL_CHECK),
        check("filter-input", NODE_PORT_ENDPOINTS_CHECK),
        check("filter-input", SERVICE_ENDPOINTS_CHECK),
        check("filter-forward", SERVICE_ENDPOINTS_CHECK),
        check("filter-forward", CLUSTER_IPS_CHECK),
        check("filter-output", SERVICE_ENDPOINTS_CHECK),
        check("filter-output", CLUSTER_IPS_CHECK),
        jump("nat-prerouting", SERVICES),
        jump("nat-output", SERVICES),
        jump("nat-postrouting", MASQUERADING),
        (SERVICES, config.by_address().verdict_by_kind(&SetName::ServiceKinds.to_string(), &kinds)),
        (SERVICES, config.by_address().verdict_of(&SetName::Services.to_string())),
        (MASQUERADING, config.rule().led_elsewhere(true).forget_number()),
        (MASQUERADING, config.rule().take_mark().masquerade().comment("answers must come back this way")),
        (
            MASQUERADING,
            (config.rule().led_elsewhere(true).key_address(Side::Source).key_address(Side::Destination))
                .in_set(&SetName::Hairpin.to_string(), true)
                .masquerade()
                .comment("a pod that calls itself"),
        ),
    ];
    let by_node_port = || by_node_port(config);
    rules.push((NODE_PORT_ENDPOINTS_CHECK, by_node_port().verdict_of(&SetName::NoEndpointNodePorts.to_string())));
    rules.push((SERVICES, by_node_port().verdict_by_kind(&SetName::NodePortKinds.to_string(), &kinds)));
    rules.push((SERVICES, by_node_port().verdict_of(&SetName::NodePorts.to_string())));
    rules.extend(LEADERS.map(|(chain, map, node_port)| {
        let rule = if node_port { config.rule() } else { config.rule().key_address(Side::Destination) };
        (chain, rule.key_protocol().key_port().key_chosen().lead_by(&map.to_string()))
    }));
    rules.extend(unknown_addresses(config).map(|rule| (CLUSTER_IPS_CHECK, rule)));
    rules.extend(localhost_guard(config).map(|rule| ("filter-input", rule)));
    rules
}

/// Rejects what goes to the addresses of Services.
pub fn unknown_addresses(config: &FamilyConfig) -> impl Iterator<Item = Rule> {
    config.service_cidrs.iter().map(|range| {
        let unknown = config.rule().address_in(Side::Destination, *range, true).reject();
        unknown.comment("no Service has this address or port")
    })
}

/// route_localnet lets neighbours send to 127.0.0.0/8: only answers may.
pub fn localhost_guard(config: &FamilyConfig) -> Option<Rule> {
    let strangers = (config.rule().address_in(Side::Source, config.loopback(), false))
        .address_in(Side::Destination, config.loopback(), true)
        .neither_established_nor_related()
        .led_elsewhere(false);
    config.localhost_node_ports.then(|| strangers.verdict(Jump::Drop).comment("not from outside"))
}

/// A port of this node, at the addresses on which it answers.
pub fn by_node_port(config: &FamilyConfig) -> Rule {
    let mut rule = config.rule().of_this_node(Side::Destination);
    if !config.node_port_addresses.is_empty() {
        rule = rule.key_address(Side::Destination).in_set(&SetName::NodePortAddresses.to_string(), true);
    } else if !config.localhost_node_ports {
        rule = rule.address_in(Side::Destination, config.loopback(), false);
    }
    rule.key_protocol().key_port()
}

/// Rules of a chain by which packets come in: masquerading as it is needed, then the choice of an endpoint.
pub fn entry_rules(
    config: &FamilyConfig,
    node_port: bool,
    way: Way,
    all: &Choice,
    local: Option<&Choice>,
) -> Vec<Rule> {
    let pods = |within| config.cluster_cidr.map(|range| config.rule().address_in(Side::Source, range, within));
    let [to_all, to_local] = if node_port { [2, 3] } else { [0, 1] }.map(|at| LEADERS[at].0);
    let choose = |rule: Rule, choice: &Choice, to: &str| match choice {
        Choice::Even(count) => rule.choose(*count).verdict(Jump::Goto(to)),
        Choice::Sticky(hash) => rule.verdict(Jump::Goto(&ChainName::Sticky(hash.clone()).to_string())),
    };
    let mut rules = Vec::new();
    match way {
        Way::Inside => rules.extend(pods(false).map(|strangers| strangers.mark().comment("from outside the pods"))),
        Way::Outside => rules.push(config.rule().mark()),
        Way::OutsideLocal => {
            rules.extend(pods(true).map(|pods| choose(pods, all, to_all).comment("pods")));
            let node = config.rule().of_this_node(Side::Source).mark();
            rules.push(choose(node, all, to_all).comment("this node"));
            rules.extend(local.map(|local| choose(config.rule(), local, to_local)));
            return rules;
        }
    }
    rules.push(choose(config.rule(), all, to_all));
    rules
}

/// Rules that lead to the endpoint of a client, or to a new one. `endpoints`: hashes.
pub fn sticky_rules(config: &FamilyConfig, endpoints: &[String]) -> Vec<Rule> {
    let stays = |endpoint: &String| {
        let clients = SetName::Affinity(endpoint.clone()).to_string();
        let chain = ChainName::Endpoint(endpoint.clone()).to_string();
        config.rule().key_address(Side::Source).in_set(&clients, true).verdict(Jump::Goto(&chain))
    };
    let mut rules: Vec<Rule> = endpoints.iter().map(stays).collect();
    for (left, endpoint) in (1..=u32::try_from(endpoints.len()).unwrap_or(u32::MAX)).rev().zip(endpoints) {
        let rule = if left == 1 { config.rule() } else { config.rule().one_of(left) };
        rules.push(rule.verdict(Jump::Goto(&ChainName::Endpoint(endpoint.clone()).to_string())));
    }
    rules
}
