//! The door to Node. Nodes and pod specs cross as JSON, once for each change; pods cross as numbers.

use crate::Failure;
use crate::input::{NodeInput, PodInput};
use crate::plugins::Scoring;
use crate::scheduler::{Decision, Scheduler};
use napi::bindgen_prelude::{AsyncTask, Int32Array, Uint32Array};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

enum Delta {
    UpsertNode(usize, NodeInput),
    RemoveNode(usize),
    DefineSpec(u32, Box<PodInput>),
    DropSpec(u32),
    SetNamespace(String, Option<BTreeMap<String, String>>),
    Assign { pod: u32, spec: u32, slot: usize, started: i64 },
    Nominate { pod: u32, spec: u32, slot: usize },
    Release(u32),
}

/// Deltas beyond this many are applied without waiting for the next batch.
const PENDING_LIMIT: usize = 10_000;

/// Deltas wait in `pending` while a batch is being decided, so that the event loop never waits for a decision.
struct Shared {
    pending: Mutex<Pending>,
    scheduler: Mutex<Scheduler>,
}

#[derive(Default)]
struct Pending {
    deltas: Vec<Delta>,
    /// A batch holds older deltas: newer ones must not overtake them.
    in_flight: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[napi]
pub struct SchedCore {
    shared: Arc<Shared>,
}

#[napi]
impl SchedCore {
    /// `seed` fixes how ties are broken. `scoring`: JSON of NodeResourcesFit's strategy, empty for the default.
    #[napi(constructor)]
    pub fn new(seed: f64, scoring: String) -> Result<Self> {
        let scoring = if scoring.is_empty() { Scoring::default() } else { parse::<Scoring>(&scoring)? };
        let scheduler = Mutex::new(Scheduler::new(seed.to_bits(), scoring));
        Ok(Self { shared: Arc::new(Shared { pending: Mutex::default(), scheduler }) })
    }

    /// `node`: JSON of name, labels, taints, unschedulable, allocatable.
    #[napi]
    pub fn upsert_node(&self, slot: u32, node: String) -> Result<()> {
        self.push(Delta::UpsertNode(slot as usize, parse(&node)?));
        Ok(())
    }

    #[napi]
    pub fn remove_node(&self, slot: u32) {
        self.push(Delta::RemoveNode(slot as usize));
    }

    /// `pod`: JSON of namespace, labels, and the spec's fields that scheduling reads.
    #[napi]
    pub fn define_spec(&self, id: u32, pod: String) -> Result<()> {
        self.push(Delta::DefineSpec(id, Box::new(parse(&pod)?)));
        Ok(())
    }

    #[napi]
    pub fn drop_spec(&self, id: u32) {
        self.push(Delta::DropSpec(id));
    }

    /// `labels`: JSON of the namespace's labels; absent: it is gone.
    #[napi]
    pub fn set_namespace(&self, name: String, labels: Option<String>) -> Result<()> {
        let labels = labels.map(|labels| parse(&labels)).transpose()?;
        self.push(Delta::SetNamespace(name, labels));
        Ok(())
    }

    /// The pod runs, or is about to, on the node of this slot. `started`: since when, in milliseconds.
    #[napi]
    pub fn assign(&self, pod: u32, spec: u32, slot: u32, started: f64) {
        self.push(Delta::Assign { pod, spec, slot: slot as usize, started: started as i64 });
    }

    /// Room on the node of this slot is being made for the pod.
    #[napi]
    pub fn nominate(&self, pod: u32, spec: u32, slot: u32) {
        self.push(Delta::Nominate { pod, spec, slot: slot as usize });
    }

    /// The pod takes nothing any more.
    #[napi]
    pub fn release(&self, pod: u32) {
        self.push(Delta::Release(pod));
    }

    /// Decides for pods in order; `pods` holds pairs of pod and spec. Pods that found a node are counted there at once.
    /// One batch at a time.
    #[napi(ts_return_type = "Promise<BatchResult>")]
    pub fn schedule(&self, pods: Uint32Array) -> Result<AsyncTask<Batch>> {
        // Taken now: what is said after this call belongs after this batch.
        let mut pending = lock(&self.shared.pending);
        if pending.in_flight {
            return Err(Error::from_reason("a batch is being decided"));
        }
        pending.in_flight = true;
        let deltas = std::mem::take(&mut pending.deltas);
        Ok(AsyncTask::new(Batch { shared: self.shared.clone(), deltas, pods: pods.to_vec() }))
    }

    fn push(&self, delta: Delta) {
        let mut pending = lock(&self.shared.pending);
        pending.deltas.push(delta);
        // A cluster in which nothing is scheduled for long must not pile up deltas.
        if pending.deltas.len() >= PENDING_LIMIT && !pending.in_flight {
            let mut scheduler = lock(&self.shared.scheduler);
            pending.deltas.drain(..).for_each(|delta| apply(&mut scheduler, delta));
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::from_reason(error.to_string()))
}

#[napi(object)]
pub struct PodFailure {
    /// Which pod of the batch.
    pub index: u32,
    pub message: String,
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

pub struct Batch {
    shared: Arc<Shared>,
    deltas: Vec<Delta>,
    pods: Vec<u32>,
}

impl Task for Batch {
    type Output = (Vec<i32>, Vec<PodFailure>);
    type JsValue = BatchResult;

    fn compute(&mut self) -> Result<Self::Output> {
        let mut scheduler = lock(&self.shared.scheduler);
        self.deltas.drain(..).for_each(|delta| apply(&mut scheduler, delta));
        let mut slots = Vec::with_capacity(self.pods.len() / 2);
        let mut failures = Vec::new();
        for pair in self.pods.chunks_exact(2) {
            let decision = match scheduler.snapshot.spec(pair[1]) {
                Some(spec) => scheduler.schedule(pair[0], &spec),
                None => Decision::Failed(Failure {
                    message: format!("pod spec {} is not defined", pair[1]),
                    ..Failure::default()
                }),
            };
            slots.push(match decision {
                Decision::Node(slot) => slot as i32,
                Decision::Failed(failure) => {
                    let nomination = failure.nomination;
                    failures.push(PodFailure {
                        index: slots.len() as u32,
                        waits: failure.waits,
                        nominated: nomination.as_ref().map_or(-1, |nomination| nomination.slot as i32),
                        victims: nomination.map_or_else(Vec::new, |nomination| nomination.victims),
                        message: failure.message,
                        plugins: failure.plugins.into_iter().map(str::to_owned).collect(),
                    });
                    -1
                }
            });
        }
        lock(&self.shared.pending).in_flight = false;
        Ok((slots, failures))
    }

    fn resolve(&mut self, _: Env, (slots, failures): Self::Output) -> Result<BatchResult> {
        Ok(BatchResult { slots: slots.into(), failures })
    }
}

fn apply(scheduler: &mut Scheduler, delta: Delta) {
    match delta {
        Delta::UpsertNode(slot, node) => scheduler.snapshot.upsert_node(slot, &node),
        Delta::RemoveNode(slot) => scheduler.snapshot.remove_node(slot),
        Delta::DefineSpec(id, pod) => scheduler.snapshot.define_spec(id, &pod),
        Delta::SetNamespace(name, labels) => scheduler.snapshot.set_namespace(&name, labels.as_ref()),
        Delta::DropSpec(id) => scheduler.snapshot.drop_spec(id),
        Delta::Assign { pod, spec, slot, started } => {
            if let Some(spec) = scheduler.snapshot.spec(spec) {
                scheduler.assign(pod, &spec, slot, started);
            }
        }
        Delta::Nominate { pod, spec, slot } => {
            if let Some(spec) = scheduler.snapshot.spec(spec) {
                scheduler.nominate(pod, &spec, slot);
            }
        }
        Delta::Release(pod) => scheduler.release(pod),
    }
}
