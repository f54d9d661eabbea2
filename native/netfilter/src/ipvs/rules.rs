//! The table beside the virtual servers. IPVS takes packets behind the filters of INPUT, and before those of OUTPUT: what is
//! marked or rejected there still has the address of the Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use xtables::address::{Cidr, Family};

use super::destinations::{Destinations, destinations};
use crate::frontend::{Claim, Frontend, frontends};
use crate::model::Service;
use crate::nftables::chain_names::{ChainName, REJECT, Way};
use crate::nftables::chains::{
    Base, CLUSTER_IPS_CHECK, DESTINATION, FIREWALL_CHECK, FORWARD, FamilyConfig, INPUT, MASQUERADING, OUTPUT,
    POSTROUTING, PREROUTING, SERVICES, SOURCE, base, by_node_port, localhost_guard, unknown_addresses,
};
use crate::nftables::expressions::{Jump, Rule, Side};
use crate::nftables::service::{Body, Has, Parts, firewall, hairpins};
use crate::nftables::sets::{Key, SetName, Value};
use crate::nftables::table::{Layout, Needed};

const INSIDE: &str = "cluster-ip";
const OUTSIDE: &str = "external-ip";
const OUTSIDE_LOCAL: &str = "local-ip";
/// For those who shall ask another node.
const STRANGERS: &str = "drop-strangers";
const ENDPOINTS_CHECK: &str = "service-endpoints-check";

/// Of the table `berth-ipvs`.
pub static IPVS: Layout = Layout { chains: &CHAINS, sets: &SETS, rules, parts, samples };

const CHAINS: [(&str, Option<Base>); 15] = [
    (REJECT, None),
    (STRANGERS, None),
    (INSIDE, None),
    (OUTSIDE, None),
    (OUTSIDE_LOCAL, None),
    (FIREWALL_CHECK, None),
    (ENDPOINTS_CHECK, None),
    (CLUSTER_IPS_CHECK, None),
    (SERVICES, None),
    (MASQUERADING, None),
    ("filter-prerouting", base("filter", PREROUTING, DESTINATION - 10)),
    ("filter-input", base("filter", INPUT, 0)),
    ("filter-forward", base("filter", FORWARD, 0)),
    // IPVS takes what the node sends directly behind the change of destinations.
    ("filter-output", base("filter", OUTPUT, DESTINATION - 10)),
    ("nat-postrouting", base("nat", POSTROUTING, SOURCE)),
];

const SETS: [SetName; 8] = [
    SetName::Services,
    SetName::NodePorts,
    SetName::NoEndpoints,
    SetName::NoEndpointNodePorts,
    SetName::Firewall,
    SetName::Hairpin,
    SetName::NodePortAddresses,
    SetName::ServiceAddresses,
];

fn rules(config: &FamilyConfig) -> Vec<(&'static str, Rule)> {
    let rule = || config.rule();
    let by_address = |set: SetName| config.by_address().verdict_of(&set.to_string());
    let check = |chain, to| (chain, rule().new_flow().verdict(Jump::Jump(to)));
    let of_node = || rule().of_this_node(Side::Source);
    let pods = |within| config.cluster_cidr.map(|range| rule().address_in(Side::Source, range, within));
    let mut rules = vec![
        (REJECT, rule().reject()),
        (FIREWALL_CHECK, by_address(SetName::Firewall)),
        (ENDPOINTS_CHECK, by_address(SetName::NoEndpoints)),
        (ENDPOINTS_CHECK, by_node_port(config).verdict_of(&SetName::NoEndpointNodePorts.to_string())),
        check("filter-prerouting", FIREWALL_CHECK),
        check("filter-input", ENDPOINTS_CHECK),
        check("filter-input", SERVICES),
        check("filter-forward", CLUSTER_IPS_CHECK),
        check("filter-output", FIREWALL_CHECK),
        check("filter-output", ENDPOINTS_CHECK),
        check("filter-output", SERVICES),
        (SERVICES, by_address(SetName::Services)),
        (
            SERVICES,
            (rule().key_address(Side::Destination).in_set(&SetName::ServiceAddresses.to_string(), true))
                .reject()
                .comment("no Service has this port"),
        ),
        // Addresses of Services are the node's, too: they have no node ports.
        (SERVICES, by_node_port(config).verdict_of(&SetName::NodePorts.to_string())),
        (OUTSIDE, rule().mark()),
        // The node takes the address of the Service as its own.
        (OUTSIDE_LOCAL, of_node().mark().comment("this node")),
        ("nat-postrouting", rule().verdict(Jump::Jump(MASQUERADING))),
        (MASQUERADING, rule().take_mark().masquerade().comment("answers must come back this way")),
        (
            MASQUERADING,
            (rule().key_address(Side::Source).key_address(Side::Destination))
                .in_set(&SetName::Hairpin.to_string(), true)
                .masquerade()
                .comment("a pod that calls itself"),
        ),
    ];
    rules.push(match pods(false) {
        Some(strangers) => (INSIDE, strangers.mark().comment("from outside the pods")),
        None => (INSIDE, of_node().mark().comment("this node")),
    });
    rules.extend(pods(true).map(|pods| (STRANGERS, pods.verdict(Jump::Return).comment("pods"))));
    rules.push((STRANGERS, of_node().verdict(Jump::Return).comment("this node")));
    rules.push((STRANGERS, rule().verdict(Jump::Drop)));
    rules.extend(unknown_addresses(config).map(|rule| (CLUSTER_IPS_CHECK, rule)));
    rules.extend(localhost_guard(config).map(|rule| ("filter-input", rule)));
    rules
}

fn parts(config: &FamilyConfig, service: &Service, has: Has) -> Parts {
    let mut parts = Parts::default();
    for port in &service.ports {
        for (claim, frontend) in frontends(service, port).filter(|(_, frontend)| has(frontend)) {
            add(&mut parts, frontend, &destinations(service, port, claim, &frontend));
            let own = frontend.address.filter(|address| !config.node_addresses.contains(address));
            parts.shared.extend(own.map(|address| (SetName::ServiceAddresses, Key::Address(address))));
            if claim == Claim::LoadBalancer && !service.load_balancer_source_ranges.is_empty() {
                firewall(&mut parts, service, frontend, &source_ranges(config, service));
            }
        }
        parts.shared.extend(hairpins(port));
    }
    parts
}

fn add(parts: &mut Parts, frontend: Frontend, destinations: &Destinations) {
    let chain = match destinations.way {
        Way::Inside => INSIDE,
        Way::Outside => OUTSIDE,
        Way::OutsideLocal => OUTSIDE_LOCAL,
    };
    let key = Key::Frontend(frontend);
    let map = frontend.pick(SetName::Services, SetName::NodePorts);
    parts.elements.entry((map, key)).or_insert_with(|| Value::Goto(chain.to_owned()));
    let nobody = match (destinations.endpoints.is_empty(), destinations.elsewhere) {
        (false, false) => return,
        (false, true) => Value::Goto(STRANGERS.to_owned()),
        // A client is told at once; when others have an endpoint, its packet is dropped, to be sent again elsewhere.
        (true, false) => Value::Goto(REJECT.to_owned()),
        (true, true) => Value::Drop,
    };
    let map = frontend.pick(SetName::NoEndpoints, SetName::NoEndpointNodePorts);
    parts.elements.entry((map, key)).or_insert(nobody);
}

/// The node sends from the address of the Service itself: it may, when one of its own addresses may.
fn source_ranges(config: &FamilyConfig, service: &Service) -> Vec<Cidr> {
    let mut ranges = service.load_balancer_source_ranges.clone();
    let allowed = |address: &IpAddr| ranges.iter().any(|range| range.contains(*address));
    if config.node_addresses.iter().any(allowed) {
        ranges.extend(service.load_balancer_ips.iter().map(|address| Cidr::host(*address)));
    }
    ranges
}

fn samples(_: Family) -> Needed {
    let probe = || "probe".to_owned();
    Needed {
        bodies: BTreeMap::from([(ChainName::Firewall(probe()), Body::Named)]),
        sets: BTreeSet::from([SetName::Ranges(probe())]),
    }
}
