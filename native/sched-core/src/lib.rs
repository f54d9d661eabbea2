//! The scheduler's decisions. A snapshot of nodes and pods is kept in columns and fed by deltas; a batch of pods is
//! decided in one call, every decision seeing those before it. No I/O, no clock; ties are drawn from a seed.
//!
//! Layers: `input` (the API's fields) -> `pod`, `snapshot` (compiled, interned, columnar) -> `plugins` (one file each) ->
//! `rule_columns`, `class_index` (work shared by equal pods) -> `scheduler` (a decision) -> `core` (deltas and
//! batches) -> `binding` (Node).

#[cfg(all(feature = "napi", not(test)))]
mod binding;
mod bitset;
mod carried_terms;
mod change_log;
mod class_index;
mod cluster_event;
pub mod core;
pub mod declarations;
mod failure;
pub mod input;
mod intern;
pub mod plugins;
mod pod;
mod pod_log;
mod pod_matcher;
mod preemption;
mod quantity;
mod random;
mod resources;
mod rule_columns;
pub mod scheduler;
mod selector;
pub mod snapshot;
#[cfg(test)]
mod testing;
mod topology_cache;
mod topology_rules;
mod usage;
mod volume_rules;

pub use cluster_event::ClusterEvent;
pub use failure::{Failure, Nomination};
pub use pod::PodSpec;
