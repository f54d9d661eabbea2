use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{Endpoint, NodeConfig, Service};
use crate::nftables::memory::{Content, Memory};
use crate::testing::{self, endpoint, port};

fn table() -> Table<Memory> {
    let node = NodeConfig { service_cidrs: vec!["10.96.0.0/16".parse().unwrap()], ..testing::config() };
    Table::new(Memory::default(), FamilyConfig::of(&node, Family::Ipv4), &NAT)
}

fn endpoints(count: u8) -> Vec<Endpoint> {
    (1..=count).map(|last| endpoint(&format!("10.244.{}.{last}", last % 2), 8080, last % 2 == 0)).collect()
}

fn web(name: &str, last: u8, count: u8) -> Service {
    Service {
        cluster_ip: Some([10, 96, 0, last].into()),
        ports: vec![port("http", Protocol::Tcp, 80, endpoints(count))],
        ..testing::service("shop", name)
    }
}

fn with(service: Service, change: impl FnOnce(&mut Service)) -> Service {
    let mut service = service;
    change(&mut service);
    service
}

fn changes<const N: usize>(services: [(&str, Option<Service>); N]) -> Changes {
    services.into_iter().map(|(name, service)| (format!("shop/{name}"), service.map(Arc::new))).collect()
}

fn goes_to(content: &Content, set: &str) -> Vec<String> {
    content.sets[set].values().map(|value| format!("{value:?}")).collect()
}

#[test]
fn a_change_names_only_what_differs() {
    let mut table = table();
    table.full(changes([("a", Some(web("a", 1, 2))), ("b", Some(web("b", 2, 2)))])).unwrap();
    table.door.steps.clear();
    table.change(changes([("a", Some(web("a", 1, 2)))])).unwrap();
    assert_eq!(table.door.steps, [], "nothing differs");
    let moved = with(web("a", 1, 2), |a| a.ports[0].endpoints[1] = endpoint("10.244.9.9", 8080, false));
    table.change(changes([("a", Some(moved))])).unwrap();
    assert!(
        table.door.steps.iter().all(|step| matches!(
            step,
            Step::Remove(SetName::Endpoints | SetName::Hairpin, _) | Step::Add(SetName::Endpoints, ..)
        )),
        "{:?}",
        table.door.steps
    );
    table.door.steps.clear();
    table.change(changes([("a", Some(web("a", 1, 3)))])).unwrap();
    let chains: Vec<_> = table.door.steps.iter().filter(|step| matches!(step, Step::AddChain(..))).collect();
    assert_eq!(chains.len(), 1, "the chain for three endpoints; that for two serves the other");
    assert!(!table.door.steps.iter().any(|step| matches!(step, Step::DeleteChain(_))));
    table.door.steps.clear();
    table.change(changes([("b", Some(web("b", 2, 3)))])).unwrap();
    let to_chains = table.door.steps.iter().filter(|step| matches!(step, Step::Add(_, _, Value::Goto(_))));
    assert_eq!(to_chains.count(), 0, "that chain is there, and its number is no chain: {:?}", table.door.steps);
}

#[test]
fn an_address_that_two_claim_belongs_to_one_until_it_goes() {
    let shared =
        |name, last| with(web(name, last, 1), |service| service.external_ips = vec!["192.0.2.7".parse().unwrap()]);
    let mut table = table();
    table.full(changes([("b", Some(shared("b", 2)))])).unwrap();
    let written = table.change(changes([("c", Some(shared("c", 3)))])).unwrap();
    assert_eq!(written.refused["shop/c"], "192.0.2.7 port 80/tcp belongs to Service shop/b; all else is served");
    assert_eq!(table.door.content().sets["service-kinds"].len(), 3);
    table.change(changes([("b", None)])).unwrap();
    assert_eq!(table.door.content().sets["service-kinds"].len(), 2, "the other one has it now");
    let thief = with(web("thief", 4, 1), |service| service.external_ips = vec!["10.96.0.3".parse().unwrap()]);
    let written = table.change(changes([("a-thief", Some(thief))])).unwrap();
    assert!(written.refused["shop/a-thief"].contains("belongs to Service shop/c"), "{written:?}");
}

#[test]
fn a_service_that_the_kernel_refuses_keeps_no_other() {
    let bad = || with(web("bad", 9, 1), |service| service.ports[0].port = 666);
    for full in [true, false] {
        let mut table = table();
        table.door.refused_port = Some(666);
        let all = changes([("a", Some(web("a", 1, 1))), ("bad", Some(bad())), ("c", Some(web("c", 3, 1)))]);
        let written = if full {
            table.full(all).unwrap()
        } else {
            table.full(Changes::new()).unwrap();
            table.change(all).unwrap()
        };
        assert_eq!(written.refused.keys().collect::<Vec<_>>(), ["shop/bad"]);
        assert_eq!(table.door.content().sets["service-kinds"].len(), 2);
        table.door.refused_port = None;
        assert!(table.change(changes([("bad", Some(bad()))])).unwrap().refused.is_empty());
        assert_eq!(table.door.content().sets["service-kinds"].len(), 3);
    }
}

#[test]
fn services_are_served_while_a_refused_one_is_looked_for() {
    let bad = with(web("bad", 9, 1), |service| service.ports[0].port = 666);
    let good = || ["a", "b", "c"].map(|name| (name, Some(web(name, name.as_bytes()[0], 1))));
    let mut table = table();
    table.full(changes(good())).unwrap();
    table.door.refused_port = Some(666);
    table.door.generation = 7;
    let mut all = changes(good());
    all.extend(changes([("bad", Some(bad))]));
    let written = table.full(all).unwrap();
    assert_eq!(written.refused.keys().collect::<Vec<_>>(), ["shop/bad"]);
    assert_eq!(table.door.generation, 8, "one transaction, from the old table to the new one");
    assert_eq!(table.door.content().sets["service-kinds"].len(), 3);
}

#[test]
fn what_somebody_changed_is_seen() {
    let mut table = table();
    assert!(!table.verify().unwrap(), "nothing is known yet");
    table.full(changes([("a", Some(web("a", 1, 2)))])).unwrap();
    table.change(changes([("b", Some(web("b", 2, 1)))])).unwrap();
    assert!(table.verify().unwrap());
    table.door.generation += 1;
    assert!(table.verify().unwrap(), "somebody changed something else");
    let tampering: [fn(&mut Content); 3] = [
        |content| content.chains.get_mut("services").unwrap().clear(),
        |content| drop(content.sets.get_mut("service-kinds").unwrap().pop_first()),
        |content| *content.sets.get_mut("endpoints").unwrap().values_mut().next().unwrap() = Value::Drop,
    ];
    for tamper in tampering {
        tamper(table.door.content.as_mut().unwrap());
        table.door.generation += 1;
        assert!(!table.verify().unwrap());
        table.full(changes([("a", Some(web("a", 1, 2))), ("b", Some(web("b", 2, 1)))])).unwrap();
        assert!(table.verify().unwrap());
    }
    table.door.content = None;
    table.door.generation += 1;
    assert!(!table.verify().unwrap());
    table.cleanup().unwrap();
    assert_eq!(table.door.content, None);
}

#[test]
fn clients_stay_with_their_endpoints_when_all_is_written_anew() {
    let sticky = || changes([("a", Some(with(web("a", 1, 2), |service| service.affinity_seconds = Some(60))))]);
    let mut first = table();
    first.full(sticky()).unwrap();
    let client = Key::Loop("10.244.0.9".parse().unwrap());
    let remembered = |content: &Content| -> usize {
        content.sets.iter().filter(|(set, _)| set.starts_with("affinity-")).map(|(_, clients)| clients.len()).sum()
    };
    for (set, clients) in &mut first.door.content.as_mut().unwrap().sets {
        if set.starts_with("affinity-") {
            clients.insert(client, Value::None);
        }
    }
    let mut second = table();
    second.door = std::mem::take(&mut first.door);
    second.full(sticky()).unwrap();
    assert_eq!(remembered(second.door.content()), 2);
    second.full(Changes::new()).unwrap();
    assert_eq!(remembered(second.door.content()), 0, "nobody stays with what is gone");
}

#[test]
fn packets_that_nobody_is_there_for_are_refused_or_dropped() {
    let outside = |service: Service| {
        with(service, |service| {
            service.ports[0].node_port = Some(30080);
            service.external_ips = vec!["192.0.2.7".parse().unwrap()];
            service.external_traffic_local = true;
            service.internal_traffic_local = true;
        })
    };
    let cases = [(0, "Goto(\"reject-chain\")", 2, 0), (1, "Drop", 2, 2)];
    for (count, verdict, addresses, entries) in cases {
        let mut table = table();
        table.full(changes([("a", Some(outside(web("a", 1, count))))])).unwrap();
        let content = table.door.content();
        assert_eq!(goes_to(content, "no-endpoint-services"), vec![verdict; addresses]);
        assert_eq!(goes_to(content, "no-endpoint-nodeports"), [verdict]);
        let let_in = content.sets["service-kinds"].len() + content.sets["nodeport-kinds"].len();
        assert_eq!(let_in, entries, "pods and the node reach endpoints elsewhere by the outer addresses");
    }
}

/// Services that share addresses, endpoints and chains.
fn any_service(name: &'static str) -> impl Strategy<Value = Option<Service>> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let fields = (0..5_u8, 1..4_u8, flags, 0..4_u8);
    proptest::option::weighted(0.8, fields).prop_map(move |fields| {
        let (count, last, (sticky, inside, outside, node_port, draining), external) = fields?;
        let mut service = web(name, last, count);
        service.affinity_seconds = sticky.then_some(60);
        (service.internal_traffic_local, service.external_traffic_local) = (inside, outside);
        service.ports[0].node_port = node_port.then_some(30080);
        let address = |last: u8| std::net::IpAddr::from([192, 0, 2, last]);
        match external {
            0 => {}
            1 => service.external_ips = vec![address(1), address(2)],
            2 => service.load_balancer_ips = vec![address(1), address(1)],
            _ => {
                service.load_balancer_ips = vec![address(2)];
                service.load_balancer_source_ranges =
                    ["10.0.0.0/8", "10.1.0.0/16"].map(|it| it.parse().unwrap()).into();
            }
        }
        if let (true, Some(last)) = (draining, service.ports[0].endpoints.last_mut()) {
            (last.local, last.local_only) = (true, true);
        }
        Some(service)
    })
}

proptest! {
    #[test]
    fn any_sequence_of_changes_ends_in_what_all_at_once_writes(
        steps in prop::collection::vec(
            (any_service("a"), any_service("b"), any_service("c"), any::<[bool; 3]>()),
            1..8,
        )
    ) {
        let mut changed = table();
        changed.full(Changes::new()).unwrap();
        let mut state = Changes::new();
        for (a, b, c, named) in steps {
            let all = changes([("a", a), ("b", b), ("c", c)]);
            let delta: Changes = all.into_iter().zip(named).filter_map(|(change, named)| named.then_some(change)).collect();
            state.extend(delta.clone());
            let written = changed.change(delta).unwrap();
            prop_assert!(written.refused.values().all(|why| why.contains("belongs to")), "{written:?}");
        }
        state.retain(|_, service| service.is_some());
        let mut whole = table();
        whole.full(state).unwrap();
        prop_assert_eq!(changed.door.content(), whole.door.content());
        prop_assert!(changed.verify().unwrap());
        changed.door.generation += 1;
        prop_assert!(changed.verify().unwrap());
        let all_gone = changes([("a", None), ("b", None), ("c", None)]);
        changed.change(all_gone).unwrap();
        whole.full(Changes::new()).unwrap();
        prop_assert_eq!(changed.door.content(), whole.door.content());
    }
}
