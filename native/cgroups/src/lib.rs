//! The cgroups of the pods, which the node agent owns down to the pod: `<root>/kubepods[/burstable|/besteffort]/pod<uid>`, or
//! slices of systemd with these names. Containers below it are the runtime's.
//!
//! Layers: `path` (which cgroup is meant) and `limits` (what it may use) -> `weight`, `controllers` (files and values, one
//! file a controller, pure) -> `hierarchy` (what is mounted) -> `tree` (plain file operations below a mount point, so that
//! tests use a folder) -> `driver` (the trait, asynchronous) -> `cgroupfs` (the driver that writes the files itself), `systemd` (the driver
//! that makes units of systemd, and writes the files that systemd does not know).

pub mod cgroupfs;
pub mod controllers;
pub mod driver;
pub mod error;
pub mod hierarchy;
pub mod limits;
pub mod path;
pub mod stats;
pub mod systemd;
pub mod tree;
pub mod weight;

#[cfg(all(feature = "napi", not(test)))]
mod binding;
