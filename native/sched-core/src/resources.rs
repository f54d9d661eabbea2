//! Amounts of resources: what a pod requests and what a node has.

use crate::input::{ContainerInput, PodSpecInput, ResourceList};
use crate::intern::{Interner, Symbol};
use crate::quantity::Quantity;
use std::collections::BTreeMap;

/// What a container that requests nothing counts as when nodes are scored, so that such pods spread too.
/// Source: `DefaultMilliCPURequest`, `DefaultMemoryRequest`.
const UNSTATED_MILLI_CPU: &str = "100m";
const UNSTATED_MEMORY: &str = "200Mi";

/// CPU in thousandths, the rest in whole units (bytes); what is negative counts as nothing. `scalars` are extended
/// resources, huge pages and attachable volumes, sorted by name symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    pub milli_cpu: i64,
    pub memory: i64,
    pub ephemeral_storage: i64,
    pub scalars: Vec<(Symbol, i64)>,
}

impl Resources {
    pub fn from_list(list: &ResourceList, interner: &mut Interner) -> Self {
        let mut out = Self::default();
        for (name, quantity) in list {
            match name.as_str() {
                "cpu" => out.milli_cpu = quantity.milli_value().max(0),
                "memory" => out.memory = quantity.value().max(0),
                "ephemeral-storage" => out.ephemeral_storage = quantity.value().max(0),
                name if is_scalar(name) => out.scalars.push((interner.intern(name), quantity.value().max(0))),
                _ => {}
            }
        }
        out.scalars.sort_unstable();
        out
    }

    pub fn is_zero(&self) -> bool {
        self.milli_cpu == 0 && self.memory == 0 && self.ephemeral_storage == 0 && self.scalars.is_empty()
    }

    pub fn scalar(&self, name: Symbol) -> i64 {
        self.scalars.binary_search_by_key(&name, |entry| entry.0).map_or(0, |at| self.scalars[at].1)
    }
}

/// Whether the scheduler counts a resource that is none of its own four.
fn is_scalar(name: &str) -> bool {
    (name.contains('/') && !name.starts_with("requests."))
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
}

/// What a pod takes from its node: the sum of its containers and sidecars, or the largest need while its init containers
/// run if that is more; pod-level requests in place of either; overhead on top.
pub fn pod_requests(spec: &PodSpecInput) -> ResourceList {
    requests(spec, &BTreeMap::new())
}

/// As [`pod_requests`], with the scoring defaults for containers that leave CPU or memory out.
pub fn non_zero_requests(spec: &PodSpecInput) -> ResourceList {
    let parse = |text| Quantity::parse(text).expect("constant");
    let unstated =
        BTreeMap::from([("cpu".to_owned(), parse(UNSTATED_MILLI_CPU)), ("memory".to_owned(), parse(UNSTATED_MEMORY))]);
    requests(spec, &unstated)
}

fn requests(spec: &PodSpecInput, unstated: &ResourceList) -> ResourceList {
    let of = |container: &ContainerInput| {
        let mut list = container.resources.requests.clone();
        for (name, &quantity) in unstated {
            list.entry(name.clone()).or_insert(quantity);
        }
        list
    };
    let mut total = ResourceList::new();
    for container in &spec.containers {
        add(&mut total, &of(container));
    }
    let mut sidecars = ResourceList::new();
    let mut peak = ResourceList::new();
    for container in &spec.init_containers {
        let own = of(container);
        if container.restart_policy == "Always" {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            raise(&mut peak, &sidecars);
        } else {
            let mut at_once = own;
            add(&mut at_once, &sidecars);
            raise(&mut peak, &at_once);
        }
    }
    raise(&mut total, &peak);
    for (name, &quantity) in &spec.resources.requests {
        if name == "cpu" || name == "memory" || name.starts_with("hugepages-") {
            total.insert(name.clone(), quantity);
        }
    }
    add(&mut total, &spec.overhead);
    total
}

fn add(list: &mut ResourceList, more: &ResourceList) {
    for (name, &quantity) in more {
        *list.entry(name.clone()).or_default() += quantity;
    }
}

fn raise(list: &mut ResourceList, other: &ResourceList) {
    for (name, &quantity) in other {
        let entry = list.entry(name.clone()).or_default();
        *entry = (*entry).max(quantity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(spec: serde_json::Value, non_zero: bool) -> (i64, i64) {
        let spec: PodSpecInput = serde_json::from_value(spec).unwrap();
        let list = if non_zero { non_zero_requests(&spec) } else { pod_requests(&spec) };
        let resources = Resources::from_list(&list, &mut Interner::default());
        (resources.milli_cpu, resources.memory)
    }

    fn container(cpu: &str) -> serde_json::Value {
        serde_json::json!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn pod_requests_follow_the_order_of_containers() {
        let sidecar = serde_json::json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}});
        for (case, spec, cpu) in [
            ("containers add up", serde_json::json!({"containers": [container("100m"), container("1")]}), 1100),
            (
                "a larger init container counts instead",
                serde_json::json!({"containers": [container("100m")], "initContainers": [container("2"), container("1")]}),
                2000,
            ),
            (
                "sidecars run beside containers and later init containers",
                serde_json::json!({"containers": [container("100m")], "initContainers": [sidecar, container("1")]}),
                1050,
            ),
            (
                "an init container before the sidecar runs without it",
                serde_json::json!({"containers": [container("100m")], "initContainers": [container("140m"), sidecar]}),
                150,
            ),
            (
                "pod-level requests win, overhead comes on top",
                serde_json::json!({"containers": [container("100m")], "overhead": {"cpu": "10m"},
                    "resources": {"requests": {"cpu": "400m"}}}),
                410,
            ),
        ] {
            assert_eq!(totals(spec, false).0, cpu, "{case}");
        }
    }

    #[test]
    fn scoring_gives_every_silent_container_a_share() {
        let spec = serde_json::json!({"containers": [{}, container("1")]});
        assert_eq!(totals(spec.clone(), false), (1000, 0));
        assert_eq!(totals(spec, true), (1100, 400 << 20));
    }

    #[test]
    fn only_known_and_scalar_resources_count() {
        let list = serde_json::from_value(serde_json::json!({
            "cpu": "1", "example.com/gpu": 2, "hugepages-2Mi": "4Mi", "pods": "3", "unknown": "7", "requests.example.com/x": 1
        }))
        .unwrap();
        let mut interner = Interner::default();
        let resources = Resources::from_list(&list, &mut interner);
        let names: Vec<_> = resources.scalars.iter().map(|entry| interner.text(entry.0)).collect();
        assert_eq!(names, ["example.com/gpu", "hugepages-2Mi"]);
        assert_eq!(resources.scalar(interner.intern("example.com/gpu")), 2);
    }
}
