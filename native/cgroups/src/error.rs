use std::{io, path::PathBuf};

use guard::Panic;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("{operation} {}: {source}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("no cgroup hierarchy below {}: neither cgroup.controllers nor a memory controller", .0.display())]
    NoHierarchy(PathBuf),
    #[error("cgroup path {0:?} leaves its root")]
    Escape(String),
    #[error("the root of the cgroup hierarchy belongs to the whole machine")]
    Machine,
    #[error("the cgroup is named without its {0}")]
    Incomplete(&'static str),
    #[error("{name:?} is not a {what}")]
    Name { what: &'static str, name: String },
    #[error("{} did not become empty: {source}", path.display())]
    Busy { path: PathBuf, source: io::Error },
    #[error("{} did not {what} in time", path.display())]
    Slow { what: &'static str, path: PathBuf },
    #[error("the cgroup of a container belongs to the runtime")]
    RuntimesOwn,
    #[error("systemd is not running: {} is missing", .0.display())]
    NoSystemd(PathBuf),
    #[error("systemd cannot {operation} {unit}: {reason}")]
    Systemd { operation: &'static str, unit: String, reason: String },
    #[error(transparent)]
    Panicked(#[from] Panic),
    #[error("the driver has stopped")]
    Stopped,
}

pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { operation, path, source }
}
