//! What each node offers and what its pods take, as one column a resource. The index of every column is the node's slot.

use crate::input::{NodeInput, ResourceList};
use crate::intern::{Interner, Symbol};
use crate::pod::{Demand, HostPort};
use crate::resources::Resources;
use std::collections::BTreeMap;
use std::ops::Deref;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub name: Symbol,
    pub allocatable: i64,
    sum: i128,
}

impl Scalar {
    pub fn used(&self) -> i64 {
        shown(self.sum)
    }
}

/// What the pods of each node take of one resource. Decisions read the sums as 0..=i64::MAX. A sum that is not below
/// i64::MAX is kept exactly apart from the column, where it costs the others nothing: 2^32 pods of 2^63 each fit there,
/// so giving back restores exactly what was before.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    shown: Vec<i64>,
    /// By slot: what is shown as i64::MAX.
    beyond: BTreeMap<usize, i128>,
}

impl Sums {
    fn resize(&mut self, len: usize) {
        self.shown.resize(len, 0);
    }

    fn add(&mut self, slot: usize, amount: i64) {
        let shown = &mut self.shown[slot];
        match shown.checked_add(amount) {
            Some(sum) if *shown != i64::MAX && sum != i64::MAX => *shown = sum,
            _ => self.add_beyond(slot, amount),
        }
    }

    #[cold]
    fn add_beyond(&mut self, slot: usize, amount: i64) {
        let before = self.beyond.remove(&slot).unwrap_or_else(|| i128::from(self.shown[slot]));
        let sum = before + i128::from(amount);
        self.shown[slot] = shown(sum);
        if self.shown[slot] == i64::MAX {
            self.beyond.insert(slot, sum);
        }
    }
}

impl Deref for Sums {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        &self.shown
    }
}

/// The nearest of 0..=i64::MAX: what is left of an amount in that range can then be computed without overflow.
fn shown(sum: i128) -> i64 {
    sum.clamp(0, i128::from(i64::MAX)) as i64
}

/// CPU in thousandths, memory and storage in bytes. No amount is negative.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Whether the slot holds a node. Pods may arrive before their node, and outlive it.
    pub present: Vec<bool>,
    pub cpu: Vec<i64>,
    pub memory: Vec<i64>,
    pub storage: Vec<i64>,
    pub pods: Vec<i64>,
    pub used_cpu: Sums,
    pub used_memory: Sums,
    pub used_storage: Sums,
    pub used_pods: Sums,
    pub non_zero_cpu: Sums,
    pub non_zero_memory: Sums,
    pub scalars: Vec<Vec<Scalar>>,
    pub ports: Vec<Vec<HostPort>>,
}

impl Usage {
    pub fn len(&self) -> usize {
        self.present.len()
    }

    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    pub fn grow(&mut self, len: usize) {
        if len <= self.len() {
            return;
        }
        self.present.resize(len, false);
        for column in [&mut self.cpu, &mut self.memory, &mut self.storage, &mut self.pods] {
            column.resize(len, 0);
        }
        for sums in [
            &mut self.used_cpu,
            &mut self.used_memory,
            &mut self.used_storage,
            &mut self.used_pods,
            &mut self.non_zero_cpu,
            &mut self.non_zero_memory,
        ] {
            sums.resize(len);
        }
        self.scalars.resize_with(len, Vec::new);
        self.ports.resize_with(len, Vec::new);
    }

    pub fn set_allocatable(&mut self, slot: usize, node: &NodeInput, interner: &mut Interner) {
        let allocatable = Resources::from_list(&node.allocatable, interner);
        self.present[slot] = true;
        self.cpu[slot] = allocatable.milli_cpu;
        self.memory[slot] = allocatable.memory;
        self.storage[slot] = allocatable.ephemeral_storage;
        self.pods[slot] = pods(&node.allocatable);
        for scalar in &mut self.scalars[slot] {
            scalar.allocatable = 0;
        }
        for &(name, amount) in &allocatable.scalars {
            self.scalar(slot, name).allocatable = amount;
        }
        self.scalars[slot].retain(|scalar| scalar.allocatable != 0 || scalar.sum != 0);
    }

    pub fn clear_allocatable(&mut self, slot: usize) {
        self.present[slot] = false;
    }

    pub fn take(&mut self, slot: usize, demand: &Demand) {
        self.account(slot, demand, 1);
        self.ports[slot].extend_from_slice(&demand.ports);
    }

    pub fn give_back(&mut self, slot: usize, demand: &Demand) {
        self.account(slot, demand, -1);
        for port in &demand.ports {
            if let Some(at) = self.ports[slot].iter().position(|used| used == port) {
                self.ports[slot].swap_remove(at);
            }
        }
    }

    fn account(&mut self, slot: usize, demand: &Demand, sign: i64) {
        let signed = |amount: i64| sign * amount;
        self.used_cpu.add(slot, signed(demand.requests.milli_cpu));
        self.used_memory.add(slot, signed(demand.requests.memory));
        self.used_storage.add(slot, signed(demand.requests.ephemeral_storage));
        self.used_pods.add(slot, sign);
        self.non_zero_cpu.add(slot, signed(demand.non_zero_cpu));
        self.non_zero_memory.add(slot, signed(demand.non_zero_memory));
        for &(name, amount) in &demand.requests.scalars {
            self.scalar(slot, name).sum += i128::from(signed(amount));
        }
    }

    fn scalar(&mut self, slot: usize, name: Symbol) -> &mut Scalar {
        let scalars = &mut self.scalars[slot];
        let at = match scalars.binary_search_by_key(&name, |scalar| scalar.name) {
            Ok(at) => at,
            Err(at) => {
                scalars.insert(at, Scalar { name, allocatable: 0, sum: 0 });
                at
            }
        };
        &mut scalars[at]
    }

    /// Allocatable and used of a scalar resource.
    pub fn scalar_of(&self, slot: usize, name: Symbol) -> (i64, i64) {
        let scalars = &self.scalars[slot];
        scalars
            .binary_search_by_key(&name, |scalar| scalar.name)
            .map_or((0, 0), |at| (scalars[at].allocatable, scalars[at].used()))
    }
}

fn pods(list: &ResourceList) -> i64 {
    list.get("pods").map_or(0, |quantity| quantity.value().max(0))
}

#[cfg(test)]
mod tests {
    use super::Usage;
    use crate::input::PodInput;
    use crate::plugins::{REGISTRY, Score, Scoring, node_resources_fit::Strategy};
    use crate::scheduler::Decision;
    use crate::testing::{Cluster, node, pod, requests};
    use proptest::prelude::*;
    use serde_json::json;

    const MOST: &str = "9223372036854775807";

    /// A request of each resource, from nothing to more than fits in 64 bits.
    fn demanding(kind: usize) -> PodInput {
        let amount = ["0", "1", "3", "4611686018427387904", MOST, "1e30"][kind];
        let resources = ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu"];
        let list: serde_json::Map<_, _> = resources.iter().map(|&name| (name.to_owned(), json!(amount))).collect();
        pod(json!({"containers": [{"resources": {"requests": list}}]}))
    }

    fn columns(usage: &Usage) -> Vec<Vec<i64>> {
        let sums = [&usage.used_cpu, &usage.used_memory, &usage.used_storage, &usage.used_pods];
        let scored = [&usage.non_zero_cpu, &usage.non_zero_memory];
        let scalars = usage.scalars[0].iter().filter(|scalar| scalar.used() != 0).map(|scalar| scalar.used()).collect();
        sums.into_iter().chain(scored).map(|sums| sums.to_vec()).chain([scalars]).collect()
    }

    #[test]
    fn absurd_requests_do_not_hide_use() {
        let full =
            || node("a").allocatable("cpu", "4").allocatable("memory", "8Gi").allocatable("example.com/gpu", "8");
        for count in 1..=4 {
            let mut cluster = Cluster::new([full()]);
            let absurd: Vec<_> = (0..count).map(|_| cluster.run(demanding(4), "a")).collect();
            assert_eq!(
                cluster.reasons(pod(requests("1m", "1"))),
                ["Insufficient cpu", "Insufficient memory"],
                "{count}"
            );
            let gpu = json!({"containers": [{"resources": {"requests": {"example.com/gpu": 1}}}]});
            assert_eq!(cluster.reasons(pod(gpu)), ["Insufficient example.com/gpu"], "{count}");
            for pod in absurd {
                cluster.scheduler.snapshot.release(pod);
            }
            assert_eq!(cluster.verdicts(pod(requests("4", "8Gi"))), [""], "{count}");
        }
    }

    proptest! {
        /// Tests are built with overflow checks: a sum or a score that left its range would end this one.
        #[test]
        fn what_is_given_back_leaves_what_was_before(
            before in prop::collection::vec(0..6usize, 0..6),
            extra in prop::collection::vec(0..6usize, 1..6),
            capacity in prop::sample::select(vec!["0", "1", "4", MOST, "1e30"]),
        ) {
            let sized = ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu"]
                .iter()
                .fold(node("a"), |node, name| node.allocatable(name, capacity));
            let mut cluster = Cluster::new([sized]);
            for kind in &before {
                cluster.run(demanding(*kind), "a");
            }
            let columns_before = columns(&cluster.scheduler.snapshot.usage);
            let added: Vec<_> = extra.iter().map(|kind| cluster.run(demanding(*kind), "a")).collect();
            for kind in 0..6 {
                let spec = cluster.define(demanding(kind));
                let usage = &cluster.scheduler.snapshot.usage;
                for strategy in [Strategy::LeastAllocated, Strategy::MostAllocated, Strategy::RequestedToCapacityRatio] {
                    let scoring = Scoring { strategy, ..Scoring::default() };
                    for plugin in REGISTRY {
                        let Score::Usage(score) = plugin.score else { continue };
                        let mut totals = [0];
                        score(&spec.class.demand, usage, &scoring, 0..1, &mut totals, 1);
                        prop_assert!((0..=100).contains(&totals[0]), "{}: {}", plugin.name, totals[0]);
                    }
                }
                if let Decision::Node(_) = cluster.scheduler.schedule(cluster.last(), &spec) {
                    cluster.scheduler.snapshot.release(cluster.last());
                }
            }
            for pod in added {
                cluster.scheduler.snapshot.release(pod);
            }
            prop_assert_eq!(columns(&cluster.scheduler.snapshot.usage), columns_before);
        }
    }
}
