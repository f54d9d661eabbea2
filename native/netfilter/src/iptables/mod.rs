//! Services by iptables: chain names and their order are those that operators know from kube-proxy.

pub mod chains;
pub mod proxy;
pub mod rules;

#[cfg(test)]
mod golden_tests;
