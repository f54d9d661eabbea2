//! Certificates from Secrets, and which of them a TLS connection gets.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use rustls::client::verify_server_name;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::objects::Secret;

#[derive(Debug)]
pub struct Certificate {
    pub key: Arc<CertifiedKey>,
}

impl Certificate {
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("tls.crt is no PEM: {error}"))?;
        if chain.is_empty() {
            return Err("tls.crt has no certificate".into());
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("tls.key is no PEM key: {error}"))?;
        let key = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "tls.key is not the key of tls.crt".to_owned(),
            error => format!("its certificate cannot be used: {error}"),
        })?;
        Ok(Certificate { key: Arc::new(key) })
    }

    pub fn from_secret(secret: &Secret) -> Result<Self, String> {
        let part = |name: &str| secret.bytes(name).ok_or(format!("has no key {name}"));
        Self::from_pem(&part("tls.crt")?, &part("tls.key")?)
    }

    /// Whether clients accept it for the host; a wildcard is tried with one of its names.
    pub fn covers(&self, host: &str) -> bool {
        let name = host.strip_prefix('*').map_or(host.to_owned(), |suffix| format!("any{suffix}"));
        let Ok(name) = ServerName::try_from(name) else { return false };
        let parsed = self.key.cert.first().map(ParsedCertificate::try_from);
        matches!(parsed, Some(Ok(certificate)) if verify_server_name(&certificate, &name).is_ok())
    }
}

#[derive(Debug, Default)]
pub struct Certificates {
    hosts: HashMap<String, Arc<CertifiedKey>>,
    /// By what stands behind `*`.
    wildcards: HashMap<String, Arc<CertifiedKey>>,
    pub default: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// `default`: for hosts without one of their own.
    pub fn new(default: Option<&Certificate>) -> Self {
        Certificates { default: default.map(|own| own.key.clone()), ..Certificates::default() }
    }

    pub fn add(&mut self, host: &str, certificate: &Certificate) {
        let key = certificate.key.clone();
        match host.strip_prefix('*') {
            Some(suffix) => self.wildcards.insert(suffix.to_owned(), key),
            None => self.hosts.insert(host.to_owned(), key),
        };
    }

    pub fn find(&self, host: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let of_host = host.and_then(|host| {
            let host = host.to_ascii_lowercase();
            let wildcard = || host.find('.').and_then(|dot| self.wildcards.get(&host[dot..]));
            self.hosts.get(&host).or_else(wildcard)
        });
        of_host.or(self.default.as_ref())
    }
}

/// Asked at each handshake, so a new Secret counts from the next connection on.
#[derive(Debug, Default)]
pub struct Resolver(RwLock<Arc<Certificates>>);

impl Resolver {
    pub fn set(&self, certificates: Certificates) {
        *self.0.write().expect("no poisoned lock") = Arc::new(certificates);
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.read().expect("no poisoned lock").clone();
        certificates.find(hello.server_name()).cloned()
    }
}
