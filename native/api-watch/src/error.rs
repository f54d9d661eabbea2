use std::time::Duration;

use crate::kubeconfig::KubeconfigError;
use crate::protocol::Status;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    #[error("cannot connect to {server}: {error}")]
    Connect { server: String, error: std::io::Error },
    #[error("the connection broke: {0}")]
    Connection(#[from] hyper::Error),
    #[error("{path}: {}", .status.message())]
    Refused { path: String, status: Status, retry_after: Option<Duration> },
    #[error("{path}: no part of the answer for {} s", .limit.as_secs())]
    Silent { path: String, limit: Duration },
    #[error("{path}: the answer cannot be read: {error}")]
    Unreadable { path: String, error: serde_json::Error },
    #[error("{path}: an event of more than {limit} bytes")]
    TooLong { path: String, limit: usize },
    #[error("{path}: the watch ended at once")]
    EndedAtOnce { path: String },
    #[error("{path}: the watch ended within an event")]
    Cut { path: String },
}

impl Error {
    /// The status of an answer that is no success.
    pub fn code(&self) -> Option<u16> {
        match self {
            Error::Refused { status, .. } => Some(status.code),
            _ => None,
        }
    }

    /// Whether what was seen so far is no start for a watch any more, so that only a list helps. An outage is no reason: the
    /// server answers 410 if it lasted too long.
    pub(crate) fn needs_list(&self) -> bool {
        match self {
            Error::Refused { status, .. } => {
                status.is_version_of_future() || !(status.code == 429 || (500..600).contains(&status.code))
            }
            // What was missed is unknown.
            Error::Unreadable { .. } | Error::TooLong { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
