//! The cluster as the scheduler sees it: nodes by slot, and which pod takes what where.

use crate::carried_terms::CarriedTerms;
use crate::change_log::ChangeLog;
use crate::input::{NodeInput, PodInput};
use crate::intern::{Interner, Symbol};
use crate::pod::{Classes, Effect, PodSpec, Taint};
use crate::pod_log::PodLog;
use crate::pod_matcher::{Namespaces, digest, digest_labels};
use crate::selector::{Labels, intern_labels};
use crate::usage::Usage;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: Symbol,
    pub labels: Labels,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
}

#[derive(Clone, Debug)]
pub struct Assigned {
    pub slot: usize,
    pub spec: Arc<PodSpec>,
    /// When the pod began, in milliseconds.
    pub started: i64,
}

#[derive(Debug, Default)]
pub struct Snapshot {
    pub interner: Interner,
    pub nodes: Vec<Option<Node>>,
    pub usage: Usage,
    /// Slots whose pods or allocatable changed.
    pub usage_log: ChangeLog,
    /// Slots whose labels, taints, name or presence changed.
    pub node_log: ChangeLog,
    pub node_count: usize,
    pub pod_log: PodLog,
    /// Terms of running pods that act on others.
    pub carried: CarriedTerms,
    pub namespaces: Namespaces,
    /// Changes with every change of a namespace's labels.
    pub namespaces_version: u64,
    classes: Classes,
    specs: HashMap<u32, Arc<PodSpec>>,
    pods: Vec<Option<Assigned>>,
    pods_on: Vec<Vec<u32>>,
    slots: HashMap<Symbol, usize>,
    dropped: usize,
}

impl Snapshot {
    pub fn upsert_node(&mut self, slot: usize, input: &NodeInput) {
        self.grow(slot + 1);
        let node = Node {
            name: self.interner.intern(&input.name),
            labels: intern_labels(&input.labels, &mut self.interner),
            taints: input
                .taints
                .iter()
                .map(|taint| Taint {
                    key: self.interner.intern(&taint.key),
                    value: self.interner.intern(&taint.value),
                    effect: Effect::parse(&taint.effect),
                })
                .collect(),
            unschedulable: input.unschedulable,
        };
        self.usage.set_allocatable(slot, input, &mut self.interner);
        self.usage_log.push(slot);
        if self.nodes[slot].as_ref() == Some(&node) {
            return;
        }
        match &self.nodes[slot] {
            Some(old) => {
                self.slots.remove(&old.name);
            }
            None => self.node_count += 1,
        }
        self.slots.insert(node.name, slot);
        self.nodes[slot] = Some(node);
        self.node_log.push(slot);
    }

    pub fn remove_node(&mut self, slot: usize) {
        let Some(node) = self.nodes.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.slots.remove(&node.name);
        self.node_count -= 1;
        self.usage.clear_allocatable(slot);
        self.usage_log.push(slot);
        self.node_log.push(slot);
    }

    /// Tells a namespace's labels; None: it is gone.
    pub fn set_namespace(&mut self, name: &str, labels: Option<&BTreeMap<String, String>>) {
        self.namespaces_version += 1;
        match labels {
            Some(labels) => drop(self.namespaces.insert(digest(name), digest_labels(labels))),
            None => drop(self.namespaces.remove(&digest(name))),
        }
    }

    /// Makes a pod spec known under a number of the caller's choice.
    pub fn define_spec(&mut self, id: u32, input: &PodInput) {
        let spec = self.classes.compile(input, &mut self.interner);
        self.specs.insert(id, Arc::new(spec));
    }

    /// The caller will not use the number again without defining it anew. Pods that have the spec keep it.
    pub fn drop_spec(&mut self, id: u32) {
        if self.specs.remove(&id).is_some() {
            self.dropped += 1;
            if self.dropped > 64 + self.classes.count() {
                self.classes.prune();
                self.dropped = 0;
            }
        }
    }

    pub fn spec(&self, id: u32) -> Option<Arc<PodSpec>> {
        self.specs.get(&id).cloned()
    }

    /// Records that a pod runs, or is about to, on a node. Saying it twice changes nothing.
    pub fn assign(&mut self, pod: u32, spec: &Arc<PodSpec>, slot: usize, started: i64) {
        self.grow(slot + 1);
        let at = pod as usize;
        if at >= self.pods.len() {
            self.pods.resize(at + 1, None);
        }
        if let Some(old) = &self.pods[at] {
            if old.slot == slot && Arc::ptr_eq(&old.spec, spec) {
                return;
            }
            self.release(pod);
        }
        self.usage.take(slot, &spec.class.demand);
        self.carried.add(slot, &spec.topology);
        self.pod_log.push(spec.clone(), slot, 1);
        self.pods_on[slot].push(pod);
        self.pods[at] = Some(Assigned { slot, spec: spec.clone(), started });
        self.usage_log.push(slot);
    }

    pub fn release(&mut self, pod: u32) -> Option<Assigned> {
        let old = self.pods.get_mut(pod as usize)?.take()?;
        self.usage.give_back(old.slot, &old.spec.class.demand);
        self.carried.remove(old.slot, &old.spec.topology);
        self.pod_log.push(old.spec.clone(), old.slot, -1);
        let on = &mut self.pods_on[old.slot];
        if let Some(at) = on.iter().rposition(|&other| other == pod) {
            on.swap_remove(at);
        }
        self.usage_log.push(old.slot);
        Some(old)
    }

    /// Undoes a release.
    pub fn put_back(&mut self, pod: u32, assigned: &Assigned) {
        self.assign(pod, &assigned.spec, assigned.slot, assigned.started);
    }

    pub fn assigned(&self, pod: u32) -> Option<&Assigned> {
        self.pods.get(pod as usize)?.as_ref()
    }

    pub fn pods_on(&self, slot: usize) -> &[u32] {
        &self.pods_on[slot]
    }

    pub fn slot_of(&self, name: Symbol) -> Option<usize> {
        self.slots.get(&name).copied()
    }

    pub fn slot_count(&self) -> usize {
        self.nodes.len()
    }

    fn grow(&mut self, len: usize) {
        if len > self.nodes.len() {
            self.nodes.resize(len, None);
            self.pods_on.resize_with(len, Vec::new);
            self.usage.grow(len);
        }
    }
}
