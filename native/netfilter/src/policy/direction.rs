//! The directions in which policies isolate.

use std::fmt;

use crate::nftables::expressions::Side;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

    pub fn other(self) -> Self {
        match self {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        }
    }

    /// Where the pod's own address stands.
    pub fn own_side(self) -> Side {
        match self {
            Direction::Ingress => Side::Destination,
            Direction::Egress => Side::Source,
        }
    }

    pub fn peer_side(self) -> Side {
        self.other().own_side()
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        })
    }
}
