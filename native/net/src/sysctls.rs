//! Kernel settings that pods' packets need.

use std::{fs, io, path::Path};

use xtables::address::Family;

use crate::config::NetworkConfig;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sysctl {
    /// Below /proc/sys.
    pub path: &'static str,
    pub value: &'static str,
    /// What does not work without it.
    pub why: &'static str,
}

impl Sysctl {
    /// As `sysctl` spells it.
    pub fn name(&self) -> String {
        self.path.replace('/', ".")
    }

    /// Sets it below `root` unless it is so. True when it was not.
    pub fn apply(&self, root: &Path) -> io::Result<bool> {
        let path = root.join(self.path);
        if fs::read_to_string(&path)?.trim() == self.value {
            return Ok(false);
        }
        fs::write(path, self.value)?;
        Ok(true)
    }
}

const FORWARD: &str = "pods reach other nodes and the world through this one";
const BRIDGED: &str = "pods of one bridge meet the rules of policies, and the answer of a Service on it goes back by the way it was asked";

pub fn wanted(config: &NetworkConfig) -> Vec<Sysctl> {
    let of_family = |family| match family {
        Family::Ipv4 => [
            Sysctl { path: "net/ipv4/ip_forward", value: "1", why: FORWARD },
            Sysctl { path: "net/bridge/bridge-nf-call-iptables", value: "1", why: BRIDGED },
        ],
        Family::Ipv6 => [
            Sysctl { path: "net/ipv6/conf/all/forwarding", value: "1", why: FORWARD },
            Sysctl { path: "net/bridge/bridge-nf-call-ip6tables", value: "1", why: BRIDGED },
        ],
    };
    let families = config.families();
    let mut sysctls: Vec<Sysctl> = families.iter().copied().flat_map(of_family).collect();
    if config.service_rules && families.contains(&Family::Ipv4) {
        // Only then: the rules of Services are what keeps neighbours from 127.0.0.0/8.
        let why = "node ports answer on 127.0.0.1";
        sysctls.push(Sysctl { path: "net/ipv4/conf/all/route_localnet", value: "1", why });
    }
    let of_bridges = |sysctl: &Sysctl| sysctl.path.starts_with("net/bridge/");
    sysctls.retain(|sysctl| config.service_rules || config.policy_rules || !of_bridges(sysctl));
    if config.policy_rules && !families.contains(&Family::Ipv6) {
        // Pods reach each other by link-local addresses all the same.
        sysctls.extend(of_family(Family::Ipv6).into_iter().filter(of_bridges));
    }
    sysctls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(cidrs: &[&str], service_rules: bool, policy_rules: bool) -> Vec<&'static str> {
        let config = NetworkConfig {
            cluster_cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
            node_ip: "192.0.2.1".parse().unwrap(),
            cni_config_dir: None,
            bandwidth_plugin: false,
            service_rules,
            policy_rules,
        };
        wanted(&config).into_iter().map(|sysctl| sysctl.path).collect()
    }

    #[test]
    fn settings_follow_the_families_and_whether_rules_serve_services() {
        let (forward, bridge) = ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables");
        let local = "net/ipv4/conf/all/route_localnet";
        assert_eq!(paths(&["10.244.0.0/16"], true, false), [forward, bridge, local]);
        assert_eq!(paths(&["10.244.0.0/16"], false, false), [forward]);
        let six = ["net/ipv6/conf/all/forwarding", "net/bridge/bridge-nf-call-ip6tables"];
        assert_eq!(paths(&["fd00::/56"], true, false), six);
        assert_eq!(paths(&["fd00::/56", "10.244.0.0/16"], true, false), [forward, bridge, six[0], six[1], local]);
        assert_eq!(paths(&["10.244.0.0/16"], false, true), [forward, bridge, six[1]]);
        assert_eq!(paths(&["fd00::/56"], false, true), six);
    }

    #[test]
    fn a_setting_is_written_only_when_it_differs() {
        let root = tempfile::tempdir().unwrap();
        let sysctl = Sysctl { path: "a/b", value: "1", why: "" };
        assert!(sysctl.apply(root.path()).is_err(), "this kernel does not have it");
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/b"), "0\n").unwrap();
        assert!(sysctl.apply(root.path()).unwrap());
        assert!(!sysctl.apply(root.path()).unwrap());
        assert_eq!(fs::read_to_string(root.path().join("a/b")).unwrap(), "1");
    }
}
