//! Services by iptables: chain names and their order are those that operators know from kube-proxy.

pub mod backend;
pub mod chains;
pub mod family_tables;
pub mod rules;

#[cfg(test)]
mod golden_tests;
