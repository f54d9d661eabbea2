use std::io;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Program(#[from] xtables::error::Error),
    #[error("{operation} {path}: {source}")]
    File { operation: &'static str, path: String, source: io::Error },
    #[error("network configuration: {0}")]
    Json(#[from] serde_json::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn file(operation: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File { operation, path, source }
}
