use std::collections::HashSet;

use api_watch::{
    Endpoint as ApiEndpoint, EndpointConditions, EndpointPort, EndpointSlice, Metadata, Service, ServicePort,
    ServiceSpec,
};

use super::*;

fn meta(name: &str) -> Metadata {
    Metadata { namespace: "default".into(), name: name.into(), ..Metadata::default() }
}

fn service(name: &str, spec: ServiceSpec) -> Service {
    Service { metadata: meta(name), spec }
}

fn ports(ports: &[(&str, &str, i32)]) -> Vec<ServicePort> {
    let port = |(name, protocol, port): &(&str, &str, i32)| ServicePort {
        name: (*name).into(),
        protocol: (*protocol).into(),
        port: *port,
    };
    ports.iter().map(port).collect()
}

fn endpoint(address: &str, hostname: Option<&str>, ready: bool) -> ApiEndpoint {
    ApiEndpoint {
        addresses: vec![address.into()],
        hostname: hostname.map(Into::into),
        conditions: EndpointConditions { ready: Some(ready), ..EndpointConditions::default() },
    }
}

fn domain() -> Name {
    Name::from_ascii("cluster.local.").unwrap()
}

fn zone() -> Zone {
    let mut zone = Zone::default();
    let web = ServiceSpec {
        cluster_ip: "10.96.0.20".into(),
        cluster_ips: vec!["10.96.0.20".into(), "fd00::20".into()],
        ports: ports(&[("http", "TCP", 80), ("dns", "UDP", 53)]),
        ..ServiceSpec::default()
    };
    let db = ServiceSpec { cluster_ip: "None".into(), ports: ports(&[("pg", "TCP", 5432)]), ..ServiceSpec::default() };
    let out =
        ServiceSpec { type_: "ExternalName".into(), external_name: "example.org".into(), ..ServiceSpec::default() };
    for (name, spec) in [("web", web), ("db", db), ("out", out)] {
        zone.put_service(&service(name, spec));
    }
    let mut metadata = meta("db-abc");
    metadata.labels = [("kubernetes.io/service-name".to_owned(), "db".to_owned())].into();
    zone.put_slice(&EndpointSlice {
        metadata,
        address_type: "IPv4".into(),
        endpoints: vec![
            endpoint("10.244.0.5", Some("db-0"), true),
            endpoint("10.244.0.6", None, true),
            endpoint("10.244.0.7", Some("db-2"), false),
        ],
        ports: vec![EndpointPort { name: "pg".into(), protocol: "TCP".into(), port: Some(5433) }],
    });
    let of =
        |names: &[&str]| names.iter().map(|name| ("default".to_owned(), (*name).to_owned())).collect::<HashSet<_>>();
    zone.services_read(&of(&["web", "db", "out"]));
    zone.slices_read(&of(&["db-abc"]));
    zone
}

fn ask(zone: &Zone, name: &str, kind: RecordType) -> Outcome {
    answer(zone, &domain(), &Name::from_ascii(name).unwrap(), kind)
}

/// The data of the answers as text, sorted; or the code of a negative answer.
fn said(name: &str, kind: RecordType) -> Vec<String> {
    match ask(&zone(), name, kind) {
        Outcome::Answer(answer) if answer.answers.is_empty() => {
            assert!(matches!(answer.authorities[0].data, RData::SOA(_)), "a negative answer has the SOA");
            vec![format!("{:?}", answer.code)]
        }
        Outcome::Answer(answer) | Outcome::Alias { answer, .. } => {
            let mut texts: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
            texts.sort();
            texts
        }
        Outcome::Forward => vec!["forward".into()],
    }
}

#[test]
fn names_of_the_specification() {
    use RecordType as T;
    let cases: &[(&str, RecordType, &[&str])] = &[
        ("web.default.svc.cluster.local.", T::A, &["10.96.0.20"]),
        ("WEB.Default.svc.cluster.local.", T::A, &["10.96.0.20"]),
        ("web.default.svc.cluster.local.", T::AAAA, &["fd00::20"]),
        ("web.default.svc.cluster.local.", T::MX, &["NoError"]),
        ("db.default.svc.cluster.local.", T::A, &["10.244.0.5", "10.244.0.6"]),
        ("db.default.svc.cluster.local.", T::AAAA, &["NoError"]),
        ("db-0.db.default.svc.cluster.local.", T::A, &["10.244.0.5"]),
        ("10-244-0-6.db.default.svc.cluster.local.", T::A, &["10.244.0.6"]),
        ("db-2.db.default.svc.cluster.local.", T::A, &["NXDomain"]),
        ("db-0.web.default.svc.cluster.local.", T::A, &["NXDomain"]),
        ("_http._tcp.web.default.svc.cluster.local.", T::SRV, &["0 100 80 web.default.svc.cluster.local."]),
        ("_dns._udp.web.default.svc.cluster.local.", T::SRV, &["0 100 53 web.default.svc.cluster.local."]),
        ("_http._udp.web.default.svc.cluster.local.", T::SRV, &["NXDomain"]),
        ("_http._tcp.web.default.svc.cluster.local.", T::A, &["NoError"]),
        ("_tcp.web.default.svc.cluster.local.", T::A, &["NoError"]),
        (
            "_pg._tcp.db.default.svc.cluster.local.",
            T::SRV,
            &["0 100 5433 10-244-0-6.db.default.svc.cluster.local.", "0 100 5433 db-0.db.default.svc.cluster.local."],
        ),
        ("out.default.svc.cluster.local.", T::A, &["example.org."]),
        ("out.default.svc.cluster.local.", T::CNAME, &["example.org."]),
        ("10-244-0-9.default.pod.cluster.local.", T::A, &["10.244.0.9"]),
        ("not-an-address.default.pod.cluster.local.", T::A, &["NXDomain"]),
        ("gone.default.svc.cluster.local.", T::A, &["NXDomain"]),
        ("web.gone.svc.cluster.local.", T::A, &["NXDomain"]),
        ("default.svc.cluster.local.", T::A, &["NoError"]),
        ("gone.svc.cluster.local.", T::A, &["NXDomain"]),
        ("svc.cluster.local.", T::A, &["NoError"]),
        ("cluster.local.", T::A, &["NoError"]),
        ("dns-version.cluster.local.", T::TXT, &["1.1.0"]),
        ("junk.cluster.local.", T::A, &["NXDomain"]),
        ("20.0.96.10.in-addr.arpa.", T::PTR, &["web.default.svc.cluster.local."]),
        ("5.0.244.10.in-addr.arpa.", T::PTR, &["db-0.db.default.svc.cluster.local."]),
        ("1.1.1.1.in-addr.arpa.", T::PTR, &["forward"]),
        ("example.org.", T::A, &["forward"]),
        ("cluster.locale.", T::A, &["forward"]),
    ];
    for (name, kind, expected) in cases {
        assert_eq!(said(name, *kind), *expected, "{name} {kind}");
    }
}

#[test]
fn an_alias_says_where_to_go_on() {
    let Outcome::Alias { target, .. } = ask(&zone(), "out.default.svc.cluster.local.", RecordType::A) else {
        panic!("not an alias");
    };
    assert_eq!(target.to_string(), "example.org.");
}

#[test]
fn srv_answers_bring_the_addresses_along() {
    let Outcome::Answer(answer) = ask(&zone(), "_pg._tcp.db.default.svc.cluster.local.", RecordType::SRV) else {
        panic!("not an answer");
    };
    assert_eq!(answer.additionals.len(), 2);
}

#[test]
fn before_the_first_lists_nothing_is_denied() {
    let Outcome::Answer(answer) = ask(&Zone::default(), "web.default.svc.cluster.local.", RecordType::A) else {
        panic!("not an answer");
    };
    assert_eq!(answer.code, ResponseCode::ServFail);
    assert_eq!(ask(&Zone::default(), "example.org.", RecordType::A), Outcome::Forward);
}

#[test]
fn what_goes_from_the_api_goes_from_the_zone() {
    let mut zone = zone();
    let code = |zone: &Zone, name: &str| match ask(zone, name, RecordType::A) {
        Outcome::Answer(answer) => answer.code,
        _ => panic!("not an answer"),
    };
    let key = |name: &str| ("default".to_owned(), name.to_owned());
    zone.remove_slice(&key("db-abc"));
    assert_eq!(code(&zone, "db-0.db.default.svc.cluster.local."), ResponseCode::NXDomain);
    zone.remove_service(&key("web"));
    assert_eq!(code(&zone, "web.default.svc.cluster.local."), ResponseCode::NXDomain);
    assert_eq!(ask(&zone, "20.0.96.10.in-addr.arpa.", RecordType::PTR), Outcome::Forward);
    zone.services_read(&HashSet::new());
    assert_eq!(code(&zone, "default.svc.cluster.local."), ResponseCode::NXDomain, "its last service went");
}
