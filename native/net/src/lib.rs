//! What a node does for the network of its pods, whoever serves Services on it.
//!
//! `config` is what is wanted. `sysctls`, `cni` and `rules` each decide purely what that means and make it so; `network` asks
//! them in turn, again and again: whoever changes one of them is undone.

#[cfg(feature = "napi")]
mod binding;
pub mod cni;
pub mod config;
pub mod error;
pub mod host_ports;
pub mod link;
pub mod network;
pub mod rules;
pub mod sysctls;
