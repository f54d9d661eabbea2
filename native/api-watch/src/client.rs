use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;

use crate::connection::Connection;
use crate::error::Error;
use crate::kubeconfig::Target;

/// For the answer to a write.
const WRITE: Duration = Duration::from_secs(30);

/// Connects as a kubeconfig says. The file, and the files that it names, are read for every connection: they are replaced
/// when certificates and tokens are renewed.
#[derive(Debug, Clone)]
pub struct Client {
    kubeconfig: PathBuf,
    user_agent: &'static str,
}

impl Client {
    /// Refuses a kubeconfig that cannot be used. Does not connect.
    pub fn new(kubeconfig: &Path, user_agent: &'static str) -> Result<Self, Error> {
        Target::read(kubeconfig)?;
        Ok(Client { kubeconfig: kubeconfig.to_owned(), user_agent })
    }

    /// Sends one request that changes something, on a connection of its own. `content`: its media type, and what is sent.
    pub async fn send(&self, method: Method, path: &str, content: (&str, Vec<u8>)) -> Result<(), Error> {
        self.connect().await?.send(method, path, Some(content), WRITE).await?.read(WRITE).await.map(|_| ())
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&Target::read(&self.kubeconfig)?, self.user_agent).await
    }
}
