//! The sets and maps of the table.

use std::fmt;

use xtables::address::Family;

use super::direction::Direction;
use crate::nftables::sets::{INTERVAL, MAP, SetKind, SetSpec};
use crate::nftables::typeof_data::Field;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicySet {
    /// Pods of this node that policies isolate, each with the chain that says what may pass.
    Isolated(Direction),
    /// Addresses of isolated pods, each as source and as destination.
    Loops,
    /// Addresses, protocols and ports of cluster DNS on the nodes.
    Dns,
    /// Addresses of pods that a selector selects; its hash.
    Pods(String),
    /// Addresses, protocols and ports of pods, by the name of the port.
    Named(String),
    /// Ranges of addresses; their hash.
    Blocks(Direction, String),
    /// Ranges of ports; their hash.
    Ports(String),
}

/// Those that every table has.
pub const STATIC: [PolicySet; 4] =
    [PolicySet::Isolated(Direction::Ingress), PolicySet::Isolated(Direction::Egress), PolicySet::Loops, PolicySet::Dns];

impl fmt::Display for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicySet::Isolated(direction) => write!(f, "{direction}-pods"),
            PolicySet::Loops => f.write_str("loops"),
            PolicySet::Dns => f.write_str("dns"),
            PolicySet::Pods(hash) => write!(f, "pods-{hash}"),
            PolicySet::Named(name) => write!(f, "port-{name}"),
            PolicySet::Blocks(direction, hash) => write!(f, "{direction}-blocks-{hash}"),
            PolicySet::Ports(hash) => write!(f, "ports-{hash}"),
        }
    }
}

impl SetKind for PolicySet {
    fn spec(&self, family: Family) -> SetSpec {
        let (source, destination) = (Field::Source(family), Field::Destination(family));
        let peer = |direction: &Direction| match direction {
            Direction::Ingress => source,
            Direction::Egress => destination,
        };
        let set = |flags, key| SetSpec { flags, key, data: vec![], size: 0 };
        match self {
            PolicySet::Isolated(direction) => set(MAP, vec![peer(&direction.other())]),
            PolicySet::Loops => set(0, vec![source, destination]),
            PolicySet::Dns | PolicySet::Named(_) => set(0, vec![destination, Field::Protocol, Field::Port]),
            PolicySet::Pods(_) => set(0, vec![source]),
            PolicySet::Blocks(direction, _) => set(INTERVAL, vec![peer(direction)]),
            PolicySet::Ports(_) => set(INTERVAL, vec![Field::Port]),
        }
    }
}
