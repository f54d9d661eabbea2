//! The door to the kernel's tables of one family.

use crate::{
    address::Family,
    error::{Error, Result},
    program::run,
    ruleset::Hook,
};

/// Seconds for which another program may hold the tables.
const WAIT: [&str; 2] = ["-w", "10"];

pub trait Tables: Send {
    /// `iptables-save -t TABLE`.
    fn save(&mut self, table: &str) -> Result<String>;
    /// `iptables-restore --noflush` with the text of one table, which changes as a whole or not at all.
    fn restore(&mut self, input: &str) -> Result<()>;
    /// The rules of one chain, each without `-A CHAIN`, in their order; None when there is no such chain. Takes no longer for
    /// the other chains of the table.
    fn list(&mut self, table: &str, chain: &str) -> Option<Vec<String>>;
    /// Whether a rule is there.
    fn check(&mut self, table: &str, hook: &Hook) -> bool;
}

/// Through iptables' or ip6tables' programs: whatever variant the machine has, operators see the rules with the same one.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    iptables: &'static str,
    save: &'static str,
    restore: &'static str,
}

impl Kernel {
    pub fn of(family: Family) -> Self {
        match family {
            Family::Ipv4 => Kernel { iptables: "iptables", save: "iptables-save", restore: "iptables-restore" },
            Family::Ipv6 => Kernel { iptables: "ip6tables", save: "ip6tables-save", restore: "ip6tables-restore" },
        }
    }

    /// Fails when this machine has no such programs, or the kernel no such tables.
    pub fn detect(&self) -> Result<()> {
        for (table, chain) in [("nat", "POSTROUTING"), ("filter", "FORWARD")] {
            run(self.iptables, &[WAIT[0], WAIT[1], "-t", table, "-S", chain], "")?;
        }
        for program in [self.save, self.restore] {
            run(program, &["--version"], "")?;
        }
        Ok(())
    }
}

impl Tables for Kernel {
    fn save(&mut self, table: &str) -> Result<String> {
        run(self.save, &["-t", table], "")
    }

    fn restore(&mut self, input: &str) -> Result<()> {
        match run(self.restore, &[WAIT[0], WAIT[1], "--noflush"], input) {
            Err(Error::Failed { program, message, .. }) => {
                let line = complained_of(&message).and_then(|number| input.lines().nth(number.checked_sub(1)?));
                Err(Error::Refused { program, line: line.map(str::to_owned), message })
            }
            other => other.map(drop),
        }
    }

    fn list(&mut self, table: &str, chain: &str) -> Option<Vec<String>> {
        let listed = run(self.iptables, &[WAIT[0], WAIT[1], "-t", table, "-S", chain], "").ok()?;
        let prefix = format!("-A {chain} ");
        Some(listed.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    fn check(&mut self, table: &str, (chain, matches, target): &Hook) -> bool {
        let mut arguments = vec![WAIT[0], WAIT[1], "-t", table, "-C", chain];
        arguments.extend(*matches);
        arguments.extend(["-j", target]);
        run(self.iptables, &arguments, "").is_ok()
    }
}

/// `line 5 failed` (legacy), `line 5: RULE_APPEND failed (...)` (nft), `Error occurred at line: 5` (both, for bad options).
fn complained_of(message: &str) -> Option<usize> {
    message.match_indices("line").find_map(|(at, word)| {
        let rest = message[at + word.len()..].trim_start_matches([':', ' ']);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_in_what_the_programs_print() {
        let messages = [
            ("iptables-restore: line 5 failed", Some(5)),
            (
                "iptables-restore v1.8.9 (nf_tables): \nline 12: RULE_APPEND failed (Invalid argument): rule in chain A",
                Some(12),
            ),
            ("Bad argument `x'\nError occurred at line: 7\nTry `iptables-restore -h' for more information.", Some(7)),
            ("Another app is currently holding the xtables lock", None),
            ("the command line is wrong", None),
        ];
        for (message, line) in messages {
            assert_eq!(complained_of(message), line, "{message}");
        }
    }
}
