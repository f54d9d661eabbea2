//! NetworkPolicies by nftables: one table for each family, `berth-policy`, which is there while there is a policy.
//!
//! `model` is what the agent says of policies and pods, `parts` turns one of them into chains, sets and elements (pure),
//! `content` knows what all of them together need, and `table` keeps the kernel equal to that. A pod that comes, goes or
//! changes its labels is a transaction of elements.

pub mod chains;
mod content;
#[cfg(test)]
mod content_tests;
pub mod direction;
pub mod model;
pub mod parts;
pub mod policies;
pub mod sets;
pub mod table;
