//! Files below a folder that somebody hostile may change at the same time: a container, in a volume that the node agent
//! writes, measures and removes as root.
//!
//! No path is given to the kernel twice. A place is reached from an opened folder, one name at a time, and every step
//! holds the descriptor of the one before: no link is followed, no `..` is taken, and what is acted on is what was
//! looked at. What lies on another mount is not touched, and nothing but regular files is opened for reading or writing:
//! opening a FIFO waits, opening a device acts. `openat2` would do the same for one long path in one call, but not for
//! walks, and not on every kernel or below every seccomp filter; one way is enough.

pub mod bind;
pub mod error;
pub mod group;
pub mod mount;
pub mod mounts;
pub mod payload;
pub mod place;
pub mod project_quota;
mod quota_syscalls;
pub mod read;
pub mod remove;
pub mod sub_path;
pub mod usage;
pub mod walk;

#[cfg(all(feature = "napi", not(test)))]
mod binding;
