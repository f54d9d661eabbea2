//! Which pods a topology term or a spread constraint means: by namespace and labels. Pod labels may be unique to a pod
//! (names of StatefulSet pods, uids of Jobs), so they are kept as hashes and never interned.

use crate::input::{LabelSelectorInput, RequirementInput};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// 64 bits of a keyed hash: two texts are alike only by an accident that nobody can arrange.
pub type Digest = u64;

static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

pub fn digest(text: &str) -> Digest {
    KEYS.hash_one(text)
}

/// Labels sorted by key.
pub type Digests = Vec<(Digest, Digest)>;

pub fn digest_labels(labels: &BTreeMap<String, String>) -> Digests {
    let mut digests: Digests = labels.iter().map(|(key, value)| (digest(key), digest(value))).collect();
    digests.sort_unstable();
    digests
}

/// Namespaces and their labels: what namespace selectors look at.
pub type Namespaces = HashMap<Digest, Digests>;

/// A pod as others' terms see it.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    pub namespace: Digest,
    pub labels: Digests,
    /// Being deleted: spread constraints do not count it.
    pub terminating: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// An operator that does not exist: matches nothing.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    key: Digest,
    operator: Operator,
    values: Vec<Digest>,
}

impl Requirement {
    fn compile(input: &RequirementInput) -> Self {
        Self {
            key: digest(&input.key),
            operator: match input.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => Operator::Unknown,
            },
            values: input.values.iter().map(|value| digest(value)).collect(),
        }
    }

    fn matches(&self, labels: &Digests) -> bool {
        let found = labels.binary_search_by_key(&self.key, |entry| entry.0).ok();
        let value = found.map(|at| labels[at].1);
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(&value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(&value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Unknown => false,
        }
    }
}

/// A label selector. `None` requirements: the API had no selector, which matches nothing; no requirements: everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    requirements: Option<Vec<Requirement>>,
}

impl Selector {
    pub fn compile(input: Option<&LabelSelectorInput>) -> Self {
        let requirements = input.map(|input| {
            let equal = input.match_labels.iter().map(|(key, value)| Requirement {
                key: digest(key),
                operator: Operator::In,
                values: vec![digest(value)],
            });
            equal.chain(input.match_expressions.iter().map(Requirement::compile)).collect()
        });
        Self { requirements }
    }

    /// Adds the pod's own values of these keys, as `matchLabelKeys` (or, negated, `mismatchLabelKeys`) asks.
    pub fn merge(&mut self, keys: &[String], labels: &BTreeMap<String, String>, mismatch: bool) {
        let Some(requirements) = &mut self.requirements else { return };
        for (key, value) in keys.iter().filter_map(|key| labels.get_key_value(key)) {
            let operator = if mismatch { Operator::NotIn } else { Operator::In };
            requirements.push(Requirement { key: digest(key), operator, values: vec![digest(value)] });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.requirements.as_ref().is_some_and(Vec::is_empty)
    }

    pub fn matches(&self, labels: &Digests) -> bool {
        self.requirements.as_ref().is_some_and(|all| all.iter().all(|requirement| requirement.matches(labels)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodMatcher {
    pub namespaces: Vec<Digest>,
    /// Further namespaces, by their labels.
    pub namespace_selector: Option<Selector>,
    pub selector: Selector,
    pub living_only: bool,
}

impl PodMatcher {
    pub fn matches(&self, pod: &Subject, namespaces: &Namespaces) -> bool {
        if self.living_only && pod.terminating {
            return false;
        }
        let selected = || {
            self.namespace_selector.as_ref().is_some_and(|selector| {
                selector.is_empty() || namespaces.get(&pod.namespace).is_some_and(|labels| selector.matches(labels))
            })
        };
        (self.namespaces.contains(&pod.namespace) || selected()) && self.selector.matches(&pod.labels)
    }
}
