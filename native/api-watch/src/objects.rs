//! The fields that followers need. All others are skipped when an object is read.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A kind that can be followed.
pub trait Object: DeserializeOwned {
    /// Path of the collection in all namespaces.
    const PATH: &'static str;
    fn metadata(&self) -> &Metadata;
}

/// For `deserialize_with`: null is what a Go server writes for an empty list or map.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(source: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: String,
    /// Empty for objects of the cluster.
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    /// RFC 3339 in UTC, in whole seconds: texts compare as the times do.
    pub creation_timestamp: String,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    pub metadata: Metadata,
    pub spec: ServiceSpec,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub type_: String,
    /// `None` for a headless Service.
    #[serde(rename = "clusterIP", deserialize_with = "or_default")]
    pub cluster_ip: String,
    #[serde(rename = "clusterIPs", deserialize_with = "or_default")]
    pub cluster_ips: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub external_name: String,
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    pub port: i32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    pub metadata: Metadata,
    pub address_type: String,
    #[serde(deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<EndpointPort>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub conditions: EndpointConditions,
    pub hostname: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Unknown counts as ready.
    pub ready: Option<bool>,
    pub serving: Option<bool>,
    pub terminating: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// `None` means all ports.
    pub port: Option<i32>,
}

impl Object for Service {
    const PATH: &'static str = "/api/v1/services";
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Object for EndpointSlice {
    const PATH: &'static str = "/apis/discovery.k8s.io/v1/endpointslices";
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_of_a_go_server_has_null_for_empty_lists() {
        let slice: EndpointSlice = serde_json::from_str(
            r#"{"kind":"EndpointSlice","metadata":{"name":"a","labels":null},"addressType":"IPv4","endpoints":null,"ports":null}"#,
        )
        .unwrap();
        assert_eq!(slice.metadata.name, "a");
        assert!(slice.endpoints.is_empty() && slice.ports.is_empty());
    }

    #[test]
    fn a_service_keeps_what_is_needed_of_it() {
        let service: Service = serde_json::from_str(
            r#"{"metadata":{"name":"a","namespace":"b","resourceVersion":"7","uid":"x"},
                "spec":{"type":"ClusterIP","clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1"],"selector":{"a":"b"},
                "ports":[{"name":"http","port":80,"targetPort":"web"}]},"status":{"loadBalancer":{}}}"#,
        )
        .unwrap();
        assert_eq!(service.metadata.resource_version, "7");
        assert_eq!(service.spec.cluster_ips, ["10.96.0.1"]);
        let port = ServicePort { name: "http".into(), protocol: String::new(), port: 80 };
        assert_eq!(service.spec.ports, [port]);
    }
}
