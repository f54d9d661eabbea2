//! Forgetting flows. UDP has no end of connection, and an SCTP association tries for minutes: a flow that goes to an
//! endpoint which is gone would go there for as long as its client keeps sending.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use xtables::address::Family;

use crate::error::Result;
use crate::frontend::{Claim, Frontend, claims, frontends};
use crate::model::{Protocol, Service, ServiceKey, State};
use crate::owners::Owners;

/// What clients of one family send to, each with the endpoints that its flows may go to. All other flows to it are stale,
/// those that went nowhere too.
pub type Serving = BTreeMap<Frontend, BTreeSet<(IpAddr, u16)>>;

/// The kernel's table of flows.
pub trait Flows: Send {
    /// Ends the stale flows; gives how many.
    fn reconcile(&mut self, family: Family, serving: &Serving) -> Result<usize>;
}

/// What of one family flows may be stale to.
#[derive(Debug, Default)]
pub struct Touched {
    owners: Owners,
    frontends: BTreeSet<Frontend>,
}

impl Touched {
    pub fn change(&mut self, name: &str, before: Option<&Service>, after: Option<&Service>) {
        self.owners.release(name, flow_claims(before).map(|(frontend, _)| frontend));
        self.owners.claim(name, flow_claims(after));
        self.frontends.extend(flow_claims(before).chain(flow_claims(after)).map(|(frontend, _)| frontend));
    }

    /// Nobody knows what was before.
    pub fn touch_all(&mut self) {
        self.frontends.extend(self.owners.frontends());
    }

    pub fn is_empty(&self) -> bool {
        self.frontends.is_empty()
    }

    /// No flow is stale any more.
    pub fn clear(&mut self) {
        self.frontends.clear();
    }

    /// What nobody has any more has no endpoints.
    pub fn serving(&self, family: Family, state: &State) -> Serving {
        let endpoints = |frontend: &Frontend| {
            let key = ServiceKey { service: self.owners.owner(frontend)?.to_owned(), family };
            state.get(&key).map(|service| endpoints(service, frontend))
        };
        self.frontends.iter().map(|frontend| (*frontend, endpoints(frontend).unwrap_or_default())).collect()
    }
}

fn flow_claims(service: Option<&Service>) -> impl Iterator<Item = (Frontend, Claim)> {
    service.into_iter().flat_map(claims).filter(|(frontend, _)| frontend.protocol != Protocol::Tcp)
}

fn endpoints(service: &Service, frontend: &Frontend) -> BTreeSet<(IpAddr, u16)> {
    let ports = service.ports.iter();
    let ports = ports.filter(|port| frontends(service, port).any(|(_, other)| other == *frontend));
    let endpoints = ports.flat_map(|port| port.endpoints.iter().chain(&port.draining));
    endpoints.map(|endpoint| (endpoint.ip, endpoint.port)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{endpoint, port, service as builder};

    /// All have 192.0.2.1, one by a load balancer and the others as an external address.
    fn service(name: &str, protocol: Protocol, endpoints: &[&str]) -> Arc<Service> {
        let endpoints = endpoints.iter().map(|ip| endpoint(ip, 5353, true)).collect();
        let mut port = port("", protocol, 53, endpoints);
        port.node_port = Some(30053);
        let shared = vec!["192.0.2.1".parse().unwrap()];
        let (load_balancer_ips, external_ips) = if name == "b" { (shared, vec![]) } else { (vec![], shared) };
        Arc::new(Service { load_balancer_ips, external_ips, ports: vec![port], ..builder("shop", name) })
    }

    struct Test {
        touched: Touched,
        state: State,
    }

    impl Test {
        fn set(&mut self, name: &str, after: Option<Arc<Service>>) {
            let key = ServiceKey { service: name.to_owned(), family: Family::Ipv4 };
            let before = match &after {
                Some(service) => self.state.insert(key, service.clone()),
                None => self.state.remove(&key),
            };
            self.touched.change(name, before.as_deref(), after.as_deref());
        }

        /// Of one change after those before it.
        fn shown(&mut self, name: &str, after: Option<Arc<Service>>) -> Vec<String> {
            self.touched.clear();
            self.set(name, after);
            let line = |(frontend, endpoints): (&Frontend, &BTreeSet<(IpAddr, u16)>)| {
                let endpoints: Vec<_> = endpoints.iter().map(|(ip, port)| format!("{ip}:{port}")).collect();
                format!("{frontend}: {}", endpoints.join(" "))
            };
            self.touched.serving(Family::Ipv4, &self.state).iter().map(line).collect()
        }
    }

    fn test() -> Test {
        Test { touched: Touched::default(), state: State::new() }
    }

    #[test]
    fn flows_may_go_to_endpoints_that_serve() {
        let one = service("a", Protocol::Udp, &["10.0.0.1"]);
        let both = ["node port 30053/udp: 10.0.0.1:5353", "192.0.2.1 port 53/udp: 10.0.0.1:5353"];
        let mut test = test();
        assert_eq!(test.shown("a", Some(one.clone())), both);
        let mut draining = Service::clone(&service("a", Protocol::Udp, &[]));
        draining.ports[0].draining = one.ports[0].endpoints.clone();
        assert_eq!(test.shown("a", Some(draining.into())), both, "flows of an endpoint that drains stay");
        assert_eq!(test.shown("a", None), ["node port 30053/udp: ", "192.0.2.1 port 53/udp: "]);
        assert_eq!(test.shown("a", Some(service("a", Protocol::Sctp, &[]))).len(), 2);
        let tcp = service("a", Protocol::Tcp, &["10.0.0.1"]);
        assert_eq!(test.shown("a", Some(tcp.clone())).len(), 2, "the old ones");
        assert_eq!(test.shown("a", Some(tcp)), [""; 0]);
    }

    #[test]
    fn flows_to_what_several_claim_may_go_to_the_endpoints_of_its_owner() {
        let of = |name, ip| Some(service(name, Protocol::Udp, &[ip]));
        let mut test = test();
        for (name, after, owner) in [
            ("c", of("c", "10.0.0.3"), "10.0.0.3:5353"),
            ("b", of("b", "10.0.0.2"), "10.0.0.2:5353"),
            ("a", of("a", "10.0.0.1"), "10.0.0.2:5353"),
            ("c", of("c", "10.0.0.9"), "10.0.0.2:5353"),
            ("b", None, "10.0.0.1:5353"),
            ("a", None, "10.0.0.9:5353"),
            ("c", None, ""),
        ] {
            let shown = test.shown(name, after);
            assert!(shown.contains(&format!("192.0.2.1 port 53/udp: {owner}")), "{name}: {shown:?}");
        }
        test.set("c", of("c", "10.0.0.3"));
        test.touched.clear();
        test.touched.touch_all();
        assert_eq!(test.touched.serving(Family::Ipv4, &test.state).len(), 2);
    }
}
