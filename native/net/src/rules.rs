//! The rules that let pods out: what leaves the cluster bears the node's address, and what pods send or get is forwarded.

use xtables::{
    address::Cidr,
    error::Result,
    ruleset::{Chains, Hook, Saved, TableChange, hook_rule, line},
    tables::Tables,
};

const POSTROUTING: &str = "BERTH-POSTROUTING";
const FORWARD: &str = "BERTH-FORWARD";
/// Chains of whoever serves Services, kube-proxy included.
const OF_SERVICES: &str = "KUBE-";

const NAT_HOOK: Hook = ("POSTROUTING", &[], POSTROUTING);
const FILTER_HOOK: Hook = ("FORWARD", &[], FORWARD);

/// What one family's rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranges {
    pub cluster: Cidr,
    /// This node's pods; None as long as the node has no range.
    pub pods: Option<Cidr>,
}

/// Chains by table: pure.
pub fn chains(Ranges { cluster, pods }: Ranges) -> [(&'static str, Hook, Chains); 2] {
    let mut postrouting = String::new();
    if let Some(pods) = pods {
        line(
            &mut postrouting,
            &format!(
                "-s {pods} ! -d {cluster} -m addrtype ! --dst-type LOCAL -m comment --comment \"pods to outside\" -j MASQUERADE --random-fully"
            ),
        );
    }
    let mut forward = String::new();
    // Where something else set FORWARD's policy to DROP, pods still reach each other and the world.
    line(&mut forward, &format!("-s {cluster} -j ACCEPT"));
    line(&mut forward, &format!("-d {cluster} -j ACCEPT"));
    [
        ("nat", NAT_HOOK, Chains::from([(POSTROUTING.to_owned(), postrouting)])),
        ("filter", FILTER_HOOK, Chains::from([(FORWARD.to_owned(), forward)])),
    ]
}

/// The rules of one family in the kernel.
#[derive(Debug)]
pub struct Rules<T> {
    tables: T,
    applied: Option<Ranges>,
}

impl<T: Tables> Rules<T> {
    pub fn new(tables: T) -> Self {
        Rules { tables, applied: None }
    }

    /// Makes the rules so, unless they are. True when they were not.
    pub fn apply(&mut self, ranges: Ranges) -> Result<bool> {
        let known = self.applied.take() == Some(ranges);
        let mut changed = false;
        for (table, hook, wanted) in chains(ranges) {
            let hooks = self.place(table, &hook);
            let intact = known && wanted.iter().all(|(chain, content)| self.has_as_many(table, chain, content));
            let written = if intact { Chains::new() } else { wanted };
            let input = TableChange { written, hooks, ..TableChange::default() }.input(table);
            if !input.is_empty() {
                self.tables.restore(&input)?;
                changed = true;
            }
        }
        self.applied = Some(ranges);
        Ok(changed)
    }

    /// A table that is not there has no rules.
    pub fn cleanup(&mut self) -> Result<()> {
        self.applied = None;
        for (table, hook, chain) in [("nat", NAT_HOOK, POSTROUTING), ("filter", FILTER_HOOK, FORWARD)] {
            let Ok(saved) = self.tables.save(table) else { continue };
            let input = Saved(&saved).removal(table, &[hook], |found| found == chain);
            if !input.is_empty() {
                self.tables.restore(&input)?;
            }
        }
        Ok(())
    }

    fn has_as_many(&mut self, table: &str, chain: &str, content: &str) -> bool {
        self.tables.list(table, chain).is_some_and(|rules| rules.len() == content.lines().count())
    }

    /// Lines that put the jump where it belongs; none when it is there. It stands behind the jumps of who serves Services:
    /// their chains refuse what has no endpoints before ours would let it pass.
    fn place(&mut self, table: &str, hook: &Hook) -> String {
        let (chain, _, target) = hook;
        let rules = self.tables.list(table, chain).unwrap_or_default();
        let jump = format!("-j {target}");
        let ours = rules.iter().position(|rule| *rule == jump);
        let others: Vec<&String> = rules.iter().filter(|rule| **rule != jump).collect();
        let jumps_to_services = |rule: &&String| rule.contains(&format!("-j {OF_SERVICES}"));
        let behind = match table {
            "filter" => others.iter().rposition(jumps_to_services).map_or(0, |last| last + 1),
            _ => 0,
        };
        match ours {
            Some(at) if at >= behind => String::new(),
            Some(_) => format!("-D {}\n-I {chain} {} {jump}\n", hook_rule(hook), behind + 1),
            None => format!("-I {chain} {} {jump}\n", behind + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xtables::memory::Memory;

    fn ranges(pods: Option<&str>) -> Ranges {
        Ranges { cluster: "10.244.0.0/16".parse().unwrap(), pods: pods.map(|cidr| cidr.parse().unwrap()) }
    }

    fn chain(rules: &Rules<Memory>, table: &str, chain: &str) -> Vec<String> {
        rules.tables.tables[table][chain].clone()
    }

    #[test]
    fn pods_get_out_and_bear_the_address_of_the_node() {
        let mut rules = Rules::new(Memory::default());
        assert!(rules.apply(ranges(None)).unwrap());
        assert_eq!(chain(&rules, "nat", POSTROUTING), [""; 0]);
        assert!(rules.apply(ranges(Some("10.244.3.0/24"))).unwrap());
        let masquerade = "-s 10.244.3.0/24 ! -d 10.244.0.0/16 -m addrtype ! --dst-type LOCAL -m comment --comment \"pods to outside\" -j MASQUERADE --random-fully";
        assert_eq!(chain(&rules, "nat", POSTROUTING), [masquerade]);
        assert_eq!(chain(&rules, "filter", FORWARD), ["-s 10.244.0.0/16 -j ACCEPT", "-d 10.244.0.0/16 -j ACCEPT"]);
        assert_eq!(chain(&rules, "nat", "POSTROUTING"), ["-j BERTH-POSTROUTING"]);
        assert!(!rules.apply(ranges(Some("10.244.3.0/24"))).unwrap(), "nothing is to do");
        assert!(rules.apply(ranges(Some("10.244.4.0/24"))).unwrap(), "as many rules, but others");
    }

    #[test]
    fn the_jump_stands_behind_those_of_services() {
        let services = ["-j KUBE-SERVICES", "-m x -j KUBE-FORWARD"];
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &["-j BERTH-FORWARD"]),
            (&["-j THEIRS"], &["-j BERTH-FORWARD", "-j THEIRS"]),
            (&[services[0], services[1], "-j THEIRS"], &[services[0], services[1], "-j BERTH-FORWARD", "-j THEIRS"]),
            (&["-j BERTH-FORWARD", services[0], services[1]], &[services[0], services[1], "-j BERTH-FORWARD"]),
        ];
        for (before, after) in cases {
            let mut memory = Memory::default();
            let filter = memory.tables.entry("filter".to_owned()).or_default();
            for target in ["KUBE-SERVICES", "KUBE-FORWARD", FORWARD] {
                filter.insert(target.to_owned(), Vec::new());
            }
            filter.insert("FORWARD".to_owned(), before.iter().map(|rule| (*rule).to_owned()).collect());
            let mut rules = Rules::new(memory);
            rules.apply(ranges(None)).unwrap();
            assert_eq!(chain(&rules, "filter", "FORWARD"), after);
            assert!(!rules.apply(ranges(None)).unwrap(), "{after:?}");
        }
    }

    #[test]
    fn what_somebody_took_away_comes_back() {
        let mut rules = Rules::new(Memory::default());
        rules.apply(ranges(Some("10.244.3.0/24"))).unwrap();
        let whole = rules.tables.tables.clone();
        let tamper: [fn(&mut Memory); 3] = [
            |memory| memory.tables.clear(),
            |memory| memory.tables.get_mut("filter").unwrap().get_mut(FORWARD).unwrap().clear(),
            |memory| memory.tables.get_mut("nat").unwrap().get_mut("POSTROUTING").unwrap().clear(),
        ];
        for tamper in tamper {
            tamper(&mut rules.tables);
            assert!(rules.apply(ranges(Some("10.244.3.0/24"))).unwrap());
            assert_eq!(rules.tables.tables, whole);
        }
    }

    #[test]
    fn cleanup_leaves_others_alone() {
        let mut rules = Rules::new(Memory::default());
        rules.apply(ranges(None)).unwrap();
        rules.tables.tables.get_mut("nat").unwrap().insert("THEIRS".to_owned(), Vec::new());
        rules.cleanup().unwrap();
        let left = rules.tables.save("nat").unwrap() + &rules.tables.save("filter").unwrap();
        assert!(left.contains("THEIRS") && !left.contains("BERTH"), "{left}");
    }
}
