//! What serves Services in the kernel. The front (`front.rs`) knows what is asked for; a backend knows how that becomes
//! rules, and what of it the kernel has.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::model::{Delta, ServiceKey, State};

/// What a backend did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Units of the backend's own, chains for one, that it wrote and removed.
    pub written: usize,
    pub removed: usize,
    /// Services that the kernel did not take, with why. It still has what it had of them; all others are as asked.
    pub refused: BTreeMap<ServiceKey, String>,
}

/// An error of a call means that the kernel's state is not known: the front hands over the full state next.
pub trait Backend: Send {
    /// Makes the kernel equal to the state, whatever it had, and takes over what an earlier process left.
    fn full(&mut self, state: &State) -> Result<Applied>;

    /// Makes the changes; all that they do not name stays untouched.
    fn change(&mut self, delta: &Delta) -> Result<Applied>;

    /// Whether the kernel still has what was written.
    fn verify(&mut self) -> Result<bool>;

    /// Takes all that any process of this backend wrote out of the kernel.
    fn cleanup(&mut self) -> Result<()>;
}

impl Backend for Box<dyn Backend> {
    fn full(&mut self, state: &State) -> Result<Applied> {
        (**self).full(state)
    }

    fn change(&mut self, delta: &Delta) -> Result<Applied> {
        (**self).change(delta)
    }

    fn verify(&mut self) -> Result<bool> {
        (**self).verify()
    }

    fn cleanup(&mut self) -> Result<()> {
        (**self).cleanup()
    }
}
