//! Knows what every Service asks of the kernel, and hands a backend only what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use xtables::address::Family;

use crate::backend::{Applied, Backend};
use crate::conntrack::{Flows, Touched};
use crate::error::Result;
use crate::model::{Change, Delta, Service, ServiceKey, State};

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The backend got the whole state.
    pub full: bool,
    pub applied: Applied,
    /// How many stale flows were ended, or why not. The rules are as asked all the same, and it is tried again.
    pub flows: std::result::Result<usize, String>,
}

pub struct Front<B, F> {
    backend: B,
    flows: F,
    state: State,
    /// Changed since the last sync; None when the Service went.
    pending: BTreeMap<ServiceKey, Option<Arc<Service>>>,
    /// The kernel has the state, but for what was refused.
    in_kernel: bool,
    refused: BTreeSet<ServiceKey>,
    /// What changed, until its stale flows are ended.
    touched: BTreeMap<Family, Touched>,
}

impl<B: Backend, F: Flows> Front<B, F> {
    pub fn new(backend: B, flows: F) -> Self {
        Front {
            backend,
            flows,
            state: State::new(),
            pending: BTreeMap::new(),
            in_kernel: false,
            refused: BTreeSet::new(),
            touched: BTreeMap::new(),
        }
    }

    /// `views` are the Service `namespace/name` in each of its families; a family without one has no such Service any
    /// more. Takes effect with the next `sync`.
    pub fn set(&mut self, service: &str, views: Vec<Service>) {
        let mut views: BTreeMap<Family, Arc<Service>> =
            views.into_iter().map(|view| (view.family, Arc::new(view))).collect();
        for family in [Family::Ipv4, Family::Ipv6] {
            let key = ServiceKey { service: service.to_owned(), family };
            self.pending.insert(key, views.remove(&family));
        }
    }

    /// Brings the kernel to what was set. After an error the next one hands over the whole state.
    pub fn sync(&mut self) -> Result<Synced> {
        let delta = self.take_pending();
        self.hand_over(&delta)
    }

    /// Writes everything anew when somebody else took rules away, and tries again what was refused. None when there was
    /// neither.
    pub fn verify(&mut self) -> Result<Option<Synced>> {
        self.in_kernel = self.in_kernel && self.backend.verify()?;
        let mut delta = self.take_pending();
        let no_flows = self.touched.values().all(Touched::is_empty);
        let nothing_to_do = self.in_kernel && delta.is_empty() && self.refused.is_empty() && no_flows;
        if nothing_to_do {
            return Ok(None);
        }
        for key in &self.refused {
            let again = self.state.get(key).cloned();
            delta.entry(key.clone()).or_insert(Change { before: again.clone(), after: again });
        }
        self.hand_over(&delta).map(Some)
    }

    pub fn cleanup(&mut self) -> Result<()> {
        self.in_kernel = false;
        self.backend.cleanup()
    }

    fn hand_over(&mut self, delta: &Delta) -> Result<Synced> {
        let full = !self.in_kernel;
        // Until the backend has answered, by an error or a panic too, nobody knows what the kernel has.
        self.in_kernel = false;
        let applied = if full {
            self.refused.clear();
            self.backend.full(&self.state)?
        } else if delta.is_empty() {
            Applied::default()
        } else {
            self.refused.retain(|key| !delta.contains_key(key));
            self.backend.change(delta)?
        };
        self.in_kernel = true;
        self.refused.extend(applied.refused.keys().cloned());
        if full {
            // An earlier process may have left flows of any Service.
            self.touched.values_mut().for_each(Touched::touch_all);
        }
        let flows = self.end_stale_flows();
        Ok(Synced { full, applied, flows })
    }

    fn end_stale_flows(&mut self) -> std::result::Result<usize, String> {
        let Front { flows, state, touched, .. } = self;
        let mut ended = 0;
        for (family, touched) in touched.iter_mut().filter(|(_, touched)| !touched.is_empty()) {
            let serving = touched.serving(*family, state);
            ended += flows.reconcile(*family, &serving).map_err(|error| error.to_string())?;
            touched.clear();
        }
        Ok(ended)
    }

    /// Takes over into the state what differs from it.
    fn take_pending(&mut self) -> Delta {
        let mut delta = Delta::new();
        for (key, after) in std::mem::take(&mut self.pending) {
            if self.state.get(&key) == after.as_ref() {
                continue;
            }
            let before = match &after {
                Some(service) => self.state.insert(key.clone(), service.clone()),
                None => self.state.remove(&key),
            };
            let touched = self.touched.entry(key.family).or_default();
            touched.change(&key.service, before.as_deref(), after.as_deref());
            delta.insert(key, Change { before, after });
        }
        delta
    }
}

#[cfg(test)]
#[path = "front_tests.rs"]
mod tests;
