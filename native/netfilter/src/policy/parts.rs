//! From a policy, or from a pod, to what it adds to the table of one family: pure.

use std::collections::{BTreeMap, BTreeSet};

use xtables::address::Family;

use super::direction::Direction;
use super::model::{Peer, Pod, Policy, PolicyRule, Port, PortChoice};
use super::sets::PolicySet;
use crate::frontend::Frontend;
use crate::hash::hash;
use crate::model::Protocol;
use crate::nftables::expressions::{Jump, Rule, Side};
use crate::nftables::sets::{Key, Value};
use crate::nftables::source_ranges::{difference, merged_bounds};

/// What clients of cluster DNS send to; its endpoints may have another port.
const DNS_PORT: u16 = 53;

/// What a policy or a pod adds. Several may need the same chain, set or element; it is the same then.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parts {
    pub chains: BTreeMap<String, Vec<Rule>>,
    pub sets: BTreeSet<PolicySet>,
    pub elements: BTreeMap<(PolicySet, Key), Value>,
}

impl Parts {
    fn element(&mut self, set: PolicySet, key: Key) {
        self.elements.insert((set, key), Value::None);
    }
}

/// The chain of a policy. `name`: `namespace/name`.
fn policy_chain(direction: Direction, name: &str) -> String {
    format!("{direction}-policy-{}", hash(&[name]))
}

/// A policy that the kernel does not take: whom it selects is isolated, and it lets nothing pass.
pub fn without_rules(policy: &Policy) -> Policy {
    let none = |rules: &Option<Vec<PolicyRule>>| rules.as_ref().map(|_| Vec::new());
    Policy { ingress: none(&policy.ingress), egress: none(&policy.egress) }
}

pub fn of_policy(name: &str, policy: &Policy, family: Family) -> Parts {
    let mut parts = Parts::default();
    for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
        let Some(rules) = rules else { continue };
        let chain = policy_chain(direction, name);
        let mut compiler = Compiler { parts: &mut parts, direction, family };
        let mut lines = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            lines.extend(compiler.rule(rule, &format!("{chain}-{number}")));
        }
        parts.chains.insert(chain, lines);
    }
    parts
}

struct Compiler<'a> {
    parts: &'a mut Parts,
    direction: Direction,
    family: Family,
}

impl Compiler<'_> {
    fn line(&self) -> Rule {
        Rule::new(self.family)
    }

    /// Lines for the chain of the policy. `chain`: where its ports are compared if peers are as well.
    fn rule(&mut self, rule: &PolicyRule, chain: &str) -> Vec<Rule> {
        match (&rule.peers, &rule.ports) {
            (None, None) => vec![self.line().verdict(Jump::Accept)],
            (None, Some(ports)) => self.ports(ports),
            (Some(peers), None) => self.peers(peers, Jump::Accept),
            (Some(peers), Some(ports)) => {
                let lines = self.ports(ports);
                self.parts.chains.insert(chain.to_owned(), lines);
                self.peers(peers, Jump::Jump(chain))
            }
        }
    }

    fn peers(&mut self, peers: &[Peer], then: Jump) -> Vec<Rule> {
        let side = self.direction.peer_side();
        let mut sets = BTreeSet::new();
        let mut ranges = Vec::new();
        let mut dns = false;
        for peer in peers {
            match peer {
                Peer::Pods(selector) => drop(sets.insert(PolicySet::Pods(hash(&[selector])))),
                Peer::Block { cidr, except } if cidr.family() == self.family => {
                    ranges.extend(difference(*cidr, except))
                }
                Peer::Block { .. } => {}
                Peer::Dns => dns = true,
            }
        }
        if !ranges.is_empty() {
            sets.insert(self.blocks(ranges));
        }
        let within = |set: &PolicySet| self.line().key_address(side).in_set(&set.to_string(), true).verdict(then);
        let mut lines: Vec<Rule> = sets.iter().map(within).collect();
        if dns {
            lines.push(self.reached(&PolicySet::Dns).verdict(then));
        }
        self.parts.sets.extend(sets);
        lines
    }

    /// A set that holds these ranges and no others, so that it never changes.
    fn blocks(&mut self, ranges: Vec<(u128, u128)>) -> PolicySet {
        let bounds = merged_bounds(self.family, ranges);
        let set = PolicySet::Blocks(self.direction, hash(&[&format!("{bounds:?}")]));
        for (first, behind) in bounds {
            self.parts.element(set.clone(), Key::Start(first));
            if let Some(behind) = behind {
                self.parts.element(set.clone(), Key::End(behind));
            }
        }
        set
    }

    fn ports(&mut self, ports: &[Port]) -> Vec<Rule> {
        let mut lines = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
            let of_protocol = ports.iter().filter(|port| port.protocol == protocol).map(|port| &port.which);
            let of_protocol: Vec<&PortChoice> = of_protocol.collect();
            if of_protocol.contains(&&PortChoice::All) {
                lines.push(self.line().protocol(protocol).verdict(Jump::Accept));
                continue;
            }
            let ranges = of_protocol.iter().filter_map(|which| match which {
                PortChoice::Range(first, last) => Some((*first, *last)),
                _ => None,
            });
            let ranges = merged_ports(ranges.collect());
            if !ranges.is_empty() {
                let set = self.port_set(&ranges);
                let line = self.line().protocol(protocol).key_port().in_set(&set.to_string(), true);
                lines.push(line.verdict(Jump::Accept));
            }
            let is_dns = ranges.iter().any(|(first, last)| (*first..=*last).contains(&DNS_PORT));
            if is_dns && self.direction == Direction::Egress {
                let dns = self.line().protocol(protocol).also(self.reached(&PolicySet::Dns));
                lines.push(dns.verdict(Jump::Accept));
            }
            for which in of_protocol {
                let PortChoice::Name(name) = which else { continue };
                let set = PolicySet::Named(name.clone());
                lines.push(self.line().protocol(protocol).also(self.reached(&set)).verdict(Jump::Accept));
                self.parts.sets.insert(set);
            }
        }
        lines
    }

    /// Address, protocol and port that are reached are in the set.
    fn reached(&self, set: &PolicySet) -> Rule {
        let key = self.line().key_address(Side::Destination);
        key.key_protocol().key_port().in_set(&set.to_string(), true)
    }

    fn port_set(&mut self, ranges: &[(u16, u16)]) -> PolicySet {
        let set = PolicySet::Ports(hash(&[&format!("{ranges:?}")]));
        for (first, last) in ranges {
            self.parts.element(set.clone(), Key::FirstPort(*first));
            if let Some(behind) = last.checked_add(1) {
                self.parts.element(set.clone(), Key::PortBehind(behind));
            }
        }
        self.parts.sets.insert(set.clone());
        set
    }
}

/// In order, none over another.
fn merged_ports(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges.into_iter().filter(|(first, last)| first <= last) {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

pub fn of_pod(pod: &Pod, family: Family) -> Parts {
    let mut parts = Parts::default();
    for address in pod.addresses_of(family) {
        for selector in &pod.selectors {
            parts.element(PolicySet::Pods(hash(&[selector])), Key::Address(address));
        }
        for port in &pod.ports {
            let key = Key::Frontend(Frontend { address: Some(address), protocol: port.protocol, port: port.number });
            parts.element(PolicySet::Named(port.name.clone()), key);
            if pod.dns {
                parts.element(PolicySet::Dns, key);
            }
        }
        for (direction, policies) in [(Direction::Ingress, &pod.ingress), (Direction::Egress, &pod.egress)] {
            let Some(policies) = policies else { continue };
            let (chain, lines) = judgement(direction, policies, family);
            parts.elements.insert((PolicySet::Isolated(direction), Key::Address(address)), Value::Goto(chain.clone()));
            parts.element(PolicySet::Loops, Key::Loop(address));
            parts.chains.insert(chain, lines);
        }
    }
    parts
}

/// What pods pass that these policies isolate: some policy lets a packet pass, or it is dropped.
fn judgement(direction: Direction, policies: &[String], family: Family) -> (String, Vec<Rule>) {
    let names: BTreeSet<&str> = policies.iter().map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let ask = |name: &&str| {
        let jump = Rule::new(family).verdict(Jump::Jump(&policy_chain(direction, name)));
        jump.comment(format!("NetworkPolicy {name}"))
    };
    let drop = Rule::new(family).verdict(Jump::Drop);
    let lines = names.iter().map(ask).chain([drop]).collect();
    (format!("{direction}-of-{}", hash(&names)), lines)
}
