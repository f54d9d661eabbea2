//! Backends by the names that `--proxy-mode` has for them.

use crate::backend::Backend;
use crate::error::{NetfilterError, Result};
use crate::iptables::backend::Iptables;
use crate::model::NodeConfig;
use crate::{ipvs, nftables};

/// What this machine can run decides.
pub const AUTO: &str = "auto";

struct Mode {
    name: &'static str,
    /// `auto` may choose it.
    automatic: bool,
    open: fn(&NodeConfig) -> Result<Box<dyn Backend>>,
    /// Takes away what it left; what a machine cannot run has left nothing.
    clean_up: fn(&NodeConfig) -> Result<()>,
}

/// Every mode, the best one first.
const MODES: [Mode; 3] = [
    Mode {
        name: "nftables",
        automatic: true,
        open: |config| Ok(Box::new(nftables::backend::open(config)?)),
        clean_up: |config| nftables::backend::open(config).map_or(Ok(()), |mut backend| backend.cleanup()),
    },
    Mode {
        name: "iptables",
        automatic: true,
        open: |config| Ok(Box::new(Iptables::open(config)?)),
        clean_up: |config| Iptables::open(config).map_or(Ok(()), |mut backend| backend.cleanup()),
    },
    Mode {
        name: "ipvs",
        automatic: false,
        open: |config| Ok(Box::new(ipvs::backend::open(config)?)),
        clean_up: ipvs::backend::clean_up,
    },
];

/// A mode of kube-proxy that Kubernetes itself has given up.
const ABSENT: [(&str, &str); 1] = [("userspace", "Kubernetes 1.26 removed this mode; use nftables, iptables or ipvs")];

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
    let asked: Vec<_> = MODES.iter().filter(|it| it.name == mode || (mode == AUTO && it.automatic)).collect();
    if asked.is_empty() {
        let absent = ABSENT.iter().find(|(name, _)| *name == mode);
        return Err(refuse(
            absent.map_or("there is no such mode; use nftables, iptables or ipvs", |(_, why)| why).to_owned(),
        ));
    }
    let mut passed_over = Vec::new();
    for Mode { name, open, .. } in asked {
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

/// Takes away what other modes than this one left. Gives those that could not be, with why.
pub fn clean_up_others(mode: &str, config: &NodeConfig) -> Vec<(&'static str, String)> {
    let others = MODES.iter().filter(|other| other.name != mode);
    others.filter_map(|other| Some((other.name, (other.clean_up)(config).err()?.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_are_not_there_are_refused_by_name() {
        for (mode, message) in [
            ("userspace", "--proxy-mode=userspace: Kubernetes 1.26 removed this mode; use nftables, iptables or ipvs"),
            ("ebpf", "--proxy-mode=ebpf: there is no such mode; use nftables, iptables or ipvs"),
            ("", "--proxy-mode=: there is no such mode; use nftables, iptables or ipvs"),
        ] {
            let refused = open(mode, &NodeConfig::default()).err();
            assert_eq!(refused.map(|error| error.to_string()).as_deref(), Some(message));
        }
    }
}
