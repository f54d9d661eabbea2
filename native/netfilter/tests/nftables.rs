//! The nftables backend on the kernel's own tables, in a network namespace that ends with the test. Takes root: without it
//! nothing is changed, and the tests say so. What `nft` prints is compared with golden files; `UPDATE_GOLDEN=1` writes them.

use netfilter::backend::Backend;
use netfilter::conntrack::{Flows, Serving};
use netfilter::front::Front;
use netfilter::mode;
use netfilter::model::{NodeConfig, Service};
use rustix::thread::UnshareFlags;
use xtables::address::Family;
use xtables::program::run;

struct NoFlows;

impl Flows for NoFlows {
    fn reconcile(&mut self, _: Family, _: &Serving) -> netfilter::error::Result<usize> {
        Ok(0)
    }
}

type TestFront = Front<Box<dyn Backend>, NoFlows>;

fn config() -> NodeConfig {
    NodeConfig {
        families: vec![Family::Ipv4, Family::Ipv6],
        cluster_cidrs: ["10.244.0.0/16", "fd00:10:244::/56"].map(|cidr| cidr.parse().unwrap()).into(),
        service_cidrs: ["10.96.0.0/16", "fd00:10:96::/112"].map(|cidr| cidr.parse().unwrap()).into(),
        localhost_node_ports: true,
        ..NodeConfig::default()
    }
}

fn open() -> Option<TestFront> {
    match mode::open("nftables", &config()) {
        Ok(opened) => Some(Front::new(opened.backend, NoFlows)),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Runs in a network namespace of its own, as do the programs that the test starts.
fn apart(test: impl FnOnce(TestFront) + Send + 'static) {
    let run = move || {
        // SAFETY: only the view of the network becomes this thread's own; descriptors stay shared.
        #[allow(unsafe_code)]
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) } {
            return eprintln!("skipped: no network namespace without root: {error}");
        }
        if let Some(front) = open() {
            test(front);
        }
    };
    if let Err(panic) = std::thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

/// In both families. `fields`: JSON of the Service, in which `{N}` stands for address N outside of the cluster.
fn service(name: &str, last: u16, protocol: &str, endpoints: usize, fields: &str) -> Vec<Service> {
    let view = |family: &str, cluster: &str, pods: &str, outside: &str, range: &str| {
        let endpoints: Vec<String> = (1..=endpoints)
            .map(|at| format!(r#"{{"ip": "{pods}{at}", "port": 8080, "local": {}}}"#, at % 2 == 1))
            .collect();
        let fields = fields.replace("{1}", &format!("{outside}1")).replace("{2}", &format!("{outside}2"));
        let fields = fields.replace("{range}", range);
        let json = format!(
            r#"{{"family": "{family}", "namespace": "shop", "name": "{name}", "clusterIp": "{cluster}{last}", {fields}
                "ports": [{{"name": "http", "protocol": "{protocol}", "port": 80, "nodePort": {},
                    "endpoints": [{}]}}]}}"#,
            30000 + last,
            endpoints.join(", ")
        );
        serde_json::from_str(&json).unwrap()
    };
    vec![
        view("IPv4", "10.96.0.", "10.244.0.", "192.0.2.", r#""198.51.100.0/24", "198.51.101.0/24""#),
        view("IPv6", "fd00:10:96::", "fd00:10:244::", "2001:db8::", r#""2001:db8:1::/48""#),
    ]
}

fn services() -> Vec<(&'static str, Vec<Service>)> {
    vec![
        ("plain", service("plain", 1, "TCP", 2, "")),
        ("none", service("none", 2, "UDP", 0, "")),
        ("sctp", service("sctp", 3, "SCTP", 1, "")),
        ("sticky", service("sticky", 4, "TCP", 2, r#""affinitySeconds": 10800,"#)),
        ("local", service("local", 5, "TCP", 3, r#""internalTrafficLocal": true, "externalTrafficLocal": true,"#)),
        ("external", service("external", 6, "TCP", 2, r#""externalIps": ["{1}"],"#)),
        (
            "balanced",
            service("balanced", 7, "TCP", 2, r#""loadBalancerIps": ["{2}"], "loadBalancerSourceRanges": [{range}],"#),
        ),
    ]
}

fn ruleset() -> String {
    run("nft", &["list", "ruleset"], "").unwrap()
}

fn golden(text: &str) {
    let path = format!("{}/tests/golden/ruleset.nft", env!("CARGO_MANIFEST_DIR"));
    // Elements of a hash have no order.
    let mut sorted = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(start) = line.find("elements = { ") {
            let mut all = line[start + 13..].to_owned();
            while !all.ends_with(" }") {
                all = format!("{} {}", all, lines.next().unwrap().trim());
            }
            let mut elements: Vec<&str> = all.trim_end_matches(" }").split(", ").map(str::trim).collect();
            elements.sort_unstable();
            sorted += &format!("{}elements = {{ {} }}\n", &line[..start], elements.join(", "));
        } else {
            sorted += &format!("{line}\n");
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &sorted).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected == sorted, "{path} differs; now it is\n{sorted}");
}

#[test]
fn rules_are_what_nft_prints_and_reads() {
    apart(|mut front| {
        for (name, views) in services() {
            front.set(&format!("shop/{name}"), views);
        }
        let synced = front.sync().unwrap();
        assert!(synced.full && synced.applied.refused.is_empty(), "{synced:?}");
        let whole = ruleset();
        golden(&whole);
        run("nft", &["-c", "-f", "-"], &format!("flush ruleset\n{whole}")).expect("operators can save and restore it");
    });
}

#[test]
fn rules_are_verified_repaired_and_cleaned_up() {
    apart(|mut front| {
        front.set("shop/plain", service("plain", 1, "TCP", 2, ""));
        front.set("shop/sticky", service("sticky", 4, "TCP", 2, r#""affinitySeconds": 60,"#));
        front.sync().unwrap();
        assert_eq!(front.verify().unwrap(), None);
        run("nft", &["add", "table", "ip", "theirs"], "").unwrap();
        assert_eq!(front.verify().unwrap(), None, "what others do is no harm");
        for tampering in [
            "delete table ip berth-services",
            "flush chain ip berth-services services",
            "flush map ip6 berth-services endpoints",
            "delete element ip berth-services service-kinds { 10.96.0.1 . tcp . 80 }",
            "add rule ip berth-services services drop",
            "flush ruleset",
        ] {
            run("nft", &[tampering], "").unwrap();
            assert!(front.verify().unwrap().unwrap().full, "{tampering}");
            assert_eq!(front.verify().unwrap(), None, "{tampering}");
        }
        run("nft", &["add", "table", "ip", "theirs"], "").unwrap();
        front.cleanup().unwrap();
        assert_eq!(ruleset().trim(), "table ip theirs {\n}");
    });
}

#[test]
fn changes_end_in_what_all_at_once_writes() {
    apart(|mut front| {
        let all = services();
        let shapes = |name: &'static str, last, fields: &str| {
            (0..4).map(|count| service(name, last, "TCP", count, fields)).collect::<Vec<_>>()
        };
        let fields = [
            ("a", r#""externalTrafficLocal": true, "externalIps": ["{1}"],"#),
            ("b", r#""affinitySeconds": 60, "loadBalancerIps": ["{1}"], "loadBalancerSourceRanges": [{range}],"#),
            ("c", r#""internalTrafficLocal": true,"#),
        ];
        front.sync().unwrap();
        for turn in 0..12 {
            for (at, (name, fields)) in (0_u16..).zip(fields) {
                let count = (turn * (usize::from(at) + 1)) % 5;
                let views = shapes(name, 50 + at, fields).into_iter().nth(count).unwrap_or_default();
                front.set(&format!("shop/{name}"), views);
            }
            let (name, views) = &all[turn % all.len()];
            front.set(&format!("shop/{name}"), if turn % 3 == 2 { vec![] } else { views.clone() });
            let synced = front.sync().unwrap();
            assert!(synced.applied.refused.values().all(|why| why.contains("belongs to")), "{synced:?}");
            run("nft", &["add", "table", "ip", "theirs"], "").unwrap();
            run("nft", &["delete", "table", "ip", "theirs"], "").unwrap();
            assert_eq!(front.verify().unwrap().map(|synced| synced.full).filter(|full| *full), None, "turn {turn}");
        }
    });
}

/// The kernel takes the start of a range only behind the end of the one below it.
#[test]
fn ranges_that_do_not_touch_are_all_taken() {
    apart(|mut front| {
        front.sync().unwrap();
        for ranges in [
            r#""203.0.113.0/24", "10.0.0.0/8", "198.51.100.0/24""#,
            r#""203.0.113.0/24", "192.0.2.0/25""#,
            r#""0.0.0.0/8", "192.0.2.128/25", "255.0.0.0/8""#,
        ] {
            let fields = format!(r#""loadBalancerIps": ["{{2}}"], "loadBalancerSourceRanges": [{ranges}],"#);
            front.set("shop/balanced", service("balanced", 7, "TCP", 2, &fields)[..1].to_vec());
            let synced = front.sync().unwrap();
            assert!(synced.applied.refused.is_empty(), "{ranges}: {synced:?}");
            let rules = ruleset();
            for range in ranges.split(", ").map(|range| range.trim_matches('"')) {
                assert!(rules.contains(range), "{range} is not in\n{rules}");
            }
        }
        assert_eq!(front.verify().unwrap(), None);
    });
}

#[test]
fn a_new_process_takes_over_and_clients_stay() {
    apart(|mut front| {
        let sticky = || service("sticky", 4, "TCP", 2, r#""affinitySeconds": 10800,"#);
        front.set("shop/sticky", sticky());
        front.set("shop/gone", service("gone", 9, "TCP", 2, ""));
        front.sync().unwrap();
        let clients =
            ruleset().lines().filter_map(|line| line.trim().strip_prefix("set affinity-").map(str::to_owned)).next();
        let set = format!("affinity-{}", clients.expect("a set of clients").trim_end_matches(" {"));
        run("nft", &["add", "element", "ip", "berth-services", &set, "{ 10.244.0.77 timeout 1h }"], "").unwrap();
        drop(front);
        let mut next = open().unwrap();
        next.set("shop/sticky", sticky());
        assert!(next.sync().unwrap().full);
        let text = ruleset();
        assert!(text.contains("10.244.0.77") && !text.contains("10.96.0.9"), "{text}");
        assert_eq!(next.verify().unwrap(), None);
    });
}

#[test]
fn changing_the_mode_takes_the_other_ones_rules_away() {
    apart(|mut front| {
        front.set("shop/plain", service("plain", 1, "TCP", 2, ""));
        front.sync().unwrap();
        assert!(ruleset().contains("berth-services"));
        assert_eq!(mode::clean_up_others("iptables", &config()), []);
        assert!(!ruleset().contains("berth-services"), "{}", ruleset());
    });
}
