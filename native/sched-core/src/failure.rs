//! Why a pod found no node, in Kubernetes' words (`FitError`, and the dry run of DefaultPreemption).

use std::collections::BTreeMap;

pub const NO_NODES: &str = "no nodes available to schedule pods";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
pub const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// The node to free, and the pods to evict from it, the most important first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nomination {
    pub slot: usize,
    pub victims: Vec<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    /// Names of the plugins that rejected a node: the queue asks them which events could help.
    pub plugins: Vec<&'static str>,
    /// The node nominated before is still being freed.
    pub waits: bool,
    /// Evicting these pods would make room.
    pub nomination: Option<Nomination>,
}

/// How often each reason was given.
pub type Histogram = BTreeMap<String, usize>;

const WAITING: &str = "not eligible due to a terminating pod on the nominated node.";

/// What preemption found out.
pub enum Preemption {
    /// Victims were found: nothing is added.
    Silent,
    NotEligible(&'static str),
    /// Victims chosen before are still leaving.
    Waiting,
    /// Reasons of the nodes on which removing pods was tried; it would not help on the others.
    Fruitless(Histogram),
}

pub fn no_nodes() -> Failure {
    Failure { message: NO_NODES.to_owned(), ..Failure::default() }
}

/// `whole`: one reason for the pod as such, in place of reasons by node.
pub fn fit_error(nodes: usize, whole: Option<&str>, reasons: &Histogram, preemption: &Preemption) -> String {
    let mut text = format!("0/{nodes} nodes are available:");
    match whole {
        Some(reason) => text.push_str(&format!(" {reason}.")),
        None => text.push_str(&list(reasons)),
    }
    match preemption {
        Preemption::Silent => {}
        Preemption::Waiting => text.push_str(&format!(" preemption: {WAITING}")),
        Preemption::NotEligible(why) => text.push_str(&format!(" preemption: {why}")),
        Preemption::Fruitless(tried) => {
            let mut reasons = tried.clone();
            let helpless = nodes - tried.values().sum::<usize>().min(nodes);
            if helpless > 0 {
                *reasons.entry(NOT_HELPFUL.to_owned()).or_default() += helpless;
            }
            text.push_str(&format!(" preemption: {}", fit_error(nodes, None, &reasons, &Preemption::Silent)));
        }
    }
    text
}

/// `2 Insufficient cpu, 1 node(s) ...`, sorted as text (so `10` comes before `2`).
fn list(reasons: &Histogram) -> String {
    let mut lines: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    lines.sort();
    if lines.is_empty() { String::new() } else { format!(" {}.", lines.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(entries: &[(&str, usize)]) -> Histogram {
        entries.iter().map(|&(reason, count)| (reason.to_owned(), count)).collect()
    }

    #[test]
    fn messages_read_as_in_kubernetes() {
        let reasons = histogram(&[("Insufficient cpu", 2), ("node(s) had untolerated taint(s)", 10)]);
        for (whole, preemption, expected) in [
            (
                None,
                Preemption::Fruitless(histogram(&[(NO_VICTIMS, 2)])),
                "0/12 nodes are available: 10 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/12 nodes \
                 are available: 10 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
            ),
            (
                None,
                Preemption::NotEligible("not eligible due to preemptionPolicy=Never."),
                "0/12 nodes are available: 10 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: not \
                 eligible due to preemptionPolicy=Never.",
            ),
            (
                Some("pod affinity terms conflict"),
                Preemption::Fruitless(Histogram::new()),
                "0/12 nodes are available: pod affinity terms conflict. preemption: 0/12 nodes are available: 12 \
                 Preemption is not helpful for scheduling.",
            ),
            (
                None,
                Preemption::Silent,
                "0/12 nodes are available: 10 node(s) had untolerated taint(s), 2 Insufficient cpu.",
            ),
        ] {
            assert_eq!(fit_error(12, whole, &reasons, &preemption), expected);
        }
    }
}
