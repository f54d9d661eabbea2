//! Connections to endpoints, kept for the next request.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::annotations::Protocol;
use crate::body::Body;

/// Idle connections to one endpoint, and how long they are kept: as nginx does.
const IDLE_CONNECTIONS: usize = 320;
const IDLE_TIME: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub address: SocketAddr,
    pub protocol: Protocol,
}

/// Since when, and which.
type Idle = (Instant, http1::SendRequest<Body>);

/// A connection that a request can be sent on.
#[derive(Debug)]
pub enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

pub struct Pool {
    idle: Mutex<HashMap<Place, Vec<Idle>>>,
    shared: Mutex<HashMap<Place, http2::SendRequest<Body>>>,
    tls: TlsConnector,
    tls_http2: TlsConnector,
}

impl Pool {
    pub fn new() -> Arc<Self> {
        Arc::new(Pool {
            idle: Mutex::default(),
            shared: Mutex::default(),
            tls: TlsConnector::from(client_config(b"http/1.1")),
            tls_http2: TlsConnector::from(client_config(b"h2")),
        })
    }

    /// A connection that was used before.
    pub fn take(&self, place: Place) -> Option<Sender> {
        if matches!(place.protocol, Protocol::Grpc | Protocol::Grpcs) {
            let mut shared = self.shared.lock().expect("no poisoned lock");
            let sender = shared.get(&place).filter(|sender| !sender.is_closed()).cloned();
            if sender.is_none() {
                shared.remove(&place);
            }
            return sender.map(Sender::Http2);
        }
        let mut idle = self.idle.lock().expect("no poisoned lock");
        let senders = idle.get_mut(&place)?;
        while let Some((since, sender)) = senders.pop() {
            if !sender.is_closed() && since.elapsed() < IDLE_TIME {
                return Some(Sender::Http1(sender));
            }
        }
        idle.remove(&place);
        None
    }

    pub fn put(&self, place: Place, sender: Sender) {
        let Sender::Http1(sender) = sender else { return };
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().expect("no poisoned lock");
        let senders = idle.entry(place).or_default();
        if senders.len() < IDLE_CONNECTIONS {
            senders.push((Instant::now(), sender));
        }
    }

    pub async fn connect(&self, place: Place, patience: Duration) -> io::Result<Sender> {
        match tokio::time::timeout(patience, self.open(place)).await {
            Ok(sender) => sender,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
        }
    }

    async fn open(&self, place: Place) -> io::Result<Sender> {
        let stream = TcpStream::connect(place.address).await?;
        stream.set_nodelay(true)?;
        // The certificate is not verified, so the name has no meaning: as proxy_ssl_verify is off in nginx.
        let name = ServerName::IpAddress(place.address.ip().into());
        match place.protocol {
            Protocol::Http => http1(stream).await,
            Protocol::Https => http1(self.tls.connect(name, stream).await?).await,
            Protocol::Grpc => self.http2(place, stream).await,
            Protocol::Grpcs => self.http2(place, self.tls_http2.connect(name, stream).await?).await,
        }
    }

    async fn http2<S>(&self, place: Place, stream: S) -> io::Result<Sender>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).adaptive_window(true);
        builder.keep_alive_interval(Duration::from_secs(20)).keep_alive_timeout(Duration::from_secs(20));
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        self.shared.lock().expect("no poisoned lock").insert(place, sender.clone());
        Ok(Sender::Http2(sender))
    }

    /// Closes what was idle for too long.
    pub fn sweep(&self) {
        self.idle.lock().expect("no poisoned lock").retain(|_, senders| {
            senders.retain(|(since, sender)| since.elapsed() < IDLE_TIME && !sender.is_closed());
            !senders.is_empty()
        });
        self.shared.lock().expect("no poisoned lock").retain(|_, sender| !sender.is_closed());
    }
}

async fn http1<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection.with_upgrades());
    Ok(Sender::Http1(sender))
}

fn client_config(protocol: &[u8]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has all that these versions take")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// Endpoints have certificates of their own making: what they say is encrypted, and not who they are.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
