//! Services by nftables: one table for each family, `berth-services`. What packets are led by stands in maps, and a change
//! of a Service is a transaction of its elements.

pub mod backend;
pub mod batch;
pub mod chain_names;
pub mod chains;
mod difference;
pub mod door;
pub mod expressions;
pub mod kernel;
pub mod service;
pub mod sets;
pub mod source_ranges;
pub mod table;
pub mod typeof_data;
pub mod wanted;

#[cfg(test)]
pub mod memory;
