//! The door to the table of one family.

use std::io;

use super::chains::Base;
use super::expressions::Rule;
use super::sets::{Key, SetName, Value};
use crate::error::NetfilterError;

/// One change of the table, whose sets `S` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<S = SetName> {
    /// Unless it is there.
    AddTable,
    /// With all that is in it; it must be there.
    DeleteTable,
    AddChain(String, Option<Base>),
    /// All its rules go.
    Flush(String),
    DeleteChain(String),
    AddRule(String, Rule),
    AddSet(S),
    DeleteSet(String),
    Add(S, Key, Value),
    Remove(S, Key),
}

/// What is in the table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Existing {
    pub chains: Vec<String>,
    pub sets: Vec<String>,
}

/// Numbers that differ when what is in the table differs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub u64);

/// Why a transaction had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kernel takes transactions, but not this one.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Broken(#[from] io::Error),
}

impl From<Failure> for NetfilterError {
    fn from(failure: Failure) -> Self {
        NetfilterError::Nftables(failure.to_string())
    }
}

pub trait Door<S = SetName>: Send {
    /// All steps, or none of them.
    fn commit(&mut self, steps: &mut dyn Iterator<Item = Step<S>>) -> std::result::Result<(), Failure>;
    /// Fails when the kernel would not take a table that these steps make; changes nothing.
    fn probe(&mut self, steps: &[Step<S>]) -> std::result::Result<(), Failure>;
    /// None: there is no table of ours.
    fn existing(&mut self) -> io::Result<Option<Existing>>;
    /// A number that every transaction of any program changes, each by one.
    fn generation(&mut self) -> io::Result<u32>;
    /// Of the chains and all their rules.
    fn rules(&mut self) -> io::Result<Digest>;
    /// Of what is in the sets.
    fn elements(&mut self, sets: &[S]) -> io::Result<Digest>;
}

impl Digest {
    /// Whatever their order is.
    pub fn add(&mut self, parts: &[&[u8]]) {
        // FNV-1a, finished so that sums of similar parts differ: somebody who edits rules by hand is found, and who wants
        // not to be found could as well change what looks for them.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for part in parts {
            for byte in part.iter().copied().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 = self.0.wrapping_add(hash ^ hash >> 29);
    }

    pub fn add_element(&mut self, set: &str, key: &Key, value: &Value) {
        self.add(&[set.as_bytes(), &key.bytes(), &key.flags().to_be_bytes(), &value.shown()]);
    }
}

impl Value {
    /// As a dump of the kernel has it.
    pub fn shown(&self) -> Vec<u8> {
        match self {
            Value::None => Vec::new(),
            Value::Drop => 0_i32.to_be_bytes().to_vec(),
            Value::Goto(chain) => shown_jump(-4, chain),
            Value::Endpoint(..) | Value::Kind(_) => self.bytes(),
        }
    }
}

pub fn shown_jump(code: i32, chain: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], chain.as_bytes()].concat()
}
