//! Virtual servers, and what changes between two of them: pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::Protocol;

/// What clients send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey {
    pub address: IpAddr,
    pub protocol: Protocol,
    pub port: u16,
}

/// An endpoint: IPVS calls it a destination, or a real server.
pub type Destination = (IpAddr, u16);

/// How a virtual server chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    pub scheduler: String,
    /// Seconds for which a client stays with its destination; None: every connection is by itself.
    pub persistent: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub mode: Mode,
    /// With their weights. What weighs nothing gets no new connections, and keeps those that it has.
    pub destinations: BTreeMap<Destination, u32>,
}

pub type Servers = BTreeMap<ServerKey, Server>;

/// One change of the kernel's virtual servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    AddServer(ServerKey, Mode),
    /// Connections and destinations stay.
    EditServer(ServerKey, Mode),
    /// With its destinations.
    DeleteServer(ServerKey),
    AddDestination(ServerKey, Destination, u32),
    EditDestination(ServerKey, Destination, u32),
    DeleteDestination(ServerKey, Destination),
}

impl Step {
    pub fn key(&self) -> ServerKey {
        match self {
            Step::AddServer(key, _)
            | Step::EditServer(key, _)
            | Step::DeleteServer(key)
            | Step::AddDestination(key, ..)
            | Step::EditDestination(key, ..)
            | Step::DeleteDestination(key, _) => *key,
        }
    }

    pub fn removes(&self) -> bool {
        matches!(self, Step::DeleteServer(_) | Step::DeleteDestination(..))
    }

    /// What there is after this step. False: it cannot be made, and nothing changes.
    pub fn apply(&self, servers: &mut Servers) -> bool {
        let destinations =
            |servers: &mut Servers, key, change: &mut dyn FnMut(&mut BTreeMap<Destination, u32>) -> bool| {
                servers.get_mut(key).is_some_and(|server: &mut Server| change(&mut server.destinations))
            };
        match self {
            Step::AddServer(key, mode) => {
                let absent = !servers.contains_key(key);
                let server = || Server { mode: mode.clone(), destinations: BTreeMap::new() };
                servers.entry(*key).or_insert_with(server);
                absent
            }
            Step::EditServer(key, mode) => servers.get_mut(key).map(|server| server.mode = mode.clone()).is_some(),
            Step::DeleteServer(key) => servers.remove(key).is_some(),
            Step::AddDestination(key, destination, weight) => destinations(servers, key, &mut |all| {
                let absent = !all.contains_key(destination);
                all.entry(*destination).or_insert(*weight);
                absent
            }),
            Step::EditDestination(key, destination, weight) => destinations(servers, key, &mut |all| {
                all.get_mut(destination).map(|before| *before = *weight).is_some()
            }),
            Step::DeleteDestination(key, destination) => {
                destinations(servers, key, &mut |all| all.remove(destination).is_some())
            }
        }
    }
}

/// Steps from one virtual server to another. A destination of TCP that goes is left its connections: it weighs nothing until
/// somebody finds that it has none and deletes it.
pub fn steps(key: ServerKey, before: Option<&Server>, after: Option<&Server>) -> Vec<Step> {
    let Some(after) = after else {
        return before.map(|_| Step::DeleteServer(key)).into_iter().collect();
    };
    let mut steps = Vec::new();
    match before {
        None => steps.push(Step::AddServer(key, after.mode.clone())),
        Some(before) if before.mode != after.mode => steps.push(Step::EditServer(key, after.mode.clone())),
        Some(_) => {}
    }
    let none = BTreeMap::new();
    let had = before.map_or(&none, |before| &before.destinations);
    for (destination, weight) in &after.destinations {
        match had.get(destination) {
            None => steps.push(Step::AddDestination(key, *destination, *weight)),
            Some(old) if old != weight => steps.push(Step::EditDestination(key, *destination, *weight)),
            Some(_) => {}
        }
    }
    for (destination, weight) in had.iter().filter(|(destination, _)| !after.destinations.contains_key(destination)) {
        match (key.protocol, weight) {
            (Protocol::Tcp, 0) => {}
            (Protocol::Tcp, _) => steps.push(Step::EditDestination(key, *destination, 0)),
            // Their connections have no end: the kernel forgets them with the next packet (`expire_nodest_conn`).
            _ => steps.push(Step::DeleteDestination(key, *destination)),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(protocol: Protocol) -> ServerKey {
        ServerKey { address: [10, 96, 0, 1].into(), protocol, port: 80 }
    }

    fn server(persistent: Option<u32>, weights: &[(u8, u32)]) -> Server {
        let mode = Mode { scheduler: "rr".into(), persistent };
        let destination = |(last, weight): &(u8, u32)| (([10, 244, 0, *last].into(), 8080), *weight);
        Server { mode, destinations: weights.iter().map(destination).collect() }
    }

    fn shown(step: &Step) -> String {
        match step {
            Step::AddServer(_, mode) => format!("add {:?}", mode.persistent),
            Step::EditServer(_, mode) => format!("edit {:?}", mode.persistent),
            Step::DeleteServer(_) => "delete".into(),
            Step::AddDestination(_, (ip, _), weight) => format!("add {ip} {weight}"),
            Step::EditDestination(_, (ip, _), weight) => format!("edit {ip} {weight}"),
            Step::DeleteDestination(_, (ip, _)) => format!("delete {ip}"),
        }
    }

    #[test]
    fn steps_are_what_differs() {
        use Protocol::{Sctp, Tcp, Udp};
        let plain = |weights: &[(u8, u32)]| Some(server(None, weights));
        type Case = (Protocol, Option<Server>, Option<Server>, &'static [&'static str]);
        let cases: [Case; 10] = [
            (Tcp, None, None, &[]),
            (Tcp, None, plain(&[(1, 1)]), &["add None", "add 10.244.0.1 1"]),
            (Tcp, plain(&[(1, 1)]), plain(&[(1, 1)]), &[]),
            (Tcp, plain(&[(1, 1)]), Some(server(Some(60), &[(1, 1)])), &["edit Some(60)"]),
            (Tcp, plain(&[(1, 1)]), plain(&[(2, 1)]), &["add 10.244.0.2 1", "edit 10.244.0.1 0"]),
            (Tcp, plain(&[(1, 0), (2, 1)]), plain(&[(2, 1)]), &[]),
            (Tcp, plain(&[(1, 0)]), plain(&[(1, 1)]), &["edit 10.244.0.1 1"]),
            (Udp, plain(&[(1, 1)]), plain(&[(2, 1)]), &["add 10.244.0.2 1", "delete 10.244.0.1"]),
            (Sctp, plain(&[(1, 1)]), plain(&[(1, 0)]), &["edit 10.244.0.1 0"]),
            (Tcp, plain(&[(1, 1)]), None, &["delete"]),
        ];
        for (protocol, before, after, expected) in cases {
            let steps = steps(key(protocol), before.as_ref(), after.as_ref());
            assert_eq!(steps.iter().map(shown).collect::<Vec<_>>(), expected, "{protocol:?} {before:?} {after:?}");
            let mut servers: Servers = before.into_iter().map(|server| (key(protocol), server)).collect();
            assert!(steps.iter().all(|step| step.apply(&mut servers)), "{steps:?}");
            if let Some(server) = servers.get_mut(&key(protocol)) {
                let wanted = &after.as_ref().unwrap().destinations;
                server.destinations.retain(|destination, weight| *weight > 0 || wanted.contains_key(destination));
            }
            assert_eq!(servers.remove(&key(protocol)), after);
        }
    }

    #[test]
    fn a_step_that_cannot_be_made_changes_nothing() {
        let tcp = key(Protocol::Tcp);
        let there: Servers = [(tcp, server(None, &[(1, 1)]))].into();
        let (mode, one, two) = (Mode { scheduler: "lc".into(), persistent: None }, [10, 244, 0, 1], [10, 244, 0, 2]);
        let udp = key(Protocol::Udp);
        for step in [
            Step::AddServer(tcp, mode.clone()),
            Step::EditServer(udp, mode),
            Step::DeleteServer(udp),
            Step::AddDestination(tcp, (one.into(), 8080), 7),
            Step::EditDestination(tcp, (two.into(), 8080), 7),
            Step::DeleteDestination(tcp, (two.into(), 8080)),
            Step::AddDestination(udp, (one.into(), 8080), 7),
        ] {
            let mut servers = there.clone();
            assert!(!step.apply(&mut servers), "{step:?}");
            assert_eq!(servers, there);
        }
    }
}
