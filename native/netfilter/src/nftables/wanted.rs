//! The Services that a table serves, and which of them has an address that several claim.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::families::Changes;
use crate::frontend::{Frontend, claims};
use crate::model::Service;
use crate::owners::Owners;

#[derive(Debug, Default)]
pub struct Wanted {
    services: BTreeMap<String, Arc<Service>>,
    owners: Owners,
}

impl Wanted {
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.services.keys()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name)
    }

    /// Who has an address with its port.
    pub fn owner(&self, frontend: &Frontend) -> Option<&str> {
        self.owners.owner(frontend)
    }

    pub fn has(&self, name: &str, frontend: &Frontend) -> bool {
        self.owner(frontend) == Some(name)
    }

    /// Takes changes over, and gives what undoes them.
    pub fn exchange(&mut self, changes: &Changes) -> Changes {
        changes.iter().map(|(name, after)| (name.clone(), self.set(name, after.clone()))).collect()
    }

    fn set(&mut self, name: &str, service: Option<Arc<Service>>) -> Option<Arc<Service>> {
        let before = match &service {
            Some(service) => self.services.insert(name.to_owned(), service.clone()),
            None => self.services.remove(name),
        };
        self.owners.release(name, before.iter().flat_map(|service| claims(service).into_keys()));
        self.owners.claim(name, service.iter().flat_map(|service| claims(service)));
        before
    }

    /// Services among these that another one keeps from an address, with why.
    pub fn contested<'a>(&self, names: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
        let mut contested = BTreeMap::new();
        for (name, service) in names.filter_map(|name| Some((name, self.services.get(name)?))) {
            let lost = claims(service).into_keys().find(|frontend| !self.has(name, frontend));
            if let Some(frontend) = lost {
                let owner = self.owner(&frontend).unwrap_or_default();
                contested.insert(name.clone(), format!("{frontend} belongs to Service {owner}; all else is served"));
            }
        }
        contested
    }

    /// The Services whose part in the table these changes can touch.
    pub fn touched(&self, changes: &Changes) -> BTreeSet<String> {
        let mut touched: BTreeSet<String> = changes.keys().cloned().collect();
        for (name, after) in changes {
            let services = self.services.get(name).into_iter().chain(after);
            for frontend in services.flat_map(|service| claims(service).into_keys()) {
                touched.extend(self.owners.claimants(&frontend).map(str::to_owned));
            }
        }
        touched
    }
}
