//! Services and NetworkPolicies as kernel rules.
//!
//! `model` is what Services ask of the kernel, `front` knows what of it changed, and a `backend` keeps the kernel equal to it.
//! `iptables` is the backend there is: `iptables::rules` turns a Service into chains (pure), `iptables::family_tables` writes
//! the chains that changed, in one atomic apply for each table.

pub mod backend;
#[cfg(feature = "napi")]
mod binding;
pub mod conntrack;
pub mod error;
pub mod front;
mod hash;
pub mod iptables;
pub mod mode;
pub mod model;
pub mod netlink;
pub mod nftables;
pub mod policy;
#[cfg(feature = "napi")]
mod policy_binding;
#[cfg(test)]
mod testing;
