//! What is read of the API's objects. A field that is absent or null has its zero value, as in the reference's types.

use std::collections::HashMap;
use std::fmt;

use api_watch::{Object, or_default};
use serde::Deserialize;

/// Namespace and name; the namespace is empty for objects of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(namespace: &str, name: &str) -> Self {
        Key { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $(#[serde(deserialize_with = "or_default")] $(#[$attribute])* pub $field: $type),*
        }
    };
}

/// Of every object.
pub type Meta = api_watch::Metadata;

pub fn key_of(meta: &Meta) -> Key {
    Key::new(&meta.namespace, &meta.name)
}

object!(Ingress { metadata: Meta, spec: IngressSpec, status: IngressStatus });
object!(IngressSpec {
    ingress_class_name: Option<String>,
    default_backend: Option<Backend>,
    rules: Vec<Rule>,
    tls: Vec<Tls>,
});
object!(Backend {
    /// Absent where the backend is a resource.
    service: Option<ServiceBackend>,
});
object!(ServiceBackend { name: String, port: ServicePortRef });
object!(
    #[derive(Eq, Hash)]
    ServicePortRef { name: String, number: u16 }
);
object!(Rule { host: String, http: Option<HttpRule> });
object!(HttpRule { paths: Vec<HttpPath> });
object!(HttpPath { path: String, path_type: String, backend: Backend });
object!(Tls { hosts: Vec<String>, secret_name: String });
object!(IngressStatus { load_balancer: LoadBalancer });
object!(LoadBalancer { ingress: Vec<LoadBalancerAddress> });
object!(LoadBalancerAddress { ip: String });

object!(IngressClass { metadata: Meta, spec: IngressClassSpec });
object!(IngressClassSpec { controller: String });

object!(Service { metadata: Meta, spec: ServiceSpec });
object!(ServiceSpec {
    #[serde(rename = "type")] kind: String,
    external_name: String,
    ports: Vec<ServicePort>,
});
object!(ServicePort { name: String, port: u16, protocol: String });

object!(EndpointSlice { metadata: Meta, address_type: String, endpoints: Vec<Endpoint>, ports: Vec<EndpointPort> });
object!(Endpoint { addresses: Vec<String>, conditions: Conditions });
object!(Conditions { ready: Option<bool>, serving: Option<bool>, terminating: Option<bool> });
object!(EndpointPort { name: String, port: Option<u16>, protocol: String });

object!(Secret {
    metadata: Meta,
    #[serde(rename = "type")] kind: String,
    /// Base64.
    data: HashMap<String, String>,
});

object!(Node { metadata: Meta, status: NodeStatus });
object!(NodeStatus { addresses: Vec<NodeAddress>, conditions: Vec<Condition> });
object!(NodeAddress {
    #[serde(rename = "type")]
    kind: String,
    address: String
});
object!(Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String
});

impl Secret {
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(self.data.get(name)?).ok()
    }
}

macro_rules! followed {
    ($($kind:ident at $path:literal),* $(,)?) => {$(
        impl Object for $kind {
            const PATH: &'static str = $path;
            fn metadata(&self) -> &Meta {
                &self.metadata
            }
        }
    )*};
}

followed!(
    Ingress at "/apis/networking.k8s.io/v1/ingresses",
    IngressClass at "/apis/networking.k8s.io/v1/ingressclasses",
    Service at "/api/v1/services",
    EndpointSlice at "/apis/discovery.k8s.io/v1/endpointslices",
    Secret at "/api/v1/secrets",
    Node at "/api/v1/nodes",
);

pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

impl Ingress {
    /// The class that it names: by the field, or by the annotation that came before it.
    pub fn class(&self) -> Option<&str> {
        let field = self.spec.ingress_class_name.as_deref();
        field.or_else(|| self.metadata.annotations.get(CLASS_ANNOTATION).map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_absent_fields_are_empty() {
        let slice: EndpointSlice = serde_json::from_str(
            r#"{"metadata":{"name":"a","labels":null},"addressType":"IPv4","endpoints":null,"ports":[{"port":8080}]}"#,
        )
        .unwrap();
        assert!(slice.endpoints.is_empty() && slice.metadata.labels.is_empty());
        assert_eq!(slice.ports[0].port, Some(8080));
    }

    #[test]
    fn the_field_comes_before_the_annotation() {
        let ingress = |spec: &str| -> Ingress {
            let text = format!(r#"{{"metadata":{{"annotations":{{"{CLASS_ANNOTATION}":"old"}}}},"spec":{spec}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(ingress(r#"{"ingressClassName":"new"}"#).class(), Some("new"));
        assert_eq!(ingress("{}").class(), Some("old"));
        assert_eq!(Ingress::default().class(), None);
    }
}
