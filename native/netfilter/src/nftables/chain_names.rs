//! Chains that come and go with Services, by their names.

use std::fmt;

pub const REJECT: &str = "reject-chain";

/// How packets come to a port of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// By its cluster address.
    Inside,
    /// From outside of the cluster.
    Outside,
    /// From outside, to endpoints of this node only; pods and the node itself reach all.
    OutsideLocal,
}

/// How one of several endpoints is chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// Of so many, evenly.
    Even(u32),
    /// Clients stay: by a chain of the port.
    Sticky(String),
}

/// A chain that is there as long as a Service needs it. Its name says what is in it, but for those of a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainName {
    Reject,
    /// `local` is there for `Way::OutsideLocal` only.
    Entry {
        node_port: bool,
        way: Way,
        all: Choice,
        local: Option<Choice>,
    },
    /// Chooses for clients that stay; the hash of the port.
    Sticky(String),
    /// Leads to one endpoint, and remembers the client; its hash.
    Endpoint(String),
    /// Lets some sources pass; the hash of the Service.
    Firewall(String),
}

impl ChainName {
    /// The number by which maps name a chain that several Services share; None for others. An element with a number costs nothing
    /// when it changes, while the kernel looks at all elements that name chains again when one of these does.
    pub fn kind(&self) -> Option<u32> {
        let ChainName::Entry { node_port, way, all: Choice::Even(all), local } = self else { return None };
        let local = match local {
            None => 0,
            Some(Choice::Even(local)) => *local,
            Some(Choice::Sticky(_)) => return None,
        };
        let way = match way {
            Way::Inside => 0,
            Way::Outside => 1,
            Way::OutsideLocal => 2,
        };
        (*all < 1 << 15 && local < 1 << 14).then_some(way << 30 | u32::from(*node_port) << 29 | local << 15 | all)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Even(count) => write!(f, "{count}"),
            Choice::Sticky(hash) => f.write_str(hash),
        }
    }
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainName::Reject => f.write_str(REJECT),
            ChainName::Entry { node_port, way, all, local } => {
                let kind = match (way, node_port) {
                    (Way::Inside, _) => "service",
                    (_, false) => "external",
                    (_, true) => "nodeport",
                };
                match (way, local) {
                    (Way::OutsideLocal, Some(local)) => write!(f, "{kind}-{all}-local-{local}"),
                    (Way::OutsideLocal, None) => write!(f, "{kind}-{all}-local-0"),
                    _ => write!(f, "{kind}-{all}"),
                }
            }
            ChainName::Sticky(hash) => write!(f, "sticky-{hash}"),
            ChainName::Endpoint(hash) => write!(f, "endpoint-{hash}"),
            ChainName::Firewall(hash) => write!(f, "firewall-{hash}"),
        }
    }
}
