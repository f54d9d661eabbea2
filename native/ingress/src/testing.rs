//! Objects, endpoints and clients for tests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::access_log::AccessLog;
use crate::cluster::Cluster;
use crate::compile::{Kept, compile};
use crate::metrics::Metrics;
use crate::objects::{EndpointSlice, Ingress, Secret, key_of};
use crate::proxy::Proxy;
use crate::server::Door;

pub fn ingress(name: &str, host: &str, path: &str, annotations: Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "n", "uid": name, "annotations": annotations },
        "spec": { "ingressClassName": "berth", "rules": [{ "host": host, "http": { "paths": [{
            "path": path, "pathType": "Prefix",
            "backend": { "service": { "name": "web", "port": { "number": 80 } } },
        }] } }] },
    })
}

/// The Ingresses, the classes `berth` and `nginx`, and the Service `web`.
pub fn fill(cluster: &mut Cluster, ingresses: &[Value]) {
    for (name, controller) in [("berth", crate::cluster::CONTROLLER), ("nginx", "k8s.io/ingress-nginx")] {
        let class = json!({ "metadata": { "name": name }, "spec": { "controller": controller } });
        let class: crate::objects::IngressClass = serde_json::from_value(class).unwrap();
        cluster.classes.insert(key_of(&class.metadata), class);
    }
    service(cluster, "web");
    for value in ingresses {
        let ingress: Ingress = serde_json::from_value(value.clone()).unwrap();
        cluster.ingresses.insert(key_of(&ingress.metadata), ingress);
    }
}

pub fn service(cluster: &mut Cluster, name: &str) {
    let service = json!({ "metadata": { "name": name, "namespace": "n" }, "spec": { "ports": [{ "port": 80 }] } });
    let service: crate::objects::Service = serde_json::from_value(service).unwrap();
    cluster.services.insert(key_of(&service.metadata), service);
}

pub fn slice(name: &str, service: &str, ip: &str, port: u16) -> EndpointSlice {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "n", "labels": { "kubernetes.io/service-name": service } },
        "addressType": "IPv4", "endpoints": [{ "addresses": [ip] }], "ports": [{ "name": "", "port": port }],
    }))
    .unwrap()
}

pub fn secret(name: &str, kind: &str, data: &[(&str, &str)]) -> Secret {
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data: serde_json::Map<String, Value> =
        data.iter().map(|(name, text)| ((*name).to_owned(), json!(encoded(text)))).collect();
    let meta = json!({ "name": name, "namespace": "n", "resourceVersion": "1" });
    serde_json::from_value(json!({ "metadata": meta, "type": kind, "data": data })).unwrap()
}

pub fn tls_secret(name: &str, certificate: &str, key: &str) -> Secret {
    secret(name, "kubernetes.io/tls", &[("tls.crt", certificate), ("tls.key", key)])
}

/// A self-signed certificate and its key, PEM.
pub fn certificate(host: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// An endpoint that answers with what it got, as JSON, and its own name.
pub async fn endpoint(name: &'static str, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    Some(tls) => answer(name, tls.accept(stream).await.unwrap()).await,
                    None => answer(name, stream).await,
                }
            });
        }
    });
    address
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(name: &'static str, stream: S) {
    let service = service_fn(move |mut request: Request<Incoming>| async move {
        if request.headers().contains_key("upgrade") {
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
                tokio::io::copy(&mut from, &mut to).await
            });
            let response =
                Response::builder().status(101).header("connection", "upgrade").header("upgrade", "websocket");
            return Ok::<_, Infallible>(response.body(Full::new(Bytes::new())).unwrap());
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().len()).unwrap_or(0);
        let headers: serde_json::Map<String, Value> =
            parts.headers.iter().map(|(n, v)| (n.to_string(), json!(v.to_str().unwrap()))).collect();
        let told = json!({
            "endpoint": name, "method": parts.method.as_str(), "target": parts.uri.to_string(),
            "version": format!("{:?}", parts.version), "headers": headers, "body": body,
        });
        Ok(Response::builder().header("x-endpoint", name).body(Full::new(Bytes::from(told.to_string()))).unwrap())
    });
    let _ =
        auto::Builder::new(TokioExecutor::new()).serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// A proxy that serves a cluster on a port of its own.
pub struct Rig {
    pub cluster: Cluster,
    pub proxy: Arc<Proxy>,
    pub address: SocketAddr,
    kept: Kept,
}

impl Rig {
    /// The endpoints are those of the Service `web`.
    pub async fn new(ingresses: &[Value], endpoints: &[SocketAddr]) -> Self {
        let mut cluster = Cluster::default();
        fill(&mut cluster, ingresses);
        for (index, endpoint) in endpoints.iter().enumerate() {
            cluster.put_slice(slice(&format!("web-{index}"), "web", &endpoint.ip().to_string(), endpoint.port()));
        }
        let metrics = Arc::new(Metrics::default());
        let proxy = Arc::new(Proxy::new(metrics.clone(), AccessLog::new(false, metrics), 8443));
        let address = open(&proxy, None).await;
        let mut rig = Rig { cluster, proxy, address, kept: Kept::default() };
        rig.compile();
        rig
    }

    pub fn compile(&mut self) -> crate::certificates::Certificates {
        let compiled = compile(&self.cluster, &mut self.kept, &self.proxy.metrics, None);
        self.proxy.set(compiled.table);
        compiled.certificates
    }

    /// Opens a door with TLS.
    pub async fn open_tls(&self, tls: TlsAcceptor) -> SocketAddr {
        open(&self.proxy, Some(tls)).await
    }

    pub async fn get(&self, host: &str, target: &str) -> Answer {
        self.send(Request::get(target).header("host", host)).await
    }

    pub async fn send(&self, request: http::request::Builder) -> Answer {
        self.send_body(request, Bytes::new()).await
    }

    pub async fn send_body(&self, request: http::request::Builder, body: Bytes) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        send_on(stream, request.body(Full::new(body)).unwrap()).await
    }
}

async fn open(proxy: &Arc<Proxy>, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door { listener, tls, connections: Arc::new(Semaphore::new(100)), proxy: proxy.clone() };
    tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        door.run(&graceful).await;
    });
    address
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What the endpoint says that it got.
    pub fn told(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body))
    }
}

pub async fn send_on<S>(stream: S, request: Request<Full<Bytes>>) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let _connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
    }
}
