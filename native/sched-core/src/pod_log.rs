//! Which pods came to and left which slots, in order: counts of matching pods catch up by reading on.

use crate::pod::PodSpec;
use std::collections::VecDeque;
use std::sync::Arc;

/// Readers that lag further count anew.
const KEPT: usize = 16_384;

#[derive(Debug)]
pub struct PodChange {
    pub spec: Arc<PodSpec>,
    pub slot: usize,
    pub delta: i64,
}

#[derive(Debug, Default)]
pub struct PodLog {
    first: u64,
    changes: VecDeque<PodChange>,
}

impl PodLog {
    pub fn push(&mut self, spec: Arc<PodSpec>, slot: usize, delta: i64) {
        if self.changes.len() == KEPT {
            self.changes.pop_front();
            self.first += 1;
        }
        self.changes.push_back(PodChange { spec, slot, delta });
    }

    pub fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// The changes at and after `position`; None when they are no longer all kept.
    pub fn since(&self, position: u64) -> Option<impl Iterator<Item = &PodChange>> {
        let skip = position.checked_sub(self.first)?;
        Some(self.changes.range(skip as usize..))
    }
}
