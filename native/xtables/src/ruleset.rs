//! Chains of a table as text, and the difference between two states of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The rules of one chain, each without `-A CHAIN`, one a line.
pub type Chains = BTreeMap<String, String>;

/// A jump from one of the kernel's own chains: (chain, match, target).
pub type Hook = (&'static str, &'static [&'static str], &'static str);

/// Adds a rule.
pub fn line(chain: &mut String, rule: &str) {
    let _ = writeln!(chain, "{rule}");
}

pub fn hook_rule((chain, matches, target): &Hook) -> String {
    [&[*chain], *matches, &["-j", target]].concat().join(" ")
}

/// What `iptables-save` printed of one table.
#[derive(Debug, Clone, Copy)]
pub struct Saved<'a>(pub &'a str);

impl<'a> Saved<'a> {
    pub fn chains(self) -> impl Iterator<Item = &'a str> {
        self.0.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next())
    }

    /// Rules of all chains: (chain, rule).
    pub fn rules(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.lines().filter_map(|line| line.strip_prefix("-A ")?.split_once(' '))
    }

    pub fn has(self, hook: &Hook) -> bool {
        let rule = format!("-A {}", hook_rule(hook));
        self.0.lines().any(|line| line == rule)
    }

    /// Lines that insert the hooks which are not there: at the top, in reverse, so that they stand in the given order.
    pub fn missing(self, hooks: &[Hook]) -> String {
        let missing = hooks.iter().rev().filter(|hook| !self.has(hook));
        missing.fold(String::new(), |text, hook| text + "-I " + &hook_rule(hook) + "\n")
    }

    /// Whether every one of the chains is there, and has as many rules. Their wording is not compared: programs print
    /// rules in other words than they take.
    pub fn holds(self, chains: &Chains) -> bool {
        let mut counts: BTreeMap<&str, usize> = self.chains().map(|chain| (chain, 0)).collect();
        for (chain, _) in self.rules() {
            *counts.entry(chain).or_default() += 1;
        }
        chains.iter().all(|(chain, content)| counts.get(chain.as_str()) == Some(&content.lines().count()))
    }

    /// The text that takes the hooks and the chains away; empty when none of the chains is there.
    pub fn removal(self, table: &str, hooks: &[Hook], is_ours: impl Fn(&str) -> bool) -> String {
        let removed: BTreeSet<String> = self.chains().filter(|chain| is_ours(chain)).map(str::to_owned).collect();
        if removed.is_empty() {
            return String::new();
        }
        let hooks = hooks.iter().filter(|hook| self.has(hook));
        let hooks = hooks.fold(String::new(), |text, hook| text + "-D " + &hook_rule(hook) + "\n");
        TableChange { removed, hooks, ..TableChange::default() }.input(table)
    }
}

/// Chains of one table that are to change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TableChange {
    pub written: Chains,
    pub removed: BTreeSet<String>,
    /// Lines for the kernel's own chains.
    pub hooks: String,
}

impl TableChange {
    /// A chain shall have this content (None: be gone); nothing is to do when `applied` says that it is so.
    pub fn want(&mut self, applied: &Chains, chain: String, content: Option<String>) {
        match content {
            Some(content) if applied.get(&chain) == Some(&content) => {}
            Some(content) => {
                self.written.insert(chain, content);
            }
            None if applied.contains_key(&chain) => {
                self.removed.insert(chain);
            }
            None => {}
        }
    }

    /// What iptables-restore takes; empty when nothing is to change. Naming a chain in the head empties it; all of it
    /// happens at COMMIT.
    pub fn input(&self, table: &str) -> String {
        if self.written.is_empty() && self.removed.is_empty() && self.hooks.is_empty() {
            return String::new();
        }
        let mut input = format!("*{table}\n");
        let heads: BTreeSet<&String> = self.written.keys().chain(&self.removed).collect();
        for chain in heads {
            let _ = writeln!(input, ":{chain} - [0:0]");
        }
        input.push_str(&self.hooks);
        for (chain, content) in &self.written {
            for rule in content.lines() {
                let _ = writeln!(input, "-A {chain} {rule}");
            }
        }
        for chain in &self.removed {
            let _ = writeln!(input, "-X {chain}");
        }
        input.push_str("COMMIT\n");
        input
    }

    /// After the kernel has taken it.
    pub fn commit(self, applied: &mut Chains) {
        for chain in &self.removed {
            applied.remove(chain);
        }
        applied.extend(self.written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n:OURS - [0:0]\n:EMPTY - [0:0]\n\
        -A PREROUTING -j OURS\n-A OURS -p tcp -j DNAT\n-A OURS -j RETURN\nCOMMIT\n";

    fn chains<const N: usize>(chains: [(&str, &str); N]) -> Chains {
        chains.map(|(name, content)| (name.to_owned(), content.to_owned())).into()
    }

    #[test]
    fn what_was_saved_holds_chains_with_as_many_rules() {
        let cases = [
            (chains([("OURS", "a\nb\n"), ("EMPTY", "")]), true),
            (chains([("OURS", "a\n")]), false),
            (chains([("EMPTY", "a\n")]), false),
            (chains([("MISSING", "")]), false),
        ];
        for (wanted, held) in cases {
            assert_eq!(Saved(SAVED).holds(&wanted), held, "{wanted:?}");
        }
    }

    #[test]
    fn only_differences_are_written() {
        let mut applied = chains([("A", "1\n"), ("B", "1\n"), ("C", "1\n")]);
        let mut change = TableChange::default();
        for (chain, content) in [("A", Some("1\n")), ("B", Some("2\n")), ("C", None), ("D", None)] {
            change.want(&applied, chain.to_owned(), content.map(str::to_owned));
        }
        assert_eq!(change.input("nat"), "*nat\n:B - [0:0]\n:C - [0:0]\n-A B 2\n-X C\nCOMMIT\n");
        change.commit(&mut applied);
        assert_eq!(applied, chains([("A", "1\n"), ("B", "2\n")]));
        assert_eq!(TableChange::default().input("nat"), "");
    }

    #[test]
    fn hooks_come_once_and_go_with_the_chains() {
        let hooks: [Hook; 2] = [("PREROUTING", &[], "OURS"), ("OUTPUT", &["-m", "x"], "OURS")];
        assert_eq!(Saved(SAVED).missing(&hooks), "-I OUTPUT -m x -j OURS\n");
        let removal = Saved(SAVED).removal("nat", &hooks, |chain| chain == "OURS");
        assert_eq!(removal, "*nat\n:OURS - [0:0]\n-D PREROUTING -j OURS\n-X OURS\nCOMMIT\n");
        assert_eq!(Saved(SAVED).removal("nat", &hooks, |_| false), "");
    }
}
