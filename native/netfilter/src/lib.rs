//! Services as kernel rules.
//!
//! `model` is what a Service asks of the kernel, `iptables::rules` turns it into chains (pure), and `iptables::proxy` keeps
//! the kernel equal to them: a change writes the chains that changed, in one atomic apply for each table.

#[cfg(feature = "napi")]
mod binding;
pub mod conntrack;
pub mod error;
pub mod iptables;
pub mod model;
mod program;
