//! A table in memory, for tests: as strict as the kernel is about what is there and what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;

use super::door::{Digest, Door, Existing, Failure, Step};
use super::sets::{Key, SetKind, SetName, Value};

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Content {
    pub chains: BTreeMap<String, Vec<String>>,
    pub sets: BTreeMap<String, BTreeMap<Key, Value>>,
}

#[derive(Debug)]
pub struct Memory<S = SetName> {
    pub content: Option<Content>,
    pub generation: u32,
    /// A transaction that adds something for this port is refused.
    pub refused_port: Option<u16>,
    /// Steps of the transactions so far.
    pub steps: Vec<Step<S>>,
}

impl<S> Default for Memory<S> {
    fn default() -> Self {
        Memory { content: None, generation: 0, refused_port: None, steps: Vec::new() }
    }
}

impl<S: SetKind + Debug> Memory<S> {
    pub fn content(&self) -> &Content {
        self.content.as_ref().expect("a table")
    }

    fn run(&self, steps: &[Step<S>]) -> Result<Option<Content>, String> {
        let mut table = self.content.clone();
        for step in steps {
            match step {
                Step::AddTable => table = Some(table.unwrap_or_default()),
                Step::DeleteTable => table = table.take().map(|_| None).ok_or("no table")?,
                _ => table.as_mut().ok_or("no table")?.step(step, self.refused_port)?,
            }
        }
        if let Some(table) = &table {
            table.check_references()?;
        }
        Ok(table)
    }
}

impl Content {
    fn step(&mut self, step: &Step<impl SetKind + Debug>, refused_port: Option<u16>) -> Result<(), String> {
        let missing = || format!("not there: {step:?}");
        match step {
            Step::AddTable | Step::DeleteTable => {}
            Step::AddChain(name, _) => drop(self.chains.entry(name.clone()).or_default()),
            Step::Flush(name) => self.chains.get_mut(name).ok_or_else(missing)?.clear(),
            Step::DeleteChain(name) => {
                if self.is_referred_to(name) {
                    return Err(format!("busy: {step:?}"));
                }
                self.chains.remove(name).map(drop).ok_or_else(missing)?;
            }
            Step::AddRule(chain, rule) => {
                self.chains.get_mut(chain).ok_or_else(missing)?.push(format!("{:?}", rule.expressions));
            }
            Step::AddSet(name) => drop(self.sets.entry(name.to_string()).or_default()),
            Step::DeleteSet(name) => self.sets.remove(name).map(drop).ok_or_else(missing)?,
            Step::Add(set, key, value) => self.add(set, *key, value, refused_port)?,
            Step::Remove(set, key) => {
                let elements = self.sets.get_mut(&set.to_string()).ok_or_else(missing)?;
                elements.remove(key).map(drop).ok_or_else(missing)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, set: &impl SetKind, key: Key, value: &Value, refused_port: Option<u16>) -> Result<(), String> {
        let port = match key {
            Key::Frontend(frontend) => Some(frontend.port),
            Key::FirstPort(port) => Some(port),
            _ => None,
        };
        if port.is_some() && port == refused_port {
            return Err("Invalid argument".to_owned());
        }
        if let Value::Goto(chain) = value
            && !self.chains.contains_key(chain)
        {
            return Err(format!("no chain {chain}"));
        }
        let elements = self.sets.get_mut(&set.to_string()).ok_or_else(|| format!("no set {set}"))?;
        match elements.insert(key, value.clone()) {
            None => Ok(()),
            Some(_) => Err(format!("File exists: {key:?}")),
        }
    }

    fn is_referred_to(&self, chain: &str) -> bool {
        let values = self.sets.values().flat_map(BTreeMap::values);
        values.into_iter().any(|value| matches!(value, Value::Goto(name) if name == chain))
    }

    /// What elements lead to is there.
    fn check_references(&self) -> Result<(), String> {
        let targets: BTreeSet<String> = (self.sets.values().flat_map(BTreeMap::values))
            .filter_map(|value| if let Value::Goto(chain) = value { Some(chain.clone()) } else { None })
            .collect();
        match targets.iter().find(|target| !self.chains.contains_key(*target)) {
            Some(target) => Err(format!("no chain {target}")),
            None => Ok(()),
        }
    }
}

impl<S: SetKind + Debug + Send> Door<S> for Memory<S> {
    fn commit(&mut self, steps: &mut dyn Iterator<Item = Step<S>>) -> Result<(), Failure> {
        let steps: Vec<Step<S>> = steps.collect();
        self.content = self.run(&steps).map_err(Failure::Refused)?;
        self.generation += 1;
        self.steps.extend(steps);
        Ok(())
    }

    fn probe(&mut self, steps: &[Step<S>]) -> Result<(), Failure> {
        let empty = Memory { content: Some(Content::default()), refused_port: self.refused_port, ..Memory::default() };
        empty.run(steps).map(drop).map_err(Failure::Refused)
    }

    fn existing(&mut self) -> io::Result<Option<Existing>> {
        let names = |content: &Content| Existing {
            chains: content.chains.keys().cloned().collect(),
            sets: content.sets.keys().cloned().collect(),
        };
        Ok(self.content.as_ref().map(names))
    }

    fn generation(&mut self) -> io::Result<u32> {
        Ok(self.generation)
    }

    fn rules(&mut self) -> io::Result<Digest> {
        let mut digest = Digest::default();
        for (chain, rules) in self.content.iter().flat_map(|content| &content.chains) {
            digest.add(&[chain.as_bytes(), rules.join("\n").as_bytes()]);
        }
        Ok(digest)
    }

    fn elements(&mut self, sets: &[S]) -> io::Result<Digest> {
        let mut digest = Digest::default();
        for set in sets.iter().map(S::to_string) {
            let elements = self.content.as_ref().and_then(|content| content.sets.get(&set));
            for (key, value) in elements.into_iter().flatten() {
                digest.add_element(&set, key, value);
            }
        }
        Ok(digest)
    }
}
