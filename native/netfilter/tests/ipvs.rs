//! The IPVS backend on real traffic: a bridge with pods in network namespaces that end with the test, and a client outside.
//! Takes root and a kernel with IPVS: without them nothing is changed, and the tests say so. `test/rigs/ipvs.rig-spec.ts`
//! runs them on a machine that has it.

mod pods;

use std::net::{IpAddr, SocketAddr};

use netfilter::backend::Backend;
use netfilter::conntrack::{Flows, Serving};
use netfilter::front::Front;
use netfilter::mode;
use netfilter::model::{NodeConfig, Service};
use netfilter::nftables::kernel::Kernel;
use netfilter::policy::model::{Pod, Policy, PolicyConfig};
use netfilter::policy::policies::{Policies, TABLE};
use pods::{IMPATIENCE, Net, PATIENCE, apart};
use xtables::address::Family;
use xtables::program::run;

struct NoFlows;

impl Flows for NoFlows {
    fn reconcile(&mut self, _: Family, _: &Serving) -> netfilter::error::Result<usize> {
        Ok(0)
    }
}

type TestFront = Front<Box<dyn Backend>, NoFlows>;

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

fn config() -> NodeConfig {
    NodeConfig {
        families: FAMILIES.into(),
        cluster_cidrs: ["10.244.0.0/16", "fd00:244::/56"].map(|cidr| cidr.parse().unwrap()).into(),
        service_cidrs: ["10.96.0.0/16", "fd00:96::/112"].map(|cidr| cidr.parse().unwrap()).into(),
        localhost_node_ports: true,
        ..NodeConfig::default()
    }
}

fn open(config: &NodeConfig) -> Option<TestFront> {
    match mode::open("ipvs", config) {
        Ok(opened) => Some(Front::new(opened.backend, NoFlows)),
        Err(error) => {
            // The rig has it, and no reason to skip.
            assert!(std::env::var_os("BERTH_TEST_IPVS").is_none(), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn with_front(test: impl FnOnce(Net, TestFront) + Send + 'static) {
    apart(move |net| {
        if let Some(front) = open(&config()) {
            test(net, front);
        }
    });
}

fn pick(family: Family, four: &str, six: &str) -> String {
    if family == Family::Ipv4 { four.to_owned() } else { six.to_owned() }
}

/// Of Service `number`.
fn cluster_ip(number: u16, family: Family) -> String {
    format!("{}{number}", pick(family, "10.96.0.", "fd00:96::"))
}

/// Endpoints: `A:80` is on this node, `B:80/far` is not. `{out}`: an address outside of the cluster and of all nodes; `{node}`:
/// one of the node; `{client}`: the range of the client outside.
fn service(number: u16, protocol: &str, endpoints: &str, fields: &str) -> Vec<Service> {
    let view = |family: Family| {
        let endpoint = |text: &str| {
            let (place, far) = text.strip_suffix("/far").map_or((text, false), |place| (place, true));
            let (pod, port) = place.split_once(':').unwrap();
            let ip = pods::addresses(pod.chars().next().unwrap())[usize::from(family == Family::Ipv6)];
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
/// `node` or `gateway`, for addresses of the node.
fn attempt(net: &Net, text: &str, family: Family, passes: bool) -> bool {
    let (client, rest) = text.split_once('>').unwrap();
    let (place, rest) = rest.split_once(':').unwrap();
    let (port, protocol) = rest.split_once('/').unwrap();
    let address = match place {
        "node" => pick(family, "192.0.2.1", "2001:db8::1"),
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
}

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
    },
    Row {
        name: "UDP",
        service: || service(2, "UDP", "A:10053", ""),
        passes: &["A>2:80/udp", "C>2:80/udp", "N>2:80/udp", "D>2:80/udp", "D>node:30002/udp"],
        fails: &["C>2:80/tcp"],
    },
    Row {
        name: "nobody is there",
        service: || service(3, "TCP", "", ""),
        passes: &[],
        fails: &["A>3:80/tcp", "N>3:80/tcp", "D>node:30003/tcp"],
    },
    Row {
        name: "clients stay",
        service: || service(4, "TCP", "A:80 B:80", r#""affinitySeconds": 60,"#),
        passes: &["C>4:80/tcp", "N>4:80/tcp", "D>node:30004/tcp"],
        fails: &[],
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
        passes: &["C>5:80/tcp", "N>5:80/tcp", "D>node:30005/tcp", "D>out5:80/tcp", "C>out5:80/tcp", "N>out5:80/tcp"],
        fails: &[],
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
    },
    Row {
        name: "a load balancer lets its source ranges in",
        service: || {
            service(7, "TCP", "A:80", r#""loadBalancerIps": ["{out}"], "loadBalancerSourceRanges": ["{client}"],"#)
        },
        passes: &["D>out7:80/tcp", "N>out7:80/tcp", "C>7:80/tcp"],
        fails: &["C>out7:80/tcp"],
    },
    Row {
        name: "a load balancer keeps others out",
        service: || {
            service(8, "TCP", "A:80", r#""loadBalancerIps": ["{out}"], "loadBalancerSourceRanges": ["{other}"],"#)
        },
        passes: &["C>8:80/tcp"],
        fails: &["D>out8:80/tcp", "N>out8:80/tcp"],
    },
    Row {
        name: "an address of the node is a load balancer's, and stays the node's",
        service: || service(9, "UDP", "A:10053", r#""loadBalancerIps": ["{node}"],"#),
        passes: &["D>node:80/udp", "C>node:80/udp", "D>node:81/tcp"],
        fails: &[],
    },
    Row {
        name: "an endpoint is the node itself",
        service: || service(10, "TCP", "N:81", ""),
        passes: &["A>10:80/tcp", "N>10:80/tcp", "D>node:30010/tcp"],
        fails: &[],
    },
];

#[test]
fn services_lead_to_their_endpoints() {
    with_front(|net, mut front| {
        for (number, row) in (1..).zip(ROWS) {
            front.set(&format!("shop/s{number}"), (row.service)());
        }
        let synced = front.sync().unwrap();
        assert!(synced.full && synced.applied.refused.is_empty(), "{synced:?}");
        let mut wrong = Vec::new();
        for family in FAMILIES {
            for Row { name, passes, fails, .. } in ROWS {
                let attempts = passes.iter().map(|it| (it, true)).chain(fails.iter().map(|it| (it, false)));
                let failed = attempts.filter(|(text, passes)| !attempt(&net, text, family, *passes));
                wrong.extend(failed.map(|(text, passes)| format!("{family}, {name}: {text}, should pass: {passes}")));
            }
        }
        let state = || run("nft", &["list", "ruleset"], "").unwrap() + &servers();
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", state());
        assert_eq!(front.verify().unwrap(), None, "the kernel has what was written");
    });
}

fn servers() -> String {
    std::fs::read_to_string("/proc/thread-self/net/ip_vs").unwrap()
}

#[test]
fn connections_outlive_their_endpoint_and_new_ones_go_elsewhere() {
    with_front(|net, mut front| {
        front.set("shop/s1", service(1, "TCP", "A:80", ""));
        front.sync().unwrap();
        let target = |family| SocketAddr::new(cluster_ip(1, family).parse().unwrap(), 80);
        let open = FAMILIES.map(|family| net.connect_to('C', target(family)).expect("a connection"));
        front.set("shop/s1", service(1, "TCP", "B:80", ""));
        front.sync().unwrap();
        assert!(FAMILIES.iter().all(|family| attempt(&net, "C>1:80/tcp", *family, true)));
        assert_eq!(front.verify().unwrap(), None);
        assert!(open.iter().all(pods::Connection::echoes), "{}", servers());
        front.set("shop/s1", service(1, "TCP", "B:80 A:80", ""));
        front.sync().unwrap();
        assert_eq!(front.verify().unwrap(), None);
        front.set("shop/s1", vec![]);
        front.sync().unwrap();
        assert!(FAMILIES.iter().all(|family| attempt(&net, "C>1:80/tcp", *family, false)));
    });
}

#[test]
fn what_somebody_took_away_is_written_again_and_all_of_it_can_go() {
    with_front(|net, mut front| {
        front.set("shop/s1", service(1, "TCP", "A:80 B:80", r#""affinitySeconds": 60,"#));
        front.sync().unwrap();
        assert_eq!(front.verify().unwrap(), None);
        for tampering in [
            "ip link delete kube-ipvs0",
            "ip address delete 10.96.0.1/32 dev kube-ipvs0",
            "ip address add 203.0.113.77/32 dev kube-ipvs0",
            "nft delete table ip berth-ipvs",
            "nft flush chain ip6 berth-ipvs services",
            "ip address add 192.0.2.99/32 dev lo",
        ] {
            let words: Vec<&str> = tampering.split_whitespace().collect();
            run(if words[0] == "ip" { "ip" } else { "nft" }, &words[1..], "").unwrap();
            assert!(front.verify().unwrap().is_some_and(|synced| synced.full), "{tampering}");
            assert_eq!(front.verify().unwrap(), None, "{tampering}");
        }
        std::fs::write("/proc/sys/net/ipv4/vs/conntrack", "0").unwrap();
        assert!(front.verify().unwrap().unwrap().full);
        drop(front);
        let mut next = open(&config()).unwrap();
        next.set("shop/s2", service(2, "TCP", "A:80", ""));
        assert!(next.sync().unwrap().full, "a new process takes over");
        assert!(!servers().contains("0A600001"), "{}", servers());
        assert!(attempt(&net, "C>2:80/tcp", Family::Ipv4, true));
        assert_eq!(mode::clean_up_others("nftables", &config()), []);
        assert_eq!(servers().lines().count(), 3, "{}", servers());
        assert!(!run("nft", &["list", "ruleset"], "").unwrap().contains("berth-ipvs"));
        assert!(!run("ip", &["link", "show"], "").unwrap().contains("kube-ipvs0"));
    });
}

#[test]
fn every_scheduler_of_the_setting_is_the_kernels() {
    apart(|_| {
        for scheduler in ["rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh"] {
            let mut config = config();
            config.ipvs.scheduler = scheduler.to_owned();
            let Some(mut front) = open(&config) else { return };
            front.set("shop/s1", service(1, "TCP", "A:80", r#""affinitySeconds": 60,"#));
            assert!(front.sync().unwrap().applied.refused.is_empty(), "{scheduler}");
            assert!(servers().contains(&format!(" {scheduler} persistent 60 ")), "{}", servers());
            assert_eq!(front.verify().unwrap(), None, "{scheduler}");
        }
        let mut config = config();
        config.ipvs.scheduler = "none".into();
        let refused = mode::open("ipvs", &config).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("--proxy-mode=ipvs: IPVS: the kernel lacks its module ip_vs_none"));
    });
}

/// A lets nobody in but B, and may call nobody but C.
#[test]
fn policies_judge_the_endpoint() {
    with_front(|net, mut front| {
        for (number, endpoint) in [(1, "A:80"), (2, "B:80"), (3, "C:80"), (4, "N:81")] {
            front.set(&format!("shop/s{number}"), service(number, "TCP", endpoint, ""));
        }
        front.sync().unwrap();
        let doors = FAMILIES.map(|family| (family, Kernel::of(family, TABLE).unwrap()));
        let config = PolicyConfig { bridge: Some(pods::BRIDGE.into()), ipvs: true };
        let mut policies = Policies::new(doors.into(), &config);
        policies.detect().unwrap();
        let text = r#"{"ingress": [{"peers": [{"pods": "b"}]}], "egress": [{"peers": [{"pods": "c"}]}]}"#;
        let policy: Policy = serde_json::from_str(text).unwrap();
        policies.set_policy("shop/a".into(), Some(policy));
        let pod = |name, selector: &str, isolated: bool| {
            let isolated = isolated.then(|| vec!["shop/a".to_owned()]);
            Pod {
                addresses: pods::addresses(name),
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
        for family in FAMILIES {
            for (text, passes) in [
                ("B>1:80/tcp", true),
                ("N>1:80/tcp", true),
                ("A>1:80/tcp", true),
                ("A>3:80/tcp", true),
                ("C>1:80/tcp", false),
                ("D>node:30001/tcp", false),
                ("A>2:80/tcp", false),
                ("A>4:80/tcp", false),
                ("C>4:80/tcp", true),
            ] {
                assert!(attempt(&net, text, family, passes), "{family} {text}, should pass: {passes}");
            }
        }
    });
}
