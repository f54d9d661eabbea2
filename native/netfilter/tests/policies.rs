//! Policies on real traffic: a bridge with pods in network namespaces that end with the test, and a client outside. Takes root:
//! without it nothing is changed, and the tests say so.

mod pods;

use netfilter::nftables::kernel::Kernel;
use netfilter::policy::model::{Pod, Policy, PolicyConfig};
use netfilter::policy::policies::{Policies, TABLE};
use pods::apart;
use xtables::address::Family;

type Enforced = Policies<Kernel>;

fn open() -> Enforced {
    let doors = [Family::Ipv4, Family::Ipv6].map(|family| (family, Kernel::of(family, TABLE).unwrap()));
    let mut policies = Policies::new(doors.into(), &PolicyConfig { bridge: Some(pods::BRIDGE.into()), ipvs: false });
    policies.detect().expect("a kernel with nftables");
    policies
}

/// Pods A and B are on this node; C as well, in another namespace. D is a client that is routed to, outside of the cluster.
fn pod(name: char, selectors: &str, ingress: &[&str], egress: &[&str]) -> Pod {
    let some =
        |names: &[&str]| (!names.is_empty()).then(|| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let ports =
        r#"[{"name": "web", "protocol": "TCP", "number": 80}, {"name": "web", "protocol": "UDP", "number": 81}]"#;
    Pod {
        addresses: pods::addresses(name),
        selectors: selectors.split_whitespace().map(str::to_owned).collect(),
        ports: serde_json::from_str(ports).unwrap(),
        ingress: some(ingress),
        egress: some(egress),
        dns: false,
    }
}

/// Pods by their name, what isolates A, and which of the attempts succeed: `client>server:port/protocol`, where N is the node.
struct Row {
    name: &'static str,
    policy: &'static str,
    passes: &'static [&'static str],
    fails: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        name: "nothing is let in, by any protocol; the node, the pod itself and its own calls pass",
        policy: r#"{"ingress": []}"#,
        passes: &["N>A:80/tcp", "N>A:81/udp", "A>A:80/tcp", "A>B:80/tcp", "A>D:80/tcp", "A>N:80/tcp", "B>C:80/tcp"],
        fails: &["B>A:80/tcp", "B>A:81/udp", "C>A:80/tcp", "D>A:80/tcp", "D>A:81/udp"],
    },
    Row {
        name: "nothing is let out; what others ask is answered",
        policy: r#"{"egress": []}"#,
        passes: &["B>A:80/tcp", "D>A:80/tcp", "N>A:80/tcp", "A>A:80/tcp", "B>A:81/udp"],
        fails: &["A>B:80/tcp", "A>B:81/udp", "A>D:80/tcp", "A>N:80/tcp", "A>N:10053/udp"],
    },
    Row {
        name: "pods that a selector selects, on every port",
        policy: r#"{"ingress": [{"peers": [{"pods": "b"}]}], "egress": [{"peers": [{"pods": "c"}]}]}"#,
        passes: &["B>A:80/tcp", "B>A:81/udp", "A>C:80/tcp", "A>C:81/udp"],
        fails: &["C>A:80/tcp", "A>B:80/tcp", "D>A:80/tcp", "A>D:80/tcp"],
    },
    Row {
        name: "several peers and several rules",
        policy: r#"{"ingress": [{"peers": [{"pods": "none"}, {"pods": "b"}]}, {"peers": [{"pods": "c"}], "ports": [
            {"protocol": "TCP", "which": {"range": [80, 80]}}]}]}"#,
        passes: &["B>A:80/tcp", "B>A:82/tcp", "C>A:80/tcp"],
        fails: &["C>A:82/tcp", "C>A:81/udp", "D>A:80/tcp"],
    },
    Row {
        name: "a port of everybody",
        policy: r#"{"ingress": [{"ports": [{"protocol": "TCP", "which": {"range": [80, 80]}}]}],
            "egress": [{"ports": [{"protocol": "UDP", "which": {"range": [81, 81]}}]}]}"#,
        passes: &["B>A:80/tcp", "D>A:80/tcp", "A>B:81/udp", "A>D:81/udp"],
        fails: &["B>A:82/tcp", "B>A:81/udp", "A>B:80/tcp", "A>N:80/tcp"],
    },
    Row {
        name: "ranges of ports, which touch and overlap, up to the last one",
        policy: r#"{"ingress": [{"peers": [{"pods": "b"}], "ports": [{"protocol": "TCP", "which": {"range": [81, 81]}},
            {"protocol": "TCP", "which": {"range": [82, 90]}}, {"protocol": "TCP", "which": {"range": [85, 65535]}}]}]}"#,
        passes: &["B>A:82/tcp", "B>A:10053/tcp"],
        fails: &["B>A:80/tcp", "B>A:81/udp", "C>A:82/tcp"],
    },
    Row {
        name: "all ports of a protocol",
        policy: r#"{"ingress": [{"ports": [{"protocol": "UDP"}]}]}"#,
        passes: &["B>A:81/udp", "D>A:10053/udp"],
        fails: &["B>A:80/tcp", "D>A:82/tcp"],
    },
    Row {
        name: "a port by its name is that of the pod that is reached, and of its protocol",
        policy: r#"{"ingress": [{"ports": [{"protocol": "TCP", "which": {"name": "web"}}]}],
            "egress": [{"peers": [{"pods": "b"}], "ports": [{"protocol": "UDP", "which": {"name": "web"}}]}]}"#,
        passes: &["B>A:80/tcp", "D>A:80/tcp", "A>B:81/udp"],
        fails: &["B>A:81/udp", "B>A:82/tcp", "A>B:80/tcp", "A>C:81/udp", "A>D:81/udp"],
    },
    Row {
        name: "ranges of addresses without parts of them",
        policy: r#"{"ingress": [{"peers": [{"block": {"cidr": "10.244.0.0/16", "except": ["10.244.0.12/32"]}},
            {"block": {"cidr": "fd00:244::/64", "except": ["fd00:244::12/127"]}}]}],
            "egress": [{"peers": [{"block": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}},
            {"block": {"cidr": "::/0", "except": ["fd00:244::/64"]}}]}]}"#,
        passes: &["B>A:80/tcp", "B>A:81/udp", "A>D:80/tcp", "A>D:81/udp"],
        fails: &["C>A:80/tcp", "D>A:80/tcp", "A>B:80/tcp", "A>C:80/tcp"],
    },
    Row {
        name: "DNS of the node where its pods are selected, by its port in the cluster",
        policy: r#"{"egress": [{"peers": ["dns"], "ports": [{"protocol": "UDP", "which": {"range": [53, 53]}}]}]}"#,
        passes: &["A>N:10053/udp"],
        fails: &["A>N:10053/tcp", "A>N:80/tcp", "A>B:10053/udp", "A>D:10053/udp"],
    },
    Row {
        name: "DNS of the node where port 53 of everybody is let out",
        policy: r#"{"egress": [{"ports": [{"protocol": "UDP", "which": {"range": [53, 53]}}, {"protocol": "TCP", "which": {"range": [50, 60]}}]}]}"#,
        passes: &["A>N:10053/udp", "A>N:10053/tcp"],
        fails: &["A>N:80/tcp", "A>B:10053/udp", "A>B:80/tcp"],
    },
    Row {
        name: "everything",
        policy: r#"{"ingress": [{}], "egress": [{}]}"#,
        passes: &["B>A:80/tcp", "D>A:81/udp", "A>B:80/tcp", "A>D:80/tcp", "A>N:80/tcp"],
        fails: &[],
    },
];

/// All pods, none isolated, and cluster DNS.
fn populate(policies: &mut Enforced) {
    policies.set_pod("shop/a".into(), Some(pod('A', "a", &[], &[])));
    policies.set_pod("shop/b".into(), Some(pod('B', "b", &[], &[])));
    policies.set_pod("other/c".into(), Some(pod('C', "c", &[], &[])));
    let dns = r#"[{"name": "dns", "protocol": "UDP", "number": 10053}, {"name": "dns-tcp", "protocol": "TCP", "number": 10053}]"#;
    let ports = serde_json::from_str(dns).unwrap();
    policies.set_pod("dns".into(), Some(Pod { addresses: pods::addresses('N'), ports, dns: true, ..Pod::default() }));
}

/// As the agent says it: a policy isolates only in the directions that it speaks of.
fn enforce(policies: &mut Enforced, json: &str) {
    let policy: Policy = serde_json::from_str(json).unwrap();
    let named = |so: bool| if so { vec!["shop/policy"] } else { vec![] };
    let (ingress, egress) = (named(policy.ingress.is_some()), named(policy.egress.is_some()));
    populate(policies);
    policies.set_pod("shop/a".into(), Some(pod('A', "a", &ingress, &egress)));
    policies.set_policy("shop/policy".into(), Some(policy));
    let synced = policies.sync().unwrap();
    assert!(synced.refused.is_empty(), "{:?}", synced.refused);
}

#[test]
fn packets_pass_as_policies_say() {
    apart(|net| {
        let mut policies = open();
        for Row { name, policy, passes, fails } in ROWS {
            enforce(&mut policies, policy);
            for family in [Family::Ipv4, Family::Ipv6] {
                for attempt in *passes {
                    assert!(net.passes(attempt, family), "{name}: {attempt} over {family} fails");
                }
                for attempt in *fails {
                    assert!(net.fails(attempt, family), "{name}: {attempt} over {family} passes");
                }
            }
            assert_eq!(policies.verify().unwrap(), None, "{name}");
        }
        policies.cleanup().unwrap();
        assert!(net.passes("B>A:80/tcp", Family::Ipv4), "without rules all passes");
    });
}

#[test]
fn pods_do_not_get_round_policies_by_link_local_addresses() {
    apart(|net| {
        assert!(net.passes_link_local('B', 'A', true), "without a policy");
        let mut policies = open();
        enforce(&mut policies, r#"{"ingress": []}"#);
        assert!(!net.passes_link_local('B', 'A', false));
    });
}

#[test]
fn connections_that_are_there_stay_and_new_ones_are_judged() {
    apart(|net| {
        let mut policies = open();
        enforce(&mut policies, r#"{"ingress": [{}]}"#);
        let stream = net.connect("B>A:80/tcp", Family::Ipv4).unwrap();
        enforce(&mut policies, r#"{"ingress": []}"#);
        assert!(stream.echoes(), "a connection from before");
        assert!(net.fails("B>A:80/tcp", Family::Ipv4));
        policies.set_policy("shop/policy".into(), None);
        populate(&mut policies);
        assert!(policies.sync().unwrap().full, "the last policy takes the table with it");
        assert!(net.passes("B>A:80/tcp", Family::Ipv4));
    });
}

#[test]
fn rules_that_somebody_took_away_come_back() {
    apart(|net| {
        let mut policies = open();
        enforce(&mut policies, r#"{"ingress": [{"peers": [{"pods": "c"}]}]}"#);
        let mut other = Kernel::of(Family::Ipv4, TABLE).unwrap();
        pods::delete_table(&mut other);
        assert!(net.passes("B>A:80/tcp", Family::Ipv4));
        assert!(policies.verify().unwrap().unwrap().full);
        assert!(net.fails("B>A:80/tcp", Family::Ipv4));
        assert!(net.passes("C>A:80/tcp", Family::Ipv4));
        assert_eq!(policies.verify().unwrap(), None);
        // Another process starts from nothing but what the kernel has.
        let mut next = open();
        enforce(&mut next, r#"{"ingress": []}"#);
        assert!(net.fails("C>A:80/tcp", Family::Ipv4));
    });
}

/// 1,000 pods that a policy lets in, and one that comes.
#[test]
fn a_pod_that_comes_takes_a_transaction_of_elements() {
    apart(|net| {
        let mut policies = open();
        for number in 0..1000_u32 {
            let address = std::net::IpAddr::from(std::net::Ipv4Addr::from(0x0af5_0000 + number));
            let pod = Pod { addresses: vec![address], selectors: vec!["b".into()], ..Pod::default() };
            policies.set_pod(format!("many/{number}"), Some(pod));
        }
        enforce(&mut policies, r#"{"ingress": [{"peers": [{"pods": "b"}]}]}"#);
        assert!(net.fails("C>A:80/tcp", Family::Ipv4));
        policies.set_pod("other/c".into(), Some(pod('C', "b", &[], &[])));
        let begun = std::time::Instant::now();
        let synced = policies.sync().unwrap();
        let took = begun.elapsed();
        assert_eq!((synced.full, synced.written, synced.removed), (false, 2, 0), "one element in each family");
        assert!(net.passes("C>A:80/tcp", Family::Ipv4));
        assert!(took.as_millis() < 100, "{took:?}");
    });
}
