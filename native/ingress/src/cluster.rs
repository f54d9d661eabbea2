//! The objects of the API that decide what is served.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use crate::objects::{EndpointSlice, Ingress, IngressClass, Key, Node, Secret, Service, key_of};
use crate::upstream::{self, NoPort, UpstreamKey};

/// What this controller is called in IngressClasses.
pub const CONTROLLER: &str = "berth.io/ingress";

#[derive(Debug, Default)]
pub struct Cluster {
    pub ingresses: BTreeMap<Key, Ingress>,
    pub classes: BTreeMap<Key, IngressClass>,
    pub services: HashMap<Key, Service>,
    pub secrets: HashMap<Key, Secret>,
    pub nodes: BTreeMap<Key, Node>,
    slices: HashMap<Key, EndpointSlice>,
    slices_of: HashMap<Key, BTreeSet<Key>>,
}

/// The Service whose endpoints a slice has.
pub fn service_of(slice: &EndpointSlice) -> Option<Key> {
    let name = slice.metadata.labels.get("kubernetes.io/service-name")?;
    Some(Key::new(&slice.metadata.namespace, name))
}

impl Cluster {
    /// The Services whose endpoints may have changed: that of the slice as it was, and as it is.
    pub fn put_slice(&mut self, slice: EndpointSlice) -> Vec<Key> {
        let key = key_of(&slice.metadata);
        let mut touched = self.remove_slice(&key);
        if let Some(service) = service_of(&slice) {
            self.slices_of.entry(service.clone()).or_default().insert(key.clone());
            touched.push(service);
        }
        self.slices.insert(key, slice);
        touched
    }

    pub fn remove_slice(&mut self, key: &Key) -> Vec<Key> {
        let Some(service) = self.slices.remove(key).as_ref().and_then(service_of) else { return Vec::new() };
        if let Some(slices) = self.slices_of.get_mut(&service) {
            slices.remove(key);
            if slices.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        vec![service]
    }

    pub fn slice_keys(&self) -> impl Iterator<Item = &Key> {
        self.slices.keys()
    }

    pub fn addresses(&self, key: &UpstreamKey) -> Result<Vec<SocketAddr>, NoPort> {
        let keys = self.slices_of.get(&key.service);
        let slices = keys.into_iter().flatten().filter_map(|slice| self.slices.get(slice));
        upstream::addresses(self.services.get(&key.service), &key.port, slices)
    }

    /// The Ingresses that this controller serves, oldest first: where two claim the same, the older one has it.
    pub fn own_ingresses(&self) -> Vec<&Ingress> {
        let mut own: Vec<_> = self.ingresses.values().filter(|ingress| self.is_own(ingress)).collect();
        own.sort_by(|a, b| {
            let age = |ingress: &Ingress| ingress.metadata.creation_timestamp.clone();
            age(a).cmp(&age(b)).then_with(|| key_of(&a.metadata).cmp(&key_of(&b.metadata)))
        });
        own
    }

    fn is_own(&self, ingress: &Ingress) -> bool {
        let class = ingress.class().and_then(|name| self.classes.get(&Key::new("", name)));
        class.is_some_and(|class| class.spec.controller == CONTROLLER)
    }

    /// Where clients reach the cluster's Ingresses: each Ready node serves them.
    pub fn addresses_of_nodes(&self) -> Vec<String> {
        let ready = |node: &&Node| {
            let mut conditions = node.status.conditions.iter();
            conditions.any(|condition| condition.kind == "Ready" && condition.status == "True")
        };
        let address = |node: &Node| {
            let of_kind = |kind: &str| {
                let mut addresses = node.status.addresses.iter();
                addresses.find(|address| address.kind == kind).map(|address| address.address.clone())
            };
            of_kind("ExternalIP").or_else(|| of_kind("InternalIP"))
        };
        let addresses: BTreeSet<String> = self.nodes.values().filter(ready).filter_map(address).collect();
        addresses.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::slice;
    use serde_json::json;

    fn node(name: &str, ready: &str, addresses: serde_json::Value) -> Node {
        let conditions = json!([{ "type": "Ready", "status": ready }]);
        let status = json!({ "addresses": addresses, "conditions": conditions });
        serde_json::from_value(json!({ "metadata": { "name": name }, "status": status })).unwrap()
    }

    #[test]
    fn nodes_that_are_ready_are_where_clients_reach_ingresses() {
        let mut cluster = Cluster::default();
        let internal = |ip: &str| json!({ "type": "InternalIP", "address": ip });
        for node in [
            node("a", "True", json!([internal("10.0.0.2"), { "type": "Hostname", "address": "a" }])),
            node("b", "True", json!([internal("10.0.0.3"), { "type": "ExternalIP", "address": "192.0.2.3" }])),
            node("c", "Unknown", json!([internal("10.0.0.4")])),
        ] {
            cluster.nodes.insert(key_of(&node.metadata), node);
        }
        assert_eq!(cluster.addresses_of_nodes(), ["10.0.0.2", "192.0.2.3"]);
    }

    #[test]
    fn a_slice_that_goes_to_another_service_touches_both() {
        let mut cluster = Cluster::default();
        let key = |name: &str| Key::new("n", name);
        assert_eq!(cluster.put_slice(slice("one", "web", "10.0.0.1", 80)), [key("web")]);
        assert_eq!(cluster.put_slice(slice("one", "other", "10.0.0.1", 80)), [key("web"), key("other")]);
        assert_eq!(cluster.remove_slice(&key("one")), [key("other")]);
        assert!(cluster.remove_slice(&key("one")).is_empty() && cluster.slices_of.is_empty());
    }
}
