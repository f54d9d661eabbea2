//! Requests over real sockets: a client, the proxy, and endpoints.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certificates::Resolver;
use crate::objects::key_of;
use crate::testing::{Rig, certificate, endpoint, ingress, secret, send_on, service, slice, tls_secret};

const PREFIX: &str = "nginx.ingress.kubernetes.io/";

fn annotated(annotations: &[(&str, &str)]) -> serde_json::Value {
    let all = annotations.iter().map(|(name, value)| (format!("{PREFIX}{name}"), json!(value)));
    ingress("main", "a.example", "/", serde_json::Value::Object(all.collect()))
}

async fn rig(annotations: &[(&str, &str)]) -> Rig {
    Rig::new(&[annotated(annotations)], &[endpoint("one", None).await]).await
}

#[tokio::test]
async fn a_request_reaches_its_endpoint_with_what_is_known_of_the_client() {
    let rig = rig(&[]).await;
    let request = Request::post("/x/../y?z=1").header("host", "A.example:8080").header("x-forwarded-for", "10.9.9.9");
    let answer = rig.send_body(request, Bytes::from_static(b"hello")).await;
    let told = answer.told();
    assert_eq!(answer.status, 200);
    assert_eq!((&told["endpoint"], &told["method"], &told["body"]), (&json!("one"), &json!("POST"), &json!(5)));
    assert_eq!(told["target"], "/x/../y?z=1", "it is sent on as it came");
    assert_eq!(told["headers"]["host"], "A.example:8080");
    assert_eq!(told["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(told["headers"]["x-forwarded-proto"], "http");
    assert_eq!(told["headers"]["x-request-id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn hosts_and_paths_that_nobody_serves() {
    let rig = rig(&[]).await;
    assert_eq!(rig.get("b.example", "/").await.status, 404);
    assert_eq!(rig.get("a.example", "/..").await.status, 400);
    assert_eq!(rig.get("a.example", "/%00").await.status, 400);
}

#[tokio::test]
async fn no_endpoint_and_endpoints_that_do_not_answer() {
    let mut rig = Rig::new(&[annotated(&[("proxy-read-timeout", "1")])], &[]).await;
    assert_eq!(rig.get("a.example", "/").await.status, 503);
    // Nobody listens at the first; the second accepts, and says nothing.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    rig.cluster.put_slice(slice("web-1", "web", "127.0.0.1", closed.port()));
    rig.compile();
    assert_eq!(rig.get("a.example", "/").await.status, 502);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.cluster.put_slice(slice("web-1", "web", "127.0.0.1", silent.local_addr().unwrap().port()));
    rig.compile();
    assert_eq!(rig.get("a.example", "/").await.status, 504);
}

#[tokio::test]
async fn another_endpoint_gets_the_request_when_one_refuses_the_connection() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let rig = Rig::new(&[annotated(&[])], &[closed, endpoint("two", None).await]).await;
    for _ in 0..6 {
        let request = Request::post("/").header("host", "a.example");
        let answer = rig.send_body(request, Bytes::from_static(b"whole")).await;
        assert_eq!((answer.status, &answer.told()["body"]), (200, &json!(5)));
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Each connection answers one request as if it stayed open, and closes without a word when the next one arrives.
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                assert!(stream.read(&mut buffer).await.unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    let rig = Rig::new(&[annotated(&[])], &[address]).await;
    for _ in 0..5 {
        assert_eq!(rig.get("a.example", "/").await.status, 200);
    }
}

#[tokio::test]
async fn https_by_sni_and_a_certificate_that_changes() {
    let mut main = annotated(&[]);
    main["spec"]["tls"] = json!([{ "hosts": ["a.example"], "secretName": "cert" }]);
    let mut rig = Rig::new(&[main], &[endpoint("one", None).await]).await;
    let resolver = Arc::new(Resolver::default());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver.clone());
    let address = rig.open_tls(TlsAcceptor::from(Arc::new(config))).await;
    for _ in 0..2 {
        let (cert, key) = certificate("a.example");
        let mut secret = tls_secret("cert", &cert, &key);
        secret.metadata.resource_version = cert.clone();
        rig.cluster.secrets.insert(key_of(&secret.metadata), secret);
        resolver.set(rig.compile());
        let stream = TlsConnector::from(trusting(&cert))
            .connect(ServerName::try_from("a.example").unwrap(), TcpStream::connect(address).await.unwrap())
            .await
            .expect("the certificate of the Secret as it is now");
        let request = Request::get("/").header("host", "a.example").body(Full::default()).unwrap();
        let answer = send_on(stream, request).await;
        assert_eq!((answer.status, &answer.told()["headers"]["x-forwarded-proto"]), (200, &json!("https")));
    }
    let redirect = rig.get("a.example", "/x?y=1").await;
    assert_eq!((redirect.status, redirect.header("location")), (308, "https://a.example:8443/x?y=1"));
}

fn trusting(pem: &str) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn endpoints_with_tls_of_their_own() {
    let (cert, key) = certificate("whatever");
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let endpoint = endpoint("secure", Some(TlsAcceptor::from(Arc::new(config)))).await;
    let rig = Rig::new(&[annotated(&[("backend-protocol", "HTTPS")])], &[endpoint]).await;
    assert_eq!(rig.get("a.example", "/").await.told()["endpoint"], "secure");
}

#[tokio::test]
async fn grpc_is_http2_on_both_sides() {
    let rig = rig(&[("backend-protocol", "GRPC")]).await;
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let _connection = tokio::spawn(connection);
    let request = Request::post("http://a.example/s/m").header("te", "trailers").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&told["version"], &told["headers"]["te"]), (&json!("HTTP/2.0"), &json!("trailers")));
    assert_eq!(told["target"], "http://a.example/s/m");
}

#[tokio::test]
async fn a_connection_that_changes_its_protocol_carries_bytes_both_ways() {
    let rig = rig(&[]).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let head = "GET /ws HTTP/1.1\r\nhost: a.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let count = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).to_lowercase();
    assert!(answer.starts_with("http/1.1 101") && answer.contains("upgrade: websocket"), "{answer}");
    stream.write_all(b"ping").await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"ping");
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let rig = rig(&[("proxy-body-size", "1k")]).await;
    let post = || Request::post("/").header("host", "a.example");
    assert_eq!(rig.send_body(post(), vec![0; 1024].into()).await.status, 200);
    assert_eq!(rig.send_body(post(), vec![0; 1025].into()).await.status, 413);
    // Without a length, it is known only on the way.
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800)).as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let count = stream.read(&mut answer).await.unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..count]));
}

#[tokio::test]
async fn who_gets_through() {
    let rig = rig(&[("whitelist-source-range", "10.0.0.0/8")]).await;
    assert_eq!(rig.get("a.example", "/").await.status, 403);
    let mut rig = self::rig(&[("auth-type", "basic"), ("auth-secret", "users"), ("auth-realm", "Shop")]).await;
    assert_eq!(rig.get("a.example", "/").await.status, 503, "until the Secret is there");
    let users = secret("users", "Opaque", &[("auth", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")]);
    rig.cluster.secrets.insert(key_of(&users.metadata), users);
    rig.compile();
    let with = |text: &str| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        Request::get("/").header("host", "a.example").header("authorization", format!("Basic {encoded}"))
    };
    let without = rig.get("a.example", "/").await;
    assert_eq!((without.status, without.header("www-authenticate")), (401, "Basic realm=\"Shop\""));
    assert_eq!(rig.send(with("ann:wrong")).await.status, 401);
    assert_eq!(rig.send(with("ann:secret")).await.status, 200);
}

#[tokio::test]
async fn more_than_a_client_may_ask() {
    let rig = rig(&[("limit-rps", "1"), ("limit-burst-multiplier", "2")]).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(rig.get("a.example", "/").await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 503, 503, 503]);
}

#[tokio::test]
async fn a_session_stays_at_its_endpoint() {
    let endpoints = [endpoint("one", None).await, endpoint("two", None).await];
    let rig = Rig::new(&[annotated(&[("affinity", "cookie"), ("session-cookie-name", "route")])], &endpoints).await;
    let first = rig.get("a.example", "/").await;
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("route="), "{cookie}");
    for _ in 0..4 {
        let next = rig.send(Request::get("/").header("host", "a.example").header("cookie", &cookie)).await;
        assert_eq!((&next.told()["endpoint"], next.header("set-cookie")), (&first.told()["endpoint"], ""));
    }
}

#[tokio::test]
async fn a_canary_takes_what_its_header_says() {
    let mut canary = annotated(&[("canary", "true"), ("canary-by-header", "x-canary")]);
    canary["metadata"]["name"] = json!("canary");
    canary["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = json!("new");
    let mut rig = Rig::new(&[annotated(&[]), canary], &[endpoint("old", None).await]).await;
    service(&mut rig.cluster, "new");
    rig.cluster.put_slice(slice("new-1", "new", "127.0.0.1", endpoint("new", None).await.port()));
    rig.compile();
    for (value, expected) in [("always", "new"), ("never", "old"), ("?", "old")] {
        let answer = rig.send(Request::get("/").header("host", "a.example").header("x-canary", value)).await;
        assert_eq!(answer.told()["endpoint"], expected);
    }
}

#[tokio::test]
async fn a_service_that_is_asked_about_each_request() {
    // It refuses the path /deny, which the question names.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            let asked = String::from_utf8_lossy(&buffer[..count]).to_lowercase();
            let denied = asked.contains("x-original-url: http://a.example/deny") && asked.starts_with("get /check ");
            let answer = match denied {
                true => "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
                false => "HTTP/1.1 200 OK\r\nx-user: ann\r\ncontent-length: 0\r\n\r\n",
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let annotations = [("auth-url", "http://auth.n.svc.cluster.local/check"), ("auth-response-headers", "X-User")];
    let mut rig = rig(&annotations).await;
    assert_eq!(rig.get("a.example", "/").await.status, 500, "nobody to ask");
    service(&mut rig.cluster, "auth");
    rig.cluster.put_slice(slice("auth-1", "auth", "127.0.0.1", port));
    rig.compile();
    let forged = Request::get("/").header("host", "a.example").header("x-user", "root");
    assert_eq!(rig.send(forged).await.told()["headers"]["x-user"], "ann");
    assert_eq!(rig.get("a.example", "/deny").await.status, 403);
}

#[tokio::test]
async fn rewrites_and_redirects() {
    let mut main = annotated(&[("rewrite-target", "/$1")]);
    main["spec"]["rules"][0]["http"]["paths"][0]["path"] = json!("/app/(.*)");
    let rig = Rig::new(&[main], &[endpoint("one", None).await]).await;
    assert_eq!(rig.get("a.example", "/app/x/y?z=1").await.told()["target"], "/x/y?z=1");
    let rig = self::rig(&[("permanent-redirect", "https://new.example")]).await;
    let moved = rig.get("a.example", "/").await;
    assert_eq!((moved.status, moved.header("location")), (301, "https://new.example"));
    let rig = self::rig(&[("app-root", "/app")]).await;
    assert_eq!(rig.get("a.example", "/").await.header("location"), "/app");
    assert_eq!(rig.get("a.example", "/other").await.status, 200);
}

#[tokio::test]
async fn what_is_counted() {
    let rig = rig(&[]).await;
    rig.get("a.example", "/").await;
    rig.get("b.example", "/").await;
    // The end of a response is counted when its last part was sent.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let text = rig.proxy.metrics.text();
    assert!(text.contains("berth_ingress_requests_total{namespace=\"n\",ingress=\"main\",code=\"200\"} 1"), "{text}");
    assert!(text.contains("berth_ingress_unmatched_requests_total 1"), "{text}");
}

#[tokio::test]
async fn a_connection_whose_request_was_not_sent_whole_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Answers once, before it has the body, and keeps the connection.
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            kept.push(stream);
        }
    });
    let rig = Rig::new(&[annotated(&[])], &[address]).await;
    let mut client = TcpStream::connect(rig.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let count = client.read(&mut answer).await.unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 200"));
    let next = tokio::time::timeout(Duration::from_secs(3), rig.get("a.example", "/")).await;
    assert_eq!(next.expect("it does not wait for the first").status, 200);
}

#[tokio::test]
async fn a_connection_that_sends_nothing_or_half_a_preface_ends() {
    let rig = rig(&[]).await;
    for sent in ["", "P", "PRI * HTTP/2.0\r\n"] {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 64])).await;
        assert!(matches!(end.expect("it ends"), Ok(0) | Err(_)), "{sent:?}");
    }
}

#[tokio::test]
async fn a_check_of_a_password_keeps_its_permit_when_its_client_is_gone() {
    let mut rig = rig(&[("auth-type", "basic"), ("auth-secret", "users")]).await;
    let hash = "$2y$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde";
    let users = secret("users", "Opaque", &[("auth", &format!("ann:{hash}"))]);
    rig.cluster.secrets.insert(key_of(&users.metadata), users);
    rig.compile();
    let free = rig.proxy.passwords.available_permits();
    let mut client = TcpStream::connect(rig.address).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: a.example\r\nauthorization: Basic YW5uOng=\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    while rig.proxy.passwords.available_permits() == free {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(client);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(rig.proxy.passwords.available_permits(), free - 1);
}
