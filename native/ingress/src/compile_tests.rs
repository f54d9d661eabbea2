use super::*;
use crate::testing::{certificate, ingress, secret, slice, tls_secret};
use serde_json::json;

fn compiled(ingresses: &[serde_json::Value], others: impl FnOnce(&mut Cluster)) -> (Compiled, Kept) {
    let mut cluster = Cluster::default();
    crate::testing::fill(&mut cluster, ingresses);
    others(&mut cluster);
    let mut kept = Kept::default();
    let compiled = compile(&cluster, &mut kept, &Metrics::default(), None);
    (compiled, kept)
}

fn told(compiled: &Compiled) -> Vec<String> {
    let problems = compiled.problems.iter();
    problems.map(|problem| format!("{} {}: {}", problem.ingress.name, problem.reason, problem.message)).collect()
}

#[track_caller]
fn serves(compiled: &Compiled, host: &str, path: &str, expected: &str) {
    let found = compiled.table.find(host, path).map_or("", |route| route.ingress.name.as_str());
    assert_eq!(found, expected, "{host}{path}");
}

#[test]
fn ingresses_of_other_classes_and_of_none_are_not_served() {
    let mut own = ingress("own", "a.example", "/", json!({}));
    let mut annotated = ingress("annotated", "b.example", "/", json!({ "kubernetes.io/ingress.class": "berth" }));
    annotated["spec"]["ingressClassName"] = json!(null);
    let mut other = ingress("other", "c.example", "/", json!({}));
    other["spec"]["ingressClassName"] = json!("nginx");
    let mut none = ingress("none", "d.example", "/", json!({}));
    none["spec"]["ingressClassName"] = json!(null);
    own["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let (compiled, _) = compiled(&[own, annotated, other, none], |_| {});
    serves(&compiled, "a.example", "/", "own");
    serves(&compiled, "b.example", "/", "annotated");
    serves(&compiled, "c.example", "/", "");
    serves(&compiled, "d.example", "/", "");
    assert_eq!(told(&compiled), Vec::<String>::new());
}

#[test]
fn the_older_of_two_claims_counts_and_the_other_is_told() {
    let mut young = ingress("a-young", "a.example", "/", json!({}));
    young["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    let mut old = ingress("old", "A.example", "/", json!({}));
    old["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let (compiled, _) = compiled(&[young, old], |_| {});
    serves(&compiled, "a.example", "/", "old");
    assert_eq!(
        told(&compiled),
        [r#"a-young HostClaimed: host "a.example" path "/" is served by the older Ingress n/old"#]
    );
}

#[test]
fn default_backends_serve_their_hosts_or_everything() {
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    let mut with_rules = ingress("with-rules", "a.example", "/x", json!({}));
    with_rules["spec"]["defaultBackend"] = backend.clone();
    let mut alone = ingress("alone", "unused", "/", json!({}));
    alone["spec"]["rules"] = json!(null);
    alone["spec"]["defaultBackend"] = backend;
    let (compiled, _) = compiled(&[with_rules, alone], |_| {});
    serves(&compiled, "a.example", "/other", "with-rules");
    serves(&compiled, "b.example", "/", "alone");
}

#[test]
fn certificates_come_from_secrets_and_what_is_wrong_with_them_is_told() {
    let with_tls = |name: &str, host: &str, secret: &str| {
        let mut made = ingress(name, host, "/", json!({}));
        made["spec"]["tls"] = json!([{ "hosts": [host], "secretName": secret }]);
        made
    };
    let all = [
        with_tls("good", "a.example", "good"),
        with_tls("missing", "b.example", "missing"),
        with_tls("broken", "c.example", "broken"),
        with_tls("mixed", "d.example", "mixed"),
        with_tls("other-name", "e.example", "good"),
        with_tls("wildcard", "*.w.example", "wildcard"),
    ];
    let (good, other, wildcard) = (certificate("a.example"), certificate("x.example"), certificate("*.w.example"));
    let (compiled, _) = compiled(&all, |cluster| {
        for secret in [
            tls_secret("good", &good.0, &good.1),
            tls_secret("broken", "nonsense", &good.1),
            tls_secret("mixed", &good.0, &other.1),
            tls_secret("wildcard", &wildcard.0, &wildcard.1),
        ] {
            cluster.secrets.insert(key_of(&secret.metadata), secret);
        }
    });
    let has = |host: &str| compiled.certificates.find(Some(host)).is_some();
    assert!(has("a.example") && has("A.example") && has("e.example") && has("x.w.example"));
    assert!(!has("b.example") && !has("c.example") && !has("d.example") && !has("w.example") && !has("x.y.w.example"));
    let mut told = told(&compiled);
    told.sort();
    let expected = [
        "broken BadCertificate: Secret n/broken: tls.crt has no certificate",
        "missing BadCertificate: Secret n/missing does not exist",
        "mixed BadCertificate: Secret n/mixed: tls.key is not the key of tls.crt",
        "other-name BadCertificate: the certificate of Secret n/good is not for host \"e.example\"",
    ];
    assert_eq!(told, expected);
    let tls = |host: &str| compiled.table.find(host, "/").unwrap().tls;
    assert!(tls("a.example") && tls("b.example") && tls("x.w.example"), "a broken certificate is no way round https");
}

#[test]
fn a_canary_joins_the_ingress_of_its_host_and_path() {
    let canary = |name: &str, host: &str| {
        let annotations = json!({
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "50",
        });
        ingress(name, host, "/", annotations)
    };
    let all =
        [ingress("main", "a.example", "/", json!({})), canary("canary", "a.example"), canary("lost", "b.example")];
    let (compiled, _) = compiled(&all, |_| {});
    let route = compiled.table.find("a.example", "/").unwrap();
    assert_eq!((route.ingress.name.as_str(), route.canaries.len()), ("main", 1));
    assert_eq!(told(&compiled), [r#"lost NoMainIngress: canary: no other Ingress serves host "b.example" path "/""#]);
}

#[test]
fn what_guards_and_cannot_be_set_up_denies() {
    let auth = json!({
        "nginx.ingress.kubernetes.io/auth-type": "basic",
        "nginx.ingress.kubernetes.io/auth-secret": "users",
    });
    let all = [ingress("main", "a.example", "/", auth)];
    let (without, kept) = compiled(&all, |_| {});
    assert!(without.table.find("a.example", "/").unwrap().denied);
    assert_eq!(told(&without), ["main BadSecret: Secret n/users does not exist; requests get 503 until it is mended"]);
    assert!(kept.secrets.contains(&Key::new("n", "users")), "its creation makes the table anew");
    let (with, _) = compiled(&all, |cluster| {
        let users = secret("users", "Opaque", &[("auth", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")]);
        cluster.secrets.insert(key_of(&users.metadata), users);
    });
    assert!(!with.table.find("a.example", "/").unwrap().denied);
    assert_eq!(told(&with), Vec::<String>::new());
}

#[test]
fn backends_that_cannot_be_served_are_told() {
    let mut external = ingress("external", "a.example", "/", json!({}));
    external["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = json!("external");
    let mut port = ingress("port", "b.example", "/", json!({}));
    port["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = json!({ "name": "nope" });
    let (compiled, _) = compiled(&[external, port], |cluster| {
        let service =
            json!({ "metadata": { "name": "external", "namespace": "n" }, "spec": { "type": "ExternalName" } });
        cluster.services.insert(Key::new("n", "external"), serde_json::from_value(service).unwrap());
    });
    assert_eq!(
        told(&compiled),
        [
            "external BadBackend: Service n/external port 80: the Service is of the type ExternalName, which is not supported",
            "port BadBackend: Service n/web port nope: the Service has no such TCP port",
        ]
    );
}

#[test]
fn what_is_kept_outlives_a_table_and_goes_with_its_ingress() {
    let limited = json!({ "nginx.ingress.kubernetes.io/limit-connections": "1" });
    let mut cluster = Cluster::default();
    crate::testing::fill(&mut cluster, &[ingress("main", "a.example", "/", limited)]);
    cluster.put_slice(slice("web-1", "web", "10.0.0.1", 8080));
    let mut kept = Kept::default();
    let first = compile(&cluster, &mut kept, &Metrics::default(), None);
    let second = compile(&cluster, &mut kept, &Metrics::default(), None);
    let parts = |compiled: &Compiled| {
        let route = compiled.table.find("a.example", "/").unwrap().clone();
        (route.upstream.clone(), route.guards.limiter.clone())
    };
    let (before, after) = (parts(&first), parts(&second));
    assert!(Arc::ptr_eq(&before.0, &after.0) && Arc::ptr_eq(&before.1, &after.1));
    assert_eq!(before.0.endpoints()[0].address.to_string(), "10.0.0.1:8080");
    cluster.ingresses.clear();
    compile(&cluster, &mut kept, &Metrics::default(), None);
    assert!(kept.upstreams.is_empty() && kept.limiters.is_empty());
}

#[test]
fn an_ingress_has_a_limit_of_paths_and_of_problems() {
    let mut large = ingress("large", "a.example", "/", json!({}));
    let path = |index: usize| {
        let service = json!({ "name": "web", "port": { "number": if index < 100 { 81 + index } else { 80 } } });
        json!({ "path": format!("/{index}"), "pathType": "Exact", "backend": { "service": service } })
    };
    large["spec"]["rules"][0]["http"]["paths"] = (0..1001).map(path).collect();
    let (compiled, _) = compiled(&[large], |_| {});
    serves(&compiled, "a.example", "/999", "large");
    serves(&compiled, "a.example", "/1000", "");
    // 100 ports that do not exist, and the limit itself.
    let told = told(&compiled);
    assert_eq!((told.len(), told[20].as_str()), (21, "large MoreProblems: and 81 more"));
    let aliases = (0..33).map(|index| format!("h{index}.example")).collect::<Vec<_>>().join(",");
    let alias = json!({ "nginx.ingress.kubernetes.io/server-alias": aliases });
    let (compiled, _) = self::compiled(&[ingress("main", "a.example", "/", alias)], |_| {});
    serves(&compiled, "h0.example", "/", "");
    assert_eq!(compiled.problems.len(), 1);
}

#[test]
fn patterns_are_small_and_outlive_a_table() {
    let with_regex = |name: &str, path: &str| {
        ingress(name, "a.example", path, json!({ "nginx.ingress.kubernetes.io/use-regex": "true" }))
    };
    let mut cluster = Cluster::default();
    let all = [with_regex("main", r"/app(/|$)(.*)/[a-z0-9-]+/?(\w+)?"), with_regex("large", "/([a-z]{100}){100}")];
    crate::testing::fill(&mut cluster, &all);
    let mut kept = Kept::default();
    for _ in 0..2 {
        let compiled = compile(&cluster, &mut kept, &Metrics::default(), None);
        serves(&compiled, "a.example", "/app/x/y", "main");
        assert_eq!((compiled.problems.len(), compiled.problems[0].reason), (1, "BadPath"));
        assert_eq!(kept.patterns.len(), 2);
    }
    cluster.ingresses.clear();
    compile(&cluster, &mut kept, &Metrics::default(), None);
    assert!(kept.patterns.is_empty());
}

#[test]
fn a_certificate_is_for_named_hosts_only() {
    let mut all = ingress("all", "", "/", json!({}));
    all["spec"]["tls"] = json!([{ "secretName": "cert" }]);
    let cert = certificate("a.example");
    let (compiled, _) = compiled(&[all], |cluster| {
        let secret = tls_secret("cert", &cert.0, &cert.1);
        cluster.secrets.insert(key_of(&secret.metadata), secret);
    });
    assert!(compiled.certificates.find(Some("b.example")).is_none() && compiled.certificates.default.is_none());
    assert_eq!(
        told(&compiled),
        [r#"all BadCertificate: the certificate of Secret "cert" is served for named hosts only"#]
    );
    assert!(compiled.table.find("b.example", "/").unwrap().tls, "it is still no host for http");
}

#[test]
fn the_first_ingress_that_has_a_certificate_owns_its_host() {
    let with_tls = |name: &str, secret: &str, day: u8| {
        let mut made = ingress(name, "a.example", &format!("/{name}"), json!({}));
        made["metadata"]["creationTimestamp"] = json!(format!("2026-01-0{day}T00:00:00Z"));
        made["spec"]["tls"] = json!([{ "hosts": ["a.example"], "secretName": secret }]);
        made
    };
    let all = [with_tls("first", "missing", 1), with_tls("second", "cert", 2), with_tls("third", "other", 3)];
    let (cert, other) = (certificate("a.example"), certificate("a.example"));
    let (compiled, _) = compiled(&all, |cluster| {
        for secret in [tls_secret("cert", &cert.0, &cert.1), tls_secret("other", &other.0, &other.1)] {
            cluster.secrets.insert(key_of(&secret.metadata), secret);
        }
    });
    let own = Certificate::from_pem(cert.0.as_bytes(), cert.1.as_bytes()).unwrap();
    assert_eq!(compiled.certificates.find(Some("a.example")).unwrap().cert, own.key.cert);
    assert_eq!(
        told(&compiled),
        [
            "first BadCertificate: Secret n/missing does not exist",
            "third HostClaimed: host \"a.example\" has the certificate of Secret n/cert by Ingress n/second",
        ]
    );
}

#[test]
fn a_service_of_another_namespace_guards_nothing() {
    let auth = json!({ "nginx.ingress.kubernetes.io/auth-url": "http://auth.other.svc.cluster.local/check" });
    let (compiled, _) = compiled(&[ingress("main", "a.example", "/", auth)], |_| {});
    let route = compiled.table.find("a.example", "/").unwrap();
    assert!(route.denied && route.guards.auth.is_none());
    assert_eq!((compiled.problems.len(), compiled.problems[0].reason), (1, "BadAnnotation"));
}
