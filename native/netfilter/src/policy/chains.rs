//! The chains that every table has. What leaves a pod is judged before what enters one, each by base chains of its own: what
//! one accepts still meets the other.

use xtables::address::{Family, LINK_LOCAL};

use super::direction::Direction;
use super::model::PolicyConfig;
use super::sets::PolicySet;
use crate::nftables::chains::{Base, FORWARD, INPUT, base};
use crate::nftables::expressions::{Jump, Rule, Side};

const EGRESS: &str = "egress";
const INGRESS: &str = "ingress";
const STRANGERS: &str = "link-local";

/// Before the filter chains of Services and of other programs, behind the change of destinations.
const BEFORE_FILTERS: i32 = -10;

/// Those that are jumped to come first. What the node itself sends to its pods passes no chain.
pub const STATIC: [(&str, Option<Base>); 6] = [
    (STRANGERS, None),
    (EGRESS, None),
    (INGRESS, None),
    ("egress-forward", base("filter", FORWARD, BEFORE_FILTERS)),
    ("egress-input", base("filter", INPUT, BEFORE_FILTERS)),
    ("ingress-forward", base("filter", FORWARD, BEFORE_FILTERS + 1)),
];

pub fn static_rules(family: Family, config: &PolicyConfig) -> Vec<(&'static str, Rule)> {
    let rule = || Rule::new(family);
    let jump = |chain, to| (chain, rule().verdict(Jump::Jump(to)));
    let mut rules = vec![
        jump("egress-forward", STRANGERS),
        jump("egress-forward", EGRESS),
        jump("egress-input", STRANGERS),
        jump("egress-input", EGRESS),
        jump("ingress-forward", INGRESS),
    ];
    if family == Family::Ipv6
        && let Some(bridge) = &config.bridge
    {
        // Every pod has such an address, which no policy knows.
        let link_local = rule().from_interface(bridge).address_in(Side::Source, LINK_LOCAL, true).not_icmpv6();
        rules.push((STRANGERS, link_local.verdict(Jump::Drop).comment("only by addresses that policies know")));
    }
    for (chain, direction) in [(EGRESS, Direction::Egress), (INGRESS, Direction::Ingress)] {
        rules.push((chain, rule().established_or_related().verdict(Jump::Accept)));
        if family == Family::Ipv6 {
            rules.push((chain, rule().neighbour_discovery().verdict(Jump::Accept)));
        }
        let own = rule().key_address(Side::Source).key_address(Side::Destination);
        let own = own.in_set(&PolicySet::Loops.to_string(), true).verdict(Jump::Accept);
        rules.push((chain, own.comment("a pod that calls itself")));
        let isolated = PolicySet::Isolated(direction).to_string();
        rules.push((chain, rule().key_address(direction.own_side()).verdict_of(&isolated)));
    }
    rules
}
