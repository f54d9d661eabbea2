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
