//! Services by real traffic: a table of what passes and what does not, for every mode.

use std::net::{IpAddr, SocketAddr};

use netfilter::backend::Backend;
use netfilter::conntrack::{Flows, Serving};
use netfilter::front::Front;
use netfilter::mode;
use netfilter::model::{NodeConfig, Service};
use netfilter::nftables::kernel::Kernel;
use netfilter::policy::model::{Pod, Policy, PolicyConfig};
use netfilter::policy::policies::{Policies, TABLE};
use xtables::address::Family;

use super::{BRIDGE, IMPATIENCE, Net, PATIENCE, addresses};

pub struct NoFlows;

impl Flows for NoFlows {
    fn reconcile(&mut self, _: Family, _: &Serving) -> netfilter::error::Result<usize> {
        Ok(0)
    }
}

pub type TestFront = Front<Box<dyn Backend>, NoFlows>;

pub const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

pub fn config() -> NodeConfig {
    NodeConfig {
        families: FAMILIES.into(),
        cluster_cidrs: ["10.244.0.0/16", "fd00:244::/56"].map(|cidr| cidr.parse().unwrap()).into(),
        service_cidrs: ["10.96.0.0/16", "fd00:96::/112"].map(|cidr| cidr.parse().unwrap()).into(),
        localhost_node_ports: true,
        ..NodeConfig::default()
    }
}

/// None, with a line that says why: this machine cannot run the mode.
pub fn open(mode: &str, config: &NodeConfig) -> Option<TestFront> {
    match mode::open(mode, config) {
        Ok(opened) => Some(Front::new(opened.backend, NoFlows)),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn pick(family: Family, four: &str, six: &str) -> String {
    if family == Family::Ipv4 { four.to_owned() } else { six.to_owned() }
}

/// Of Service `number`.
pub fn cluster_ip(number: u16, family: Family) -> String {
    format!("{}{number}", pick(family, "10.96.0.", "fd00:96::"))
}

/// Endpoints: `A:80` is on this node, `B:80/far` is not. `{out}`: an address outside of the cluster and of all nodes; `{node}`:
/// one of the node; `{client}`: the range of the client outside.
pub fn service(number: u16, protocol: &str, endpoints: &str, fields: &str) -> Vec<Service> {
    let view = |family: Family| {
        let endpoint = |text: &str| {
            let (place, far) = text.strip_suffix("/far").map_or((text, false), |place| (place, true));
            let (pod, port) = place.split_once(':').unwrap();
            let ip = addresses(pod.chars().next().unwrap())[usize::from(family == Family::Ipv6)];
            format!(r#"{{"ip": "{ip}", "port": {port}, "local": {}}}"#, !far)
        };
        let endpoints: Vec<String> = endpoints.split_whitespace().map(endpoint).collect();
        let fields = fields
            .replace("{out}", &format!("{}{number}", pick(family, "203.0.113.", "2001:db8:f::")))
            .replace("{node}", &pick(family, "192.0.2.1", "2001:db8::1"))
            .replace("{client}", &pick(family, "192.0.2.0/24", "2001:db8::/64"))
            .replace("{other}", &pick(family, "198.51.100.0/24", "2001:db8:1::/64"));
        let json = format!(
            r#"{{"family": "{family}", "namespace": "shop", "name": "s{number}", "clusterIp": "{}", {fields}
                "ports": [{{"protocol": "{protocol}", "port": 80, "nodePort": {}, "endpoints": [{}]}}]}}"#,
            cluster_ip(number, family),
            30000 + number,
            endpoints.join(", ")
        );
        serde_json::from_str(&json).unwrap()
    };
    FAMILIES.map(view).into()
}

/// `client>place:port/protocol`: the place is the number of a Service, for its cluster address; `outN`, for its address outside;
/// `node` or `gateway`, for addresses of the node; `localhost`. True: it passes, or does not, as it should.
pub fn attempt(net: &Net, text: &str, family: Family, passes: bool) -> bool {
    let (client, rest) = text.split_once('>').unwrap();
    let (place, rest) = rest.split_once(':').unwrap();
    let (port, protocol) = rest.split_once('/').unwrap();
    let address = match place {
        "node" => pick(family, "192.0.2.1", "2001:db8::1"),
        "localhost" if family == Family::Ipv6 => return true,
        "localhost" => "127.0.0.1".to_owned(),
        "gateway" => pick(family, "10.244.0.1", "fd00:244::1"),
        _ => match place.strip_prefix("out") {
            Some(number) => format!("{}{number}", pick(family, "203.0.113.", "2001:db8:f::")),
            None => cluster_ip(place.parse().unwrap(), family),
        },
    };
    let target = SocketAddr::new(address.parse::<IpAddr>().unwrap(), port.parse().unwrap());
    let patience = if passes { PATIENCE } else { IMPATIENCE };
    // Each endpoint has its turn.
    (0..2).all(|_| net.reaches(client.chars().next().unwrap(), target, protocol == "udp", patience) == passes)
}

struct Row {
    name: &'static str,
    service: fn() -> Vec<Service>,
    passes: &'static [&'static str],
    fails: &'static [&'static str],
    /// What passes in some modes: `ipvs` leads all clients of an address to the same endpoints, and cannot serve 127.0.0.1.
    passes_in: &'static [(&'static str, &'static [&'static str])],
}

const NOWHERE_ELSE: &[(&str, &[&str])] = &[];
/// By IPv4 alone: the kernel never leads ::1 elsewhere.
const LOOPBACK: &[&str] = &["N>localhost:30001/tcp"];

const ROWS: &[Row] = &[
    Row {
        name: "pods, the node and others reach endpoints; a pod reaches itself",
        service: || service(1, "TCP", "A:80 B:80/far", ""),
        passes: &[
            "A>1:80/tcp",
            "B>1:80/tcp",
            "C>1:80/tcp",
            "N>1:80/tcp",
            "D>1:80/tcp",
            "D>node:30001/tcp",
            "C>gateway:30001/tcp",
        ],
        fails: &["A>1:81/tcp", "D>1:81/tcp", "N>1:81/tcp", "A>99:80/tcp"],
        passes_in: &[("nftables", LOOPBACK), ("iptables", LOOPBACK)],
    },
    Row {
        name: "UDP",
        service: || service(2, "UDP", "A:10053", ""),
        passes: &["A>2:80/udp", "C>2:80/udp", "N>2:80/udp", "D>2:80/udp", "D>node:30002/udp"],
        fails: &["C>2:80/tcp"],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "nobody is there",
        service: || service(3, "TCP", "", ""),
        passes: &[],
        fails: &["A>3:80/tcp", "N>3:80/tcp", "D>node:30003/tcp"],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "clients stay",
        service: || service(4, "TCP", "A:80 B:80", r#""affinitySeconds": 60,"#),
        passes: &["C>4:80/tcp", "N>4:80/tcp", "D>node:30004/tcp"],
        fails: &[],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "policies Local, with an endpoint here: that at port 9 is elsewhere, and does not answer",
        service: || {
            service(
                5,
                "TCP",
                "A:80 B:9/far",
                r#""internalTrafficLocal": true, "externalTrafficLocal": true, "externalIps": ["{out}"],"#,
            )
        },
        passes: &["C>5:80/tcp", "N>5:80/tcp", "D>node:30005/tcp", "D>out5:80/tcp"],
        fails: &[],
        passes_in: &[("ipvs", &["C>out5:80/tcp", "N>out5:80/tcp"])],
    },
    Row {
        name: "policies Local, with endpoints elsewhere: pods and the node reach them from inside",
        service: || {
            service(
                6,
                "TCP",
                "B:80/far",
                r#""internalTrafficLocal": true, "externalTrafficLocal": true, "externalIps": ["{out}"],"#,
            )
        },
        passes: &["C>out6:80/tcp", "N>out6:80/tcp", "C>gateway:30006/tcp"],
        fails: &["C>6:80/tcp", "N>6:80/tcp", "D>out6:80/tcp", "D>node:30006/tcp"],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "a load balancer lets its source ranges in",
        service: || {
            service(7, "TCP", "A:80", r#""loadBalancerIps": ["{out}"], "loadBalancerSourceRanges": ["{client}"],"#)
        },
        passes: &["D>out7:80/tcp", "N>out7:80/tcp", "C>7:80/tcp"],
        fails: &["C>out7:80/tcp"],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "a load balancer keeps others out",
        service: || {
            service(8, "TCP", "A:80", r#""loadBalancerIps": ["{out}"], "loadBalancerSourceRanges": ["{other}"],"#)
        },
        passes: &["C>8:80/tcp"],
        fails: &["D>out8:80/tcp", "N>out8:80/tcp"],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "an address of the node is a load balancer's, and stays the node's",
        service: || service(9, "UDP", "A:10053", r#""loadBalancerIps": ["{node}"],"#),
        passes: &["D>node:80/udp", "C>node:80/udp", "D>node:81/tcp"],
        fails: &[],
        passes_in: NOWHERE_ELSE,
    },
    Row {
        name: "an endpoint is the node itself",
        service: || service(10, "TCP", "N:81", ""),
        passes: &["A>10:80/tcp", "N>10:80/tcp", "D>node:30010/tcp"],
        fails: &[],
        passes_in: NOWHERE_ELSE,
    },
];

/// Attempts that did not end as they should while these Services are served in that mode.
pub fn wrong_attempts(net: &Net, front: &mut TestFront, mode: &str) -> Vec<String> {
    for (number, row) in (1..).zip(ROWS) {
        front.set(&format!("shop/s{number}"), (row.service)());
    }
    let synced = front.sync().unwrap();
    assert!(synced.full && synced.applied.refused.is_empty(), "{synced:?}");
    let mut wrong = Vec::new();
    for family in FAMILIES {
        for Row { name, passes, fails, passes_in, .. } in ROWS {
            let of_mode = passes_in.iter().filter(|(other, _)| *other == mode).flat_map(|(_, texts)| *texts);
            let passing = passes.iter().chain(of_mode).map(|it| (it, true));
            for (text, passes) in passing.chain(fails.iter().map(|it| (it, false))) {
                if !attempt(net, text, family, passes) {
                    wrong.push(format!("{mode}, {family}, {name}: {text}, should pass: {passes}"));
                }
            }
        }
    }
    wrong
}

/// A lets nobody in but B, and may call nobody but C: what judges is the endpoint, not the address of a Service. Attempts that did
/// not end as they should.
pub fn wrongly_judged(net: &Net, front: &mut TestFront, mode: &str) -> Vec<String> {
    for (number, endpoint) in [(1, "A:80"), (2, "B:80"), (3, "C:80"), (4, "N:81")] {
        front.set(&format!("shop/s{number}"), service(number, "TCP", endpoint, ""));
    }
    front.sync().unwrap();
    let doors = FAMILIES.map(|family| (family, Kernel::of(family, TABLE).unwrap()));
    let config = PolicyConfig { bridge: Some(BRIDGE.into()), ipvs: mode == "ipvs" };
    let mut policies = Policies::new(doors.into(), &config);
    policies.detect().unwrap();
    let text = r#"{"ingress": [{"peers": [{"pods": "b"}]}], "egress": [{"peers": [{"pods": "c"}]}]}"#;
    let policy: Policy = serde_json::from_str(text).unwrap();
    policies.set_policy("shop/a".into(), Some(policy));
    let pod = |name, selector: &str, isolated: bool| {
        let isolated = isolated.then(|| vec!["shop/a".to_owned()]);
        Pod {
            addresses: addresses(name),
            selectors: vec![selector.to_owned()],
            ingress: isolated.clone(),
            egress: isolated,
            ..Pod::default()
        }
    };
    for (name, selector, isolated) in [('A', "a", true), ('B', "b", false), ('C', "c", false)] {
        policies.set_pod(format!("shop/{selector}"), Some(pod(name, selector, isolated)));
    }
    policies.sync().unwrap();
    let rows = [
        ("B>1:80/tcp", true),
        ("N>1:80/tcp", true),
        ("A>1:80/tcp", true),
        ("A>3:80/tcp", true),
        ("C>1:80/tcp", false),
        ("D>node:30001/tcp", false),
        ("A>2:80/tcp", false),
        ("A>4:80/tcp", false),
        ("C>4:80/tcp", true),
    ];
    let all = FAMILIES.iter().flat_map(|family| rows.iter().map(move |(text, passes)| (*family, *text, *passes)));
    let wrong = all.filter(|(family, text, passes)| !attempt(net, text, *family, *passes));
    wrong.map(|(family, text, passes)| format!("{mode}, {family}: {text}, should pass: {passes}")).collect()
}
