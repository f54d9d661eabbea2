//! The kernel's packet filter by way of iptables' own programs: who writes rules says which chains a table shall have, and
//! gets the text that changes only what differs.
//!
//! `ruleset` is pure; `tables` is the door to the kernel.

pub mod address;
pub mod error;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod program;
pub mod ruleset;
pub mod tables;
