//! The rules on the kernel's own tables, in a network namespace that ends with the test. Takes root and iptables: without
//! them nothing is changed, and the test says so.

use net::rules::{Ranges, Rules};
use rustix::thread::UnshareFlags;
use xtables::{address::Family, program::run, tables::Kernel};

fn rules_of(chain: &str) -> Vec<String> {
    let listed = run("iptables", &["-S", chain], "").unwrap();
    listed.lines().filter(|line| line.starts_with("-A")).map(str::to_owned).collect()
}

#[test]
fn rules_are_made_repaired_and_cleaned_up_behind_those_of_services() {
    let test = || {
        // SAFETY: only the view of the network becomes this thread's own; descriptors stay shared.
        #[allow(unsafe_code)]
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) } {
            return eprintln!("skipped: no network namespace without root: {error}");
        }
        let kernel = Kernel::of(Family::Ipv4);
        if let Err(error) = kernel.detect() {
            return eprintln!("skipped: {error}");
        }
        let ranges = Ranges { cluster: "10.244.0.0/16".parse().unwrap(), pods: Some("10.244.3.0/24".parse().unwrap()) };
        let mut rules = Rules::new(kernel);
        assert!(rules.apply(ranges).unwrap());
        assert!(!rules.apply(ranges).unwrap());
        // Who serves Services comes later, and puts its jump first.
        run("iptables-restore", &["--noflush"], "*filter\n:KUBE-FORWARD - [0:0]\n-I FORWARD -j KUBE-FORWARD\nCOMMIT\n")
            .unwrap();
        assert!(!rules.apply(ranges).unwrap());
        run("iptables", &["-D", "FORWARD", "-j", "KUBE-FORWARD"], "").unwrap();
        run("iptables", &["-A", "FORWARD", "-j", "KUBE-FORWARD"], "").unwrap();
        assert!(rules.apply(ranges).unwrap(), "ours stood before it");
        assert_eq!(rules_of("FORWARD"), ["-A FORWARD -j KUBE-FORWARD", "-A FORWARD -j BERTH-FORWARD"]);
        for table in ["nat", "filter"] {
            run("iptables", &["-t", table, "-F"], "").unwrap();
            assert!(rules.apply(ranges).unwrap(), "{table} was flushed");
        }
        assert_eq!(rules_of("BERTH-FORWARD").len(), 2);
        rules.cleanup().unwrap();
        assert!(!run("iptables-save", &[], "").unwrap().contains("BERTH"));
    };
    if let Err(panic) = std::thread::spawn(test).join() {
        std::panic::resume_unwind(panic);
    }
}
