//! What each node offers and what its pods take, as one column a resource. The index of every column is the node's slot.

use crate::input::{NodeInput, ResourceList};
use crate::intern::{Interner, Symbol};
use crate::pod::{Demand, HostPort};
use crate::resources::Resources;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub name: Symbol,
    pub allocatable: i64,
    pub used: i64,
}

/// CPU in thousandths, memory and storage in bytes.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Whether the slot holds a node. Pods may arrive before their node, and outlive it.
    pub present: Vec<bool>,
    pub cpu: Vec<i64>,
    pub memory: Vec<i64>,
    pub storage: Vec<i64>,
    pub pods: Vec<i64>,
    pub used_cpu: Vec<i64>,
    pub used_memory: Vec<i64>,
    pub used_storage: Vec<i64>,
    pub used_pods: Vec<i64>,
    pub non_zero_cpu: Vec<i64>,
    pub non_zero_memory: Vec<i64>,
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
        for column in [
            &mut self.cpu,
            &mut self.memory,
            &mut self.storage,
            &mut self.pods,
            &mut self.used_cpu,
            &mut self.used_memory,
            &mut self.used_storage,
            &mut self.used_pods,
            &mut self.non_zero_cpu,
            &mut self.non_zero_memory,
        ] {
            column.resize(len, 0);
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
        self.scalars[slot].retain(|scalar| scalar.allocatable != 0 || scalar.used != 0);
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
        self.used_cpu[slot] += sign * demand.requests.milli_cpu;
        self.used_memory[slot] += sign * demand.requests.memory;
        self.used_storage[slot] += sign * demand.requests.ephemeral_storage;
        self.used_pods[slot] += sign;
        self.non_zero_cpu[slot] += sign * demand.non_zero_cpu;
        self.non_zero_memory[slot] += sign * demand.non_zero_memory;
        for &(name, amount) in &demand.requests.scalars {
            self.scalar(slot, name).used += sign * amount;
        }
    }

    fn scalar(&mut self, slot: usize, name: Symbol) -> &mut Scalar {
        let scalars = &mut self.scalars[slot];
        let at = match scalars.binary_search_by_key(&name, |scalar| scalar.name) {
            Ok(at) => at,
            Err(at) => {
                scalars.insert(at, Scalar { name, allocatable: 0, used: 0 });
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
            .map_or((0, 0), |at| (scalars[at].allocatable, scalars[at].used))
    }
}

fn pods(list: &ResourceList) -> i64 {
    list.get("pods").map_or(0, |quantity| quantity.value())
}
