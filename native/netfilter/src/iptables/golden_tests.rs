//! The text that iptables-restore gets, byte by byte. `UPDATE_GOLDEN=1 cargo test -p netfilter` writes the files anew.

use std::fmt::Write;

use super::proxy::Proxy;
use super::proxy::tests::Fake;
use crate::model::{Endpoint, NodeConfig, Protocol, Service, ServicePort};

fn config() -> NodeConfig {
    NodeConfig {
        cluster_cidr: Some("10.244.0.0/16".into()),
        pod_cidr: Some("10.244.0.0/24".into()),
        localhost_node_ports: true,
    }
}

fn endpoint(ip: &str, port: u16, local: bool) -> Endpoint {
    Endpoint { ip: ip.parse().unwrap(), port, local, local_only: false }
}

fn port(name: &str, protocol: Protocol, port: u16, node_port: Option<u16>, endpoints: Vec<Endpoint>) -> ServicePort {
    ServicePort { name: name.into(), protocol, port, node_port, endpoints }
}

fn service(name: &str, last: u8, ports: Vec<ServicePort>) -> (String, Service) {
    let cluster_ip = Some([10, 96, 0, last].into());
    let service = Service { namespace: "shop".into(), name: name.into(), cluster_ip, ports, ..Service::default() };
    (format!("shop/{name}"), service)
}

fn services() -> Vec<(String, Service)> {
    let two = || vec![endpoint("10.244.0.5", 8080, true), endpoint("10.244.1.6", 8080, false)];
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
    let mut proxy = Proxy::new(Fake::default(), config());
    for (key, service) in services() {
        proxy.set(key, Some(service));
    }
    proxy.sync().unwrap();
    golden("full", &proxy.tables.restores.concat());
}

#[test]
fn one_change_after_another() {
    let mut proxy = Proxy::new(Fake::default(), config());
    proxy.sync().unwrap();
    let mut text = String::new();
    let mut step = |proxy: &mut Proxy<Fake>, what: &str, key: &str, service: Option<Service>| {
        proxy.tables.restores.clear();
        proxy.set(key.to_owned(), service);
        proxy.sync().unwrap();
        let _ = write!(text, "# {what}\n{}", proxy.tables.restores.concat());
    };
    let mut names: Vec<String> = Vec::new();
    for (key, service) in services() {
        step(&mut proxy, &format!("{key} comes"), &key, Some(service.clone()));
        let mut less = service;
        for port in &mut less.ports {
            port.endpoints.pop();
        }
        step(&mut proxy, &format!("{key} loses an endpoint"), &key, Some(less));
        names.push(key);
    }
    for key in names {
        step(&mut proxy, &format!("{key} goes"), &key, None);
    }
    golden("changes", &text);
}
