use std::path::{Path, PathBuf};

use crate::connection::Connection;
use crate::error::Error;
use crate::kubeconfig::Target;

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

    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&Target::read(&self.kubeconfig)?, self.user_agent).await
    }
}
