//! The iptables backend on the kernel's own tables, in a network namespace that ends with the test. Takes root and
//! iptables: without them nothing is changed, and the tests say so.

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

/// Runs in a network namespace of its own, as do the programs that the test starts.
fn apart(test: impl FnOnce(TestFront) + Send + 'static) {
    let run = move || {
        // SAFETY: only the view of the network becomes this thread's own; descriptors stay shared.
        #[allow(unsafe_code)]
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) } {
            return eprintln!("skipped: no network namespace without root: {error}");
        }
        let config = NodeConfig {
            families: vec![Family::Ipv4],
            cluster_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
            localhost_node_ports: true,
            ..NodeConfig::default()
        };
        match mode::open("iptables", &config).map(|opened| opened.backend) {
            Ok(backend) => test(Front::new(backend, NoFlows)),
            Err(error) => eprintln!("skipped: {error}"),
        }
    };
    if let Err(panic) = std::thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

fn service(name: &str, last: u8, port_name: &str, fields: &str) -> Vec<Service> {
    let endpoints = r#"[{"ip": "10.244.0.5", "port": 8080, "local": true}, {"ip": "10.244.1.6", "port": 8080}]"#;
    let json = format!(
        r#"[{{"family": "IPv4", "namespace": "shop", "name": "{name}", "clusterIp": "10.96.0.{last}", {fields}
            "ports": [{{"name": "{port_name}", "protocol": "TCP", "port": 80, "nodePort": {}, "endpoints": {endpoints}}}]}}]"#,
        30000 + u16::from(last),
    );
    serde_json::from_str(&json).unwrap()
}

fn saved() -> String {
    run("iptables-save", &[], "").unwrap()
}

#[test]
fn rules_are_written_verified_repaired_and_cleaned_up() {
    apart(|mut front| {
        let outer = r#""externalIps": ["192.0.2.7"], "loadBalancerIps": ["192.0.2.8"],
            "loadBalancerSourceRanges": ["203.0.113.0/24"], "externalTrafficLocal": true,"#;
        front.set("shop/web", service("web", 1, "http", outer));
        front.set("shop/none", service("none", 2, "", r#""internalTrafficLocal": true,"#));
        assert!(front.sync().unwrap().full);
        assert_eq!(front.verify().unwrap(), None, "what the kernel prints is what was written");
        for chain in ["KUBE-POSTROUTING", "KUBE-FORWARD"] {
            let table = if chain == "KUBE-FORWARD" { "filter" } else { "nat" };
            run("iptables", &["-t", table, "-F", chain], "").unwrap();
            assert!(front.verify().unwrap().unwrap().full, "{chain} was emptied");
            assert_eq!(front.verify().unwrap(), None);
        }
        front.set("shop/web", vec![]);
        let gone = front.sync().unwrap();
        assert!(!gone.full && gone.applied.removed > 0 && !saved().contains("shop/web"), "{gone:?}");
        front.cleanup().unwrap();
        assert!(!saved().contains("KUBE"), "{}", saved());
    });
}

#[test]
fn a_service_that_the_kernel_refuses_keeps_no_other() {
    apart(|mut front| {
        front.set("shop/first", service("first", 1, "http", ""));
        // The match `recent` takes no less than a second.
        front.set("shop/bad", service("bad", 2, "http", r#""affinitySeconds": 0,"#));
        front.set("shop/last", service("last", 3, "http", ""));
        let synced = front.sync().unwrap();
        let refused: Vec<_> = synced.applied.refused.keys().map(|key| key.service.as_str()).collect();
        assert_eq!(refused, ["shop/bad"], "{synced:?}");
        let text = saved();
        assert!(text.contains("shop/first:http cluster IP") && text.contains("shop/last:http cluster IP"), "{text}");
        front.set("shop/later", service("later", 4, "http", ""));
        assert!(front.sync().unwrap().applied.refused.is_empty());
        assert!(saved().contains("shop/later:http cluster IP"));
        front.set("shop/bad", service("bad", 2, "http", r#""affinitySeconds": 60,"#));
        front.sync().unwrap();
        assert_eq!(front.verify().unwrap(), None);
        assert!(saved().contains("shop/bad:http cluster IP"));
    });
}
