//! What changes in the headers of requests and responses on their way.

use std::net::IpAddr;

use http::header::{
    CONNECTION, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Uri, Version};

use crate::annotations::{Affinity, Protocol};

/// The connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub ip: IpAddr,
    /// Port of this side.
    pub port: u16,
    pub tls: bool,
}

impl Client {
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// The host that a request is for, as it was sent and in the form of rules. `None`: it names none, or nonsense.
pub fn host_of(parts: &Parts) -> Option<(String, String)> {
    let sent = match parts.uri.authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => {
            let mut all = parts.headers.get_all(HOST).iter();
            let first = all.next();
            // Two Hosts are two opinions: what is in front and behind might each take another.
            if all.next().is_some() {
                return None;
            }
            match first {
                Some(value) => value.to_str().ok()?.to_owned(),
                None if parts.version < Version::HTTP_11 => String::new(),
                None => return None,
            }
        }
    };
    if sent.contains(['@', '/', '?', '#', ' ']) {
        return None;
    }
    let name = match sent.rfind(':') {
        Some(colon) if !sent.ends_with(']') => &sent[..colon],
        _ => &sent,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    Some((sent, name))
}

/// The protocol that the client asks to change to. Not HTTP/2: what follows would reach the endpoint past all rules.
pub fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asks = asks.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(UPGRADE).filter(|_| asks)?;
    let carries_requests = |name: &str| ["h2c", "http/", "tls/"].iter().any(|start| name.trim().starts_with(start));
    let names = protocol.to_str().ok()?.to_ascii_lowercase();
    if names.split(',').any(carries_requests) { None } else { Some(protocol.clone()) }
}

/// Removes what is for one connection only.
pub fn remove_hop_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

pub struct Forwarded<'a> {
    pub client: Client,
    /// As it was sent.
    pub host: &'a str,
    pub upstream_host: Option<&'a str>,
    pub prefix: Option<&'a str>,
    /// Path and query.
    pub target: &'a str,
    pub request_id: &'a str,
    pub protocol: Protocol,
    pub upgrade: Option<HeaderValue>,
}

/// Makes of the client's request that which the endpoint gets. What a client says of itself in X-Forwarded headers is replaced.
pub fn forward(parts: &mut Parts, forwarded: &Forwarded<'_>) -> Option<()> {
    let takes_trailers = parts.headers.get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    let trailer = parts.headers.get(TRAILER).cloned();
    remove_hop_headers(&mut parts.headers);
    parts.headers.remove(TE);
    // It was answered here, when the body was asked for.
    parts.headers.remove(EXPECT);
    let headers = &mut parts.headers;
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let ip = value(&forwarded.client.ip.to_string())?;
    let scheme = HeaderValue::from_static(forwarded.client.scheme());
    let host = value(forwarded.upstream_host.unwrap_or(forwarded.host))?;
    headers.insert("x-real-ip", ip.clone());
    headers.insert("x-forwarded-for", ip);
    headers.insert("x-forwarded-host", value(forwarded.host)?);
    headers.insert("x-forwarded-port", HeaderValue::from(forwarded.client.port));
    headers.insert("x-forwarded-proto", scheme.clone());
    headers.insert("x-forwarded-scheme", scheme.clone());
    headers.insert("x-scheme", scheme);
    headers.insert("x-request-id", value(forwarded.request_id)?);
    headers.remove("x-forwarded-prefix");
    headers.remove("forwarded");
    if let Some(prefix) = forwarded.prefix {
        headers.insert("x-forwarded-prefix", value(prefix)?);
    }
    join_cookies(headers);
    if matches!(forwarded.protocol, Protocol::Grpc | Protocol::Grpcs) {
        let scheme = if forwarded.protocol == Protocol::Grpcs { "https" } else { "http" };
        headers.remove(HOST);
        if takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        let authority = host.to_str().ok()?;
        parts.uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(forwarded.target).build().ok()?;
        parts.version = Version::HTTP_2;
        return Some(());
    }
    headers.insert(HOST, host);
    if let Some(upgrade) = &forwarded.upgrade {
        headers.insert(UPGRADE, upgrade.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    if let Some(trailer) = trailer {
        headers.insert(TRAILER, trailer);
    }
    parts.uri = forwarded.target.parse().ok()?;
    parts.version = Version::HTTP_11;
    Some(())
}

/// HTTP/2 may send each cookie for itself; HTTP/1.1 has one header.
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

/// The cookie that brings the next request of a session to the same endpoint.
pub fn set_session(headers: &mut HeaderMap, affinity: &Affinity, endpoint: &str, path: &str, tls: bool) {
    let mut cookie =
        format!("{}={endpoint}; Path={}; HttpOnly", affinity.cookie, affinity.path.as_deref().unwrap_or(path));
    if let Some(seconds) = affinity.max_age {
        cookie.push_str(&format!("; Max-Age={seconds}"));
    }
    if affinity.secure || tls {
        cookie.push_str("; Secure");
    }
    if let Some(same_site) = &affinity.same_site {
        cookie.push_str(&format!("; SameSite={same_site}"));
    }
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
