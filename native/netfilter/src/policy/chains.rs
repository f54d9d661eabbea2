//! The chains that every table has. What leaves a pod is judged before what enters one, each by base chains of its own: what
//! one accepts still meets the other.

use xtables::address::{Family, LINK_LOCAL};

use super::direction::Direction;
use super::model::PolicyConfig;
use super::sets::PolicySet;
use crate::nftables::chains::{Base, FORWARD, INPUT, OUTPUT, base};
use crate::nftables::expressions::{Jump, Rule, Side};

const EGRESS: &str = "egress";
const INGRESS: &str = "ingress";
const STRANGERS: &str = "link-local";

/// Before the filter chains of Services and of other programs, behind the change of destinations.
const BEFORE_FILTERS: i32 = -10;
/// Behind IPVS, which takes packets from INPUT (`NF_IP_PRI_NAT_SRC - 1`).
const BEHIND_SERVERS: i32 = 150;

/// Those that are jumped to come first. What the node itself sends to its pods passes no chain, or leaves it at once.
pub fn chains(config: &PolicyConfig) -> Vec<(&'static str, Option<Base>)> {
    let input = if config.ipvs { BEHIND_SERVERS } else { BEFORE_FILTERS };
    let mut chains = vec![
        (STRANGERS, None),
        (EGRESS, None),
        (INGRESS, None),
        ("egress-forward", base("filter", FORWARD, BEFORE_FILTERS)),
        ("egress-input", base("filter", INPUT, input)),
        ("ingress-forward", base("filter", FORWARD, BEFORE_FILTERS + 1)),
    ];
    if config.ipvs {
        // What a virtual server leads to another machine or to a pod comes by here, with the address of the endpoint.
        chains.push(("egress-output", base("filter", OUTPUT, BEFORE_FILTERS)));
        chains.push(("ingress-output", base("filter", OUTPUT, BEFORE_FILTERS + 1)));
    }
    chains
}

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
    if config.ipvs {
        for (chain, to) in [("egress-output", EGRESS), ("ingress-output", INGRESS)] {
            let own = rule().of_this_node(Side::Source).verdict(Jump::Accept);
            rules.extend([(chain, own.comment("the node itself")), jump(chain, to)]);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_virtual_servers_lead_is_judged_behind_them() {
        let shown = |ipvs| {
            let config = PolicyConfig { bridge: None, ipvs };
            let based = chains(&config).into_iter().filter_map(|(chain, base)| Some((chain, base?)));
            let based: Vec<_> = based.map(|(chain, base)| format!("{chain} {}", base.priority)).collect();
            let own = static_rules(Family::Ipv4, &config).into_iter().filter(|(_, rule)| rule.comment.is_some());
            (based.join(", "), own.map(|(chain, _)| chain).collect::<Vec<_>>().join(" "))
        };
        let forward = "egress-forward -10, egress-input";
        assert_eq!(shown(false), (format!("{forward} -10, ingress-forward -9"), "egress ingress".into()));
        assert_eq!(
            shown(true),
            (
                format!("{forward} 150, ingress-forward -9, egress-output -10, ingress-output -9"),
                "egress-output ingress-output egress ingress".into()
            )
        );
    }
}
