//! What the node's network shall be. JSON as the agent makes it.

use std::{net::IpAddr, path::PathBuf};

use serde::Deserialize;
use xtables::address::{Cidr, Family};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkConfig {
    /// Addresses of all pods of the cluster. Their families are those of the network.
    pub cluster_cidrs: Vec<Cidr>,
    /// The node's address; pods' packets are no larger than its link takes.
    pub node_ip: IpAddr,
    /// Folder of the runtime's CNI configurations; None when the runtime is not ours to configure.
    #[serde(default)]
    pub cni_config_dir: Option<PathBuf>,
    /// The runtime has the plugin that limits how fast pods send and receive.
    #[serde(default)]
    pub bandwidth_plugin: bool,
    /// Services are served by rules on this node, which need kernel settings of their own.
    pub service_rules: bool,
    /// Policies are enforced by rules on this node: pods of one bridge must meet them as well.
    #[serde(default)]
    pub policy_rules: bool,
}

impl NetworkConfig {
    pub fn families(&self) -> Vec<Family> {
        let families = [Family::Ipv4, Family::Ipv6];
        families.into_iter().filter(|family| self.cluster_cidr(*family).is_some()).collect()
    }

    pub fn cluster_cidr(&self, family: Family) -> Option<Cidr> {
        self.cluster_cidrs.iter().copied().find(|cidr| cidr.family() == family)
    }
}
