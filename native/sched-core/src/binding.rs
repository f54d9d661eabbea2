//! The door to Node. Nodes and pod specs cross as JSON, once for each change; pods cross as numbers.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use crate::core::{self, Core, CoreError, Delta};
use crate::declarations::{Declaration, declarations};
use crate::plugins::Scoring;
use crate::scheduler::Decision;
use guard::{Guarded, guarded};
use napi::bindgen_prelude::{AsyncTask, Int32Array, Uint32Array};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;

/// Decisions off the event loop, from a snapshot fed by deltas. Deltas never wait for a decision.
#[napi]
pub struct SchedCore {
    core: Core,
}

#[napi]
impl SchedCore {
    /// `seed` fixes how ties are broken. `scoring`: JSON of NodeResourcesFit's strategy, empty for the default.
    #[napi(constructor)]
    pub fn new(seed: f64, scoring: String) -> Result<Self> {
        guarded(|| {
            let scoring = if scoring.is_empty() { Scoring::default() } else { parse::<Scoring>(&scoring)? };
            Ok(Self { core: Core::new(seed.to_bits(), scoring) })
        })
    }

    /// Whether a panic has left the snapshot half changed. Deltas are dropped and batches are refused then: make a new core
    /// and tell it everything.
    #[napi(getter)]
    pub fn broken(&self) -> Result<bool> {
        guarded(|| Ok(self.core.broken().is_some()))
    }

    /// `node`: JSON of name, labels, taints, unschedulable, allocatable.
    #[napi]
    pub fn upsert_node(&self, slot: u32, node: String) -> Result<()> {
        guarded(|| self.push(Delta::UpsertNode(slot as usize, parse(&node)?)))
    }

    #[napi]
    pub fn remove_node(&self, slot: u32) -> Result<()> {
        guarded(|| self.push(Delta::RemoveNode(slot as usize)))
    }

    /// `pod`: JSON of namespace, labels, and the spec's fields that scheduling reads.
    #[napi]
    pub fn define_spec(&self, id: u32, pod: String) -> Result<()> {
        guarded(|| self.push(Delta::DefineSpec(id, Box::new(parse(&pod)?))))
    }

    #[napi]
    pub fn drop_spec(&self, id: u32) -> Result<()> {
        guarded(|| self.push(Delta::DropSpec(id)))
    }

    /// `labels`: JSON of the namespace's labels; absent: it is gone.
    #[napi]
    pub fn set_namespace(&self, name: String, labels: Option<String>) -> Result<()> {
        guarded(|| {
            let labels = labels.map(|labels| parse(&labels)).transpose()?;
            self.push(Delta::SetNamespace(name, labels))
        })
    }

    /// The pod runs, or is about to, on the node of this slot. `started`: since when, in milliseconds.
    #[napi]
    pub fn assign(&self, pod: u32, spec: u32, slot: u32, started: f64) -> Result<()> {
        guarded(|| self.push(Delta::Assign { pod, spec, slot: slot as usize, started: started as i64 }))
    }

    /// Room on the node of this slot is being made for the pod.
    #[napi]
    pub fn nominate(&self, pod: u32, spec: u32, slot: u32) -> Result<()> {
        guarded(|| self.push(Delta::Nominate { pod, spec, slot: slot as usize }))
    }

    /// The pod takes nothing any more.
    #[napi]
    pub fn release(&self, pod: u32) -> Result<()> {
        guarded(|| self.push(Delta::Release(pod)))
    }

    /// Decides for pods in order; `pods` holds pairs of pod and spec. Pods that found a node are counted there at once.
    /// One batch at a time.
    #[napi(ts_return_type = "Promise<BatchResult>")]
    pub fn schedule(&self, pods: Uint32Array) -> Result<AsyncTask<Guarded<Batch>>> {
        guarded(|| Ok(AsyncTask::new(Guarded(Batch(Some(self.core.begin(pods.to_vec()).map_err(failure)?))))))
    }

    fn push(&self, delta: Delta) -> Result<()> {
        self.core.push(delta);
        Ok(())
    }
}

/// What a plugin says of itself.
#[napi(object)]
pub struct PluginDeclaration {
    pub name: String,
    /// What can undo its rejection; see `ClusterEvent`.
    pub events: Vec<String>,
    /// The fields of a pod's spec that it reads.
    pub pod_fields: Vec<String>,
}

/// Every plugin that this core has, in the order of filters, and preemption last.
#[napi]
pub fn plugins() -> Result<Vec<PluginDeclaration>> {
    let declared = |declaration: Declaration| PluginDeclaration {
        name: declaration.name.to_owned(),
        events: declaration.events.iter().map(|event| format!("{event:?}")).collect(),
        pod_fields: declaration.pod_fields.iter().map(|&field| field.to_owned()).collect(),
    };
    guarded(|| Ok(declarations().map(declared).collect()))
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::from_reason(error.to_string()))
}

fn failure(error: CoreError) -> Error {
    Error::from_reason(error.to_string())
}

/// What one pod of a batch is told when no node will do.
#[napi(object)]
pub struct PodFailure {
    /// Which pod of the batch.
    pub index: u32,
    /// Kubernetes' words: `0/3 nodes are available: ...`.
    pub message: String,
    /// The plugins that rejected a node.
    pub plugins: Vec<String>,
    /// The pod keeps the node that was nominated for it before.
    pub waits: bool,
    /// Slot of the node that evicting `victims` would free; -1: none.
    pub nominated: i32,
    pub victims: Vec<u32>,
}

#[napi(object)]
pub struct BatchResult {
    /// By pod of the batch: the node's slot, or -1.
    pub slots: Int32Array,
    pub failures: Vec<PodFailure>,
}

pub struct Batch(Option<core::Batch>);

impl Task for Batch {
    type Output = (Vec<i32>, Vec<PodFailure>);
    type JsValue = BatchResult;

    fn compute(&mut self) -> Result<Self::Output> {
        let batch = self.0.take().ok_or_else(|| Error::from_reason("the batch has been decided"))?;
        let mut failures = Vec::new();
        let decisions = batch.decide().map_err(failure)?.into_iter().enumerate();
        let slots = decisions.map(|(index, decision)| match decision {
            Decision::Node(slot) => slot as i32,
            Decision::Failed(failure) => {
                let nomination = failure.nomination;
                failures.push(PodFailure {
                    index: index as u32,
                    waits: failure.waits,
                    nominated: nomination.as_ref().map_or(-1, |nomination| nomination.slot as i32),
                    victims: nomination.map_or_else(Vec::new, |nomination| nomination.victims),
                    message: failure.message,
                    plugins: failure.plugins.into_iter().map(str::to_owned).collect(),
                });
                -1
            }
        });
        Ok((slots.collect(), failures))
    }

    fn resolve(&mut self, _: Env, (slots, failures): Self::Output) -> Result<BatchResult> {
        Ok(BatchResult { slots: slots.into(), failures })
    }
}
