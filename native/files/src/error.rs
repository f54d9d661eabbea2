use std::path::Path;

use rustix::io::Errno;
use thiserror::Error;

/// Longer paths are cut in messages: a container chooses them.
const SHOWN: usize = 400;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    #[error("{operation} {path}: {source}")]
    Call { operation: &'static str, path: String, source: Errno },
    /// Something else than a folder, or than a regular file, is there: a link, for one.
    #[error("{path} is not {wanted}")]
    Kind { path: String, wanted: &'static str },
    #[error("{0} is on another mount")]
    Crossing(String),
    #[error("{0}: something is still mounted there")]
    Mounted(String),
    #[error("{0:?} is not a path inside of a folder")]
    Outside(String),
    #[error("{0} changed while it was walked through")]
    Changed(String),
}

impl Error {
    /// As Node names it; for errors of the kernel.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::Call { source, .. } => Some(*source),
            _ => None,
        }
    }

    pub fn is_missing(&self) -> bool {
        self.errno() == Some(Errno::NOENT)
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// The path as a message shows it.
pub(crate) fn shown(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().to_string_lossy();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

pub(crate) fn call<P: AsRef<Path>>(operation: &'static str, path: P) -> impl FnOnce(Errno) -> Error {
    move |source| Error::Call { operation, path: shown(path), source }
}
