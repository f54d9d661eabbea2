//! What the API says, reduced to what answers need.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use api_watch::{EndpointSlice, Metadata, Service};

/// Namespace and name.
pub type Key = (String, String);

#[derive(Debug, Clone, PartialEq)]
pub enum ServiceKind {
    ClusterIp(Vec<IpAddr>),
    Headless,
    ExternalName(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// '' for a single unnamed port.
    pub name: String,
    /// Lower case: `tcp`, `udp`, `sctp`.
    pub protocol: String,
    pub number: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRecord {
    pub kind: ServiceKind,
    pub ports: Vec<Port>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    pub address: IpAddr,
    /// First label of its own name: the pod's hostname, else its address with dashes.
    pub label: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SliceRecord {
    pub service: Key,
    pub endpoints: Vec<Endpoint>,
    pub ports: Vec<Port>,
}

/// Both halves must have been read once before the zone may say that a name does not exist.
#[derive(Debug, Default)]
pub struct Zone {
    services: HashMap<Key, ServiceRecord>,
    slices: HashMap<Key, SliceRecord>,
    /// Slices of a service, in the order of their names.
    by_service: HashMap<Key, BTreeMap<Key, ()>>,
    /// How many services a namespace has.
    namespaces: HashMap<String, usize>,
    by_cluster_ip: HashMap<IpAddr, Key>,
    services_synced: bool,
    slices_synced: bool,
}

impl Zone {
    pub fn synced(&self) -> bool {
        self.services_synced && self.slices_synced
    }

    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<&ServiceRecord> {
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub fn slices_of(&self, namespace: &str, name: &str) -> impl Iterator<Item = &SliceRecord> {
        let keys = self.by_service.get(&(namespace.to_owned(), name.to_owned()));
        keys.into_iter().flat_map(|keys| keys.keys()).filter_map(|key| self.slices.get(key))
    }

    pub fn service_by_ip(&self, ip: IpAddr) -> Option<&Key> {
        self.by_cluster_ip.get(&ip)
    }

    /// Endpoints of headless services that have this address. Rare queries: a scan is enough.
    pub fn endpoints_by_ip(&self, ip: IpAddr) -> impl Iterator<Item = (&Key, &Endpoint)> {
        self.slices
            .values()
            .filter(|slice| {
                self.services.get(&slice.service).is_some_and(|service| service.kind == ServiceKind::Headless)
            })
            .flat_map(|slice| slice.endpoints.iter().map(|endpoint| (&slice.service, endpoint)))
            .filter(move |(_, endpoint)| endpoint.address == ip)
    }

    pub fn put_service(&mut self, service: &Service) {
        let key = key_of(&service.metadata);
        self.remove_service(&key);
        let record = service_record(service);
        if let ServiceKind::ClusterIp(addresses) = &record.kind {
            for address in addresses {
                self.by_cluster_ip.insert(*address, key.clone());
            }
        }
        *self.namespaces.entry(key.0.clone()).or_default() += 1;
        self.services.insert(key, record);
    }

    pub fn remove_service(&mut self, key: &Key) {
        let Some(record) = self.services.remove(key) else { return };
        if let ServiceKind::ClusterIp(addresses) = record.kind {
            for address in addresses {
                self.by_cluster_ip.remove(&address);
            }
        }
        if let Some(count) = self.namespaces.get_mut(&key.0) {
            *count -= 1;
            if *count == 0 {
                self.namespaces.remove(&key.0);
            }
        }
    }

    pub fn put_slice(&mut self, slice: &EndpointSlice) {
        let key = key_of(&slice.metadata);
        self.remove_slice(&key);
        let Some(record) = slice_record(slice, &key.0) else { return };
        self.by_service.entry(record.service.clone()).or_default().insert(key.clone(), ());
        self.slices.insert(key, record);
    }

    pub fn remove_slice(&mut self, key: &Key) {
        let Some(record) = self.slices.remove(key) else { return };
        if let Some(keys) = self.by_service.get_mut(&record.service) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_service.remove(&record.service);
            }
        }
    }

    /// A whole list was read: what it does not have is gone.
    pub fn services_read(&mut self, seen: &std::collections::HashSet<Key>) {
        let gone: Vec<Key> = self.services.keys().filter(|key| !seen.contains(*key)).cloned().collect();
        gone.iter().for_each(|key| self.remove_service(key));
        self.services_synced = true;
    }

    pub fn slices_read(&mut self, seen: &std::collections::HashSet<Key>) {
        let gone: Vec<Key> = self.slices.keys().filter(|key| !seen.contains(*key)).cloned().collect();
        gone.iter().for_each(|key| self.remove_slice(key));
        self.slices_synced = true;
    }
}

pub fn key_of(metadata: &Metadata) -> Key {
    (metadata.namespace.clone(), metadata.name.clone())
}

fn service_record(service: &Service) -> ServiceRecord {
    let spec = &service.spec;
    let kind = if spec.type_ == "ExternalName" {
        ServiceKind::ExternalName(spec.external_name.clone())
    } else if spec.cluster_ip == "None" {
        ServiceKind::Headless
    } else {
        let first = std::slice::from_ref(&spec.cluster_ip);
        let texts = if spec.cluster_ips.is_empty() { first } else { &spec.cluster_ips[..] };
        ServiceKind::ClusterIp(texts.iter().filter_map(|text| text.parse().ok()).collect())
    };
    let ports = spec.ports.iter().map(|port| port_of(&port.name, &port.protocol, port.port)).collect();
    ServiceRecord { kind, ports }
}

fn slice_record(slice: &EndpointSlice, namespace: &str) -> Option<SliceRecord> {
    let service = slice.metadata.labels.get("kubernetes.io/service-name")?;
    let endpoints = slice
        .endpoints
        .iter()
        // Endpoints that are to be published although not ready are marked ready by the controller.
        .filter(|endpoint| endpoint.conditions.ready.unwrap_or(true))
        .filter_map(|endpoint| {
            let address: IpAddr = endpoint.addresses.first()?.parse().ok()?;
            let label = endpoint.hostname.clone().filter(|hostname| !hostname.is_empty());
            Some(Endpoint { address, label: label.unwrap_or_else(|| address.to_string().replace(['.', ':'], "-")) })
        })
        .collect();
    let ports = slice.ports.iter().filter_map(|port| Some(port_of(&port.name, &port.protocol, port.port?))).collect();
    Some(SliceRecord { service: (namespace.to_owned(), service.clone()), endpoints, ports })
}

fn port_of(name: &str, protocol: &str, number: i32) -> Port {
    let protocol = if protocol.is_empty() { "tcp" } else { protocol };
    Port {
        name: name.to_ascii_lowercase(),
        protocol: protocol.to_ascii_lowercase(),
        number: u16::try_from(number).unwrap_or(0),
    }
}
