//! The text that iptables-restore gets, byte by byte. `UPDATE_GOLDEN=1 cargo test -p netfilter` writes the files anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use xtables::address::Family;
use xtables::memory::Memory;

use super::family_tables::FamilyTables;
use super::rules::FamilyConfig;
use crate::model::{Endpoint, Protocol, Service, ServicePort};
use crate::testing;

fn tables() -> FamilyTables<Memory> {
    FamilyTables::new(Memory::default(), FamilyConfig::of(&testing::config(), Family::Ipv4))
}

fn port(name: &str, protocol: Protocol, port: u16, node_port: Option<u16>, endpoints: Vec<Endpoint>) -> ServicePort {
    ServicePort { name: name.into(), protocol, port, node_port, endpoints, draining: vec![] }
}

fn service(name: &str, last: u8, ports: Vec<ServicePort>) -> (String, Service) {
    let cluster_ip = Some([10, 96, 0, last].into());
    let service = Service { cluster_ip, ports, ..testing::service("shop", name) };
    (format!("shop/{name}"), service)
}

fn services() -> Vec<(String, Service)> {
    let two = || vec![testing::endpoint("10.244.0.5", 8080, true), testing::endpoint("10.244.1.6", 8080, false)];
    let web = || vec![port("http", Protocol::Tcp, 80, None, two())];
    let with = |(key, service): (String, Service), change: fn(&mut Service)| {
        let mut service = service;
        change(&mut service);
        (key, service)
    };
    let out = || vec![port("http", Protocol::Tcp, 80, Some(30080), two())];
    vec![
        service("plain", 1, web()),
        service("none", 2, vec![port("", Protocol::Tcp, 80, Some(30002), vec![])]),
        service(
            "dns",
            3,
            vec![port("dns", Protocol::Udp, 53, None, two()), port("dns-tcp", Protocol::Tcp, 53, None, two())],
        ),
        service("sctp", 4, vec![port("", Protocol::Sctp, 7, None, two())]),
        service("node-port", 5, out()),
        with(service("sticky", 6, web()), |s| s.affinity_seconds = Some(10800)),
        with(service("inside-local", 7, web()), |s| s.internal_traffic_local = true),
        with(service("outside-local", 8, out()), |s| s.external_traffic_local = true),
        with(service("elsewhere", 9, out()), |s| {
            s.external_traffic_local = true;
            s.ports[0].endpoints.remove(0);
        }),
        with(service("external", 10, web()), |s| s.external_ips = vec!["192.0.2.7".parse().unwrap()]),
        with(service("balanced", 11, out()), |s| {
            s.load_balancer_ips = vec!["192.0.2.50".parse().unwrap()];
            s.load_balancer_source_ranges = vec!["203.0.113.0/24".parse().unwrap()];
        }),
        with(service("draining", 12, web()), |s| {
            s.internal_traffic_local = true;
            s.ports[0].endpoints[0].local_only = true;
        }),
    ]
}

fn golden(name: &str, text: &str) {
    let path = format!("{}/src/iptables/golden/{name}.rules", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected == text, "{path} differs; now it is\n{text}");
}

#[test]
fn all_services_at_once() {
    let mut tables = tables();
    let all = services().into_iter().map(|(key, service)| (key, Some(tables.rules(&service)))).collect();
    tables.full(all).unwrap();
    golden("full", &tables.tables.restores.concat());
}

#[test]
fn one_change_after_another() {
    let mut tables = tables();
    tables.full(BTreeMap::new()).unwrap();
    let mut text = String::new();
    let mut step = |what: &str, key: &str, service: Option<&Service>| {
        tables.tables.restores.clear();
        let rules = service.map(|service| tables.rules(service));
        tables.change([(key.to_owned(), rules)].into()).unwrap();
        let _ = write!(text, "# {what}\n{}", tables.tables.restores.concat());
    };
    let mut names: Vec<String> = Vec::new();
    for (key, service) in services() {
        step(&format!("{key} comes"), &key, Some(&service));
        let mut less = service;
        for port in &mut less.ports {
            port.endpoints.pop();
        }
        step(&format!("{key} loses an endpoint"), &key, Some(&less));
        names.push(key);
    }
    for key in names {
        step(&format!("{key} goes"), &key, None);
    }
    golden("changes", &text);
}
