//! Listens for clients, with and without TLS, and for who reads the metrics.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::body;
use crate::headers::Client;
use crate::metrics::Metrics;
use crate::proxy::Proxy;

/// For the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 60 });
const HANDSHAKE: Duration = Duration::from_secs(15);
/// A client that takes nothing for so long is gone.
const UNACKNOWLEDGED_MS: u32 = 60_000;
const STREAMS: u32 = 128;

pub struct Door {
    pub listener: TcpListener,
    pub tls: Option<TlsAcceptor>,
    /// Open connections of all doors.
    pub connections: Arc<Semaphore>,
    pub proxy: Arc<Proxy>,
}

impl Door {
    /// Accepts until it is dropped. `graceful` ends its connections when the program ends.
    pub async fn run(self, graceful: &GracefulShutdown) -> Infallible {
        let port = self.listener.local_addr().map_or(0, |address| address.port());
        let door = Arc::new(self);
        loop {
            let permit = door.connections.clone().acquire_owned().await.expect("it is never closed");
            let (stream, peer) = match door.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Of one connection, or of this machine: in both cases there may be a next.
                    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                        eprintln!("berth-ingress: accept: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    continue;
                }
            };
            let (own, watcher) = (door.clone(), graceful.watcher());
            tokio::spawn(async move {
                own.proxy.metrics.connections.fetch_add(1, Relaxed);
                own.connection(stream, peer, port, watcher).await;
                own.proxy.metrics.connections.fetch_sub(1, Relaxed);
                drop(permit);
            });
        }
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr, port: u16, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let _ = sockopt::set_socket_keepalive(&stream, true);
        let _ = sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS);
        let client = Client { ip: peer.ip().to_canonical(), port, tls: self.tls.is_some() };
        let Some(tls) = &self.tls else {
            return requests(stream, client, self.proxy.clone(), watcher).await;
        };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, client, self.proxy.clone(), watcher).await,
            _ => {
                self.proxy.metrics.handshake_failures.fetch_add(1, Relaxed);
            }
        }
    }
}

async fn requests<S>(stream: S, client: Client, proxy: Arc<Proxy>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let first = asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let proxy = proxy.clone();
        first.store(true, Relaxed);
        async move { Ok::<_, Infallible>(proxy.handle(client, request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).adaptive_window(true);
    builder.http2().keep_alive_interval(Duration::from_secs(60)).keep_alive_timeout(Duration::from_secs(20));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let mut connection = pin!(watcher.watch(connection));
    // The limits of the builder begin when the version is known. A client that never says it is ended here.
    if let Err(_late) = tokio::time::timeout(HEAD, connection.as_mut()).await
        && asked.load(Relaxed)
    {
        // Errors are the client's: it broke off, or sent what is no HTTP.
        let _ = connection.await;
    }
}

/// `/metrics`, and `/healthz`, which answers as soon as routes are served.
pub async fn serve_metrics(listener: TcpListener, metrics: Arc<Metrics>) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (status, text) = match request.uri().path() {
                    "/metrics" => (200, metrics.text()),
                    "/healthz" if metrics.compilations.load(Relaxed) > 0 => (200, "ok\n".to_owned()),
                    "/healthz" => (503, "the routes are not known yet\n".to_owned()),
                    _ => (404, "404 page not found\n".to_owned()),
                };
                let response = Response::builder().status(status).header("content-type", "text/plain; version=0.0.4");
                async move { response.body(body::text(text)) }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
