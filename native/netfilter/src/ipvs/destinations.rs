//! Which endpoints an address of a Service leads to: pure.

use crate::frontend::{Claim, Frontend};
use crate::model::{Endpoint, Service, ServicePort};
use crate::nftables::chain_names::Way;

/// What becomes of packets to an address of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destinations<'a> {
    pub way: Way,
    /// Empty: nobody is there.
    pub endpoints: Vec<&'a Endpoint>,
    /// Who asks from outside shall ask another node: this one has no endpoint.
    pub elsewhere: bool,
}

/// How packets come to an address of a Service.
fn way(service: &Service, claim: Claim, frontend: &Frontend) -> Way {
    match (claim == Claim::Allocated && frontend.address.is_some(), service.external_traffic_local) {
        (true, _) => Way::Inside,
        (false, false) => Way::Outside,
        (false, true) => Way::OutsideLocal,
    }
}

/// A virtual server leads all its clients to the same endpoints. So with `externalTrafficPolicy: Local` pods, too, reach only
/// the endpoints of this node; if it has none, they reach all.
pub fn destinations<'a>(
    service: &Service,
    port: &'a ServicePort,
    claim: Claim,
    frontend: &Frontend,
) -> Destinations<'a> {
    let all = || port.endpoints.iter().filter(|endpoint| !endpoint.local_only).collect::<Vec<_>>();
    let local = || port.endpoints.iter().filter(|endpoint| endpoint.local).collect::<Vec<_>>();
    let way = way(service, claim, frontend);
    let endpoints = match way {
        Way::Inside if service.internal_traffic_local => local(),
        Way::Inside | Way::Outside => all(),
        Way::OutsideLocal => Some(local()).filter(|local| !local.is_empty()).unwrap_or_else(all),
    };
    let none_is_local = || port.endpoints.iter().all(|endpoint| !endpoint.local);
    let elsewhere = match way {
        Way::Inside => service.internal_traffic_local && endpoints.is_empty() && !port.endpoints.is_empty(),
        Way::Outside => false,
        Way::OutsideLocal => none_is_local() && !endpoints.is_empty(),
    };
    Destinations { way, endpoints, elsewhere }
}
