//! Names of chains, and which of them are ours.

use xtables::ruleset::Hook;

pub const SERVICES: &str = "KUBE-SERVICES";
pub const EXTERNAL_SERVICES: &str = "KUBE-EXTERNAL-SERVICES";
pub const NODE_PORTS: &str = "KUBE-NODEPORTS";
pub const POSTROUTING: &str = "KUBE-POSTROUTING";
pub const MARK_MASQ: &str = "KUBE-MARK-MASQ";
pub const FORWARD: &str = "KUBE-FORWARD";
pub const FIREWALL: &str = "KUBE-FIREWALL";
pub const PROXY_FIREWALL: &str = "KUBE-PROXY-FIREWALL";

/// Per port of a Service: all endpoints, local endpoints, and the way in from outside.
pub const SERVICE: &str = "KUBE-SVC-";
pub const LOCAL: &str = "KUBE-SVL-";
pub const EXTERNAL: &str = "KUBE-EXT-";
/// Per endpoint of such a port.
pub const ENDPOINT: &str = "KUBE-SEP-";
/// Per port with source ranges.
pub const FIREWALL_OF: &str = "KUBE-FW-";

const PREFIXES: [&str; 5] = [SERVICE, LOCAL, EXTERNAL, ENDPOINT, FIREWALL_OF];

/// A chain that belongs to one Service, and is removed with it.
pub fn is_of_a_service(chain: &str) -> bool {
    PREFIXES.iter().any(|prefix| chain.starts_with(prefix))
}

/// Chains that hold lines of every Service.
pub const SHARED_NAT: [&str; 2] = [SERVICES, NODE_PORTS];
pub const SHARED_FILTER: [&str; 3] = [SERVICES, EXTERNAL_SERVICES, PROXY_FIREWALL];
/// Chains that no Service has a part in.
const BASE: [&str; 4] = [POSTROUTING, MARK_MASQ, FORWARD, FIREWALL];

pub fn is_ours(chain: &str) -> bool {
    is_of_a_service(chain) || SHARED_NAT.contains(&chain) || SHARED_FILTER.contains(&chain) || BASE.contains(&chain)
}

/// The jumps from the kernel's own chains into ours.
pub const NAT_HOOKS: [Hook; 3] =
    [("PREROUTING", &[], SERVICES), ("OUTPUT", &[], SERVICES), ("POSTROUTING", &[], POSTROUTING)];

const NEW: &[&str] = &["-m", "conntrack", "--ctstate", "NEW"];

pub const FILTER_HOOKS: [Hook; 10] = [
    ("INPUT", NEW, PROXY_FIREWALL),
    ("OUTPUT", NEW, PROXY_FIREWALL),
    ("FORWARD", NEW, PROXY_FIREWALL),
    ("INPUT", NEW, EXTERNAL_SERVICES),
    ("FORWARD", NEW, EXTERNAL_SERVICES),
    ("FORWARD", NEW, SERVICES),
    ("OUTPUT", NEW, SERVICES),
    ("FORWARD", &[], FORWARD),
    ("INPUT", &[], FIREWALL),
    ("OUTPUT", &[], FIREWALL),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash;

    #[test]
    fn names_fit_and_differ() {
        let a = format!("{SERVICE}{}", hash(&["default/web", "tcp"]));
        assert_eq!(a.len(), 25);
        assert!(is_of_a_service(&a) && !is_of_a_service(SERVICES));
    }
}
