//! The slots that changed, in order. A cached column remembers how far it has read and catches up by reading on.

use std::collections::VecDeque;

/// Readers that lag further than this start over; a rebuild costs about as much as replaying so many.
const KEPT: usize = 16_384;

#[derive(Debug, Default)]
pub struct ChangeLog {
    first: u64,
    slots: VecDeque<u32>,
}

impl ChangeLog {
    pub fn push(&mut self, slot: usize) {
        if self.slots.len() == KEPT {
            self.slots.pop_front();
            self.first += 1;
        }
        self.slots.push_back(slot as u32);
    }

    pub fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// The changes at and after `position`; None when they are no longer all kept.
    pub fn since(&self, position: u64) -> Option<impl Iterator<Item = usize> + '_> {
        let skip = position.checked_sub(self.first)?;
        Some(self.slots.range(skip as usize..).map(|&slot| slot as usize))
    }
}
