use super::*;
use http::Request;

fn parts(uri: &str, version: Version, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(uri).version(version);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn hosts_are_compared_without_port_case_and_final_dot() {
    for (uri, version, hosts, expected) in [
        ("/", Version::HTTP_11, &["Example.COM:8080"][..], Some("example.com")),
        ("/", Version::HTTP_11, &["example.com."], Some("example.com")),
        ("/", Version::HTTP_11, &["[fd00::1]:80"], Some("[fd00::1]")),
        ("/", Version::HTTP_11, &["[fd00::1]"], Some("[fd00::1]")),
        ("https://a.example/x", Version::HTTP_2, &[], Some("a.example")),
        ("http://a.example/x", Version::HTTP_11, &["b.example"], Some("a.example")),
        ("/", Version::HTTP_10, &[], Some("")),
        ("/", Version::HTTP_11, &[], None),
        ("/", Version::HTTP_11, &["a.example", "b.example"], None),
        ("/", Version::HTTP_11, &["a@b.example"], None),
        ("/", Version::HTTP_11, &["a.example/x"], None),
    ] {
        let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let found = host_of(&parts(uri, version, &hosts)).map(|(_, name)| name);
        assert_eq!(found.as_deref(), expected, "{uri} {hosts:?}");
    }
}

fn forwarded(protocol: Protocol, upgrade: Option<HeaderValue>) -> Forwarded<'static> {
    Forwarded {
        client: Client { ip: "192.0.2.1".parse().unwrap(), port: 443, tls: true },
        host: "a.example",
        upstream_host: None,
        prefix: None,
        target: "/x?y=1",
        request_id: "id",
        protocol,
        upgrade,
    }
}

#[test]
fn what_a_client_says_of_itself_is_replaced_and_hop_headers_go() {
    let mut parts = parts(
        "https://a.example/other",
        Version::HTTP_2,
        &[
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-prefix", "/evil"),
            ("forwarded", "for=10.0.0.1"),
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "1"),
            ("te", "trailers"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-own", "stays"),
        ],
    );
    forward(&mut parts, &forwarded(Protocol::Http, None)).unwrap();
    assert_eq!((parts.uri.to_string().as_str(), parts.version), ("/x?y=1", Version::HTTP_11));
    let mut headers: Vec<_> = parts.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "cookie: a=1; b=2",
            "host: a.example",
            "x-forwarded-for: 192.0.2.1",
            "x-forwarded-host: a.example",
            "x-forwarded-port: 443",
            "x-forwarded-proto: https",
            "x-forwarded-scheme: https",
            "x-own: stays",
            "x-real-ip: 192.0.2.1",
            "x-request-id: id",
            "x-scheme: https",
        ]
    );
}

#[test]
fn grpc_has_an_authority_and_takes_trailers() {
    let mut parts = parts("/s/m", Version::HTTP_11, &[("host", "a.example"), ("te", "trailers")]);
    forward(&mut parts, &forwarded(Protocol::Grpc, None)).unwrap();
    assert_eq!(parts.uri.to_string(), "http://a.example/x?y=1");
    assert_eq!(parts.headers.get(TE).unwrap(), "trailers");
    assert!(parts.headers.get(HOST).is_none());
}

#[test]
fn an_upgrade_is_asked_for_again() {
    let asked = parts("/", Version::HTTP_11, &[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
    assert_eq!(upgrade_of(&asked.headers).unwrap(), "websocket");
    let not = parts("/", Version::HTTP_11, &[("upgrade", "h2c")]);
    assert_eq!(upgrade_of(&not.headers), None);
    let smuggled = parts("/", Version::HTTP_11, &[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "H2C")]);
    assert_eq!(upgrade_of(&smuggled.headers), None, "requests inside it would be looked at by nobody");
    let mut parts = asked;
    forward(&mut parts, &forwarded(Protocol::Http, Some(HeaderValue::from_static("websocket")))).unwrap();
    assert_eq!(parts.headers.get(CONNECTION).unwrap(), "upgrade");
    assert_eq!(parts.headers.get(UPGRADE).unwrap(), "websocket");
}

#[test]
fn session_cookies() {
    let mut affinity = Affinity {
        cookie: "route".into(),
        path: None,
        max_age: Some(60),
        same_site: Some("Lax".into()),
        secure: false,
    };
    let cookie = |affinity: &Affinity, tls| {
        let mut headers = HeaderMap::new();
        set_session(&mut headers, affinity, "abc", "/shop", tls);
        headers.get(SET_COOKIE).unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(cookie(&affinity, true), "route=abc; Path=/shop; HttpOnly; Max-Age=60; Secure; SameSite=Lax");
    affinity = Affinity { path: Some("/".into()), max_age: None, same_site: None, ..affinity };
    assert_eq!(cookie(&affinity, false), "route=abc; Path=/; HttpOnly");
}
