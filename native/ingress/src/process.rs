//! The process as a whole: what it takes at its start, what it gives up then, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api_watch::Client;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use crate::access_log::AccessLog;
use crate::certificates::{Certificate, Resolver};
use crate::controller::Controller;
use crate::flags::Flags;
use crate::metrics::Metrics;
use crate::proxy::Proxy;
use crate::publish::{self, Publication};
use crate::server::{self, Door};

/// Requests that are on their way at the end have this long.
const DRAIN: Duration = Duration::from_secs(8);
const SWEEP: Duration = Duration::from_secs(10);
const FILES: u64 = 1 << 18;
/// Each connection of a client takes one to an endpoint, and there are files besides.
const FILES_PER_CONNECTION: u64 = 2;
const OTHER_FILES: u64 = 128;

type Error = Box<dyn std::error::Error>;

pub fn run(flags: Flags) -> Result<(), Error> {
    // Before there are other threads: limits of ports and capabilities are a thread's own.
    let http = listen(SocketAddr::new(flags.bind_address, flags.http_port))?;
    let https = listen(SocketAddr::new(flags.bind_address, flags.https_port))?;
    let default = match &flags.default_certificate {
        None => None,
        Some((certificate, key)) => Some(
            Certificate::from_pem(&std::fs::read(certificate)?, &std::fs::read(key)?)
                .map_err(|why| format!("--default-certificate: {why}"))?,
        ),
    };
    let files = raise_open_files();
    give_up_capabilities()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(flags, http, https, default, files));
    runtime.shutdown_background();
    result
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener, Error> {
    let bound = std::net::TcpListener::bind(address);
    let bound = match bound {
        // A machine without IPv6.
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() => {
            std::net::TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).map_err(|_| error)
        }
        bound => bound,
    };
    let listener = bound.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The ports are open: nothing that follows needs more than any user may do. Files of root can still be read.
fn give_up_capabilities() -> Result<(), Error> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}

fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = FILES.min(limit.maximum.unwrap_or(u64::MAX));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => limit.current.unwrap_or(FILES),
    }
}

async fn serve(
    flags: Flags,
    http: std::net::TcpListener,
    https: std::net::TcpListener,
    default: Option<Certificate>,
    files: u64,
) -> Result<(), Error> {
    let client = Client::new(&flags.kubeconfig, "berth-ingress")?;
    let metrics = Arc::new(Metrics::default());
    let log = AccessLog::new(flags.access_log, metrics.clone());
    let proxy = Arc::new(Proxy::new(metrics.clone(), log, flags.https_port));
    let resolver = Arc::new(Resolver::default());
    let (publications, published) = watch::channel(Publication::default());
    let (ready, is_ready) = oneshot::channel();
    let controller = Controller::new(proxy.clone(), resolver.clone(), default, publications);

    tokio::spawn(controller.run(client.clone(), ready));
    tokio::spawn(publish::run(client, published, flags.name));
    let pool = proxy.pool.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            pool.sweep();
        }
    });
    match TcpListener::bind(flags.metrics).await {
        Ok(listener) => {
            tokio::spawn(server::serve_metrics(listener, metrics));
        }
        // What is served matters more than what is counted.
        Err(error) => eprintln!("berth-ingress: no metrics on {}: {error}", flags.metrics),
    }

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Connections wait until the routes are known: nobody is told that a page does not exist which does.
    tokio::select! {
        _ = is_ready => {}
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    }
    eprintln!("berth-ingress: serves the ports {} and {}", flags.http_port, flags.https_port);
    let connections = Arc::new(Semaphore::new(((files.saturating_sub(OTHER_FILES)) / FILES_PER_CONNECTION) as usize));
    let graceful = GracefulShutdown::new();
    let door = |listener, tls| -> Result<Door, Error> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Door { listener, tls, connections: connections.clone(), proxy: proxy.clone() })
    };
    let plain = door(http, None)?;
    let secure = door(https, Some(TlsAcceptor::from(tls_config(resolver)?)))?;
    tokio::select! {
        _ = plain.run(&graceful) => {}
        _ = secure.run(&graceful) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    Ok(())
}

fn tls_config(resolver: Arc<Resolver>) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
