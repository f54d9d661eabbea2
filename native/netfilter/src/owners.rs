//! Which Service has what several claim: the one with the lowest claim, then the first by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::frontend::{Claim, Frontend};

#[derive(Debug, Default)]
pub struct Owners {
    /// In the order in which they would have it.
    claims: HashMap<Frontend, Vec<(Claim, Arc<str>)>>,
}

impl Owners {
    pub fn claim(&mut self, name: &str, claims: impl IntoIterator<Item = (Frontend, Claim)>) {
        let name: Arc<str> = name.into();
        for (frontend, claim) in claims {
            let of_all = self.claims.entry(frontend).or_insert_with(|| Vec::with_capacity(1));
            let at = of_all.partition_point(|other| *other < (claim, name.clone()));
            of_all.insert(at, (claim, name.clone()));
        }
    }

    pub fn release(&mut self, name: &str, frontends: impl IntoIterator<Item = Frontend>) {
        for frontend in frontends {
            if let Some(of_all) = self.claims.get_mut(&frontend) {
                of_all.retain(|(_, claimant)| **claimant != *name);
                if of_all.is_empty() {
                    self.claims.remove(&frontend);
                }
            }
        }
    }

    pub fn owner(&self, frontend: &Frontend) -> Option<&str> {
        self.claimants(frontend).next()
    }

    /// The owner comes first.
    pub fn claimants(&self, frontend: &Frontend) -> impl Iterator<Item = &str> {
        self.claims.get(frontend).into_iter().flatten().map(|(_, name)| &**name)
    }

    /// All that somebody claims.
    pub fn frontends(&self) -> impl Iterator<Item = Frontend> {
        self.claims.keys().copied()
    }
}
