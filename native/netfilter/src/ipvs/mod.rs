//! Services by IPVS: virtual servers lead packets, an interface `kube-ipvs0` has the addresses of Services, and one table of
//! nftables for each family, `berth-ipvs`, marks what is masqueraded and rejects what must not pass.
//!
//! `destinations` says which endpoints an address of a Service leads to (pure), `rules` what its part of the table is (pure),
//! `servers` are virtual servers and what changes between two of them (pure), `family` keeps the kernel equal to what is wanted.

pub mod backend;
pub mod destinations;
pub mod door;
pub mod family;
pub mod kernel;
pub mod listed;
#[cfg(test)]
mod memory;
pub mod messages;
pub mod route;
pub mod rules;
pub mod servers;
