//! Services in the modes nftables and iptables, on real traffic: a bridge with pods in network namespaces that end with the test,
//! and a client outside. Takes root: without it nothing is changed, and the tests say so. `ipvs.rs` does the same for its mode.

mod pods;

use std::net::SocketAddr;

use pods::services::{FAMILIES, TestFront, attempt, cluster_ip, config, open, service, wrong_attempts, wrongly_judged};
use pods::{Net, apart};
use xtables::program::run;

const MODES: [&str; 2] = ["nftables", "iptables"];

/// In each mode, each with pods of its own.
fn in_each_mode(test: fn(&Net, &mut TestFront, &'static str)) {
    for mode in MODES {
        apart(move |net| {
            net.lead_all_out();
            if let Some(mut front) = open(mode, &config()) {
                test(&net, &mut front, mode);
            }
        });
    }
}

#[test]
fn services_lead_to_their_endpoints() {
    in_each_mode(|net, front, mode| {
        let wrong = wrong_attempts(net, front, mode);
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", run("nft", &["list", "ruleset"], "").unwrap());
        assert_eq!(front.verify().unwrap(), None, "the kernel has what was written");
    });
}

#[test]
fn connections_outlive_their_endpoint_and_new_ones_go_elsewhere() {
    in_each_mode(|net, front, mode| {
        front.set("shop/s1", service(1, "TCP", "A:80", ""));
        front.sync().unwrap();
        let target = |family| SocketAddr::new(cluster_ip(1, family).parse().unwrap(), 80);
        let open = FAMILIES.map(|family| net.connect_to('C', target(family)).expect("a connection"));
        front.set("shop/s1", service(1, "TCP", "B:80", ""));
        front.sync().unwrap();
        assert!(FAMILIES.iter().all(|family| attempt(net, "C>1:80/tcp", *family, true)), "{mode}");
        assert!(open.iter().all(pods::Connection::echoes), "{mode}");
        front.set("shop/s1", vec![]);
        front.sync().unwrap();
        assert!(FAMILIES.iter().all(|family| attempt(net, "C>1:80/tcp", *family, false)), "{mode}");
    });
}

#[test]
fn policies_judge_the_endpoint() {
    in_each_mode(|net, front, mode| assert_eq!(wrongly_judged(net, front, mode), [""; 0]));
}
