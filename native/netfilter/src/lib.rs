//! Services and NetworkPolicies as kernel rules.
//!
//! `model` is what Services ask of the kernel, `front` knows what of it changed, and a `backend` keeps the kernel equal to it:
//! `nftables`, `iptables` or `ipvs`. In each a pure function turns a Service into what the kernel needs, and one place writes
//! what changed of that.

pub mod backend;
#[cfg(feature = "napi")]
mod binding;
pub mod conntrack;
pub mod error;
pub mod families;
pub mod front;
pub mod frontend;
mod hash;
pub mod iptables;
pub mod ipvs;
pub mod mode;
pub mod model;
pub mod netlink;
pub mod nftables;
mod owners;
pub mod policy;
#[cfg(feature = "napi")]
mod policy_binding;
#[cfg(test)]
mod testing;
