use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::*;
use crate::connection::Connection;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// Answers each connection once, and says in the answer whether the client had a certificate, and what it sent.
async fn serve(authority: &Authority, name: &str) -> u16 {
    let (certificate, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let known = stream.get_ref().1.peer_certificates().is_some();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let said = format!("certificate: {known}\n{}", String::from_utf8(head).unwrap().to_lowercase());
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    port
}

fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\npreferences: {{}}\nclusters:\n- name: \"other\"\n  cluster: {{server: 'https://192.0.2.1'}}\n\
         - name: \"c\"\n  cluster:\n    server: {server}\n    {cluster}\nusers:\n- name: u\n  user: {{{user}}}\n\
         contexts:\n- name: x\n  context: {{cluster: c, user: u}}\ncurrent-context: \"x\"\n"
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn target_in(folder: &TempDir) -> Result<Target, KubeconfigError> {
    Target::read(&folder.path().join("kubeconfig"))
}

async fn ask(target: &Target) -> Result<String, crate::Error> {
    let limit = std::time::Duration::from_secs(5);
    let body = Connection::open(target, "test/1").await?.get("/version", limit).await?.read(limit).await?;
    Ok(String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_client_certificate_is_shown_whether_it_is_in_the_file_or_beside_it() {
    let authority = Authority::new();
    let port = serve(&authority, "127.0.0.1").await;
    let (certificate, key) = authority.issue("system:kube-dns");
    let base64 = |text: &str| BASE64.encode(text.as_bytes());
    let server = format!("https://127.0.0.1:{port}/below");
    let inside = kubeconfig(
        &server,
        &format!("certificate-authority-data: {}", base64(&authority.pem())),
        &format!("client-certificate-data: {}, client-key-data: {}", base64(&certificate), base64(&key)),
    );
    let beside =
        kubeconfig(&server, "certificate-authority: ca.crt", "client-certificate: dns.crt, client-key: dns.key");
    for text in [inside, beside] {
        let authority = authority.pem();
        let files = [("kubeconfig", &*text), ("ca.crt", &authority), ("dns.crt", &certificate), ("dns.key", &key)];
        let said = ask(&target_in(&folder(&files)).unwrap()).await.unwrap();
        assert!(said.starts_with("certificate: true\nget /below/version http/1.1\r\n"), "{said}");
        assert!(
            said.contains(&format!("host: 127.0.0.1:{port}\r\n")) && said.contains("user-agent: test/1\r\n"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_token_is_sent_and_the_file_of_a_token_comes_first() {
    let authority = Authority::new();
    let port = serve(&authority, "127.0.0.1").await;
    let server = format!("https://127.0.0.1:{port}");
    for (user, sent) in [
        ("token: abc", "bearer abc"),
        ("token: abc, tokenFile: token", "bearer of-the-file"),
        ("token: abc, tokenFile: nowhere", "bearer abc"),
    ] {
        let text = kubeconfig(&server, "certificate-authority: ca.crt", user);
        let folder = folder(&[("kubeconfig", &text), ("ca.crt", &authority.pem()), ("token", "of-the-file\n")]);
        let said = ask(&target_in(&folder).unwrap()).await.unwrap();
        assert!(said.starts_with("certificate: false"), "{said}");
        assert!(said.contains(&format!("authorization: {sent}\r\n")), "{user}: {said}");
    }
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_not_trusted_unless_the_name_is_given() {
    let authority = Authority::new();
    let port = serve(&authority, "api.test").await;
    let server = format!("https://127.0.0.1:{port}");
    let stranger = Authority::new().pem();
    let pem = authority.pem();
    for (cluster, ca, trusted) in [
        ("tls-server-name: api.test\n    certificate-authority: ca.crt", &pem, true),
        ("tls-server-name: api.test\n    certificate-authority: ca.crt", &stranger, false),
        ("certificate-authority: ca.crt", &pem, false),
    ] {
        let text = kubeconfig(&server, cluster, "token: secret");
        let folder = folder(&[("kubeconfig", &text), ("ca.crt", ca)]);
        let answer = ask(&target_in(&folder).unwrap()).await;
        assert_eq!(answer.is_ok(), trusted, "{cluster}: {answer:?}");
        if let Err(error) = answer {
            assert!(error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_its_name() {
    let ca = Authority::new().pem();
    let https = "https://api.test";
    let trusted = "certificate-authority: ca.crt";
    for (server, cluster, user, expected) in [
        (https, "", "", "kubeconfig: certificate-authority: is missing"),
        (https, "certificate-authority: empty", "", "kubeconfig: certificate-authority: has no certificate"),
        (https, "certificate-authority-data: '%'", "", "kubeconfig: certificate-authority: is no base64"),
        (https, trusted, "client-certificate: ca.crt", "kubeconfig: client-key: is missing"),
        (https, trusted, "client-key: ca.crt", "kubeconfig: client-certificate: is missing"),
        (https, "insecure-skip-tls-verify: true", "", "kubeconfig: insecure-skip-tls-verify is not supported"),
        (https, "proxy-url: http://p", "", "kubeconfig: proxy-url is not supported"),
        (https, trusted, "exec: {command: x}", "kubeconfig: exec is not supported"),
        (https, trusted, "as: jane", "kubeconfig: as is not supported"),
        (https, trusted, "tokenFile: nowhere", "cannot read "),
        ("ftp://api.test", trusted, "", "kubeconfig: server: \"ftp://api.test\" is neither https nor http"),
        ("/path", trusted, "", "kubeconfig: server: \"/path\" has no host"),
    ] {
        let text = kubeconfig(server, cluster, user);
        let folder = folder(&[("kubeconfig", &text), ("ca.crt", &ca), ("empty", "")]);
        let error = target_in(&folder).map(|target| target.host).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error} instead of {expected}");
    }
}

#[test]
fn the_current_context_must_lead_to_a_cluster_and_a_user() {
    let text = kubeconfig("http://[fd00::1]", "", "");
    let read = |text: &str| target_in(&folder(&[("kubeconfig", text)]));
    let target = read(&text).unwrap();
    assert_eq!((target.host.as_str(), target.port, target.prefix.as_str()), ("fd00::1", 80, ""));
    for (from, to, expected) in [
        ("current-context: \"x\"", "current-context: y", "kubeconfig: there is no context \"y\""),
        ("cluster: c,", "cluster: d,", "kubeconfig: there is no cluster \"d\""),
        ("user: u}", "user: v}", "kubeconfig: there is no user \"v\""),
    ] {
        assert_eq!(read(&text.replace(from, to)).unwrap_err().to_string(), expected);
    }
    assert!(read("clusters: [").unwrap_err().to_string().contains("kubeconfig: "));
}
