use std::io;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{program} could not be started: {source}")]
    Start { program: &'static str, source: io::Error },
    #[error("{program} {arguments}: {message}")]
    Failed { program: &'static str, arguments: String, message: String },
    /// A table was not changed at all. `line` is the one that the program complained of, where it says so.
    #[error("{program}: {message}{}", line.as_ref().map(|line| format!(" in `{line}`")).unwrap_or_default())]
    Refused { program: &'static str, message: String, line: Option<String> },
}

pub type Result<T> = std::result::Result<T, Error>;
