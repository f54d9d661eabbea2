//! A backend that serves each family of addresses by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use xtables::address::Family;

use crate::backend::{Applied, Backend};
use crate::error::Result;
use crate::model::{Delta, Service, ServiceKey, State};

/// Services by `namespace/name`; None: the Service goes.
pub type Changes = BTreeMap<String, Option<Arc<Service>>>;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Written {
    /// Chains, elements, steps of virtual servers.
    pub written: usize,
    pub removed: usize,
    /// Services that the kernel did not take, or that another one keeps from an address, with why.
    pub refused: BTreeMap<String, String>,
}

/// What serves one family; see `Backend`.
pub trait OfFamily: Send {
    fn full(&mut self, services: Changes) -> Result<Written>;
    fn change(&mut self, changes: Changes) -> Result<Written>;
    fn verify(&mut self) -> Result<bool>;
    fn cleanup(&mut self) -> Result<()>;
}

#[derive(Debug)]
pub struct Families<T>(pub BTreeMap<Family, T>);

impl<T: OfFamily> Families<T> {
    /// Each family gets its changes; Services of others are refused.
    fn apply(&mut self, mut changes: BTreeMap<Family, Changes>, full: bool) -> Result<Applied> {
        let mut applied = Applied::default();
        for (family, of_family) in &mut self.0 {
            let changes = changes.remove(family).unwrap_or_default();
            let Written { written, removed, refused } =
                if full { of_family.full(changes)? } else { of_family.change(changes)? };
            applied.written += written;
            applied.removed += removed;
            let key = |service| ServiceKey { service, family: *family };
            applied.refused.extend(refused.into_iter().map(|(service, why)| (key(service), why)));
        }
        for (family, changes) in changes {
            let key = |service| ServiceKey { service, family };
            let why = format!("this node does not serve {family}");
            let asked = changes.into_iter().filter_map(|(service, after)| after.map(|_| key(service)));
            applied.refused.extend(asked.map(|key| (key, why.clone())));
        }
        Ok(applied)
    }
}

impl<T: OfFamily> Backend for Families<T> {
    fn full(&mut self, state: &State) -> Result<Applied> {
        let mut changes: BTreeMap<Family, Changes> = BTreeMap::new();
        for (ServiceKey { service, family }, asked) in state {
            changes.entry(*family).or_default().insert(service.clone(), Some(asked.clone()));
        }
        self.apply(changes, true)
    }

    fn change(&mut self, delta: &Delta) -> Result<Applied> {
        let mut changes: BTreeMap<Family, Changes> = BTreeMap::new();
        for (ServiceKey { service, family }, change) in delta {
            changes.entry(*family).or_default().insert(service.clone(), change.after.clone());
        }
        self.apply(changes, false)
    }

    fn verify(&mut self) -> Result<bool> {
        for of_family in self.0.values_mut() {
            if !of_family.verify()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn cleanup(&mut self) -> Result<()> {
        self.0.values_mut().try_for_each(T::cleanup)
    }
}
