//! Kubeconfigs: the server, whom to trust, and how to authenticate, of the current context.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64;
use hyper::Uri;
use serde::Deserialize;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::objects::or_default;

#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    #[error("cannot read {}: {error}", .path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}", .path.display())]
    Yaml { path: PathBuf, error: yaml_serde::Error },
    #[error("kubeconfig: there is no {what} {name:?}")]
    NoEntry { what: &'static str, name: String },
    #[error("kubeconfig: {field}: {problem}")]
    Field { field: &'static str, problem: String },
    #[error("kubeconfig: {0} is not supported")]
    Unsupported(&'static str),
}

/// What it takes to connect.
#[derive(Debug)]
pub struct Target {
    pub host: String,
    pub port: u16,
    /// Of every request; empty, or begins with `/`.
    pub prefix: String,
    pub tls: Option<Tls>,
    pub token: Option<String>,
}

#[derive(Debug)]
pub struct Tls {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    #[serde(deserialize_with = "or_default")]
    clusters: Vec<NamedCluster>,
    #[serde(deserialize_with = "or_default")]
    users: Vec<NamedUser>,
    #[serde(deserialize_with = "or_default")]
    contexts: Vec<NamedContext>,
    current_context: String,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    #[serde(deserialize_with = "or_default")]
    user: User,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    tls_server_name: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
    proxy_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    #[serde(rename = "as")]
    impersonated: Option<String>,
    username: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

impl Target {
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let text = read(path)?;
        let file: File =
            yaml_serde::from_slice(&text).map_err(|error| KubeconfigError::Yaml { path: path.to_owned(), error })?;
        // Paths are relative to the file that has them.
        let folder = path.parent().unwrap_or(Path::new(""));
        let no_entry = |what, name: &str| KubeconfigError::NoEntry { what, name: name.to_owned() };
        let context = &file
            .contexts
            .iter()
            .find(|context| context.name == file.current_context)
            .ok_or_else(|| no_entry("context", &file.current_context))?
            .context;
        let cluster = &file
            .clusters
            .iter()
            .find(|cluster| cluster.name == context.cluster)
            .ok_or_else(|| no_entry("cluster", &context.cluster))?
            .cluster;
        let nobody = User::default();
        let user = match file.users.iter().find(|user| user.name == context.user) {
            Some(named) => &named.user,
            None if context.user.is_empty() => &nobody,
            None => return Err(no_entry("user", &context.user)),
        };
        refuse_unsupported(cluster, user)?;
        target(cluster, user, folder)
    }
}

/// Better no connection than one that trusts, or is, someone else than the file says.
fn refuse_unsupported(cluster: &Cluster, user: &User) -> Result<(), KubeconfigError> {
    let unsupported = [
        (cluster.insecure_skip_tls_verify, "insecure-skip-tls-verify"),
        (cluster.proxy_url.is_some(), "proxy-url"),
        (user.impersonated.is_some(), "as"),
        (user.username.is_some(), "username"),
        (user.exec.is_some(), "exec"),
        (user.auth_provider.is_some(), "auth-provider"),
    ];
    match unsupported.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, field)) => Err(KubeconfigError::Unsupported(field)),
        None => Ok(()),
    }
}

fn target(cluster: &Cluster, user: &User, folder: &Path) -> Result<Target, KubeconfigError> {
    let malformed = |problem: &str| field("server", format!("{:?} {problem}", cluster.server));
    let server: Uri = cluster.server.parse().map_err(|_| malformed("is no URL"))?;
    let host = server.host().ok_or_else(|| malformed("has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (tls, port) = match server.scheme_str() {
        Some("https") => (Some(tls(cluster, user, folder, &host)?), 443),
        Some("http") => (None, 80),
        _ => return Err(malformed("is neither https nor http")),
    };
    Ok(Target {
        port: server.port_u16().unwrap_or(port),
        prefix: server.path().trim_end_matches('/').to_owned(),
        token: token(user, folder)?,
        host,
        tls,
    })
}

/// The file comes first: its token is renewed.
fn token(user: &User, folder: &Path) -> Result<Option<String>, KubeconfigError> {
    let Some(path) = &user.token_file else { return Ok(user.token.clone()) };
    match (read(&folder.join(path)), &user.token) {
        (Ok(bytes), _) => {
            let text = String::from_utf8(bytes).map_err(|_| field("tokenFile", "is no text".into()))?;
            Ok(Some(text.trim().to_owned()))
        }
        (Err(_), Some(token)) => Ok(Some(token.clone())),
        (Err(error), None) => Err(error),
    }
}

fn tls(cluster: &Cluster, user: &User, folder: &Path, host: &str) -> Result<Tls, KubeconfigError> {
    let name = cluster.tls_server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| field("tls-server-name", format!("{name:?} is neither a name nor an address")))?;
    let authorities =
        pem("certificate-authority", &cluster.certificate_authority_data, &cluster.certificate_authority, folder)?
            .ok_or_else(|| field("certificate-authority", "is missing".into()))?;
    let mut roots = RootCertStore::empty();
    for authority in certificates("certificate-authority", &authorities)? {
        roots.add(authority).map_err(|error| field("certificate-authority", error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has all that these versions take")
        .with_root_certificates(roots);
    let certificate = pem("client-certificate", &user.client_certificate_data, &user.client_certificate, folder)?;
    let key = pem("client-key", &user.client_key_data, &user.client_key, folder)?;
    let config = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| field("client-key", error.to_string()))?;
            builder
                .with_client_auth_cert(certificates("client-certificate", &certificate)?, key)
                .map_err(|error| field("client-certificate", error.to_string()))?
        }
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err(field("client-key", "is missing".into())),
        (None, Some(_)) => return Err(field("client-certificate", "is missing".into())),
    };
    Ok(Tls { config: Arc::new(config), name })
}

/// What is in the kubeconfig itself comes before the file that it names.
fn pem(
    name: &'static str,
    data: &Option<String>,
    path: &Option<PathBuf>,
    folder: &Path,
) -> Result<Option<Vec<u8>>, KubeconfigError> {
    match (data, path) {
        (Some(data), _) if !data.is_empty() => {
            let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(&data).map(Some).map_err(|error| field(name, format!("is no base64: {error}")))
        }
        (_, Some(path)) => read(&folder.join(path)).map(Some),
        _ => Ok(None),
    }
}

fn certificates(name: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, KubeconfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(field(name, "has no certificate".into())),
        Ok(found) => Ok(found),
        Err(error) => Err(field(name, error.to_string())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KubeconfigError> {
    std::fs::read(path).map_err(|error| KubeconfigError::File { path: path.to_owned(), error })
}

fn field(field: &'static str, problem: String) -> KubeconfigError {
    KubeconfigError::Field { field, problem }
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
