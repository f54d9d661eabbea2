//! The scheduler behind its door: deltas come at any time and wait while a batch is being decided, so that who brings them
//! never waits for a decision.
//!
//! A panic leaves the snapshot half changed: the core is broken from then on. It takes no more deltas, and decides
//! nothing; its owner makes a new one and tells it everything again.

use crate::failure::Failure;
use crate::input::{NodeInput, PodInput};
use crate::plugins::Scoring;
use crate::scheduler::{Decision, Scheduler};
use guard::{Panic, caught};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// A change of the cluster. Nodes have slots; pods and specs have numbers of the caller's choice.
pub enum Delta {
    UpsertNode(usize, NodeInput),
    RemoveNode(usize),
    DefineSpec(u32, Box<PodInput>),
    DropSpec(u32),
    /// None: the namespace is gone.
    SetNamespace(String, Option<BTreeMap<String, String>>),
    /// `started`: since when the pod runs, in milliseconds.
    Assign {
        pod: u32,
        spec: u32,
        slot: usize,
        started: i64,
    },
    Nominate {
        pod: u32,
        spec: u32,
        slot: usize,
    },
    Release(u32),
}

/// Deltas beyond this many are applied without waiting for the next batch.
const PENDING_LIMIT: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    #[error("a batch is being decided")]
    Busy,
    #[error("the scheduler's core must be rebuilt: {0}")]
    Broken(Panic),
}

impl From<Panic> for CoreError {
    fn from(panic: Panic) -> Self {
        Self::Broken(panic)
    }
}

#[derive(Clone)]
pub struct Core {
    shared: Arc<Shared>,
}

struct Shared {
    pending: Mutex<Pending>,
    scheduler: Mutex<Scheduler>,
}

#[derive(Default)]
struct Pending {
    deltas: Vec<Delta>,
    /// A batch holds older deltas: newer ones must not overtake them.
    in_flight: bool,
    broken: Option<Panic>,
}

/// Both mutexes are poisoned by a panic that `broken` tells of already: whoever takes them looks there first.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Core {
    /// `seed` fixes how ties are broken.
    pub fn new(seed: u64, scoring: Scoring) -> Self {
        let scheduler = Mutex::new(Scheduler::new(seed, scoring));
        Self { shared: Arc::new(Shared { pending: Mutex::default(), scheduler }) }
    }

    /// Why the core must be rebuilt, once it must.
    pub fn broken(&self) -> Option<Panic> {
        lock(&self.shared.pending).broken.clone()
    }

    /// A panic while deltas are applied is the next batch's error: who brings a delta has nobody to tell.
    pub fn push(&self, delta: Delta) {
        let mut pending = lock(&self.shared.pending);
        if pending.broken.is_some() {
            return;
        }
        pending.deltas.push(delta);
        // A cluster in which nothing is scheduled for long must not pile up deltas.
        if pending.deltas.len() >= PENDING_LIMIT && !pending.in_flight {
            let deltas = std::mem::take(&mut pending.deltas);
            let applied = caught::<(), Panic>(|| {
                apply_all(&mut lock(&self.shared.scheduler), deltas);
                Ok(())
            });
            pending.broken = applied.err();
        }
    }

    /// `pods`: pairs of pod and spec. Takes the deltas told so far: what is told after this call belongs after the batch.
    pub fn begin(&self, pods: Vec<u32>) -> Result<Batch, CoreError> {
        let mut pending = lock(&self.shared.pending);
        if let Some(panic) = &pending.broken {
            return Err(CoreError::Broken(panic.clone()));
        }
        if pending.in_flight {
            return Err(CoreError::Busy);
        }
        pending.in_flight = true;
        let deltas = std::mem::take(&mut pending.deltas);
        Ok(Batch { flight: Flight(self.shared.clone()), deltas, pods })
    }
}

/// Ends the batch's flight however it ends, also when nobody runs it.
struct Flight(Arc<Shared>);

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.0.pending).in_flight = false;
    }
}

/// Pods to be decided in order, after the deltas that were told before them. Only one exists at a time.
pub struct Batch {
    flight: Flight,
    deltas: Vec<Delta>,
    pods: Vec<u32>,
}

impl Batch {
    /// Pods that find a node are counted there at once. The core is broken when this panics.
    pub fn decide(self) -> Result<Vec<Decision>, CoreError> {
        let Self { flight, deltas, pods } = self;
        let decided = caught(|| {
            let mut scheduler = lock(&flight.0.scheduler);
            apply_all(&mut scheduler, deltas);
            Ok(pods.chunks_exact(2).map(|pair| decide(&mut scheduler, pair[0], pair[1])).collect())
        });
        if let Err(CoreError::Broken(panic)) = &decided {
            let mut pending = lock(&flight.0.pending);
            pending.broken = Some(panic.clone());
            pending.deltas = Vec::new();
        }
        decided
    }
}

fn decide(scheduler: &mut Scheduler, pod: u32, spec: u32) -> Decision {
    match scheduler.snapshot.spec(spec) {
        Some(spec) => scheduler.schedule(pod, &spec),
        None => Decision::Failed(Failure { message: format!("pod spec {spec} is not defined"), ..Failure::default() }),
    }
}

fn apply_all(scheduler: &mut Scheduler, deltas: Vec<Delta>) {
    deltas.into_iter().for_each(|delta| apply(scheduler, delta));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, pod, requests};

    /// No vector is so long: growing the columns panics.
    const IMPOSSIBLE: usize = usize::MAX - 1;

    fn core() -> Core {
        let core = Core::new(1, Scoring::default());
        core.push(Delta::UpsertNode(0, node("a").allocatable("cpu", "4").allocatable("memory", "1Gi")));
        core.push(Delta::DefineSpec(1, Box::new(pod(requests("1", "1Mi")))));
        core
    }

    fn impossible() -> Delta {
        Delta::Assign { pod: 9, spec: 1, slot: IMPOSSIBLE, started: 0 }
    }

    fn slots(core: &Core, pods: &[u32]) -> Result<Vec<bool>, CoreError> {
        let decisions = core.begin(pods.to_vec())?.decide()?;
        Ok(decisions.iter().map(|decision| matches!(decision, Decision::Node(0))).collect())
    }

    #[test]
    fn a_batch_sees_what_was_told_before_it_began() {
        let core = core();
        let batch = core.begin(vec![7, 1, 8, 2]).unwrap();
        core.push(Delta::DefineSpec(2, Box::new(pod(requests("1", "1Mi")))));
        let decisions = batch.decide().unwrap();
        assert_eq!(decisions[0], Decision::Node(0));
        let Decision::Failed(failure) = &decisions[1] else { panic!("decided without a spec") };
        assert_eq!(failure.message, "pod spec 2 is not defined");
        assert_eq!(slots(&core, &[8, 2]), Ok(vec![true]));
    }

    #[test]
    fn only_one_batch_is_in_flight_until_it_is_decided_or_dropped() {
        let core = core();
        let batch = core.begin(vec![7, 1]).unwrap();
        assert_eq!(core.begin(vec![]).err(), Some(CoreError::Busy));
        drop(batch);
        assert_eq!(slots(&core, &[]), Ok(vec![]));
        assert_eq!(slots(&core, &[]), Ok(vec![]));
    }

    #[test]
    fn a_panic_is_the_batchs_error_and_every_later_ones() {
        let core = core();
        core.push(impossible());
        let Err(CoreError::Broken(panic)) = slots(&core, &[7, 1]) else { panic!("decided") };
        assert!(!panic.message.is_empty() && panic.place.contains(':'), "{panic}");
        assert_eq!(core.broken(), Some(panic.clone()));
        core.push(Delta::RemoveNode(0));
        let again = core.begin(vec![7, 1]).err();
        assert_eq!(
            again.map(|error| error.to_string()),
            Some(format!("the scheduler's core must be rebuilt: {panic}"))
        );
    }

    #[test]
    fn a_panic_while_nothing_is_scheduled_is_the_next_batchs_error() {
        let core = core();
        core.push(impossible());
        for _ in 0..PENDING_LIMIT {
            core.push(Delta::Release(3));
        }
        assert!(core.broken().is_some());
        assert!(matches!(core.begin(vec![]).err(), Some(CoreError::Broken(_))));
    }
}
