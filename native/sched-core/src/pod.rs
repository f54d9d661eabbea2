//! A pod as the plugins read it: compiled once for each distinct spec and shared by all pods that are alike.

use crate::input::{ContainerInput, PodInput, PodSpecInput, TolerationInput};
use crate::intern::{Interner, Symbol};
use crate::resources::{Resources, non_zero_requests, pod_requests};
use crate::selector::{NodeTerm, Operator, Requirement};
use crate::topology_rules::TopologyRules;
use crate::volume_rules::VolumeRules;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
    Unknown,
}

impl Effect {
    pub fn parse(text: &str) -> Self {
        match text {
            "NoSchedule" => Self::NoSchedule,
            "PreferNoSchedule" => Self::PreferNoSchedule,
            "NoExecute" => Self::NoExecute,
            _ => Self::Unknown,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Taint {
    pub key: Symbol,
    pub value: Symbol,
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// None: every key.
    key: Option<Symbol>,
    /// None: every effect.
    pub effect: Option<Effect>,
    /// None: any value (`Exists`).
    value: Option<Symbol>,
}

impl Toleration {
    /// None for an operator that tolerates nothing (Lt and Gt are alpha in 1.37 and off).
    fn compile(input: &TolerationInput, interner: &mut Interner) -> Option<Self> {
        let value = match input.operator.as_str() {
            "" | "Equal" => Some(interner.intern(&input.value)),
            "Exists" => None,
            _ => return None,
        };
        let optional = |text: &str| (!text.is_empty()).then_some(text.to_owned());
        Some(Self {
            key: optional(&input.key).map(|key| interner.intern(&key)),
            effect: optional(&input.effect).map(|effect| Effect::parse(&effect)),
            value,
        })
    }

    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.is_none_or(|key| key == taint.key)
            && self.value.is_none_or(|value| value == taint.value)
    }
}

/// What a pod demands of a node's own properties. Results are cached for each distinct value of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRules {
    pub node_name: Option<Symbol>,
    pub tolerations: Vec<Toleration>,
    /// Whether `node.kubernetes.io/unschedulable:NoSchedule` is tolerated.
    pub tolerates_unschedulable: bool,
    pub selector: Vec<Requirement>,
    pub required: Option<Vec<NodeTerm>>,
    pub preferred: Vec<(i32, NodeTerm)>,
    pub volumes: VolumeRules,
    /// The only nodes that affinity leaves, when every term pins `metadata.name` (as DaemonSet pods do).
    pub pinned: Option<Vec<Symbol>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// A port on the node. `ip` None: every address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    pub ip: Option<Symbol>,
    pub protocol: Protocol,
    pub port: i32,
}

impl HostPort {
    pub fn conflicts(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip.is_none() || other.ip.is_none() || self.ip == other.ip)
    }
}

/// What a pod takes from a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Demand {
    pub requests: Resources,
    /// CPU (milli) and memory with the scoring defaults for silent containers.
    pub non_zero_cpu: i64,
    pub non_zero_memory: i64,
    pub ports: Vec<HostPort>,
}

/// Pods of one class get the same verdict and the same score on every node.
#[derive(Debug)]
pub struct PodClass {
    pub id: u32,
    pub rules_id: u32,
    pub rules: Arc<NodeRules>,
    pub demand: Demand,
}

#[derive(Debug)]
pub struct PodSpec {
    pub priority: i32,
    pub never_preempts: bool,
    pub class: Arc<PodClass>,
    pub topology: TopologyRules,
    /// The same pod once nobody else uses its claims: preemption asks what would be then.
    pub once_free: Option<Arc<PodSpec>>,
}

/// Finds the class of a spec, so that specs that differ in nothing a node sees share one.
#[derive(Debug, Default)]
pub struct Classes {
    rules: HashMap<Arc<NodeRules>, u32>,
    classes: HashMap<(u32, Demand), Arc<PodClass>>,
    next_rules: u32,
    next_class: u32,
}

impl Classes {
    pub fn compile(&mut self, input: &PodInput, interner: &mut Interner) -> PodSpec {
        let spec = &input.spec;
        let rules = Arc::new(node_rules(input, interner));
        let (rules, rules_id) = match self.rules.get_key_value(&rules) {
            Some((known, &id)) => (known.clone(), id),
            None => {
                self.next_rules += 1;
                self.rules.insert(rules.clone(), self.next_rules);
                (rules, self.next_rules)
            }
        };
        let demand = demand(spec, interner);
        let class = self.classes.entry((rules_id, demand)).or_insert_with_key(|(_, demand)| {
            self.next_class += 1;
            Arc::new(PodClass { id: self.next_class, rules_id, rules, demand: demand.clone() })
        });
        let class = class.clone();
        let once_free = VolumeRules::once_free(&input.volume_rules)
            .map(|volume_rules| Arc::new(self.compile(&PodInput { volume_rules, ..input.clone() }, interner)));
        PodSpec {
            priority: spec.priority,
            never_preempts: spec.preemption_policy == "Never",
            class,
            topology: TopologyRules::compile(input, interner),
            once_free,
        }
    }

    /// Forgets classes that no spec uses any more.
    pub fn prune(&mut self) {
        self.classes.retain(|_, class| Arc::strong_count(class) > 1);
        self.rules.retain(|rules, _| Arc::strong_count(rules) > 1);
    }

    /// How many classes are known.
    pub fn count(&self) -> usize {
        self.classes.len()
    }
}

fn node_rules(input: &PodInput, interner: &mut Interner) -> NodeRules {
    let spec = &input.spec;
    let tolerations: Vec<_> = spec.tolerations.iter().filter_map(|t| Toleration::compile(t, interner)).collect();
    let unschedulable = Taint {
        key: interner.intern("node.kubernetes.io/unschedulable"),
        value: interner.intern(""),
        effect: Effect::NoSchedule,
    };
    let affinity = &spec.affinity.node_affinity;
    let required: Option<Vec<NodeTerm>> = affinity
        .required
        .as_ref()
        .map(|selector| selector.node_selector_terms.iter().map(|term| NodeTerm::compile(term, interner)).collect());
    NodeRules {
        node_name: (!spec.node_name.is_empty()).then(|| interner.intern(&spec.node_name)),
        tolerates_unschedulable: tolerations.iter().any(|t| t.tolerates(&unschedulable)),
        tolerations,
        selector: spec
            .node_selector
            .iter()
            .map(|(key, value)| Requirement {
                key: interner.intern(key),
                operator: Operator::In,
                values: vec![interner.intern(value)],
            })
            .collect(),
        preferred: affinity
            .preferred
            .iter()
            .filter(|term| term.weight != 0)
            .map(|term| (term.weight as i32, NodeTerm::compile(&term.preference, interner)))
            .collect(),
        volumes: VolumeRules::compile(&input.volume_rules, interner),
        pinned: required.as_ref().and_then(|terms| pinned(terms)),
        required,
    }
}

/// The union of the names that the terms pin; None as soon as one term pins none.
fn pinned(terms: &[NodeTerm]) -> Option<Vec<Symbol>> {
    if terms.is_empty() {
        return None;
    }
    let mut union = Vec::new();
    for term in terms {
        union.extend(term.pinned_names()?);
    }
    union.sort_unstable();
    union.dedup();
    Some(union)
}

fn demand(spec: &PodSpecInput, interner: &mut Interner) -> Demand {
    let non_zero = Resources::from_list(&non_zero_requests(spec), interner);
    let running = |container: &&ContainerInput| container.restart_policy == "Always";
    let ports = spec
        .init_containers
        .iter()
        .filter(running)
        .chain(&spec.containers)
        .flat_map(|container| &container.ports)
        .filter(|port| port.host_port > 0)
        .map(|port| HostPort {
            ip: (!matches!(port.host_ip.as_str(), "" | "0.0.0.0")).then(|| interner.intern(&port.host_ip)),
            protocol: match port.protocol.as_str() {
                "UDP" => Protocol::Udp,
                "SCTP" => Protocol::Sctp,
                _ => Protocol::Tcp,
            },
            port: port.host_port,
        })
        .collect();
    Demand {
        requests: Resources::from_list(&pod_requests(spec), interner),
        non_zero_cpu: non_zero.milli_cpu,
        non_zero_memory: non_zero.memory,
        ports,
    }
}
