//! A Service that is asked about each request: 2xx lets it through, 401 and 403 are the client's answer.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, SET_COOKIE,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use hyper::body::Body as _;

use crate::annotations::{Balance, ExternalAuth, Protocol};
use crate::body;
use crate::call::{Call, Refusal};
use crate::headers;
use crate::objects::{Key, ServicePortRef};
use crate::pool::{Place, Pool, Sender};
use crate::upstream::{Upstream, UpstreamKey};

/// Set on the request, or removed from it.
pub type Headers = Vec<(HeaderName, Option<HeaderValue>)>;

const PATIENCE: Duration = Duration::from_secs(10);

/// The Service that a URL names: `NAME.NAMESPACE`, with or without `.svc` and the cluster's domain. One of another namespace
/// would get requests that NetworkPolicies keep from it.
pub fn service_of(auth: &ExternalAuth, own_namespace: &str) -> Option<UpstreamKey> {
    let mut labels = auth.url.host()?.split('.');
    let (name, namespace) = (labels.next()?, labels.next()?);
    if namespace != own_namespace || labels.next().is_some_and(|label| label != "svc") {
        return None;
    }
    let port = ServicePortRef { name: String::new(), number: auth.url.port_u16().unwrap_or(80) };
    Some(UpstreamKey { service: Key::new(namespace, name), port })
}

pub async fn ask(pool: &Pool, auth: &ExternalAuth, upstream: &Upstream, call: &Call<'_>) -> Result<Headers, Refusal> {
    let mut tried: Vec<SocketAddr> = Vec::new();
    while let Some(turn) = upstream.choose(Balance::RoundRobin, None, &tried) {
        tried.push(turn.0.address);
        let place = Place { address: turn.0.address, protocol: Protocol::Http };
        // A new connection each time: an old one that closes meanwhile would refuse a request that is welcome.
        let Ok(Sender::Http1(mut sender)) = pool.connect(place, Duration::from_secs(5)).await else {
            turn.0.avoid();
            continue;
        };
        let request = question(auth, call).ok_or(Refusal::new(400))?;
        return match tokio::time::timeout(PATIENCE, sender.send_request(request)).await {
            Ok(Ok(answer)) => judged(auth, call, answer.status(), answer.headers()),
            Ok(Err(_)) => Err(Refusal::new(500)),
            Err(_) => Err(Refusal::new(504)),
        };
    }
    Err(Refusal::new(500))
}

fn original_url(call: &Call<'_>) -> String {
    format!("{}://{}{}", call.client.scheme(), call.host, target(call))
}

fn target<'a>(call: &'a Call<'_>) -> &'a str {
    call.parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

fn question(auth: &ExternalAuth, call: &Call<'_>) -> Option<Request<body::Body>> {
    let mut all = call.parts.headers.clone();
    headers::remove_hop_headers(&mut all);
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, TRANSFER_ENCODING, EXPECT] {
        all.remove(name);
    }
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let ip = value(&call.client.ip.to_string())?;
    all.insert(HOST, value(auth.url.authority()?.as_str())?);
    all.insert("x-original-url", value(&original_url(call))?);
    all.insert("x-original-method", value(call.parts.method.as_str())?);
    all.insert("x-auth-request-redirect", value(target(call))?);
    all.insert("x-forwarded-for", ip.clone());
    all.insert("x-real-ip", ip);
    all.insert("x-forwarded-proto", HeaderValue::from_static(call.client.scheme()));
    all.insert("x-forwarded-host", value(call.host)?);
    let path = auth.url.path_and_query().map_or("/", |target| target.as_str());
    let method = auth.method.clone().unwrap_or(Method::GET);
    let mut request = Request::builder().method(method).uri(path).version(Version::HTTP_11).body(body::empty()).ok()?;
    debug_assert!(request.body().is_end_stream());
    *request.headers_mut() = all;
    Some(request)
}

fn judged(auth: &ExternalAuth, call: &Call<'_>, status: StatusCode, answer: &HeaderMap) -> Result<Headers, Refusal> {
    if status.is_success() {
        // What the client itself sent under such a name would be taken for the answer.
        let named = auth.response_headers.iter().map(|name| (name.clone(), answer.get(name).cloned()));
        return Ok(named.collect());
    }
    match (status.as_u16(), &auth.sign_in) {
        (401, Some(sign_in)) => Err(with_cookies(Refusal::to(302, &sign_in_url(sign_in, call)), answer)),
        (code @ (401 | 403), _) => {
            let mut refusal = with_cookies(Refusal::new(code), answer);
            for challenge in answer.get_all(WWW_AUTHENTICATE) {
                refusal.headers.append(WWW_AUTHENTICATE, challenge.clone());
            }
            Err(refusal)
        }
        _ => Err(Refusal::new(500)),
    }
}

fn with_cookies(mut refusal: Refusal, answer: &HeaderMap) -> Refusal {
    for cookie in answer.get_all(SET_COOKIE) {
        refusal.headers.append(SET_COOKIE, cookie.clone());
    }
    refusal
}

/// The variables of nginx that sign-in pages are given, and the way back where the annotation has none.
fn sign_in_url(sign_in: &str, call: &Call<'_>) -> String {
    let back = escaped(target(call));
    let url = sign_in
        .replace("$escaped_request_uri", &back)
        .replace("$request_uri", target(call))
        .replace("$http_host", call.host)
        .replace("$host", call.host)
        .replace("$scheme", call.client.scheme());
    if sign_in.contains("rd=") {
        return url;
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}rd={}", escaped(&original_url(call)))
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Client;

    fn auth(url: &str, sign_in: Option<&str>) -> ExternalAuth {
        ExternalAuth {
            url: url.parse().unwrap(),
            method: None,
            sign_in: sign_in.map(str::to_owned),
            response_headers: vec!["x-user".parse().unwrap()],
        }
    }

    #[test]
    fn a_url_names_a_service() {
        for (url, expected) in [
            ("http://auth.sso.svc.cluster.local/check", Some(("sso", "auth", 80))),
            ("http://auth.sso.svc:4180/check", Some(("sso", "auth", 4180))),
            ("http://auth.sso/check", Some(("sso", "auth", 80))),
            ("http://auth.other.svc/check", None),
            ("http://auth/check", None),
            ("http://auth.example.com/check", None),
            ("http://127.0.0.1/check", None),
        ] {
            let found = service_of(&auth(url, None), "sso");
            let found = found.map(|key| (key.service.namespace, key.service.name, key.port.number));
            let expected = expected.map(|(namespace, name, port)| (namespace.to_owned(), name.to_owned(), port));
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn the_answer_decides() {
        let parts = Request::builder().uri("/a?b=c").header("x-user", "forged").body(()).unwrap().into_parts().0;
        let client = Client { ip: "192.0.2.1".parse().unwrap(), port: 443, tls: true };
        let call = Call { parts: &parts, client, host: "a.example", path: "/a" };
        let own = auth("http://auth.sso/", None);
        let answer: HeaderMap = [("x-user", "ann"), ("set-cookie", "s=1"), ("www-authenticate", "Basic")]
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect();
        let judge = |auth: &ExternalAuth, code: u16, answer: &HeaderMap| {
            judged(auth, &call, StatusCode::from_u16(code).unwrap(), answer)
        };
        let passed = judge(&own, 204, &answer).ok().unwrap();
        assert_eq!(passed, [("x-user".parse().unwrap(), Some(HeaderValue::from_static("ann")))]);
        let removed = judge(&own, 200, &HeaderMap::new()).ok().unwrap();
        assert_eq!(removed, [("x-user".parse().unwrap(), None)], "what the client said of itself goes");
        for (code, expected) in [(401, 401), (403, 403), (302, 500), (500, 500)] {
            assert_eq!(judge(&own, code, &answer).err().unwrap().status, expected);
        }
        let refused = judge(&own, 401, &answer).err().unwrap();
        assert!(refused.headers.contains_key(WWW_AUTHENTICATE) && refused.headers.contains_key(SET_COOKIE));
        for (sign_in, expected) in [
            ("https://login.example/start", "https://login.example/start?rd=https%3A%2F%2Fa.example%2Fa%3Fb%3Dc"),
            ("https://$host/start?rd=$escaped_request_uri", "https://a.example/start?rd=%2Fa%3Fb%3Dc"),
        ] {
            let refused = judge(&auth("http://auth.sso/", Some(sign_in)), 401, &answer).err().unwrap();
            assert_eq!((refused.status, refused.headers["location"].to_str().unwrap()), (302, expected));
        }
    }
}
