//! The door to the virtual servers and addresses of one family.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use super::listed::Listed;
use super::servers::Step;

/// Addresses of the node.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// That other programs gave it, besides those of loopback and of links.
    pub own: BTreeSet<IpAddr>,
    /// Of the interface that has those of Services.
    pub of_services: BTreeSet<IpAddr>,
}

pub trait ServerDoor: Send {
    /// Makes the interface and the settings that virtual servers need. True: something was not as it must be.
    fn prepare(&mut self) -> io::Result<bool>;
    fn servers(&mut self) -> io::Result<Listed>;
    /// Makes the steps one by one; gives for each the error that it ended in.
    fn apply(&mut self, steps: &[Step]) -> io::Result<Vec<Option<io::Error>>>;
    fn addresses(&mut self) -> io::Result<Addresses>;
    /// Takes away virtual servers, but those of other programs, and the interface.
    fn remove(&mut self) -> io::Result<()>;
    /// Gives addresses to the interface, and takes others from it.
    fn bind(&mut self, added: &[IpAddr], removed: &[IpAddr]) -> io::Result<()>;
}
