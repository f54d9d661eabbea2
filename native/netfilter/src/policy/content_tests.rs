use std::sync::Arc;

use proptest::prelude::*;
use xtables::address::Family;

use super::model::{Peer, Pod, Policy, PolicyConfig, PolicyRule, Port, PortChoice};
use super::policies::Policies;
use super::sets::PolicySet;
use crate::model::Protocol;
use crate::nftables::door::Step;
use crate::nftables::memory::{Content, Memory};

type InMemory = Policies<Memory<PolicySet>>;

fn open() -> InMemory {
    let doors = [Family::Ipv4, Family::Ipv6].map(|family| (family, Memory::default()));
    Policies::new(doors.into(), &PolicyConfig::default())
}

fn contents(policies: &InMemory) -> Vec<Option<Content>> {
    policies.tables().map(|table| table.door.content.clone()).collect()
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

fn pod(last: u8, selectors: &[&str], isolated_by: Option<Vec<String>>) -> Pod {
    Pod {
        addresses: vec![[10, 244, 0, last].into()],
        selectors: names(selectors).unwrap_or_default(),
        ingress: isolated_by,
        ..Pod::default()
    }
}

fn from_pods(selector: &str) -> Policy {
    let rule = PolicyRule { peers: Some(vec![Peer::Pods(selector.to_owned())]), ports: None };
    Policy { ingress: Some(vec![rule]), egress: None }
}

/// The rules of one port only.
fn port(number: u16) -> Policy {
    let port = Port { protocol: Protocol::Tcp, which: PortChoice::Range(number, number) };
    Policy { ingress: Some(vec![PolicyRule { peers: None, ports: Some(vec![port]) }]), egress: None }
}

fn steps(policies: &mut InMemory) -> Vec<Step<PolicySet>> {
    policies.tables_mut().flat_map(|table| std::mem::take(&mut table.door.steps)).collect()
}

#[test]
fn a_pod_that_comes_and_goes_changes_elements_only() {
    let mut policies = open();
    policies.set_policy("shop/a".into(), Some(from_pods("web")));
    policies.set_pod("shop/1".into(), Some(pod(1, &[], names(&["shop/a"]))));
    assert!(policies.sync().unwrap().full);
    steps(&mut policies);
    policies.set_pod("shop/2".into(), Some(pod(2, &["web"], names(&["shop/a"]))));
    let synced = policies.sync().unwrap();
    assert_eq!((synced.full, synced.written, synced.removed), (false, 3, 0));
    let all = steps(&mut policies);
    assert!(all.iter().all(|step| matches!(step, Step::Add(..))), "{all:?}");
    policies.set_pod("shop/2".into(), None);
    policies.sync().unwrap();
    let all = steps(&mut policies);
    assert!(all.len() == 3 && all.iter().all(|step| matches!(step, Step::Remove(..))), "{all:?}");
    policies.sync().unwrap();
    assert_eq!(steps(&mut policies), [], "nothing differs");
}

#[test]
fn there_is_no_table_without_a_policy() {
    let mut policies = open();
    policies.set_pod("shop/1".into(), Some(pod(1, &["web"], None)));
    policies.sync().unwrap();
    assert_eq!(contents(&policies), [None, None]);
    policies.set_policy("shop/a".into(), Some(from_pods("web")));
    policies.sync().unwrap();
    assert!(contents(&policies).iter().all(Option::is_some));
    policies.set_policy("shop/a".into(), None);
    policies.sync().unwrap();
    assert_eq!(contents(&policies), [None, None]);
}

#[test]
fn of_two_pods_with_one_address_either_may_go() {
    let mut policies = open();
    policies.set_policy("shop/a".into(), Some(from_pods("web")));
    for name in ["shop/1", "shop/2"] {
        policies.set_pod(name.into(), Some(pod(1, &["web"], names(&["shop/a"]))));
        policies.sync().unwrap();
    }
    let both = contents(&policies);
    policies.set_pod("shop/1".into(), None);
    policies.sync().unwrap();
    assert_eq!(contents(&policies), both);
}

#[test]
fn a_policy_that_the_kernel_refuses_lets_nothing_pass_and_keeps_no_other() {
    let mut policies = open();
    for door in policies.tables_mut() {
        door.door.refused_port = Some(81);
    }
    policies.set_policy("shop/bad".into(), Some(port(81)));
    policies.set_policy("shop/good".into(), Some(port(80)));
    policies.set_pod("shop/1".into(), Some(pod(1, &[], names(&["shop/bad", "shop/good"]))));
    let synced = policies.sync().unwrap();
    let refused: Vec<_> = synced.refused.keys().map(|(family, name)| format!("{family} {name}")).collect();
    assert_eq!(refused, ["IPv4 shop/bad", "IPv6 shop/bad"]);
    let chains = |policies: &InMemory| {
        let content = contents(policies).remove(0).unwrap();
        let of_policies = content.chains.into_iter().filter(|(name, _)| name.starts_with("ingress-policy"));
        of_policies.map(|(_, rules)| rules.len()).collect::<Vec<_>>()
    };
    let mut counts = chains(&policies);
    counts.sort_unstable();
    assert_eq!(counts, [0, 1], "the bad one has a chain without rules");
    // One that becomes bad while others change.
    policies.set_policy("shop/good".into(), Some(port(81)));
    policies.set_policy("shop/new".into(), Some(port(82)));
    assert_eq!(policies.sync().unwrap().refused.len(), 4);
    for door in policies.tables_mut() {
        door.door.refused_port = None;
    }
    let repaired = policies.verify().unwrap().expect("they are tried again");
    assert!(repaired.refused.is_empty() && !repaired.full, "{repaired:?}");
    assert_eq!(chains(&policies), [1, 1, 1]);
    assert_eq!(policies.verify().unwrap(), None);
}

fn peers() -> impl Strategy<Value = Option<Vec<Peer>>> {
    let peer = prop_oneof![
        (0..3_u8).prop_map(|number| Peer::Pods(format!("selector-{number}"))),
        (0..4_u8).prop_map(|number| Peer::Block {
            cidr: format!("10.{number}.0.0/16").parse().unwrap(),
            except: vec![format!("10.{number}.7.0/24").parse().unwrap()],
        }),
        Just(Peer::Block { cidr: "fd00::/16".parse().unwrap(), except: vec![] }),
        Just(Peer::Dns),
    ];
    prop::option::of(prop::collection::vec(peer, 1..3))
}

fn ports() -> impl Strategy<Value = Option<Vec<Port>>> {
    let which = prop_oneof![
        Just(PortChoice::All),
        (50..56_u16, 0..5_u16).prop_map(|(first, more)| PortChoice::Range(first, first + more)),
        Just(PortChoice::Range(8080, u16::MAX)),
        (0..2_u8).prop_map(|number| PortChoice::Name(format!("port-{number}"))),
    ];
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::Sctp)];
    let port = (protocol, which).prop_map(|(protocol, which)| Port { protocol, which });
    prop::option::of(prop::collection::vec(port, 1..3))
}

fn policy() -> impl Strategy<Value = Policy> {
    let rules = || {
        let rule = (peers(), ports()).prop_map(|(peers, ports)| PolicyRule { peers, ports });
        prop::option::of(prop::collection::vec(rule, 0..3))
    };
    (rules(), rules()).prop_map(|(ingress, egress)| Policy { ingress, egress })
}

/// A change of one policy or pod of a few.
#[derive(Debug, Clone)]
enum Change {
    Policy(u8, Option<Arc<Policy>>),
    /// Whether it is there, its address, and which selectors select it.
    Pod(u8, bool, u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..3_u8, prop::option::of(policy().prop_map(Arc::new)))
            .prop_map(|(number, policy)| Change::Policy(number, policy)),
        (0..4_u8, any::<bool>(), 0..3_u8, 0..8_u8)
            .prop_map(|(number, there, address, selectors)| { Change::Pod(number, there, address, selectors) }),
    ]
}

/// As the agent does: every pod names the policies of each direction that are there.
fn set_pods(policies: &mut InMemory, there: &[Option<Arc<Policy>>; 3], pods: &[Option<(u8, u8)>; 4]) {
    let of = |has: fn(&Policy) -> bool| {
        let named = there.iter().enumerate().filter(|(_, policy)| policy.as_deref().is_some_and(has));
        let named: Vec<String> = named.map(|(number, _)| format!("shop/{number}")).collect();
        (!named.is_empty()).then_some(named)
    };
    for (number, facts) in pods.iter().enumerate() {
        let pod = facts.map(|(address, selectors)| Pod {
            addresses: vec![[10, 244, 0, address].into(), format!("fd00::{address}").parse().unwrap()],
            selectors: (0..3).filter(|bit| selectors & 1 << bit != 0).map(|bit| format!("selector-{bit}")).collect(),
            ports: vec![super::model::PodPort {
                name: format!("port-{}", number % 2),
                protocol: Protocol::Udp,
                number: 50 + u16::from(selectors),
            }],
            ingress: of(|policy| policy.ingress.is_some()),
            egress: of(|policy| policy.egress.is_some()),
            dns: number == 3,
        });
        policies.set_pod(format!("shop/{number}"), pod);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_end_in_what_all_at_once_writes(changes in prop::collection::vec(change(), 1..24)) {
        let mut there: [Option<Arc<Policy>>; 3] = Default::default();
        let mut pods: [Option<(u8, u8)>; 4] = Default::default();
        let mut changed = open();
        changed.sync().unwrap();
        for change in changes {
            match change {
                Change::Policy(number, policy) => {
                    changed.set_policy(format!("shop/{number}"), policy.as_deref().cloned());
                    there[usize::from(number)] = policy;
                }
                Change::Pod(number, is, address, selectors) => {
                    pods[usize::from(number)] = is.then_some((address, selectors));
                }
            }
            set_pods(&mut changed, &there, &pods);
            changed.sync().unwrap();
            prop_assert_eq!(changed.verify().unwrap(), None);
            let mut anew = open();
            for (number, policy) in there.iter().enumerate() {
                anew.set_policy(format!("shop/{number}"), policy.as_deref().cloned());
            }
            set_pods(&mut anew, &there, &pods);
            anew.sync().unwrap();
            prop_assert_eq!(contents(&changed), contents(&anew));
        }
    }
}
