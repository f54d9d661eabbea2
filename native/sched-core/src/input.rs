//! The parts of a Node and a Pod that decisions read, under the API's own field names. Anything else is ignored.

use crate::quantity::Quantity;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

pub type ResourceList = BTreeMap<String, Quantity>;

/// An explicit `null` counts as absent, as it does for the API server.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

macro_rules! input {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $($(#[$meta])* #[serde(deserialize_with = "or_default")] pub $field: $type,)* }
    };
}

input!(NodeInput {
    name: String,
    labels: BTreeMap<String, String>,
    unschedulable: bool,
    taints: Vec<TaintInput>,
    allocatable: ResourceList,
    images: Vec<ImageInput>,
});

input!(TaintInput { key: String, value: String, effect: String });

input!(ImageInput {
    names: Vec<String>,
    size_bytes: i64,
});

input!(PodInput {
    namespace: String,
    labels: BTreeMap<String, String>,
    terminating: bool,
    volume_rules: VolumeRulesInput,
    spec: PodSpecInput,
});

input!(VolumeRulesInput {
    /// Of nodes that differ from the others.
    nodes: BTreeMap<String, u8>,
    others: u8,
    /// Pods that have claims which only one pod may use.
    users: Vec<u32>,
});

input!(PodSpecInput {
    node_name: String,
    node_selector: BTreeMap<String, String>,
    affinity: AffinityInput,
    tolerations: Vec<TolerationInput>,
    topology_spread_constraints: Vec<TopologySpreadInput>,
    containers: Vec<ContainerInput>,
    init_containers: Vec<ContainerInput>,
    resources: ResourcesInput,
    overhead: ResourceList,
    priority: i32,
    preemption_policy: String,
});

input!(ContainerInput {
    image: String,
    resources: ResourcesInput,
    ports: Vec<PortInput>,
    restart_policy: String,
});

input!(ResourcesInput { requests: ResourceList });

input!(PortInput {
    host_port: i32,
    protocol: String,
    #[serde(rename = "hostIP")]
    host_ip: String,
});

input!(TolerationInput { key: String, operator: String, value: String, effect: String });

input!(AffinityInput {
    node_affinity: NodeAffinityInput,
    pod_affinity: PodAffinityInput,
    pod_anti_affinity: PodAffinityInput,
});

input!(NodeAffinityInput {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Option<NodeSelectorInput>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    preferred: Vec<PreferredNodeTermInput>,
});

input!(NodeSelectorInput {
    node_selector_terms: Vec<NodeSelectorTermInput>,
});

input!(PreferredNodeTermInput { weight: i64, preference: NodeSelectorTermInput });

input!(NodeSelectorTermInput {
    match_expressions: Vec<RequirementInput>,
    match_fields: Vec<RequirementInput>,
});

input!(RequirementInput {
    key: String,
    operator: String,
    values: Vec<String>,
});

input!(LabelSelectorInput {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<RequirementInput>,
});

input!(PodAffinityInput {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Vec<PodAffinityTermInput>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    preferred: Vec<PreferredPodTermInput>,
});

input!(PreferredPodTermInput { weight: i64, pod_affinity_term: PodAffinityTermInput });

input!(PodAffinityTermInput {
    label_selector: Option<LabelSelectorInput>,
    namespaces: Vec<String>,
    namespace_selector: Option<LabelSelectorInput>,
    topology_key: String,
    match_label_keys: Vec<String>,
    mismatch_label_keys: Vec<String>,
});

input!(TopologySpreadInput {
    max_skew: i64,
    topology_key: String,
    when_unsatisfiable: String,
    label_selector: Option<LabelSelectorInput>,
    min_domains: Option<i64>,
    node_affinity_policy: String,
    node_taints_policy: String,
    match_label_keys: Vec<String>,
});
