use super::*;
use crate::model::{Endpoint, Protocol, ServicePort};
use proptest::prelude::*;

/// Tables in memory that understand what we send, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    /// Rules by chain, for each table.
    tables: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    pub restores: Vec<String>,
    fail: bool,
    forgotten: usize,
}

impl Tables for Fake {
    fn save(&mut self, table: &str) -> Result<String, NetfilterError> {
        let mut text = String::new();
        for (chain, rules) in self.tables.entry(table.to_owned()).or_default() {
            let _ = writeln!(text, ":{chain} - [0:0]");
            for rule in rules {
                let _ = writeln!(text, "-A {chain} {rule}");
            }
        }
        Ok(text)
    }

    fn restore(&mut self, input: &str) -> Result<(), NetfilterError> {
        if self.fail {
            return Err(NetfilterError::Failed {
                program: "fake",
                arguments: String::new(),
                message: "told to".into(),
            });
        }
        self.restores.push(input.to_owned());
        let mut table = String::new();
        for line in input.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name.to_owned();
                continue;
            }
            let chains = self.tables.entry(table.clone()).or_default();
            if let Some(head) = line.strip_prefix(':') {
                chains.insert(head.split(' ').next().unwrap().to_owned(), Vec::new());
            } else if let Some(("-A", rest)) = line.split_once(' ') {
                let (chain, rule) = rest.split_once(' ').unwrap();
                chains.get_mut(chain).unwrap_or_else(|| panic!("no chain {chain}")).push(rule.to_owned());
            } else if let Some(("-I", rest)) = line.split_once(' ') {
                let (chain, rule) = rest.split_once(' ').unwrap();
                chains.entry(chain.to_owned()).or_default().insert(0, rule.to_owned());
            } else if let Some(("-D", rest)) = line.split_once(' ') {
                let (chain, rule) = rest.split_once(' ').unwrap();
                chains.get_mut(chain).unwrap().retain(|other| other != rule);
            } else if let Some(("-X", chain)) = line.split_once(' ') {
                assert!(chains.remove(chain).is_some(), "no chain {chain}");
            }
        }
        for (table, chains) in &self.tables {
            for rule in chains.values().flatten() {
                let target = rule.rsplit_once("-j ").unwrap().1.split(' ').next().unwrap();
                assert!(!target.starts_with("KUBE") || chains.contains_key(target), "{table}: {rule} jumps nowhere");
            }
        }
        Ok(())
    }

    fn check(&mut self, table: &str, hook: &Hook) -> bool {
        self.save(table).is_ok_and(|saved| has_hook(&saved, hook))
    }

    fn forget(&mut self, flows: &BTreeSet<StaleFlow>) {
        self.forgotten += flows.len();
    }
}

fn config() -> NodeConfig {
    NodeConfig { cluster_cidr: Some("10.244.0.0/16".into()), pod_cidr: None, localhost_node_ports: false }
}

fn service(index: u8, endpoints: &[u8]) -> Service {
    let endpoints = endpoints
        .iter()
        .map(|n| Endpoint { ip: [10, 244, index, *n].into(), port: 80, local: n % 2 == 0, local_only: false })
        .collect();
    Service {
        namespace: "default".into(),
        name: format!("s{index}"),
        cluster_ip: Some([10, 96, 0, index].into()),
        ports: vec![ServicePort {
            name: String::new(),
            protocol: if index.is_multiple_of(2) { Protocol::Udp } else { Protocol::Tcp },
            port: 80,
            node_port: index.is_multiple_of(3).then_some(30000 + u16::from(index)),
            endpoints,
        }],
        external_traffic_local: index.is_multiple_of(5),
        ..Service::default()
    }
}

fn synced(proxy: &mut Proxy<Fake>, index: u8, endpoints: Option<&[u8]>) -> Synced {
    proxy.set(format!("s{index}"), endpoints.map(|endpoints| service(index, endpoints)));
    proxy.sync().unwrap()
}

#[test]
fn a_changed_endpoint_writes_only_its_chains() {
    let mut proxy = Proxy::new(Fake::default(), config());
    for index in 1..=50 {
        proxy.set(format!("s{index}"), Some(service(index, &[1, 2])));
    }
    assert!(proxy.sync().unwrap().full);
    let change = synced(&mut proxy, 1, Some(&[1, 3]));
    assert_eq!(change, Synced { full: false, chains_written: 2, chains_removed: 1 });
    let last = proxy.tables.restores.last().unwrap();
    assert!(!last.contains("KUBE-SERVICES -"), "{last}");
    assert_eq!(proxy.sync().unwrap(), Synced::default(), "nothing changed, nothing is written");
}

#[test]
fn a_new_proxy_takes_over_and_removes_what_went_meanwhile() {
    let mut first = Proxy::new(Fake::default(), config());
    synced(&mut first, 1, Some(&[1]));
    synced(&mut first, 2, Some(&[1]));
    let mut second = Proxy::new(first.tables, config());
    let change = synced(&mut second, 1, Some(&[1]));
    assert!(change.full);
    assert_eq!(change.chains_removed, 2);
    let saved = second.tables.save("nat").unwrap();
    assert!(!saved.contains("s2") && saved.contains("default/s1"));
    assert_eq!(saved.matches("-A PREROUTING").count(), 1, "hooks are not doubled");
}

#[test]
fn after_a_failure_everything_is_written_anew() {
    let mut proxy = Proxy::new(Fake::default(), config());
    synced(&mut proxy, 1, Some(&[1]));
    proxy.tables.fail = true;
    proxy.set("s2".into(), Some(service(2, &[1])));
    assert!(proxy.sync().is_err());
    proxy.tables.fail = false;
    assert!(proxy.sync().unwrap().full);
    assert!(proxy.tables.save("nat").unwrap().contains("default/s2"));
}

#[test]
fn flushed_rules_are_noticed() {
    let mut proxy = Proxy::new(Fake::default(), config());
    synced(&mut proxy, 1, Some(&[1]));
    assert!(!proxy.verify().unwrap());
    proxy.tables.tables.clear();
    assert!(proxy.verify().unwrap());
    assert!(proxy.tables.save("nat").unwrap().contains("default/s1"));
}

#[test]
fn cleanup_leaves_others_alone() {
    let mut proxy = Proxy::new(Fake::default(), config());
    let theirs = ("THEIRS".to_owned(), vec!["-j ACCEPT".to_owned()]);
    proxy.tables.tables.insert("nat".to_owned(), [theirs].into());
    synced(&mut proxy, 3, Some(&[1]));
    proxy.cleanup().unwrap();
    let saved = proxy.tables.save("nat").unwrap() + &proxy.tables.save("filter").unwrap();
    assert!(saved.contains("THEIRS") && !saved.contains("KUBE"), "{saved}");
}

#[test]
fn a_gone_udp_endpoint_is_forgotten() {
    let mut proxy = Proxy::new(Fake::default(), config());
    synced(&mut proxy, 2, Some(&[1, 2]));
    let before = proxy.tables.forgotten;
    synced(&mut proxy, 2, Some(&[1]));
    assert_eq!(proxy.tables.forgotten, before + 1);
}

proptest! {
    /// Whatever the order of changes, the tables are those that one full sync of the end state makes.
    #[test]
    fn changes_end_where_a_full_sync_would(steps in prop::collection::vec((1u8..8, prop::option::of(prop::collection::btree_set(1u8..6, 0..4))), 1..30)) {
        let mut proxy = Proxy::new(Fake::default(), config());
        let mut state = BTreeMap::new();
        for (index, endpoints) in steps {
            let endpoints: Option<Vec<u8>> = endpoints.map(|set| set.into_iter().collect());
            synced(&mut proxy, index, endpoints.as_deref());
            match endpoints {
                Some(endpoints) => { state.insert(index, endpoints); }
                None => { state.remove(&index); }
            }
        }
        let mut fresh = Proxy::new(Fake::default(), config());
        for (index, endpoints) in state {
            fresh.set(format!("s{index}"), Some(service(index, &endpoints)));
        }
        fresh.sync().unwrap();
        prop_assert_eq!(proxy.tables.tables, fresh.tables.tables);
    }
}
