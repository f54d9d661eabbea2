//! The endpoints of a port of a Service, and which of them gets a request.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::annotations::Balance;
use crate::objects::{EndpointSlice, Key, Service, ServicePortRef};

/// How long an endpoint that refused a connection comes after the others.
const AVOIDED: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamKey {
    pub service: Key,
    pub port: ServicePortRef,
}

#[derive(Debug)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// What a session cookie says of it.
    pub id: String,
    active: AtomicUsize,
    /// Milliseconds since `EPOCH`; 0: not avoided.
    avoided_until: AtomicU64,
}

/// One request of an endpoint; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn(pub Arc<Endpoint>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Relaxed);
    }
}

fn now_ms() -> u64 {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_millis() as u64
}

impl Endpoint {
    fn new(address: SocketAddr) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, address.to_string().as_bytes());
        let id = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Endpoint { address, id, active: AtomicUsize::new(0), avoided_until: AtomicU64::new(0) }
    }

    pub fn avoid(&self) {
        self.avoided_until.store(now_ms() + AVOIDED.as_millis() as u64, Relaxed);
    }

    fn is_avoided(&self) -> bool {
        match self.avoided_until.load(Relaxed) {
            0 => false,
            until => until > now_ms(),
        }
    }
}

#[derive(Debug)]
pub struct Upstream {
    pub key: UpstreamKey,
    endpoints: RwLock<Arc<[Arc<Endpoint>]>>,
    next: AtomicUsize,
}

impl Upstream {
    pub fn new(key: UpstreamKey) -> Self {
        Upstream { key, endpoints: RwLock::new(Arc::new([])), next: AtomicUsize::new(0) }
    }

    /// For the log, as ingress-nginx writes it.
    pub fn name(&self) -> String {
        let UpstreamKey { service, port } = &self.key;
        match port.name.is_empty() {
            true => format!("{}-{}-{}", service.namespace, service.name, port.number),
            false => format!("{}-{}-{}", service.namespace, service.name, port.name),
        }
    }

    /// Endpoints that stay keep their counts.
    pub fn set(&self, addresses: &[SocketAddr]) {
        let known = self.endpoints();
        let endpoint = |address: &SocketAddr| {
            let same = known.iter().find(|endpoint| endpoint.address == *address);
            same.cloned().unwrap_or_else(|| Arc::new(Endpoint::new(*address)))
        };
        *self.endpoints.write().expect("no poisoned lock") = addresses.iter().map(endpoint).collect();
    }

    pub fn endpoints(&self) -> Arc<[Arc<Endpoint>]> {
        self.endpoints.read().expect("no poisoned lock").clone()
    }

    /// The endpoint for one attempt: not one of `tried`; the one that `session` names, if it is there.
    pub fn choose(&self, balance: Balance, session: Option<&str>, tried: &[SocketAddr]) -> Option<Turn> {
        let endpoints = self.endpoints();
        let free = |endpoint: &&Arc<Endpoint>| !tried.contains(&endpoint.address);
        let chosen = session
            .and_then(|id| endpoints.iter().filter(free).find(|endpoint| endpoint.id == id))
            .or_else(|| self.by_balance(&endpoints, balance, tried))?;
        chosen.active.fetch_add(1, Relaxed);
        Some(Turn(chosen.clone()))
    }

    fn by_balance<'a>(
        &self,
        endpoints: &'a [Arc<Endpoint>],
        balance: Balance,
        tried: &[SocketAddr],
    ) -> Option<&'a Arc<Endpoint>> {
        if endpoints.is_empty() {
            return None;
        }
        let start = self.next.fetch_add(1, Relaxed) % endpoints.len();
        let in_turn = || endpoints[start..].iter().chain(&endpoints[..start]);
        let free = |endpoint: &&Arc<Endpoint>| !tried.contains(&endpoint.address);
        let best = match balance {
            Balance::RoundRobin => in_turn().find(|endpoint| free(endpoint) && !endpoint.is_avoided()),
            Balance::LeastConnections => in_turn()
                .filter(|endpoint| free(endpoint) && !endpoint.is_avoided())
                .min_by_key(|endpoint| endpoint.active.load(Relaxed)),
        };
        best.or_else(|| in_turn().find(free))
    }
}

/// Why a Service has no addresses for a port.
#[derive(Debug, PartialEq, Eq)]
pub enum NoPort {
    Missing,
    External,
    NoSuchPort,
}

/// Addresses of the endpoints that are ready. Where none is, those that end but still answer, as for Services themselves.
pub fn addresses<'a>(
    service: Option<&Service>,
    port: &ServicePortRef,
    slices: impl Iterator<Item = &'a EndpointSlice> + Clone,
) -> Result<Vec<SocketAddr>, NoPort> {
    let service = service.ok_or(NoPort::Missing)?;
    if service.spec.kind == "ExternalName" {
        return Err(NoPort::External);
    }
    let names_it = |candidate: &&crate::objects::ServicePort| {
        if port.name.is_empty() { candidate.port == port.number } else { candidate.name == port.name }
    };
    let is_tcp = |protocol: &str| protocol.is_empty() || protocol == "TCP";
    let mut ports = service.spec.ports.iter().filter(|candidate| is_tcp(&candidate.protocol));
    let name = &ports.find(names_it).ok_or(NoPort::NoSuchPort)?.name;
    for family in ["IPv4", "IPv6"] {
        for terminating in [false, true] {
            let of_family = slices.clone().filter(|slice| slice.address_type == family);
            let mut found: Vec<SocketAddr> =
                of_family.flat_map(|slice| of_slice(slice, name, terminating, is_tcp)).collect();
            found.sort_unstable();
            found.dedup();
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(Vec::new())
}

fn of_slice(slice: &EndpointSlice, name: &str, terminating: bool, is_tcp: fn(&str) -> bool) -> Vec<SocketAddr> {
    let ports = slice.ports.iter().filter(|port| port.name == name && is_tcp(&port.protocol));
    let Some(port) = ports.filter_map(|port| port.port).next() else { return Vec::new() };
    let usable = |conditions: &crate::objects::Conditions| {
        let ends = conditions.terminating.unwrap_or(false);
        if terminating {
            ends && conditions.serving.unwrap_or(false)
        } else {
            !ends && conditions.ready.unwrap_or(true)
        }
    };
    let endpoints = slice.endpoints.iter().filter(|endpoint| usable(&endpoint.conditions));
    let ips = endpoints.filter_map(|endpoint| endpoint.addresses.first()?.parse::<IpAddr>().ok());
    ips.map(|ip| SocketAddr::new(ip, port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn upstream(count: u8) -> Upstream {
        let port = ServicePortRef { name: String::new(), number: 80 };
        let upstream = Upstream::new(UpstreamKey { service: Key::new("n", "s"), port });
        upstream.set(&(1..=count).map(|last| SocketAddr::from(([10, 0, 0, last], 80))).collect::<Vec<_>>());
        upstream
    }

    fn last(turn: &Turn) -> u8 {
        match turn.0.address.ip() {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(_) => unreachable!(),
        }
    }

    #[test]
    fn each_endpoint_has_its_turn() {
        let upstream = upstream(3);
        let turns: Vec<u8> = (0..6).map(|_| last(&upstream.choose(Balance::RoundRobin, None, &[]).unwrap())).collect();
        assert_eq!(turns, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn the_least_busy_endpoint_is_chosen() {
        let upstream = upstream(3);
        let held: Vec<Turn> = (0..3).map(|_| upstream.choose(Balance::LeastConnections, None, &[]).unwrap()).collect();
        let mut all: Vec<u8> = held.iter().map(last).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
        let kept: Vec<Turn> = held.into_iter().filter(|turn| last(turn) != 2).collect();
        assert_eq!(last(&upstream.choose(Balance::LeastConnections, None, &[]).unwrap()), 2);
        drop(kept);
    }

    #[test]
    fn an_attempt_takes_none_that_was_tried_and_rather_none_that_refused() {
        let upstream = upstream(3);
        let endpoints = upstream.endpoints();
        endpoints[0].avoid();
        for _ in 0..4 {
            assert_ne!(last(&upstream.choose(Balance::RoundRobin, None, &[]).unwrap()), 1);
        }
        let tried = [endpoints[1].address, endpoints[2].address];
        assert_eq!(last(&upstream.choose(Balance::RoundRobin, None, &tried).unwrap()), 1);
        let all = endpoints.iter().map(|endpoint| endpoint.address).collect::<Vec<_>>();
        assert!(upstream.choose(Balance::RoundRobin, None, &all).is_none());
    }

    #[test]
    fn a_session_stays_with_its_endpoint_while_that_is_there() {
        let upstream = upstream(3);
        let id = upstream.endpoints()[1].id.clone();
        for _ in 0..3 {
            assert_eq!(last(&upstream.choose(Balance::RoundRobin, Some(&id), &[]).unwrap()), 2);
        }
        upstream.set(&[SocketAddr::from(([10, 0, 0, 1], 80))]);
        assert_eq!(last(&upstream.choose(Balance::RoundRobin, Some(&id), &[]).unwrap()), 1);
    }

    fn slice(family: &str, port: &str, number: u16, endpoints: serde_json::Value) -> EndpointSlice {
        let ports = json!([{ "name": port, "port": number, "protocol": "TCP" }]);
        serde_json::from_value(json!({ "addressType": family, "endpoints": endpoints, "ports": ports })).unwrap()
    }

    #[test]
    fn endpoints_that_are_ready_and_stay() {
        let service: Service = serde_json::from_value(json!({ "spec": { "type": "ClusterIP", "ports": [
            { "name": "dns", "port": 53, "protocol": "UDP" },
            { "name": "web", "port": 80, "protocol": "TCP" },
        ] } }))
        .unwrap();
        let endpoint = |ip: &str, ready, terminating, serving| {
            json!({ "addresses": [ip],
            "conditions": { "ready": ready, "terminating": terminating, "serving": serving } })
        };
        let slices = [
            slice(
                "IPv4",
                "web",
                8080,
                json!([
                    endpoint("10.0.0.1", true, false, true),
                    endpoint("10.0.0.2", false, false, false),
                    endpoint("10.0.0.3", false, true, true),
                    { "addresses": ["10.0.0.4"] },
                ]),
            ),
            slice("IPv4", "other", 9090, json!([endpoint("10.0.0.5", true, false, true)])),
            slice("IPv6", "web", 8080, json!([endpoint("fd00::1", true, false, true)])),
        ];
        let of = |name: &str, number, slices: &[EndpointSlice]| {
            let port = ServicePortRef { name: name.into(), number };
            addresses(Some(&service), &port, slices.iter())
                .map(|found| found.iter().map(SocketAddr::to_string).collect::<Vec<_>>())
        };
        assert_eq!(of("", 80, &slices).unwrap(), ["10.0.0.1:8080", "10.0.0.4:8080"]);
        assert_eq!(of("web", 0, &slices[2..]).unwrap(), ["[fd00::1]:8080"]);
        assert_eq!(of("", 53, &slices), Err(NoPort::NoSuchPort));
        assert_eq!(of("nope", 0, &slices), Err(NoPort::NoSuchPort));
        let ending = [slice(
            "IPv4",
            "web",
            8080,
            json!([endpoint("10.0.0.3", false, true, true), endpoint("10.0.0.4", false, true, false),]),
        )];
        assert_eq!(of("", 80, &ending).unwrap(), ["10.0.0.3:8080"], "better than nobody");
        let port = ServicePortRef::default();
        assert_eq!(addresses(None, &port, slices.iter()), Err(NoPort::Missing));
        let external: Service = serde_json::from_value(json!({ "spec": { "type": "ExternalName" } })).unwrap();
        assert_eq!(addresses(Some(&external), &port, slices.iter()), Err(NoPort::External));
    }
}
