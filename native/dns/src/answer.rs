//! From a question and the zone to an answer: no I/O. The names are those of the Kubernetes DNS specification 1.1.0.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rand::seq::SliceRandom;

use crate::zone::{Endpoint, Port, ServiceKind, ServiceRecord, Zone};

/// Seconds. Short: endpoints of headless Services come and go.
const TTL: u32 = 5;
/// The version of the specification that `dns-version` answers.
const SPECIFICATION: &str = "1.1.0";

#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    pub code: ResponseCode,
    pub answers: Vec<Record>,
    pub authorities: Vec<Record>,
    pub additionals: Vec<Record>,
}

#[derive(Debug, PartialEq)]
pub enum Outcome {
    Answer(Answer),
    /// Not ours: ask upstream.
    Forward,
    /// An alias to a name outside: its addresses are asked upstream and added.
    Alias {
        answer: Answer,
        target: Name,
    },
}

/// Records below one name, by what was asked for; `None` when the name does not exist.
struct Found {
    records: Vec<RData>,
    additionals: Vec<Record>,
}

pub fn answer(zone: &Zone, domain: &Name, name: &Name, kind: RecordType) -> Outcome {
    if let Some(ip) = reverse_address(name) {
        return reverse(zone, domain, name, ip, kind);
    }
    if !domain.zone_of(name) {
        return Outcome::Forward;
    }
    if !zone.synced() {
        return Outcome::Answer(Answer { code: ResponseCode::ServFail, ..Answer::default() });
    }
    let lower = name.to_lowercase();
    let own = usize::from(lower.num_labels() - domain.num_labels());
    let labels: Option<Vec<&str>> = lower.iter().take(own).map(|label| std::str::from_utf8(label).ok()).collect();
    let found = labels.and_then(|labels| look_up(zone, domain, &labels, kind));
    match found {
        None => Outcome::Answer(negative(domain, ResponseCode::NXDomain)),
        Some(found) if found.records.is_empty() => Outcome::Answer(negative(domain, ResponseCode::NoError)),
        Some(found) => {
            let alias = match &found.records[..] {
                [RData::CNAME(target)] if kind != RecordType::CNAME => Some(target.0.clone()),
                _ => None,
            };
            let mut answers: Vec<Record> =
                found.records.into_iter().map(|data| Record::from_rdata(name.clone(), TTL, data)).collect();
            // Clients take the first: spread them.
            answers.shuffle(&mut rand::rng());
            let answer = Answer { answers, additionals: found.additionals, ..Answer::default() };
            match alias {
                Some(target) => Outcome::Alias { answer, target },
                None => Outcome::Answer(answer),
            }
        }
    }
}

/// `labels` are those in front of the cluster domain, the first one leftmost.
fn look_up(zone: &Zone, domain: &Name, labels: &[&str], kind: RecordType) -> Option<Found> {
    match labels {
        [] => Some(records(match kind {
            RecordType::SOA => vec![soa(domain)],
            _ => vec![],
        })),
        ["dns-version"] => Some(records(match kind {
            RecordType::TXT => vec![RData::TXT(TXT::new(vec![SPECIFICATION.to_owned()]))],
            _ => vec![],
        })),
        ["svc" | "pod"] => Some(records(vec![])),
        [namespace, "svc"] => zone.has_namespace(namespace).then(|| records(vec![])),
        [address, _namespace, "pod"] => Some(records(addresses([dashed_address(address)?], kind))),
        [_namespace, "pod"] => Some(records(vec![])),
        [name, namespace, "svc"] => service(zone, domain, namespace, name, kind),
        [protocol, name, namespace, "svc"] if protocol.starts_with('_') => {
            let service = zone.service(namespace, name)?;
            let exists = service.ports.iter().any(|port| port.protocol == protocol[1..]);
            exists.then(|| records(vec![]))
        }
        [label, name, namespace, "svc"] => endpoint(zone, namespace, name, label, kind),
        [port, protocol, name, namespace, "svc"] if port.starts_with('_') && protocol.starts_with('_') => {
            named_port(zone, domain, namespace, name, &port[1..], &protocol[1..], kind)
        }
        _ => None,
    }
}

fn service(zone: &Zone, domain: &Name, namespace: &str, name: &str, kind: RecordType) -> Option<Found> {
    let service = zone.service(namespace, name)?;
    if kind == RecordType::SRV {
        return Some(srv(zone, domain, namespace, name, service, |_| true));
    }
    Some(records(match &service.kind {
        ServiceKind::ClusterIp(ips) => addresses(ips.iter().copied(), kind),
        ServiceKind::Headless => addresses(endpoints(zone, namespace, name).map(|endpoint| endpoint.address), kind),
        ServiceKind::ExternalName(target) => {
            let mut target = Name::from_ascii(target).ok()?;
            target.set_fqdn(true);
            vec![RData::CNAME(CNAME(target))]
        }
    }))
}

fn endpoint(zone: &Zone, namespace: &str, name: &str, label: &str, kind: RecordType) -> Option<Found> {
    if zone.service(namespace, name)?.kind != ServiceKind::Headless {
        return None;
    }
    let mut found = endpoints(zone, namespace, name).filter(|endpoint| endpoint.label == label).peekable();
    found.peek()?;
    Some(records(addresses(found.map(|endpoint| endpoint.address), kind)))
}

fn named_port(
    zone: &Zone,
    domain: &Name,
    namespace: &str,
    name: &str,
    port: &str,
    protocol: &str,
    kind: RecordType,
) -> Option<Found> {
    let service = zone.service(namespace, name)?;
    let wanted = |candidate: &Port| candidate.name == port && candidate.protocol == protocol;
    if !service.ports.iter().any(wanted) {
        return None;
    }
    Some(match kind {
        RecordType::SRV => srv(zone, domain, namespace, name, service, wanted),
        _ => records(vec![]),
    })
}

/// One SRV record a port of a ClusterIP Service, one a port and endpoint of a headless one; their addresses beside them.
fn srv(
    zone: &Zone,
    domain: &Name,
    namespace: &str,
    name: &str,
    service: &ServiceRecord,
    wanted: impl Fn(&Port) -> bool,
) -> Found {
    let mut found = records(vec![]);
    let mut targets: Vec<(Name, IpAddr)> = Vec::new();
    match &service.kind {
        ServiceKind::ClusterIp(ips) => {
            let target = service_name(domain, namespace, name);
            for port in service.ports.iter().filter(|port| wanted(port)) {
                found.records.push(RData::SRV(SRV::new(0, 100, port.number, target.clone())));
            }
            targets.extend(ips.iter().map(|ip| (target.clone(), *ip)));
        }
        ServiceKind::Headless => {
            for slice in zone.slices_of(namespace, name) {
                for endpoint in &slice.endpoints {
                    let service_name = service_name(domain, namespace, name);
                    let Ok(target) = service_name.prepend_label(endpoint.label.as_str()) else { continue };
                    for port in slice.ports.iter().filter(|port| wanted(port)) {
                        found.records.push(RData::SRV(SRV::new(0, 100, port.number, target.clone())));
                    }
                    targets.push((target, endpoint.address));
                }
            }
        }
        ServiceKind::ExternalName(_) => {}
    }
    if !found.records.is_empty() {
        found.additionals =
            targets.into_iter().map(|(name, ip)| Record::from_rdata(name, TTL, address_data(ip))).collect();
    }
    found
}

fn reverse(zone: &Zone, domain: &Name, name: &Name, ip: IpAddr, kind: RecordType) -> Outcome {
    let mut targets: Vec<Name> = Vec::new();
    if let Some((namespace, service)) = zone.service_by_ip(ip) {
        targets.push(service_name(domain, namespace, service));
    } else {
        for ((namespace, service), endpoint) in zone.endpoints_by_ip(ip) {
            targets.extend(service_name(domain, namespace, service).prepend_label(endpoint.label.as_str()).ok());
        }
    }
    if targets.is_empty() {
        return Outcome::Forward;
    }
    if !matches!(kind, RecordType::PTR | RecordType::ANY) {
        return Outcome::Answer(negative(domain, ResponseCode::NoError));
    }
    let answers =
        targets.into_iter().map(|target| Record::from_rdata(name.clone(), TTL, RData::PTR(PTR(target)))).collect();
    Outcome::Answer(Answer { answers, ..Answer::default() })
}

/// No such name, or no such type: either way the SOA says how long that may be remembered.
fn negative(domain: &Name, code: ResponseCode) -> Answer {
    let authorities = vec![Record::from_rdata(domain.clone(), TTL, soa(domain))];
    Answer { code, authorities, ..Answer::default() }
}

fn soa(domain: &Name) -> RData {
    let below = |label: &str| domain.prepend_label(label).unwrap_or_else(|_| domain.clone());
    let primary = below("dns").prepend_label("ns").unwrap_or_else(|_| domain.clone());
    RData::SOA(SOA::new(primary, below("hostmaster"), 1, 7200, 1800, 86400, TTL))
}

fn records(records: Vec<RData>) -> Found {
    Found { records, additionals: Vec::new() }
}

fn endpoints<'a>(zone: &'a Zone, namespace: &str, name: &str) -> impl Iterator<Item = &'a Endpoint> {
    zone.slices_of(namespace, name).flat_map(|slice| &slice.endpoints)
}

fn addresses(ips: impl IntoIterator<Item = IpAddr>, kind: RecordType) -> Vec<RData> {
    let mut ips: Vec<IpAddr> = ips.into_iter().collect();
    ips.sort_unstable();
    ips.dedup();
    let wanted = |ip: &IpAddr| match kind {
        RecordType::A => ip.is_ipv4(),
        RecordType::AAAA => ip.is_ipv6(),
        RecordType::ANY => true,
        _ => false,
    };
    ips.into_iter().filter(wanted).map(address_data).collect()
}

fn address_data(ip: IpAddr) -> RData {
    match ip {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    }
}

fn service_name(domain: &Name, namespace: &str, name: &str) -> Name {
    let labels = [name, namespace, "svc"].map(str::as_bytes);
    Name::from_labels(labels.into_iter().chain(domain.iter())).unwrap_or_else(|_| domain.clone())
}

/// `10-0-0-1` and `fd00--1`, as pods are named by their addresses.
fn dashed_address(label: &str) -> Option<IpAddr> {
    label
        .replace('-', ".")
        .parse::<Ipv4Addr>()
        .map(IpAddr::V4)
        .ok()
        .or_else(|| label.replace('-', ":").parse::<Ipv6Addr>().map(IpAddr::V6).ok())
}

/// The whole address that a name below in-addr.arpa or ip6.arpa stands for.
fn reverse_address(name: &Name) -> Option<IpAddr> {
    if !name.to_lowercase().to_ascii().ends_with("arpa.") {
        return None;
    }
    let net = name.parse_arpa_name().ok()?;
    (net.prefix_len() == net.max_prefix_len()).then(|| net.addr())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
