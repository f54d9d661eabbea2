use std::io;

#[derive(Debug, thiserror::Error)]
pub enum NetfilterError {
    #[error("{program} could not be started: {source}")]
    Start { program: &'static str, source: io::Error },
    #[error("{program} {arguments}: {message}")]
    Failed { program: &'static str, arguments: String, message: String },
    #[error("service state: {0}")]
    State(#[from] serde_json::Error),
}
