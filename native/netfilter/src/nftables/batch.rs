//! One transaction, as the messages that the kernel takes at once.

use xtables::address::Family;

use super::chains::Base;
use super::door::Step;
use super::expressions::{Rule, family_number};
use super::sets::{Key, SetKind, Value, put_element};
use crate::netlink::message::{APPEND, CREATE, LONGEST, Messages};

/// `NFNL_SUBSYS_NFTABLES`, as part of a message's type.
pub const NFTABLES: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;

const NEW_TABLE: u16 = NFTABLES;
const DELETE_TABLE: u16 = NFTABLES | 2;
const NEW_CHAIN: u16 = NFTABLES | 3;
const DELETE_CHAIN: u16 = NFTABLES | 5;
const NEW_RULE: u16 = NFTABLES | 6;
const DELETE_RULE: u16 = NFTABLES | 8;
const NEW_SET: u16 = NFTABLES | 9;
const DELETE_SET: u16 = NFTABLES | 11;
const NEW_ELEMENTS: u16 = NFTABLES | 12;
const DELETE_ELEMENTS: u16 = NFTABLES | 14;

/// One transaction of messages.
pub struct Batch {
    messages: Messages,
    family: Family,
    table: String,
    /// Elements to add, until the next step of another kind: few messages take them all.
    added: Vec<(String, Vec<u8>)>,
    sets: u32,
}

impl Batch {
    pub fn new(family: Family, table: &str) -> Self {
        let mut messages = Messages::default();
        messages.begin(BATCH_BEGIN, 0, 0, 10);
        Batch { messages, family, table: table.to_owned(), added: Vec::new(), sets: 0 }
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.put_added();
        // An answer to the last message says that all went well.
        self.messages.acknowledged();
        self.messages.begin(BATCH_END, 0, 0, 10);
        self.messages.finish()
    }

    fn begin(&mut self, kind: u16, flags: u16) {
        self.messages.begin(kind, flags, family_number(self.family), 0);
        self.messages.put_name(1, &self.table);
    }

    pub fn step(&mut self, step: &Step<impl SetKind>) {
        if let Step::Add(set, key, value) = step {
            return self.add(set, key, value);
        }
        self.put_added();
        match step {
            Step::AddTable => self.begin(NEW_TABLE, CREATE),
            Step::DeleteTable => self.begin(DELETE_TABLE, 0),
            Step::AddChain(name, base) => self.add_chain(name, base.as_ref()),
            Step::Flush(chain) => self.named(DELETE_RULE, 2, chain),
            Step::DeleteChain(chain) => self.named(DELETE_CHAIN, 3, chain),
            Step::AddRule(chain, rule) => self.add_rule(chain, rule),
            Step::AddSet(set) => self.add_set(set),
            Step::DeleteSet(set) => self.named(DELETE_SET, 2, set),
            Step::Remove(set, key) => {
                self.named(DELETE_ELEMENTS, 2, &set.to_string());
                let mut element = Vec::new();
                put_element(&mut element, key, None);
                let open = self.messages.open(3);
                self.messages.extend(&element);
                self.messages.close(open);
            }
            Step::Add(..) => {}
        }
    }

    fn named(&mut self, kind: u16, attribute: u16, name: &str) {
        self.begin(kind, 0);
        self.messages.put_name(attribute, name);
    }

    fn add_chain(&mut self, name: &str, base: Option<&Base>) {
        self.begin(NEW_CHAIN, CREATE);
        self.messages.put_name(3, name);
        if let Some(Base { kind, hook, priority }) = base {
            let open = self.messages.open(4);
            self.messages.put_u32(1, *hook);
            self.messages.put_u32(2, priority.cast_unsigned());
            self.messages.close(open);
            // The policy: accept.
            self.messages.put_u32(5, 1);
            self.messages.put_name(7, kind);
        }
    }

    fn add_rule(&mut self, chain: &str, rule: &Rule) {
        self.begin(NEW_RULE, CREATE | APPEND);
        self.messages.put_name(2, chain);
        let open = self.messages.open(4);
        self.messages.extend(&rule.expressions);
        self.messages.close(open);
        if let Some(comment) = &rule.comment {
            self.messages.put(7, &comment_data(comment));
        }
    }

    fn add_set(&mut self, set: &impl SetKind) {
        self.sets += 1;
        self.begin(NEW_SET, CREATE);
        self.messages.put_name(2, &set.to_string());
        let mut spec = Vec::new();
        set.spec(self.family).put(&mut spec, self.sets);
        self.messages.extend(&spec);
    }

    fn add(&mut self, set: &impl SetKind, key: &Key, value: &Value) {
        let name = set.to_string();
        let at = match self.added.iter().position(|(other, _)| *other == name) {
            Some(at) => at,
            None => {
                self.added.push((name, Vec::new()));
                self.added.len() - 1
            }
        };
        put_element(&mut self.added[at].1, key, Some(value));
        // The list is an attribute; none of its items is this long.
        if self.added[at].1.len() > LONGEST - 1024 {
            let (set, elements) = self.added.remove(at);
            self.put_elements(&set, &elements);
        }
    }

    fn put_added(&mut self) {
        for (set, elements) in std::mem::take(&mut self.added) {
            self.put_elements(&set, &elements);
        }
    }

    fn put_elements(&mut self, set: &str, elements: &[u8]) {
        self.begin(NEW_ELEMENTS, CREATE);
        self.messages.put_name(2, set);
        let open = self.messages.open(3);
        self.messages.extend(elements);
        self.messages.close(open);
    }
}

/// As `nft` keeps the comment of a rule: type 0, length, text with a zero byte.
fn comment_data(comment: &str) -> Vec<u8> {
    let mut text: Vec<u8> = comment.bytes().take(127).collect();
    text.push(0);
    let mut data = vec![0, u8::try_from(text.len()).unwrap_or(u8::MAX)];
    data.append(&mut text);
    data
}
