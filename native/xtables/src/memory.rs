//! Tables in memory that understand what our crates send, and nothing else.

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    error::{Error, Result},
    ruleset::{Hook, Saved},
    tables::Tables,
};

#[derive(Debug, Default)]
pub struct Memory {
    /// Rules by chain, for each table.
    pub tables: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    pub restores: Vec<String>,
    /// Every restore fails, as when another program holds the tables for too long.
    pub fail: bool,
    /// What this kernel refuses wherever a rule has it.
    pub refuse: Option<String>,
    /// It says which line it refuses, as iptables' nft variant does.
    pub names_lines: bool,
}

impl Memory {
    fn refused(&self, input: &str) -> Option<Error> {
        let failure = |message: &str, line: Option<&str>| {
            Some(Error::Refused { program: "memory", message: message.to_owned(), line: line.map(str::to_owned) })
        };
        if self.fail {
            return failure("another program holds the tables", None);
        }
        let word = self.refuse.as_ref()?;
        let line = input.lines().find(|line| line.contains(word))?;
        failure("not supported", self.names_lines.then_some(line))
    }
}

impl Tables for Memory {
    fn save(&mut self, table: &str) -> Result<String> {
        let mut text = String::new();
        for (chain, rules) in self.tables.entry(table.to_owned()).or_default() {
            let _ = writeln!(text, ":{chain} - [0:0]");
            for rule in rules {
                let _ = writeln!(text, "-A {chain} {rule}");
            }
        }
        Ok(text)
    }

    fn restore(&mut self, input: &str) -> Result<()> {
        if let Some(error) = self.refused(input) {
            return Err(error);
        }
        self.restores.push(input.to_owned());
        let mut table = String::new();
        for line in input.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name.to_owned();
                continue;
            }
            let chains = self.tables.entry(table.clone()).or_default();
            if let Some(head) = line.strip_prefix(':') {
                chains.insert(head.split(' ').next().unwrap_or_default().to_owned(), Vec::new());
                continue;
            }
            let Some((command, rest)) = line.split_once(' ') else { continue };
            let (chain, rule) = rest.split_once(' ').unwrap_or((rest, ""));
            match command {
                "-A" => chains.get_mut(chain).unwrap_or_else(|| panic!("no chain {chain}")).push(rule.to_owned()),
                "-I" => insert(chains.entry(chain.to_owned()).or_default(), rule),
                "-D" => chains.entry(chain.to_owned()).or_default().retain(|other| other != rule),
                "-X" => assert!(chains.remove(chain).is_some(), "no chain {chain}"),
                _ => panic!("{line} is not understood"),
            }
        }
        self.assert_that_jumps_lead_somewhere();
        Ok(())
    }

    fn list(&mut self, table: &str, chain: &str) -> Option<Vec<String>> {
        self.tables.get(table)?.get(chain).cloned()
    }

    fn check(&mut self, table: &str, hook: &Hook) -> bool {
        self.save(table).is_ok_and(|saved| Saved(&saved).has(hook))
    }
}

/// With a number: at that place, counted from one.
fn insert(rules: &mut Vec<String>, rule: &str) {
    match rule.split_once(' ').and_then(|(first, rest)| Some((first.parse::<usize>().ok()?, rest))) {
        Some((place, rule)) => rules.insert(place - 1, rule.to_owned()),
        None => rules.insert(0, rule.to_owned()),
    }
}

impl Memory {
    fn assert_that_jumps_lead_somewhere(&self) {
        for (table, chains) in &self.tables {
            for rule in chains.values().flatten() {
                let target =
                    rule.rsplit_once("-j ").and_then(|(_, target)| target.split(' ').next()).unwrap_or_default();
                let built_in = !target.starts_with("KUBE") && !target.starts_with("BERTH");
                assert!(built_in || chains.contains_key(target), "{table}: {rule} jumps nowhere");
            }
        }
    }
}
