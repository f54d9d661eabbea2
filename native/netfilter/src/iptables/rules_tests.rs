use super::*;
use crate::model::Protocol;
use crate::testing::{self, port, service};

fn config() -> FamilyConfig {
    FamilyConfig::of(&testing::config(), Family::Ipv4)
}

fn endpoint(ip: &str, local: bool) -> Endpoint {
    testing::endpoint(ip, 8080, local)
}

fn web(endpoints: Vec<Endpoint>) -> Service {
    Service {
        cluster_ip: Some("10.96.0.20".parse().unwrap()),
        ports: vec![port("http", Protocol::Tcp, 80, endpoints)],
        ..service("default", "web")
    }
}

fn two() -> Vec<Endpoint> {
    vec![endpoint("10.244.0.5", true), endpoint("10.244.1.6", false)]
}

/// The one chain whose name starts with the prefix.
fn chain<'a>(rules: &'a ServiceRules, prefix: &str) -> &'a str {
    let mut found = rules.chains.iter().filter(|(name, _)| name.starts_with(prefix));
    let content = found.next().unwrap_or_else(|| panic!("no {prefix} in {:?}", rules.chains.keys())).1;
    assert!(found.next().is_none(), "more than one {prefix}");
    content
}

#[test]
fn a_cluster_address_is_spread_evenly() {
    let rules = service_rules(&web(two()), &config());
    let service = chain(&rules, SERVICE);
    assert!(service.starts_with("! -s 10.244.0.0/16 -d 10.96.0.20/32 -p tcp -m tcp --dport 80"), "{service}");
    assert!(service.contains("--probability 0.5000000000"));
    let picks: Vec<&str> = service.lines().filter(|line| line.contains("-j KUBE-SEP-")).collect();
    assert_eq!(picks.len(), 2);
    assert!(!picks[1].contains("probability"), "the last one takes what is left");
    assert_eq!(rules.nat_services.lines().count(), 1);
    assert!(rules.filter_services.is_empty() && rules.filter_external.is_empty());
    let endpoints: Vec<&String> =
        rules.chains.iter().filter(|(name, _)| name.starts_with(ENDPOINT)).map(|(_, content)| content).collect();
    assert_eq!(endpoints.len(), 2);
    assert!(endpoints.iter().any(|content| content.contains("-s 10.244.0.5/32") && content.contains("--to-destination 10.244.0.5:8080")));
}

#[test]
fn without_endpoints_clients_are_told_at_once() {
    let mut service = web(vec![]);
    service.ports[0].node_port = Some(30080);
    service.external_ips = vec!["192.0.2.9".parse().unwrap()];
    let rules = service_rules(&service, &config());
    assert!(rules.chains.is_empty() && rules.nat_services.is_empty() && rules.nat_node_ports.is_empty());
    assert!(rules.filter_services.contains("-d 10.96.0.20/32") && rules.filter_services.contains("-j REJECT"));
    assert_eq!(rules.filter_external.matches("-j REJECT").count(), 2);
}

#[test]
fn a_node_port_masquerades() {
    let mut service = web(two());
    service.ports[0].node_port = Some(30080);
    let rules = service_rules(&service, &config());
    assert!(rules.nat_node_ports.contains("--dport 30080"));
    let external = chain(&rules, EXTERNAL);
    assert!(external.lines().next().unwrap().ends_with("-j KUBE-MARK-MASQ"));
}

#[test]
fn external_local_keeps_the_client_address() {
    let mut service = web(two());
    service.ports[0].node_port = Some(30080);
    service.external_traffic_local = true;
    let rules = service_rules(&service, &config());
    let external = chain(&rules, EXTERNAL);
    assert!(external.lines().last().unwrap().starts_with("-j KUBE-SVL-"));
    assert_eq!(chain(&rules, LOCAL).matches("-j KUBE-SEP-").count(), 1, "only the endpoint of this node");
    assert!(rules.nat_services.contains("-j KUBE-SVC-"), "the cluster address has all endpoints");

    service.ports[0].endpoints.remove(0);
    let rules = service_rules(&service, &config());
    assert!(rules.filter_external.contains("-j DROP"), "no local endpoint: health checks send clients elsewhere");
    assert!(!chain(&rules, EXTERNAL).contains("KUBE-SVL"));
}

#[test]
fn internal_local_uses_this_node_only() {
    let mut service = web(two());
    service.internal_traffic_local = true;
    let rules = service_rules(&service, &config());
    assert!(rules.nat_services.contains("-j KUBE-SVL-"));
    service.ports[0].endpoints.remove(0);
    assert!(service_rules(&service, &config()).filter_services.contains("-j DROP"));
}

#[test]
fn affinity_is_remembered_and_asked_first() {
    let mut service = web(two());
    service.affinity_seconds = Some(10800);
    let rules = service_rules(&service, &config());
    let service = chain(&rules, SERVICE);
    let recent = service.find("--rcheck --seconds 10800 --reap").unwrap();
    assert!(recent < service.find("--probability").unwrap());
    assert!(rules.chains.iter().any(|(name, content)| content.contains(&format!("--name {name} --set"))));
}

#[test]
fn source_ranges_guard_the_load_balancer_address() {
    let mut service = web(two());
    service.load_balancer_ips = vec!["192.0.2.50".parse().unwrap()];
    service.load_balancer_source_ranges = vec!["203.0.113.0/24".parse().unwrap()];
    let rules = service_rules(&service, &config());
    assert!(chain(&rules, FIREWALL_OF).starts_with("-s 203.0.113.0/24 -j KUBE-EXT-"));
    assert!(rules.nat_balancers.contains("-d 192.0.2.50/32") && rules.nat_balancers.contains("-j KUBE-FW-"));
    assert!(rules.filter_firewall.contains("-d 192.0.2.50/32") && rules.filter_firewall.contains("-j DROP"));
}

#[test]
fn a_terminating_endpoint_serves_only_what_must_stay_here() {
    let mut service = web(vec![endpoint("10.244.1.6", false)]);
    service.ports[0].endpoints.push(Endpoint { local_only: true, ..endpoint("10.244.0.5", true) });
    service.internal_traffic_local = true;
    let rules = service_rules(&service, &config());
    assert!(chain(&rules, LOCAL).contains("10.244.0.5:8080"));
    assert!(!chain(&rules, SERVICE).contains("10.244.0.5:8080"));
}

#[test]
fn ipv6_rules_have_no_address_of_ipv4() {
    let mut node = testing::config();
    node.families.push(Family::Ipv6);
    node.cluster_cidrs.push("fd00:10:244::/56".parse().unwrap());
    let config = FamilyConfig::of(&node, Family::Ipv6);
    let mut service = web(vec![endpoint("fd00:10:244::5", true)]);
    service.family = Family::Ipv6;
    service.cluster_ip = Some("fd00:10:96::1".parse().unwrap());
    let rules = service_rules(&service, &config);
    assert!(chain(&rules, SERVICE).contains("! -s fd00:10:244::/56 -d fd00:10:96::1/128"));
    assert!(chain(&rules, ENDPOINT).contains("--to-destination [fd00:10:244::5]:8080"));
    let text = format!("{rules:?} {:?} {}", base_filter(&config), nat_services_tail(&config));
    assert!(!text.contains("127.0.0") && !text.contains("10.244.0.0"), "{text}");
}

#[test]
fn a_line_is_known_to_be_of_its_service() {
    let mut service = web(two());
    service.ports[0].node_port = Some(30080);
    let rules = service_rules(&service, &config());
    for (shared, lines) in [("KUBE-SERVICES", &rules.nat_services), ("KUBE-NODEPORTS", &rules.nat_node_ports)] {
        assert!(rules.has(&format!("-A {shared} {}", lines.trim_end())));
    }
    let (own, content) = rules.chains.first_key_value().unwrap();
    assert!(rules.has(&format!("-A {own} {}", content.lines().next().unwrap())));
    assert!(!rules.has("-A KUBE-SERVICES -j ACCEPT") && !rules.has("COMMIT"));
}

#[test]
fn unknown_addresses_and_chosen_addresses_of_the_node_end_the_lists() {
    let node = |ranges: &[&str]| crate::model::NodeConfig {
        service_cidrs: ["10.96.0.0/16", "fd00:96::/112"].map(|range| range.parse().unwrap()).into(),
        node_port_addresses: ranges.iter().map(|range| range.parse().unwrap()).collect(),
        ..testing::config()
    };
    let four = FamilyConfig::of(&node(&[]), Family::Ipv4);
    assert_eq!(
        filter_services_tail(&four),
        "-d 10.96.0.0/16 -m comment --comment \"no Service has this address or port\" -j REJECT\n"
    );
    let last = "-m comment --comment \"node ports, last of all\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n";
    assert_eq!(nat_services_tail(&four), last);
    assert_eq!(nat_services_tail(&FamilyConfig::of(&node(&[]), Family::Ipv6)), format!("! -d ::1/128 {last}"));
    let chosen = FamilyConfig::of(&node(&["192.0.2.0/24", "198.51.100.1/32", "fd00::/64"]), Family::Ipv4);
    assert_eq!(nat_services_tail(&chosen), format!("-d 192.0.2.0/24 {last}-d 198.51.100.1/32 {last}"));
}
