use super::*;

fn parsed(annotations: &[(&str, &str)]) -> Parsed {
    let annotations = annotations.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()));
    parse(&Meta { namespace: "shop".into(), annotations: annotations.collect(), ..Meta::default() })
}

fn options(annotations: &[(&str, &str)]) -> Options {
    let parsed = parsed(annotations);
    assert_eq!((parsed.problems, parsed.denied), (vec![], false), "{annotations:?}");
    parsed.options
}

#[test]
fn what_is_not_annotated_has_the_defaults_of_nginx() {
    let options = options(&[]);
    assert_eq!(options.timeouts, Timeouts::default());
    assert_eq!((options.body_limit, options.ssl_redirect, options.protocol), (None, None, Protocol::Http));
    assert!(options.canary.is_none() && options.affinity.is_none() && options.basic_auth.is_none());
}

#[test]
fn values_are_read() {
    let read = options(&[
        ("rewrite-target", "/$2"),
        ("ssl-redirect", "false"),
        ("proxy-body-size", "8m"),
        ("proxy-connect-timeout", "3"),
        ("proxy-read-timeout", "3600"),
        ("backend-protocol", "grpc"),
        ("load-balance", "least_conn"),
        ("server-alias", "a.example, b.example"),
        ("whitelist-source-range", "10.0.0.0/8"),
        ("allowlist-source-range", "192.0.2.1"),
        ("limit-rps", "5"),
        ("permanent-redirect", "https://example.com"),
        ("permanent-redirect-code", "308"),
    ]);
    assert_eq!(read.rewrite_target.as_deref(), Some("/$2"));
    assert_eq!((read.ssl_redirect, read.body_limit), (Some(false), Some(8 << 20)));
    assert_eq!(read.timeouts.connect, Duration::from_secs(3));
    assert_eq!((read.timeouts.read, read.timeouts.send), (Duration::from_secs(3600), Duration::from_secs(60)));
    assert_eq!((read.protocol, read.balance), (Protocol::Grpc, Balance::LeastConnections));
    assert_eq!(read.aliases, ["a.example", "b.example"]);
    assert_eq!(read.allow.len(), 2);
    assert_eq!((read.limits.per_second, read.limits.burst), (Some(5.0), 5.0));
    assert_eq!(read.redirect, Some((308, "https://example.com".into())));
}

#[test]
fn session_cookies_and_canaries_need_their_switch() {
    assert!(options(&[("session-cookie-name", "route")]).affinity.is_none());
    let cookie = options(&[("affinity", "cookie"), ("session-cookie-name", "route"), ("session-cookie-max-age", "60")]);
    let expected = Affinity { cookie: "route".into(), path: None, max_age: Some(60), same_site: None, secure: false };
    assert_eq!(cookie.affinity, Some(expected));
    assert!(options(&[("canary-weight", "10")]).canary.is_none());
    let canary = options(&[("canary", "true"), ("canary-weight", "10"), ("canary-by-header", "X-New")]).canary.unwrap();
    assert_eq!((canary.weight, canary.total, canary.header.as_deref()), (10, 100, Some("X-New")));
}

#[test]
fn basic_auth_takes_a_secret_of_its_own_namespace() {
    let auth = options(&[("auth-type", "basic"), ("auth-secret", "users"), ("auth-realm", "Shop")]).basic_auth.unwrap();
    assert_eq!(auth, BasicAuth { secret: Key::new("shop", "users"), realm: "Shop".into(), map: false });
    for annotations in [
        vec![("auth-type", "basic"), ("auth-secret", "other/users")],
        vec![("auth-type", "basic")],
        vec![("auth-type", "digest"), ("auth-secret", "users")],
        vec![("auth-type", "basic"), ("auth-secret", "users"), ("auth-realm", "a\"b")],
    ] {
        assert!(parsed(&annotations).denied, "{annotations:?}");
    }
}

#[test]
fn what_cannot_be_done_is_told_and_what_guards_then_denies() {
    for (name, value, denied, told) in [
        ("proxy-read-timeout", "1m", false, "must be a number of seconds above 0: got \"1m\"; it is ignored"),
        ("backend-protocol", "FCGI", false, "must be HTTP, HTTPS, GRPC or GRPCS: got \"FCGI\"; it is ignored"),
        ("proxy-buffering", "on", false, "is not supported; it is ignored"),
        ("configuration-snippet", "deny all;", true, "snippets of nginx configuration are refused"),
        ("server-snippet", "x", true, "snippets of nginx configuration are refused"),
        ("auth-tls-secret", "a/b", true, "is not supported; requests get 503 until it is mended"),
        ("whitelist-source-range", "10.0.0.0", false, ""),
        ("whitelist-source-range", "office", true, "must be addresses or ranges of addresses"),
        ("denylist-source-range", "", true, "must be addresses or ranges of addresses"),
        ("limit-rps", "0", true, "must be above 0"),
        ("proxy-ssl-verify", "on", true, "is not supported"),
        ("auth-url", "https://auth.example.com/check", true, "must be a URL of a Service"),
        ("upstream-vhost", "a\r\nb", false, "must be printable ASCII"),
    ] {
        let parsed = parsed(&[(name, value)]);
        assert_eq!(parsed.denied, denied, "{name}: {value}");
        match told {
            "" => assert_eq!(parsed.problems, Vec::<String>::new()),
            told => assert!(parsed.problems[0].contains(&format!("{PREFIX}{name}: {told}")), "{:?}", parsed.problems),
        }
    }
}
