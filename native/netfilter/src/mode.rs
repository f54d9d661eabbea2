//! Backends by the names that `--proxy-mode` has for them.

use crate::backend::Backend;
use crate::error::{NetfilterError, Result};
use crate::iptables::backend::Iptables;
use crate::model::NodeConfig;
use crate::nftables::backend::Nftables;

/// What this machine can run decides.
pub const AUTO: &str = "auto";

type Open = fn(&NodeConfig) -> Result<Box<dyn Backend>>;

/// Every mode, the best one first.
const MODES: [(&str, Open); 2] = [
    ("nftables", |config| Ok(Box::new(Nftables::open(config)?))),
    ("iptables", |config| Ok(Box::new(Iptables::open(config)?))),
];

/// Modes of kube-proxy that nothing serves yet, and one that Kubernetes itself has given up.
const ABSENT: [(&str, &str); 2] = [
    ("ipvs", "this mode is not supported yet; use nftables or iptables"),
    ("userspace", "Kubernetes 1.26 removed this mode; use nftables or iptables"),
];

pub struct Opened {
    /// Never `auto`.
    pub mode: &'static str,
    pub backend: Box<dyn Backend>,
    /// Better modes that this machine cannot run, each with why.
    pub passed_over: Vec<(&'static str, String)>,
}

/// The backend of that name, or the best one for `auto`. Fails, and says why, when there is none or when this machine
/// cannot run it.
pub fn open(mode: &str, config: &NodeConfig) -> Result<Opened> {
    let refuse = |why: String| NetfilterError::Mode { mode: mode.to_owned(), why };
    let asked: Vec<_> = MODES.iter().filter(|(name, _)| mode == AUTO || mode == *name).collect();
    if asked.is_empty() {
        let absent = ABSENT.iter().find(|(name, _)| *name == mode);
        return Err(refuse(
            absent.map_or("there is no such mode; use nftables or iptables", |(_, why)| why).to_owned(),
        ));
    }
    let mut passed_over = Vec::new();
    for (name, open) in asked {
        match open(config) {
            Ok(backend) => return Ok(Opened { mode: name, backend, passed_over }),
            Err(error) => passed_over.push((*name, error.to_string())),
        }
    }
    let reasons: Vec<String> = match &passed_over[..] {
        [(_, why)] => vec![why.clone()],
        all => all.iter().map(|(name, why)| format!("{name}: {why}")).collect(),
    };
    Err(refuse(reasons.join("; ")))
}

/// Takes away what other modes than this one left. Gives those that could not be, with why: what a machine cannot run
/// has left nothing.
pub fn clean_up_others(mode: &str, config: &NodeConfig) -> Vec<(&'static str, String)> {
    let others = MODES.iter().filter(|(name, _)| *name != mode);
    let clean = |(name, open): &(&'static str, Open)| {
        let mut backend = open(config).ok()?;
        backend.cleanup().err().map(|error| (*name, error.to_string()))
    };
    others.filter_map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_are_not_there_are_refused_by_name() {
        for (mode, message) in [
            ("ipvs", "--proxy-mode=ipvs: this mode is not supported yet; use nftables or iptables"),
            ("userspace", "--proxy-mode=userspace: Kubernetes 1.26 removed this mode; use nftables or iptables"),
            ("ebpf", "--proxy-mode=ebpf: there is no such mode; use nftables or iptables"),
            ("", "--proxy-mode=: there is no such mode; use nftables or iptables"),
        ] {
            let refused = open(mode, &NodeConfig::default()).err();
            assert_eq!(refused.map(|error| error.to_string()).as_deref(), Some(message));
        }
    }
}
