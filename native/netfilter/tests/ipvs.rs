//! The IPVS backend on real traffic: a bridge with pods in network namespaces that end with the test, and a client outside.
//! Takes root and a kernel with IPVS: without them nothing is changed, and the tests say so. `test/rigs/ipvs.rig-spec.ts`
//! runs them on a machine that has it.

mod pods;

use std::net::SocketAddr;

use netfilter::mode;
use netfilter::model::NodeConfig;
use pods::services::{FAMILIES, TestFront, attempt, cluster_ip, config, service, wrong_attempts, wrongly_judged};
use pods::{Net, apart};
use xtables::address::Family;
use xtables::program::run;

fn open(config: &NodeConfig) -> Option<TestFront> {
    let opened = pods::services::open("ipvs", config);
    // The rig has it, and no reason to skip.
    assert!(opened.is_some() || std::env::var_os("BERTH_TEST_IPVS").is_none());
    opened
}

fn with_front(test: impl FnOnce(Net, TestFront) + Send + 'static) {
    apart(move |net| {
        if let Some(front) = open(&config()) {
            test(net, front);
        }
    });
}

#[test]
fn services_lead_to_their_endpoints() {
    with_front(|net, mut front| {
        let wrong = wrong_attempts(&net, &mut front, "ipvs");
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

#[test]
fn policies_judge_the_endpoint() {
    with_front(|net, mut front| assert_eq!(wrongly_judged(&net, &mut front, "ipvs"), [""; 0]));
}
