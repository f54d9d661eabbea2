//! What the agent says of policies and of pods: JSON as its policy index makes it (`network/policy` of the agent).

use std::net::IpAddr;

use serde::Deserialize;
use xtables::address::{Cidr, Family};

use crate::model::Protocol;

/// A NetworkPolicy, with its selectors as the names of the sets of pods that they select.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// None: it says nothing of this direction.
    #[serde(default)]
    pub ingress: Option<Vec<PolicyRule>>,
    #[serde(default)]
    pub egress: Option<Vec<PolicyRule>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// None: every address.
    #[serde(default)]
    pub peers: Option<Vec<Peer>>,
    /// None: every protocol and port.
    #[serde(default)]
    pub ports: Option<Vec<Port>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    /// Pods that name this selector.
    Pods(String),
    /// A range without parts of it.
    Block { cidr: Cidr, except: Vec<Cidr> },
    /// Cluster DNS on the nodes, as if it were pods.
    Dns,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    pub protocol: Protocol,
    #[serde(default)]
    pub which: PortChoice,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PortChoice {
    #[default]
    All,
    /// From the first to the last one.
    Range(u16, u16),
    /// A port of the pod that is reached, by its name.
    Name(String),
}

/// A pod with a network of its own, or what stands for one.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    pub addresses: Vec<IpAddr>,
    /// Selectors of policies that select it.
    #[serde(default)]
    pub selectors: Vec<String>,
    /// Those of its ports that policies name.
    #[serde(default)]
    pub ports: Vec<PodPort>,
    /// Policies that select it, if it is on this node; None: nothing isolates it in this direction.
    #[serde(default)]
    pub ingress: Option<Vec<String>>,
    #[serde(default)]
    pub egress: Option<Vec<String>>,
    /// It is cluster DNS on a node: its ports answer what clients send to port 53.
    #[serde(default)]
    pub dns: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodPort {
    pub name: String,
    pub protocol: Protocol,
    pub number: u16,
}

impl Pod {
    pub fn addresses_of(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().copied().filter(move |address| Family::of(*address) == family)
    }
}

/// What holds for the node.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyConfig {
    /// The bridge of the pods, where it is the node's own.
    #[serde(default)]
    pub bridge: Option<String>,
    /// Virtual servers lead packets to pods.
    #[serde(default)]
    pub ipvs: bool,
}
