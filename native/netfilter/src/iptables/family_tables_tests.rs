use super::*;
use crate::model::Protocol;
use crate::testing::{self, endpoint, port};
use proptest::prelude::*;
use xtables::address::Family;
use xtables::memory::Memory;

fn tables() -> FamilyTables<Memory> {
    over(Memory::default())
}

fn over(memory: Memory) -> FamilyTables<Memory> {
    FamilyTables::new(memory, FamilyConfig::of(&testing::config(), Family::Ipv4))
}

fn service(index: u8, endpoints: &[u8]) -> Service {
    let endpoints =
        endpoints.iter().map(|n| endpoint(&format!("10.244.{index}.{n}"), 80, n.is_multiple_of(2))).collect();
    let protocol = if index.is_multiple_of(2) { Protocol::Udp } else { Protocol::Tcp };
    let mut only = port("", protocol, 80, endpoints);
    only.node_port = index.is_multiple_of(3).then_some(30000 + u16::from(index));
    Service {
        cluster_ip: Some([10, 96, 0, index].into()),
        ports: vec![only],
        external_traffic_local: index.is_multiple_of(5),
        internal_traffic_local: index.is_multiple_of(7),
        affinity_seconds: index.is_multiple_of(4).then_some(60),
        ..testing::service("default", &format!("s{index}"))
    }
}

fn name(index: u8) -> String {
    format!("default/s{index}")
}

fn changes(tables: &FamilyTables<Memory>, services: &[(u8, Option<&[u8]>)]) -> Changes {
    let rules = |index, endpoints: Option<&[u8]>| endpoints.map(|some| tables.rules(&service(index, some)));
    services.iter().map(|(index, endpoints)| (name(*index), rules(*index, *endpoints))).collect()
}

fn full(tables: &mut FamilyTables<Memory>, services: &[(u8, &[u8])]) -> Written {
    let services: Vec<_> = services.iter().map(|(index, endpoints)| (*index, Some(*endpoints))).collect();
    let changes = changes(tables, &services);
    tables.full(changes).unwrap()
}

fn change(tables: &mut FamilyTables<Memory>, services: &[(u8, Option<&[u8]>)]) -> Written {
    let changes = changes(tables, services);
    tables.change(changes).unwrap()
}

fn saved(tables: &mut FamilyTables<Memory>) -> String {
    tables.tables.save("nat").unwrap() + &tables.tables.save("filter").unwrap()
}

#[test]
fn a_changed_endpoint_writes_only_its_chains() {
    let mut tables = tables();
    let all: Vec<(u8, &[u8])> = (1..=50).map(|index| (index, &[1u8, 2][..])).collect();
    full(&mut tables, &all);
    let written = change(&mut tables, &[(1, Some(&[1, 3]))]);
    assert_eq!(written, Written { chains: 2, removed: 1, ..Written::default() });
    let last = tables.tables.restores.last().unwrap();
    assert!(!last.contains("KUBE-SERVICES -"), "{last}");
    assert_eq!(change(&mut tables, &[(1, Some(&[1, 3]))]), Written::default(), "nothing changed, nothing is written");
}

/// The first line leads.
#[test]
fn an_address_that_several_claim_is_led_to_its_owner() {
    let mut tables = tables();
    let address: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    let claims: [fn(&mut Service, std::net::IpAddr); 3] = [
        |service, address| service.external_ips = vec![address],
        |service, address| service.load_balancer_ips = vec![address],
        |service, address| service.cluster_ip = Some(address),
    ];
    let all = (1..).zip(claims).map(|(index, claim)| {
        let mut service = service(index, &[1]);
        service.ports[0].protocol = Protocol::Tcp;
        claim(&mut service, address);
        (name(index), Some(tables.rules(&service)))
    });
    tables.full(all.collect()).unwrap();
    let saved = saved(&mut tables);
    let lines = saved.lines().filter(|line| line.starts_with("-A KUBE-SERVICES -d 192.0.2.7/32"));
    let owners: Vec<&str> = lines.filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(owners, ["default/s3 cluster IP", "default/s2 load balancer IP", "default/s1 external IP"]);
}

#[test]
fn a_new_process_takes_over_and_removes_what_went_meanwhile() {
    let mut first = tables();
    full(&mut first, &[(1, &[1]), (2, &[1])]);
    let mut second = over(first.tables);
    assert_eq!(full(&mut second, &[(1, &[1])]).removed, 2);
    let saved = saved(&mut second);
    assert!(!saved.contains("s2") && saved.contains("default/s1"));
    assert_eq!(saved.matches("-A PREROUTING").count(), 1, "hooks are not doubled");
}

#[test]
fn tables_that_take_nothing_are_no_fault_of_a_service() {
    let mut tables = tables();
    full(&mut tables, &[(1, &[1])]);
    tables.tables.fail = true;
    let both = changes(&tables, &[(2, Some(&[1])), (3, Some(&[1]))]);
    assert!(tables.change(both.clone()).is_err());
    assert!(tables.full(both).is_err());
    tables.tables.fail = false;
    assert!(full(&mut tables, &[(2, &[1])]).refused.is_empty());
}

#[test]
fn verification_sees_what_somebody_took_away() {
    type Tampering = (&'static str, fn(&mut Memory));
    let tamper: [Tampering; 5] = [
        ("everything", |memory| memory.tables.clear()),
        ("a jump", |memory| memory.tables.get_mut("nat").unwrap().get_mut("OUTPUT").unwrap().clear()),
        ("a jump of filter", |memory| memory.tables.get_mut("filter").unwrap().get_mut("FORWARD").unwrap().clear()),
        ("the rules of a chain", |memory| {
            let nat = memory.tables.get_mut("nat").unwrap();
            nat.iter_mut().find(|(chain, _)| chain.starts_with("KUBE-SVC")).unwrap().1.clear();
        }),
        ("a shared chain", |memory| drop(memory.tables.get_mut("filter").unwrap().remove("KUBE-FORWARD"))),
    ];
    for (what, tamper) in tamper {
        let mut tables = tables();
        full(&mut tables, &[(1, &[1, 2])]);
        assert!(tables.verify().unwrap(), "{what}");
        tamper(&mut tables.tables);
        assert!(!tables.verify().unwrap(), "{what}");
        full(&mut tables, &[(1, &[1, 2])]);
        assert!(tables.verify().unwrap(), "{what} was written anew");
    }
}

#[test]
fn cleanup_leaves_others_alone() {
    let mut tables = tables();
    let theirs = ("THEIRS".to_owned(), vec!["-j ACCEPT".to_owned()]);
    tables.tables.tables.insert("nat".to_owned(), [theirs].into());
    full(&mut tables, &[(3, &[1])]);
    tables.cleanup().unwrap();
    let saved = saved(&mut tables);
    assert!(saved.contains("THEIRS") && !saved.contains("KUBE"), "{saved}");
}

#[test]
fn one_bad_service_never_fails_the_others() {
    for names_lines in [true, false] {
        for (bad, all) in [(3, 1..=9), (1, 1..=1), (9, 1..=9)] {
            let mut tables = tables();
            full(&mut tables, &[(20, &[1])]);
            let bad_name = format!("default/s{bad} ");
            tables.tables.refuse = Some(bad_name.clone());
            tables.tables.names_lines = names_lines;
            let all: Vec<(u8, Option<&[u8]>)> = all.map(|index| (index, Some(&[1u8, 2][..]))).collect();
            for whole in [false, true] {
                let changes = changes(&tables, &all);
                let written = if whole { tables.full(changes) } else { tables.change(changes) }.unwrap();
                assert_eq!(written.refused.keys().collect::<Vec<_>>(), [&name(bad)]);
                assert!(written.refused[&name(bad)].contains("not supported"), "{:?}", written.refused);
                let saved = saved(&mut tables);
                assert!(!saved.contains(&bad_name) && saved.contains("KUBE-MARK-MASQ"));
                for (index, _) in all.iter().filter(|(index, _)| *index != bad) {
                    assert!(saved.contains(&format!("{} ", name(*index))), "{index}");
                }
            }
        }
    }
}

#[test]
fn a_refused_change_leaves_the_service_as_it_was() {
    let mut tables = tables();
    full(&mut tables, &[(1, &[1]), (3, &[1])]);
    let before = saved(&mut tables);
    tables.tables.refuse = Some("10.244.3.77".into());
    assert_eq!(change(&mut tables, &[(3, Some(&[77]))]).refused.len(), 1);
    assert_eq!(saved(&mut tables), before);
    assert!(tables.verify().unwrap());
    tables.tables.refuse = None;
    assert!(change(&mut tables, &[(3, Some(&[77]))]).refused.is_empty());
    assert!(saved(&mut tables).contains("10.244.3.77"));
}

/// Services of a step, each with its endpoints; None: it goes.
type Step = Vec<(u8, Option<std::collections::BTreeSet<u8>>)>;

fn step() -> impl Strategy<Value = Step> {
    prop::collection::vec((1u8..22, prop::option::of(prop::collection::btree_set(1u8..6, 0..4))), 1..4)
}

proptest! {
    /// Whatever the order of changes, what is refused meanwhile and what an earlier process left, the tables are those
    /// that one full sync of the end state makes.
    #[test]
    fn changes_end_where_a_full_sync_would(
        steps in prop::collection::vec((step(), any::<bool>()), 1..20),
        refused in prop::option::of(1u8..22),
        names_lines: bool,
    ) {
        let mut tables = tables();
        tables.tables.refuse = refused.map(|index| format!("{} ", name(index)));
        tables.tables.names_lines = names_lines;
        full(&mut tables, &[]);
        let mut state: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for (services, restart) in steps {
            let services: BTreeMap<u8, Option<Vec<u8>>> =
                services.into_iter().map(|(index, set)| (index, set.map(|set| set.into_iter().collect()))).collect();
            for (index, endpoints) in &services {
                match endpoints {
                    Some(endpoints) => { state.insert(*index, endpoints.clone()); }
                    None => { state.remove(index); }
                }
            }
            if restart {
                tables = over(tables.tables);
                let all: Vec<(u8, &[u8])> = state.iter().map(|(index, some)| (*index, some.as_slice())).collect();
                full(&mut tables, &all);
            } else {
                let some: Vec<_> = services.iter().map(|(index, some)| (*index, some.as_deref())).collect();
                change(&mut tables, &some);
            }
            prop_assert!(tables.verify().unwrap());
        }
        let mut fresh = self::tables();
        fresh.tables.refuse.clone_from(&tables.tables.refuse);
        let all: Vec<(u8, &[u8])> = state.iter().map(|(index, some)| (*index, some.as_slice())).collect();
        full(&mut fresh, &all);
        prop_assert_eq!(tables.tables.tables, fresh.tables.tables);
    }
}
