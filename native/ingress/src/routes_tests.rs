use super::*;
use crate::objects::ServicePortRef;
use crate::upstream::UpstreamKey;

fn route(name: &str, kind: &str, path: &str, options: Options) -> Route {
    let key = UpstreamKey { service: Key::new("n", name), port: ServicePortRef::default() };
    let matcher = match kind {
        "Exact" => Matcher::Exact,
        "Pattern" => Matcher::Pattern(Regex::new(&format!("(?i)^{path}")).unwrap()),
        "Fallback" => Matcher::Fallback,
        _ => Matcher::Prefix,
    };
    Route {
        ingress: Key::new("n", name),
        path: path.into(),
        matcher,
        options: Arc::new(options),
        denied: false,
        tls: false,
        upstream: Arc::new(Upstream::new(key)),
        guards: Arc::default(),
        series: Arc::default(),
        canaries: Vec::new(),
    }
}

fn table(rules: &[(&str, &str, &str, &str)]) -> Table {
    let rules = rules.iter();
    Table::new(
        rules.map(|(host, kind, path, name)| ((*host).into(), route(name, kind, path, Options::default()))).collect(),
    )
}

#[track_caller]
fn finds(table: &Table, rows: &[(&str, &str, &str)]) {
    for (host, path, expected) in rows {
        let found = table.find(host, path).map_or("", |route| route.ingress.name.as_str());
        assert_eq!(found, *expected, "{host}{path}");
    }
}

#[test]
fn exact_paths_come_before_prefixes_and_longer_ones_before_shorter() {
    let table = table(&[
        ("a.example", "Prefix", "/", "root"),
        ("a.example", "Prefix", "/foo", "foo"),
        ("a.example", "Prefix", "/foo/bar", "bar"),
        ("a.example", "Exact", "/foo/bar", "exact"),
        ("a.example", "Exact", "/slash/", "slash"),
        ("a.example", "Pattern", "/api/v[0-9]+/", "pattern"),
    ]);
    finds(
        &table,
        &[
            ("a.example", "/", "root"),
            ("a.example", "/foo", "foo"),
            ("a.example", "/foo/", "foo"),
            ("a.example", "/foobar", "root"),
            ("a.example", "/foo/bar", "exact"),
            ("a.example", "/foo/bar/", "bar"),
            ("a.example", "/foo/bar/x", "bar"),
            ("a.example", "/FOO", "root"),
            ("a.example", "/slash", "root"),
            ("a.example", "/slash/", "slash"),
            ("a.example", "/api/v12/x", "pattern"),
            ("a.example", "/API/v1/", "pattern"),
            ("a.example", "/x/api/v1/", "root"),
            ("b.example", "/", ""),
        ],
    );
}

#[test]
fn a_host_of_its_own_comes_before_a_wildcard_and_that_before_all_hosts() {
    let table = table(&[
        ("", "Prefix", "/all", "all"),
        ("*.example.com", "Prefix", "/", "wildcard"),
        ("own.example.com", "Prefix", "/own", "own"),
    ]);
    finds(
        &table,
        &[
            ("own.example.com", "/own", "own"),
            ("own.example.com", "/else", "wildcard"),
            ("x.example.com", "/", "wildcard"),
            ("example.com", "/", ""),
            ("a.b.example.com", "/", ""),
            ("a.b.example.com", "/all", "all"),
            ("10.0.0.1", "/all/x", "all"),
        ],
    );
}

#[test]
fn default_backends_come_after_all_rules() {
    let table = table(&[
        ("", "Fallback", "", "everything"),
        ("", "Prefix", "/all", "all"),
        ("a.example", "Fallback", "", "fallback"),
        ("a.example", "Prefix", "/foo", "foo"),
    ]);
    finds(
        &table,
        &[
            ("a.example", "/foo", "foo"),
            ("a.example", "/all", "all"),
            ("a.example", "/x", "fallback"),
            ("b.example", "/x", "everything"),
        ],
    );
}

#[test]
fn rewrites_replace_the_path_and_keep_the_query() {
    let target = |text: &str| Options { rewrite_target: Some(text.into()), ..Options::default() };
    for (kind, pattern, to, path, query, expected) in [
        ("Pattern", "/something(/|$)(.*)", "/$2", "/something/new/a b", Some("q=1"), "/new/a%20b?q=1"),
        ("Pattern", "/something(/|$)(.*)", "/$2", "/something", None, "/"),
        ("Pattern", "/something", "/", "/something/new", None, "/"),
        ("Pattern", "/v1/(.*)", "/api/$1?v=1", "/v1/x", Some("q=1"), "/api/x?v=1&q=1"),
        ("Pattern", "/v1/(.*)", "/api/$1?v=1", "/v1/x", None, "/api/x?v=1"),
        ("Pattern", "/v1(.*)", "$1", "/v1", None, "/"),
        ("Pattern", "/a(.*)", "/$1/$9", "/a/b", None, "//b/"),
        ("Pattern", "/a(.*)", "/new$1", "/a/b?c", None, "/new/b%3Fc"),
        ("Exact", "/old", "/new", "/old", Some("x"), "/new?x"),
    ] {
        let route = route("r", kind, pattern, target(to));
        assert_eq!(route.rewritten(path, query).as_deref(), Some(expected), "{pattern} {to} {path}");
    }
    assert_eq!(route("r", "Prefix", "/", Options::default()).rewritten("/a", None), None);
}
