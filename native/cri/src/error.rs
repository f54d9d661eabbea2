use thiserror::Error;
use tonic::{Code, Status};

/// Why a call failed. Each maps to a gRPC code, which is what callers branch on.
#[derive(Debug, Error)]
pub enum Error {
    #[error("invalid request for {method}: {source}")]
    Request { method: String, source: serde_json::Error },
    #[error("the answer of {method} has no JSON form: {source}")]
    Response { method: String, source: serde_json::Error },
    #[error("unknown method {0}")]
    UnknownMethod(String),
    #[error("{0}")]
    Endpoint(String),
    #[error("context deadline exceeded")]
    Timeout,
    #[error("{}", .0.message())]
    Status(Box<Status>),
}

impl Error {
    pub fn code(&self) -> Code {
        match self {
            Error::Request { .. } => Code::InvalidArgument,
            Error::Response { .. } => Code::Internal,
            Error::UnknownMethod(_) => Code::Unimplemented,
            Error::Endpoint(_) => Code::Unavailable,
            Error::Timeout => Code::DeadlineExceeded,
            Error::Status(status) => status.code(),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Error::Status(Box::new(status))
    }
}
