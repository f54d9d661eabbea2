//! The pod level of the cgroup tree, which the node agent owns: `<root>/kubepods[/burstable|/besteffort]/pod<uid>`.
//! Containers below it are the runtime's. One trait, `CgroupDriver`; the cgroupfs driver for hierarchy v1 (one tree a
//! controller) and v2 (one tree) implements it on plain file operations below a mount point, so that tests use a folder.

pub mod cgroupfs;
pub mod convert;
pub mod driver;
pub mod error;
pub mod hierarchy;
pub mod stats;

#[cfg(all(feature = "napi", not(test)))]
mod binding;
