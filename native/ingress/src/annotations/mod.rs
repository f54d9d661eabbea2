//! The annotations of ingress-nginx that are acted on. An annotation that is not known, or has a value that cannot be read,
//! is told in an Event. Where it would have kept somebody out, the paths of its Ingress answer 503 until it is mended.

mod values;

use std::collections::HashMap;
use std::time::Duration;

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use crate::objects::{Key, Meta};

pub const PREFIX: &str = "nginx.ingress.kubernetes.io/";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    #[default]
    Http,
    Https,
    Grpc,
    Grpcs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    #[default]
    RoundRobin,
    LeastConnections,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two reads from the endpoint.
    pub read: Duration,
    /// Between two writes to it.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(60), send: Duration::from_secs(60) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Affinity {
    pub cookie: String,
    pub path: Option<String>,
    pub max_age: Option<u64>,
    pub same_site: Option<String>,
    pub secure: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Canary {
    pub weight: u32,
    pub total: u32,
    pub header: Option<String>,
    pub header_value: Option<String>,
    pub header_pattern: Option<Regex>,
    pub cookie: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Requests a second, and how many more may come at once.
    pub per_second: Option<f64>,
    pub per_minute: Option<f64>,
    pub burst: f64,
    pub connections: Option<u32>,
    pub exempt: Vec<IpNet>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BasicAuth {
    pub secret: Key,
    pub realm: String,
    /// The Secret has a user as each key, instead of a file under `auth`.
    pub map: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAuth {
    pub url: http::Uri,
    pub method: Option<http::Method>,
    pub sign_in: Option<String>,
    pub response_headers: Vec<http::HeaderName>,
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub use_regex: bool,
    pub rewrite_target: Option<String>,
    pub app_root: Option<String>,
    pub redirect: Option<(u16, String)>,
    /// `None`: where the host has a certificate.
    pub ssl_redirect: Option<bool>,
    pub force_ssl_redirect: bool,
    pub body_limit: Option<u64>,
    pub timeouts: Timeouts,
    /// Endpoints that a request is given to at most.
    pub tries: Option<usize>,
    pub protocol: Protocol,
    pub balance: Balance,
    pub upstream_host: Option<String>,
    pub forwarded_prefix: Option<String>,
    pub aliases: Vec<String>,
    pub affinity: Option<Affinity>,
    pub canary: Option<Canary>,
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
    pub limits: Limits,
    pub basic_auth: Option<BasicAuth>,
    pub external_auth: Option<ExternalAuth>,
}

#[derive(Debug, Default)]
pub struct Parsed {
    pub options: Options,
    /// Sentences for Events.
    pub problems: Vec<String>,
    /// Why nothing is served: what guards the Ingress could not be set up.
    pub denied: bool,
}

/// Annotations that keep somebody out, or a part of them: without what they ask for, nothing may be served.
const GUARDS: &[&str] =
    &["auth-", "whitelist-", "allowlist-", "denylist-", "limit-", "satisfy", "modsecurity", "enable-modsecurity"];
const GUARD_PARTS: &[&str] = &["snippet", "proxy-ssl-", "global-rate-limit"];

struct Reader<'a> {
    left: HashMap<&'a str, &'a str>,
    parsed: Parsed,
}

impl<'a> Reader<'a> {
    fn text(&mut self, name: &str) -> Option<&'a str> {
        self.left.remove(name).map(str::trim)
    }

    fn value<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.problem(name, &format!("{why}: got {text:?}"));
                None
            }
        }
    }

    fn problem(&mut self, name: &str, why: &str) {
        let guards =
            GUARDS.iter().any(|start| name.starts_with(start)) || GUARD_PARTS.iter().any(|part| name.contains(part));
        let effect = if guards { "requests get 503 until it is mended" } else { "it is ignored" };
        self.parsed.problems.push(format!("annotation {PREFIX}{name}: {why}; {effect}"));
        self.parsed.denied |= guards;
    }
}

pub fn parse(meta: &Meta) -> Parsed {
    let left = meta.annotations.iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value.as_str())));
    let mut reader = Reader { left: left.collect(), parsed: Parsed::default() };
    let options = Options {
        use_regex: reader.value("use-regex", values::switch).unwrap_or(false),
        rewrite_target: reader.value("rewrite-target", values::header_text),
        app_root: reader.value("app-root", values::absolute_path),
        redirect: redirect(&mut reader),
        ssl_redirect: reader.value("ssl-redirect", values::switch),
        force_ssl_redirect: reader.value("force-ssl-redirect", values::switch).unwrap_or(false),
        body_limit: reader.value("proxy-body-size", values::size).flatten(),
        timeouts: timeouts(&mut reader),
        tries: reader.value("proxy-next-upstream-tries", values::number),
        protocol: reader.value("backend-protocol", protocol).unwrap_or_default(),
        balance: reader.value("load-balance", balance).unwrap_or_default(),
        upstream_host: reader.value("upstream-vhost", values::header_text),
        forwarded_prefix: reader.value("x-forwarded-prefix", values::header_text),
        aliases: reader.value("server-alias", aliases).unwrap_or_default(),
        affinity: affinity(&mut reader),
        canary: canary(&mut reader),
        allow: sources(&mut reader, "whitelist-source-range", "allowlist-source-range"),
        deny: reader.value("denylist-source-range", values::ranges).unwrap_or_default(),
        limits: limits(&mut reader),
        basic_auth: basic_auth(&mut reader, &meta.namespace),
        external_auth: external_auth(&mut reader),
    };
    let mut unknown: Vec<_> = reader.left.keys().copied().collect();
    unknown.sort_unstable();
    for name in unknown {
        let why = if name.contains("snippet") {
            "snippets of nginx configuration are refused: they could read the credentials of this program"
        } else {
            "is not supported"
        };
        reader.problem(name, why);
    }
    reader.parsed.options = options;
    reader.parsed
}

fn redirect(reader: &mut Reader) -> Option<(u16, String)> {
    let code = |text: &str| match values::number::<u16>(text)? {
        code @ 300..=308 => Ok(code),
        _ => Err("must be a status between 300 and 308".into()),
    };
    let permanent = reader.value("permanent-redirect", values::header_text);
    let permanent_code = reader.value("permanent-redirect-code", code).unwrap_or(301);
    let temporal = reader.value("temporal-redirect", values::header_text);
    let temporal_code = reader.value("temporal-redirect-code", code).unwrap_or(302);
    temporal.map(|to| (temporal_code, to)).or_else(|| permanent.map(|to| (permanent_code, to)))
}

fn timeouts(reader: &mut Reader) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: reader.value("proxy-connect-timeout", values::seconds).unwrap_or(default.connect),
        read: reader.value("proxy-read-timeout", values::seconds).unwrap_or(default.read),
        send: reader.value("proxy-send-timeout", values::seconds).unwrap_or(default.send),
    }
}

fn protocol(text: &str) -> Result<Protocol, String> {
    match text.to_ascii_uppercase().as_str() {
        "HTTP" => Ok(Protocol::Http),
        "HTTPS" => Ok(Protocol::Https),
        "GRPC" => Ok(Protocol::Grpc),
        "GRPCS" => Ok(Protocol::Grpcs),
        _ => Err("must be HTTP, HTTPS, GRPC or GRPCS".into()),
    }
}

fn balance(text: &str) -> Result<Balance, String> {
    match text {
        "round_robin" => Ok(Balance::RoundRobin),
        "least_conn" => Ok(Balance::LeastConnections),
        _ => Err("must be round_robin or least_conn".into()),
    }
}

/// Each has all paths of its Ingress.
const ALIASES: usize = 32;

fn aliases(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split([',', ' ']).map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty());
    let aliases: Vec<String> = parts.collect();
    if aliases.iter().any(|alias| alias.contains(['~', '*', '/', ':'])) {
        return Err("must be host names without wildcards".into());
    }
    if aliases.len() > ALIASES {
        return Err(format!("must be at most {ALIASES} host names"));
    }
    Ok(aliases)
}

fn affinity(reader: &mut Reader) -> Option<Affinity> {
    let cookie_only = |text: &str| if text == "cookie" { Ok(()) } else { Err("must be cookie".to_owned()) };
    let wanted = reader.value("affinity", cookie_only);
    let same_site = |text: &str| match text {
        "None" | "Lax" | "Strict" => Ok(text.to_owned()),
        _ => Err("must be None, Lax or Strict".into()),
    };
    // Endpoints that stay keep their clients in both modes: that is `persistent`, and `balanced` may move some.
    let mode = |text: &str| match text {
        "balanced" | "persistent" => Ok(()),
        _ => Err("must be balanced or persistent".to_owned()),
    };
    reader.value("affinity-mode", mode);
    let affinity = Affinity {
        cookie: reader.value("session-cookie-name", values::token).unwrap_or_else(|| "INGRESSCOOKIE".into()),
        path: reader.value("session-cookie-path", values::absolute_path),
        max_age: reader.value("session-cookie-max-age", values::number),
        same_site: reader.value("session-cookie-samesite", same_site),
        secure: reader.value("session-cookie-secure", values::switch).unwrap_or(false),
    };
    wanted.map(|()| affinity)
}

fn canary(reader: &mut Reader) -> Option<Canary> {
    let wanted = reader.value("canary", values::switch).unwrap_or(false);
    let limited = |text: &str| RegexBuilder::new(text).size_limit(64 << 10).build();
    let pattern = |text: &str| limited(text).map_err(|_| "must be a regular expression".to_owned());
    let canary = Canary {
        weight: reader.value("canary-weight", values::number).unwrap_or(0),
        total: reader.value("canary-weight-total", values::number).filter(|total| *total > 0).unwrap_or(100),
        header: reader.value("canary-by-header", values::token),
        header_value: reader.text("canary-by-header-value").map(str::to_owned),
        header_pattern: reader.value("canary-by-header-pattern", pattern),
        cookie: reader.value("canary-by-cookie", values::token),
    };
    wanted.then_some(canary)
}

fn sources(reader: &mut Reader, old: &str, new: &str) -> Vec<IpNet> {
    let mut ranges = reader.value(old, values::ranges).unwrap_or_default();
    ranges.extend(reader.value(new, values::ranges).unwrap_or_default());
    ranges
}

fn limits(reader: &mut Reader) -> Limits {
    let above_zero = |text: &str| match values::number::<u32>(text)? {
        0 => Err("must be above 0".to_owned()),
        count => Ok(count),
    };
    Limits {
        per_second: reader.value("limit-rps", above_zero).map(f64::from),
        per_minute: reader.value("limit-rpm", above_zero).map(f64::from),
        burst: reader.value("limit-burst-multiplier", above_zero).map_or(5.0, f64::from),
        connections: reader.value("limit-connections", above_zero),
        exempt: sources(reader, "limit-whitelist", "limit-allowlist"),
    }
}

fn basic_auth(reader: &mut Reader, namespace: &str) -> Option<BasicAuth> {
    let basic_only = |text: &str| if text == "basic" { Ok(()) } else { Err("must be basic".to_owned()) };
    let wanted = reader.value("auth-type", basic_only);
    // A Secret of another namespace would be read for somebody who may not read it.
    let own_secret = |text: &str| match text.split_once('/') {
        None if !text.is_empty() => Ok(Key::new(namespace, text)),
        Some((own, name)) if own == namespace && !name.is_empty() => Ok(Key::new(namespace, name)),
        _ => Err("must be a Secret of the same namespace".into()),
    };
    let secret_type = |text: &str| match text {
        "auth-file" => Ok(false),
        "auth-map" => Ok(true),
        _ => Err("must be auth-file or auth-map".to_owned()),
    };
    let realm = |text: &str| match values::header_text(text) {
        Ok(realm) if !realm.contains(['"', '\\']) => Ok(realm),
        _ => Err("must be printable ASCII without quotes".into()),
    };
    let map = reader.value("auth-secret-type", secret_type).unwrap_or(false);
    let realm = reader.value("auth-realm", realm).unwrap_or_default();
    let secret = reader.value("auth-secret", own_secret);
    wanted?;
    match secret {
        Some(secret) => Some(BasicAuth { secret, realm, map }),
        None if reader.parsed.denied => None,
        None => {
            reader.problem("auth-type", "auth-secret is missing");
            None
        }
    }
}

fn external_auth(reader: &mut Reader) -> Option<ExternalAuth> {
    let url = |text: &str| match text.parse::<http::Uri>() {
        Ok(url) if url.scheme_str() == Some("http") && url.host().is_some() && !text.contains('$') => Ok(url),
        _ => Err("must be a URL of a Service: http://NAME.NAMESPACE.svc.cluster.local[:PORT]/PATH".to_owned()),
    };
    let method = |text: &str| text.parse::<http::Method>().map_err(|_| "must be a method".to_owned());
    let headers = |text: &str| {
        let names = text.split(',').map(|name| name.trim().parse::<http::HeaderName>());
        names.collect::<Result<Vec<_>, _>>().map_err(|_| "must be names of headers, with commas between".to_owned())
    };
    let url = reader.value("auth-url", url);
    let auth = |url| ExternalAuth {
        url,
        method: reader.value("auth-method", method),
        sign_in: reader.value("auth-signin", values::header_text),
        response_headers: reader.value("auth-response-headers", headers).unwrap_or_default(),
    };
    url.map(auth)
}

#[cfg(test)]
mod tests;
