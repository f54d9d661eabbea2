use std::sync::Arc;

use proptest::prelude::*;
use xtables::address::Family;

use super::super::memory::Memory as Servers4;
use super::super::rules::IPVS;
use super::*;
use crate::model::{NodeConfig, Protocol, Service};
use crate::nftables::chains::FamilyConfig;
use crate::nftables::memory::{Content, Memory};
use crate::nftables::sets::{Key, Value};
use crate::testing::{self, endpoint, port};

type Test = FamilyServers<Memory, Servers4>;

fn node(change: impl FnOnce(&mut NodeConfig)) -> Test {
    let mut node = NodeConfig { service_cidrs: vec!["10.96.0.0/16".parse().unwrap()], ..testing::config() };
    change(&mut node);
    let table = Table::new(Memory::default(), FamilyConfig::of(&node, Family::Ipv4), &IPVS);
    let own = ["192.0.2.1", "10.244.0.1"].map(|text| text.parse().unwrap()).into();
    FamilyServers::new(table, Servers4 { own, ..Servers4::default() }, &node.ipvs)
}

fn plain() -> Test {
    node(|_| {})
}

/// The last endpoint is on another node.
fn endpoints(count: u8) -> Vec<Endpoint> {
    (1..=count)
        .map(|last| endpoint(&format!("10.244.{}.{last}", u8::from(last == count)), 8080, last < count))
        .collect()
}

fn web(name: &str, last: u8, count: u8, change: impl FnOnce(&mut Service)) -> (String, Option<Arc<Service>>) {
    let mut service = Service {
        cluster_ip: Some([10, 96, 0, last].into()),
        ports: vec![port("http", Protocol::Tcp, 80, endpoints(count))],
        ..testing::service("shop", name)
    };
    change(&mut service);
    (format!("shop/{name}"), Some(Arc::new(service)))
}

fn without_last(service: &mut Service) {
    let endpoints = &mut service.ports[0].endpoints;
    endpoints.truncate(endpoints.len() - 1);
}

fn gone(name: &str) -> (String, Option<Arc<Service>>) {
    (format!("shop/{name}"), None)
}

fn shown_servers(test: &Test) -> Vec<String> {
    let server = |(key, server): (&ServerKey, &Server)| {
        let ServerKey { address, protocol, port } = key;
        let to: Vec<_> =
            server.destinations.iter().map(|((ip, port), weight)| format!("{ip}:{port}={weight}")).collect();
        let sticky = server.mode.persistent.map(|seconds| format!(" {seconds}s")).unwrap_or_default();
        format!("{} {address}:{port} {}{sticky} -> {}", protocol.name(), server.mode.scheduler, to.join(" "))
            .trim()
            .into()
    };
    test.door.servers.iter().map(server).collect()
}

/// Elements of the sets that Services fill.
fn shown_rules(test: &Test) -> Vec<String> {
    let mut lines = Vec::new();
    for (set, elements) in &test.table.door.content().sets {
        for (key, value) in elements {
            let key = match key {
                Key::Frontend(it) => it.to_string().replace(" port ", ":"),
                Key::Loop(address) | Key::Address(address) | Key::Start(address) | Key::End(address) => {
                    address.to_string()
                }
                other => format!("{other:?}"),
            };
            let value = match value {
                Value::Goto(chain) => format!(" {}", chain.split('-').next().unwrap_or_default()),
                Value::Drop => " DROP".into(),
                _ => String::new(),
            };
            let set = if set.starts_with("source-ranges-") { "source-ranges" } else { set };
            lines.push(format!("{set} {key}{value}"));
        }
    }
    lines
}

fn bound(test: &Test) -> Vec<String> {
    test.door.bound.iter().flatten().map(IpAddr::to_string).collect()
}

/// One Service, with what becomes of it: virtual servers, elements of the table, addresses of the interface.
#[test]
fn services_become_virtual_servers_rules_and_addresses() {
    type Row =
        (&'static str, fn(&mut Service), u8, &'static [&'static str], &'static [&'static str], &'static [&'static str]);
    let rows: [Row; 11] = [
        (
            "cluster address",
            |_| {},
            2,
            &["tcp 10.96.0.1:80 rr -> 10.244.0.1:8080=1 10.244.1.2:8080=1"],
            &["hairpin-connections 10.244.0.1", "service-addresses 10.96.0.1", "service-ips 10.96.0.1:80/tcp cluster"],
            &["10.96.0.1"],
        ),
        (
            "nobody",
            |_| {},
            0,
            &["tcp 10.96.0.1:80 rr ->"],
            &[
                "no-endpoint-services 10.96.0.1:80/tcp reject",
                "service-addresses 10.96.0.1",
                "service-ips 10.96.0.1:80/tcp cluster",
            ],
            &["10.96.0.1"],
        ),
        (
            "affinity",
            |it| it.affinity_seconds = Some(10800),
            1,
            &["tcp 10.96.0.1:80 rr 10800s -> 10.244.1.1:8080=1"],
            &["service-addresses 10.96.0.1", "service-ips 10.96.0.1:80/tcp cluster"],
            &["10.96.0.1"],
        ),
        (
            "internal policy Local, with an endpoint here",
            |it| it.internal_traffic_local = true,
            2,
            &["tcp 10.96.0.1:80 rr -> 10.244.0.1:8080=1"],
            &["hairpin-connections 10.244.0.1", "service-addresses 10.96.0.1", "service-ips 10.96.0.1:80/tcp cluster"],
            &["10.96.0.1"],
        ),
        (
            "internal policy Local, with endpoints elsewhere",
            |it| it.internal_traffic_local = true,
            1,
            &["tcp 10.96.0.1:80 rr ->"],
            &[
                "no-endpoint-services 10.96.0.1:80/tcp DROP",
                "service-addresses 10.96.0.1",
                "service-ips 10.96.0.1:80/tcp cluster",
            ],
            &["10.96.0.1"],
        ),
        (
            "node port, at both addresses of the node",
            |it| {
                it.cluster_ip = None;
                it.ports[0].node_port = Some(30080);
            },
            1,
            &["tcp 10.244.0.1:30080 rr -> 10.244.1.1:8080=1", "tcp 192.0.2.1:30080 rr -> 10.244.1.1:8080=1"],
            &["service-nodeports node:30080/tcp external"],
            &[],
        ),
        (
            "external policy Local, with an endpoint here",
            |it| {
                it.external_traffic_local = true;
                it.external_ips = vec!["203.0.113.9".parse().unwrap()];
                it.cluster_ip = None;
            },
            2,
            &["tcp 203.0.113.9:80 rr -> 10.244.0.1:8080=1"],
            &[
                "hairpin-connections 10.244.0.1",
                "service-addresses 203.0.113.9",
                "service-ips 203.0.113.9:80/tcp local",
            ],
            &["203.0.113.9"],
        ),
        (
            "external policy Local, with endpoints elsewhere: pods get through",
            |it| {
                it.external_traffic_local = true;
                it.external_ips = vec!["203.0.113.9".parse().unwrap()];
                it.cluster_ip = None;
            },
            1,
            &["tcp 203.0.113.9:80 rr -> 10.244.1.1:8080=1"],
            &[
                "no-endpoint-services 203.0.113.9:80/tcp drop",
                "service-addresses 203.0.113.9",
                "service-ips 203.0.113.9:80/tcp local",
            ],
            &["203.0.113.9"],
        ),
        (
            "a load balancer address of the node itself stays the node's",
            |it| {
                it.cluster_ip = None;
                it.load_balancer_ips = vec!["192.0.2.1".parse().unwrap()];
                it.load_balancer_source_ranges = vec!["198.51.100.0/24".parse().unwrap()];
            },
            1,
            &["tcp 192.0.2.1:80 rr -> 10.244.1.1:8080=1"],
            &[
                "firewall-ips 192.0.2.1:80/tcp firewall",
                "service-ips 192.0.2.1:80/tcp external",
                "source-ranges 198.51.100.0",
                "source-ranges 198.51.101.0",
            ],
            &[],
        ),
        (
            "the node sends from the address of the Service, if its own address is allowed",
            |it| {
                it.cluster_ip = None;
                it.load_balancer_ips = vec!["203.0.113.9".parse().unwrap()];
                it.load_balancer_source_ranges = vec!["192.0.2.0/24".parse().unwrap()];
            },
            1,
            &["tcp 203.0.113.9:80 rr -> 10.244.1.1:8080=1"],
            &[
                "firewall-ips 203.0.113.9:80/tcp firewall",
                "service-addresses 203.0.113.9",
                "service-ips 203.0.113.9:80/tcp external",
                "source-ranges 192.0.2.0",
                "source-ranges 192.0.3.0",
                "source-ranges 203.0.113.9",
                "source-ranges 203.0.113.10",
            ],
            &["203.0.113.9"],
        ),
        (
            "an endpoint of UDP that drains gets no new clients",
            |it| {
                it.ports[0].protocol = Protocol::Udp;
                it.ports[0].draining = vec![endpoint("10.244.1.9", 8080, false)];
            },
            1,
            &["udp 10.96.0.1:80 rr -> 10.244.1.1:8080=1 10.244.1.9:8080=0"],
            &["service-addresses 10.96.0.1", "service-ips 10.96.0.1:80/udp cluster"],
            &["10.96.0.1"],
        ),
    ];
    for (name, change, count, servers, rules, addresses) in rows {
        let mut test = plain();
        let written = test.full([web("a", 1, count, change)].into()).unwrap();
        assert_eq!(written.refused, BTreeMap::new(), "{name}");
        assert_eq!(shown_servers(&test), servers, "{name}");
        assert_eq!(shown_rules(&test), rules, "{name}");
        assert_eq!(bound(&test), addresses, "{name}");
        assert!(test.verify().unwrap(), "{name}");
    }
}

#[test]
fn node_ports_answer_on_the_addresses_that_were_asked_for() {
    let mut test = node(|node| {
        node.node_port_addresses = vec!["192.0.2.0/24".parse().unwrap()];
        node.ipvs.scheduler = "lc".into();
    });
    test.full([web("a", 1, 1, |it| it.ports[0].node_port = Some(30080))].into()).unwrap();
    assert_eq!(
        shown_servers(&test),
        ["tcp 10.96.0.1:80 lc -> 10.244.1.1:8080=1", "tcp 192.0.2.1:30080 lc -> 10.244.1.1:8080=1"]
    );
}

#[test]
fn a_connection_outlives_its_endpoint_until_it_ends() {
    let mut test = plain();
    test.full([web("a", 1, 2, |_| {})].into()).unwrap();
    let key = *test.door.servers.keys().next().unwrap();
    test.door.connections = [((key, ([10, 244, 1, 2].into(), 8080)), 3)].into();
    test.change([web("a", 1, 2, without_last)].into()).unwrap();
    let draining = ["tcp 10.96.0.1:80 rr -> 10.244.0.1:8080=1 10.244.1.2:8080=0"];
    assert_eq!(shown_servers(&test), draining);
    assert!(test.verify().unwrap());
    assert_eq!(shown_servers(&test), draining, "its connections live");
    test.full([web("a", 1, 2, without_last)].into()).unwrap();
    assert_eq!(shown_servers(&test), draining, "a new process lets them live, too");
    test.door.connections.clear();
    assert!(test.verify().unwrap());
    assert_eq!(shown_servers(&test), ["tcp 10.96.0.1:80 rr -> 10.244.0.1:8080=1"]);
    test.change([web("a", 1, 1, without_last)].into()).unwrap();
    test.change([web("a", 1, 2, |_| {})].into()).unwrap();
    assert_eq!(shown_servers(&test), ["tcp 10.96.0.1:80 rr -> 10.244.0.1:8080=1 10.244.1.2:8080=1"], "it is back");
}

#[test]
fn a_change_names_only_what_differs() {
    let mut test = plain();
    test.full([web("a", 1, 2, |_| {}), web("b", 2, 2, |_| {})].into()).unwrap();
    test.door.steps.clear();
    test.change([web("a", 1, 2, |_| {})].into()).unwrap();
    assert_eq!(test.door.steps, []);
    test.change([web("a", 1, 2, |it| it.ports[0].endpoints[1].port = 81)].into()).unwrap();
    assert_eq!(test.door.steps.len(), 2, "{:?}", test.door.steps);
    test.door.steps.clear();
    test.change([gone("a")].into()).unwrap();
    assert!(matches!(test.door.steps[..], [Step::DeleteServer(_)]), "{:?}", test.door.steps);
    assert_eq!(bound(&test), ["10.96.0.2"]);
}

#[test]
fn what_somebody_changed_is_seen_and_repaired() {
    let all = || [web("a", 1, 2, |it| it.ports[0].node_port = Some(30080)), web("b", 2, 1, |_| {})].into();
    let mut test = plain();
    assert!(!test.verify().unwrap(), "nothing is known yet");
    test.full(all()).unwrap();
    assert!(test.verify().unwrap());
    let (servers, rules, addresses) = (shown_servers(&test), shown_rules(&test), bound(&test));
    let tampering: [fn(&mut Test); 6] = [
        |it| drop(it.door.servers.pop_first()),
        |it| it.door.servers.values_mut().for_each(|server| server.destinations.clear()),
        |it| it.door.servers.values_mut().for_each(|server| server.mode.scheduler = "sh".into()),
        |it| it.door.bound = None,
        |it| it.door.bound.as_mut().unwrap().extend(["203.0.113.7".parse::<IpAddr>().unwrap()]),
        |it| {
            it.table.door.content.as_mut().unwrap().chains.get_mut("services").unwrap().clear();
            it.table.door.generation += 1;
        },
    ];
    for (at, tamper) in tampering.into_iter().enumerate() {
        tamper(&mut test);
        assert!(!test.verify().unwrap(), "{at}");
        test.full(all()).unwrap();
        assert!(test.verify().unwrap(), "{at}");
        assert_eq!(
            (shown_servers(&test), shown_rules(&test), bound(&test)),
            (servers.clone(), rules.clone(), addresses.clone())
        );
    }
    test.door.own.insert("192.0.2.2".parse().unwrap());
    assert!(!test.verify().unwrap(), "node ports answer on a new address");
    test.full(all()).unwrap();
    assert_eq!(shown_servers(&test).len(), servers.len() + 1);
}

#[test]
fn virtual_servers_of_other_programs_stay_where_they_are_excluded() {
    let foreign = |address: &str| {
        let key = ServerKey { address: address.parse().unwrap(), protocol: Protocol::Tcp, port: 443 };
        let mode = Mode { scheduler: "wlc".into(), persistent: None };
        (key, Server { mode, destinations: BTreeMap::new() })
    };
    let mut test = node(|node| node.ipvs.exclude_cidrs = vec!["203.0.113.0/24".parse().unwrap()]);
    test.door.servers.extend([foreign("203.0.113.5"), foreign("198.51.100.5")]);
    test.full([web("a", 1, 1, |_| {})].into()).unwrap();
    assert_eq!(shown_servers(&test), ["tcp 10.96.0.1:80 rr -> 10.244.1.1:8080=1", "tcp 203.0.113.5:443 wlc ->"]);
    assert!(test.verify().unwrap());
}

#[test]
fn a_service_that_the_kernel_refuses_keeps_no_other() {
    let bad = || web("bad", 9, 1, |it| it.ports[0].port = 666);
    let mut test = plain();
    test.door.refused_port = Some(666);
    let written = test.full([web("a", 1, 1, |_| {}), bad()].into()).unwrap();
    assert_eq!(written.refused.keys().collect::<Vec<_>>(), ["shop/bad"]);
    assert_eq!(shown_servers(&test).len(), 1);
    assert!(test.verify().unwrap(), "the others are as they must be");
    test.door.refused_port = None;
    assert!(test.change([bad()].into()).unwrap().refused.is_empty(), "it is tried again");
    assert_eq!((shown_servers(&test).len(), bound(&test)), (2, vec!["10.96.0.1".into(), "10.96.0.9".into()]));
}

#[test]
fn an_address_of_the_node_is_a_load_balancers_before_it_is_a_node_ports() {
    let balanced = |it: &mut Service| {
        it.load_balancer_ips = vec!["192.0.2.1".parse().unwrap()];
        it.ports[0].port = 30080;
    };
    let node_port = web("a", 1, 2, |it| it.ports[0].node_port = Some(30080));
    let mut test = plain();
    test.full([node_port].into()).unwrap();
    let at = |test: &Test| shown_servers(test).into_iter().find(|line| line.contains("192.0.2.1:30080")).unwrap();
    assert!(at(&test).contains("10.244.0.1:8080=1"));
    test.change([web("b", 2, 1, balanced)].into()).unwrap();
    assert!(at(&test).contains("10.244.1.1:8080=1 10.244.1.2:8080=0"), "{}", at(&test));
    test.change([gone("b")].into()).unwrap();
    assert!(at(&test).contains("10.244.0.1:8080=1"), "{}", at(&test));
}

#[test]
fn nothing_is_left_behind() {
    let mut test = plain();
    test.full([web("a", 1, 2, |_| {})].into()).unwrap();
    test.cleanup().unwrap();
    assert_eq!((test.door.servers.len(), test.door.bound.as_ref(), test.table.door.content.as_ref()), (0, None, None));
}

/// Without what drains.
fn whole(test: &mut Test) -> (Vec<String>, Vec<String>, Content) {
    assert!(test.verify().unwrap());
    (shown_servers(test), bound(test), test.table.door.content().clone())
}

fn any_service() -> impl Strategy<Value = (u8, Option<(u8, u8, u8)>)> {
    (0_u8..4, prop::option::weighted(0.8, (0_u8..4, 0_u8..64, 0_u8..2)))
}

fn made((at, shape): (u8, Option<(u8, u8, u8)>)) -> (String, Option<Arc<Service>>) {
    let name = ["a", "b", "c", "d"][usize::from(at)];
    let Some((count, bits, shared)) = shape else { return gone(name) };
    let bit = |which: u8| bits & 1 << which != 0;
    web(name, at + 1, count, |it| {
        it.internal_traffic_local = bit(0);
        it.external_traffic_local = bit(1);
        it.affinity_seconds = bit(2).then_some(60);
        it.ports[0].node_port = bit(3).then_some(30000 + u16::from(at));
        // Several may claim one.
        it.external_ips = bit(4).then(|| [203, 0, 113, shared].into()).into_iter().collect();
        it.load_balancer_ips = if bit(5) { vec![[192, 0, 2, shared].into()] } else { vec![] };
        if shared == 1 {
            it.load_balancer_source_ranges = vec!["192.0.2.0/25".parse().unwrap()];
            it.ports[0].protocol = Protocol::Udp;
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn changes_end_in_what_all_at_once_writes(turns in prop::collection::vec(prop::collection::vec(any_service(), 1..4), 1..8)) {
        let mut test = plain();
        test.full(Changes::new()).unwrap();
        let mut all = Changes::new();
        for turn in turns {
            let changes: Changes = turn.into_iter().map(made).collect();
            all.extend(changes.clone());
            test.change(changes).unwrap();
        }
        all.retain(|_, service| service.is_some());
        let mut other = plain();
        other.full(all).unwrap();
        prop_assert_eq!(whole(&mut test), whole(&mut other));
    }
}
