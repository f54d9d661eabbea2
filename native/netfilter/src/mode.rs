//! Backends by the names that `--proxy-mode` has for them.

use crate::backend::Backend;
use crate::error::{NetfilterError, Result};
use crate::iptables::backend::Iptables;
use crate::model::NodeConfig;

/// Modes of kube-proxy that nothing serves yet, and one that Kubernetes itself has given up.
const ABSENT: [(&str, &str); 3] = [
    ("nftables", "this mode is not supported yet; use iptables"),
    ("ipvs", "this mode is not supported yet; use iptables"),
    ("userspace", "Kubernetes 1.26 removed this mode; use iptables"),
];

/// The backend of that name. Fails, and says why, when there is none or when this machine cannot run it.
pub fn open(mode: &str, config: &NodeConfig) -> Result<Box<dyn Backend>> {
    let refuse = |why: String| NetfilterError::Mode { mode: mode.to_owned(), why };
    if mode == "iptables" {
        return match Iptables::open(config) {
            Ok(backend) => Ok(Box::new(backend)),
            Err(error) => Err(refuse(error.to_string())),
        };
    }
    let absent = ABSENT.iter().find(|(name, _)| *name == mode);
    Err(refuse(absent.map_or("there is no such mode; use iptables", |(_, why)| why).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_are_not_there_are_refused_by_name() {
        let config = NodeConfig { families: vec![], cluster_cidrs: vec![], localhost_node_ports: false };
        for (mode, message) in [
            ("nftables", "--proxy-mode=nftables: this mode is not supported yet; use iptables"),
            ("ipvs", "--proxy-mode=ipvs: this mode is not supported yet; use iptables"),
            ("userspace", "--proxy-mode=userspace: Kubernetes 1.26 removed this mode; use iptables"),
            ("ebpf", "--proxy-mode=ebpf: there is no such mode; use iptables"),
            ("", "--proxy-mode=: there is no such mode; use iptables"),
        ] {
            assert_eq!(open(mode, &config).err().map(|error| error.to_string()).as_deref(), Some(message));
        }
    }
}
