//! What pods demand of the places of other pods.

use crate::input::{PodAffinityTermInput, PodInput};
use crate::intern::{Interner, Symbol};
use crate::pod_matcher::{PodMatcher, Selector, Subject, digest, digest_labels};

/// `hardPodAffinityWeight`: what a running pod's required affinity is worth to a pod that it matches.
const HARD_AFFINITY_WEIGHT: i32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub matcher: PodMatcher,
    pub key: Symbol,
}

#[derive(Clone, Debug)]
pub struct SpreadConstraint {
    pub max_skew: i64,
    pub key: Symbol,
    /// None: an empty selector, which counts no pod.
    pub matcher: Option<PodMatcher>,
    /// The pod itself counts among those that it wants spread.
    pub counts_itself: bool,
    pub min_domains: usize,
    pub honor_affinity: bool,
    pub honor_taints: bool,
}

/// What a term of a running pod does to a pod that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pull {
    Forbids,
    Weighs(i32),
}

#[derive(Clone, Debug, Default)]
pub struct TopologyRules {
    pub subject: Subject,
    pub hard_spread: Vec<SpreadConstraint>,
    pub soft_spread: Vec<SpreadConstraint>,
    pub affinity: Vec<Term>,
    pub anti_affinity: Vec<Term>,
    /// Negative weights: anti-affinity.
    pub preferred: Vec<(i32, Term)>,
    pub hostname: Option<Symbol>,
}

impl TopologyRules {
    pub fn compile(input: &PodInput, interner: &mut Interner) -> Self {
        let subject = Subject {
            namespace: digest(&input.namespace),
            labels: digest_labels(&input.labels),
            terminating: input.terminating,
        };
        let affinity = &input.spec.affinity;
        let mut term = |list: &PodAffinityTermInput| compile_term(list, input, interner);
        let mut preferred: Vec<(i32, Term)> = Vec::new();
        preferred.extend(affinity.pod_affinity.preferred.iter().map(|p| (p.weight as i32, term(&p.pod_affinity_term))));
        let anti = &affinity.pod_anti_affinity;
        preferred.extend(anti.preferred.iter().map(|p| (-(p.weight as i32), term(&p.pod_affinity_term))));
        let required = affinity.pod_affinity.required.iter().map(&mut term).collect();
        let anti_affinity = anti.required.iter().map(&mut term).collect();
        let mut rules = Self {
            affinity: required,
            anti_affinity,
            preferred,
            hostname: Some(interner.intern("kubernetes.io/hostname")),
            ..Self::default()
        };
        for constraint in &input.spec.topology_spread_constraints {
            let mut selector = Selector::compile(constraint.label_selector.as_ref());
            selector.merge(&constraint.match_label_keys, &input.labels, false);
            let compiled = SpreadConstraint {
                max_skew: constraint.max_skew,
                key: interner.intern(&constraint.topology_key),
                counts_itself: selector.matches(&subject.labels),
                matcher: (!selector.is_empty()).then(|| PodMatcher {
                    namespaces: vec![subject.namespace],
                    namespace_selector: None,
                    selector,
                    living_only: true,
                }),
                min_domains: constraint.min_domains.map_or(1, |count| count.max(1) as usize),
                honor_affinity: constraint.node_affinity_policy != "Ignore",
                honor_taints: constraint.node_taints_policy == "Honor",
            };
            if constraint.when_unsatisfiable == "ScheduleAnyway" {
                rules.soft_spread.push(compiled);
            } else {
                rules.hard_spread.push(compiled);
            }
        }
        rules.subject = subject;
        rules
    }

    /// Whether the pod itself asks where other pods are.
    pub fn asks(&self) -> bool {
        !(self.hard_spread.is_empty()
            && self.soft_spread.is_empty()
            && self.affinity.is_empty()
            && self.anti_affinity.is_empty()
            && self.preferred.is_empty())
    }

    /// The terms that act on other pods once this one runs.
    pub fn pulls(&self) -> impl Iterator<Item = (&Term, Pull)> {
        let forbids = self.anti_affinity.iter().map(|term| (term, Pull::Forbids));
        let attracts = self.affinity.iter().map(|term| (term, Pull::Weighs(HARD_AFFINITY_WEIGHT)));
        forbids.chain(attracts).chain(self.preferred.iter().map(|(weight, term)| (term, Pull::Weighs(*weight))))
    }
}

fn compile_term(term: &PodAffinityTermInput, pod: &PodInput, interner: &mut Interner) -> Term {
    let mut selector = Selector::compile(term.label_selector.as_ref());
    selector.merge(&term.match_label_keys, &pod.labels, false);
    selector.merge(&term.mismatch_label_keys, &pod.labels, true);
    let mut namespaces: Vec<_> = term.namespaces.iter().map(|name| digest(name)).collect();
    if namespaces.is_empty() && term.namespace_selector.is_none() {
        namespaces.push(digest(&pod.namespace));
    }
    let namespace_selector = term.namespace_selector.as_ref().map(|selector| Selector::compile(Some(selector)));
    let matcher = PodMatcher { namespaces, namespace_selector, selector, living_only: false };
    Term { matcher, key: interner.intern(&term.topology_key) }
}
