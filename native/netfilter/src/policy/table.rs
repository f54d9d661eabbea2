//! The table of one family.

use xtables::address::Family;

use super::chains::{self, static_rules};
use super::content::{Content, Counts, Exchange};
use super::model::PolicyConfig;
use super::parts::Parts;
use super::sets::{self, PolicySet};
use crate::error::Result;
use crate::nftables::door::{Digest, Door, Failure, Step};

pub type Steps = Vec<Step<PolicySet>>;

#[derive(Debug)]
pub struct Table<D> {
    pub(super) door: D,
    pub(super) family: Family,
    config: PolicyConfig,
    /// There is no table without a policy.
    exists: bool,
    content: Content,
    /// The kernel's generation after our last transaction; None: it is not known what the kernel has.
    generation: Option<u32>,
    rules: Digest,
}

impl<D: Door<PolicySet>> Table<D> {
    pub fn new(door: D, family: Family, config: PolicyConfig) -> Self {
        Table {
            door,
            family,
            config,
            exists: false,
            content: Content::default(),
            generation: None,
            rules: Digest::default(),
        }
    }

    /// Writes all that these owners need in place of whatever there is; None: no table at all.
    pub fn full(&mut self, owners: Option<Vec<Exchange>>) -> std::result::Result<Counts, Failure> {
        self.generation = None;
        self.content = Content::default();
        self.exists = owners.is_some();
        let (_, counts) = self.content.exchange(&owners.unwrap_or_default());
        // One transaction: no packet meets half a table.
        let mut steps = vec![Step::AddTable, Step::DeleteTable];
        if self.exists {
            steps.extend(self.everything());
        }
        self.door.commit(&mut steps.into_iter())?;
        self.generation = Some(self.door.generation()?);
        self.rules = self.door.rules()?;
        Ok(counts)
    }

    /// Whether the kernel would take these parts, with nothing beside them.
    pub fn probe(&mut self, parts: &Parts) -> std::result::Result<(), Failure> {
        let mut content = Content::default();
        let (steps, _) = content.exchange(&[("probe".into(), Parts::default(), parts.clone())]);
        let mut all = skeleton(self.family, &self.config);
        all.extend(steps);
        self.door.probe(&all)
    }

    /// Makes the changes, or none of them.
    pub fn change(&mut self, changes: &[Exchange]) -> std::result::Result<Counts, Failure> {
        let (steps, counts) = self.content.exchange(changes);
        let result = self.commit(steps);
        if result.is_err() {
            let undo = changes.iter().map(|(owner, old, new)| (owner.clone(), new.clone(), old.clone()));
            self.content.exchange(&undo.collect::<Vec<_>>());
        }
        result.map(|()| counts)
    }

    fn commit(&mut self, steps: Steps) -> std::result::Result<(), Failure> {
        if steps.is_empty() {
            return Ok(());
        }
        let changes_rules = !steps.iter().all(|step| matches!(step, Step::Add(..) | Step::Remove(..)));
        self.door.commit(&mut steps.into_iter())?;
        // Each transaction counts one, and 0 is left out: when others made some as well, the numbers differ from now on.
        self.generation = self.generation.map(|generation| generation.wrapping_add(1).max(1));
        if changes_rules {
            self.rules = self.door.rules()?;
        }
        Ok(())
    }

    /// Whether the kernel has what was written. It looks only when any program has changed any rules since.
    pub fn verify(&mut self) -> Result<bool> {
        let Some(known) = self.generation else { return Ok(false) };
        let generation = self.door.generation()?;
        if generation == known {
            return Ok(true);
        }
        let intact = if !self.exists {
            self.door.existing()?.is_none()
        } else {
            let filled: Vec<PolicySet> = sets::STATIC.into_iter().chain(self.content.sets().cloned()).collect();
            self.door.existing()?.is_some()
                && self.door.rules()? == self.rules
                && self.door.elements(&filled)? == self.elements_digest()
        };
        self.generation = intact.then_some(generation);
        Ok(intact)
    }

    pub fn cleanup(&mut self) -> Result<()> {
        self.generation = None;
        self.content = Content::default();
        Ok(self.door.commit(&mut [Step::AddTable, Step::DeleteTable].into_iter())?)
    }

    fn elements_digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (set, key, value) in self.content.elements() {
            digest.add_element(&set.to_string(), key, value);
        }
        digest
    }

    fn everything(&self) -> Steps {
        let mut steps = skeleton(self.family, &self.config);
        steps.extend(self.content.sets().cloned().map(Step::AddSet));
        steps.extend(self.content.chains().map(|(chain, _)| Step::AddChain(chain.clone(), None)));
        for (chain, rules) in self.content.chains() {
            steps.extend(rules.iter().map(|rule| Step::AddRule(chain.clone(), rule.clone())));
        }
        let elements = self.content.elements();
        steps.extend(elements.map(|(set, key, value)| Step::Add(set.clone(), *key, value.clone())));
        steps
    }
}

/// What every table has.
fn skeleton(family: Family, config: &PolicyConfig) -> Steps {
    let mut steps = vec![Step::AddTable];
    steps.extend(sets::STATIC.into_iter().map(Step::AddSet));
    steps.extend(chains::chains(config).into_iter().map(|(chain, base)| Step::AddChain(chain.to_owned(), base)));
    let rules = static_rules(family, config).into_iter();
    steps.extend(rules.map(|(chain, rule)| Step::AddRule(chain.to_owned(), rule)));
    steps
}
