//! The kernel's nftables, by netlink.

use std::io;

use rustix::io::Errno;
use xtables::address::Family;

use super::chains::Base;
use super::door::{Digest, Door, Existing, Failure, Step, shown_jump};
use super::expressions::{Rule, family_number};
use super::sets::{ELEMENT_DATA, ELEMENT_FLAGS, ELEMENT_KEY, Key, SetName, Value, put_element};
use crate::netlink::attributes::Attributes;
use crate::netlink::message::{APPEND, CREATE, DUMP, GENERIC, LONGEST, Messages};
use crate::netlink::socket::Socket;

/// The table's name in both families. kube-proxy's would be taken for one of its own.
pub const TABLE: &str = "berth-services";

/// `NFNL_SUBSYS_NFTABLES`, as part of a message's type.
const NFTABLES: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;

const NEW_TABLE: u16 = NFTABLES;
const DELETE_TABLE: u16 = NFTABLES | 2;
const NEW_CHAIN: u16 = NFTABLES | 3;
const GET_CHAIN: u16 = NFTABLES | 4;
const DELETE_CHAIN: u16 = NFTABLES | 5;
const NEW_RULE: u16 = NFTABLES | 6;
const GET_RULE: u16 = NFTABLES | 7;
const DELETE_RULE: u16 = NFTABLES | 8;
const NEW_SET: u16 = NFTABLES | 9;
const GET_SET: u16 = NFTABLES | 10;
const DELETE_SET: u16 = NFTABLES | 11;
const NEW_ELEMENTS: u16 = NFTABLES | 12;
const GET_ELEMENTS: u16 = NFTABLES | 13;
const DELETE_ELEMENTS: u16 = NFTABLES | 14;
const GET_GENERATION: u16 = NFTABLES | 16;

#[derive(Debug)]
pub struct Kernel {
    family: Family,
    socket: Socket,
}

impl Kernel {
    pub fn of(family: Family) -> io::Result<Self> {
        Ok(Kernel { family, socket: Socket::open()? })
    }

    /// Fails when the kernel cannot do what our rules need; changes nothing.
    pub fn detect(&mut self) -> Result<(), Failure> {
        self.generation()?;
        // A transaction that is whole and then undone by its last step: nothing of it ever takes effect.
        let probe = format!("{TABLE}-probe");
        let mut batch = Batch::new(self.family, &probe);
        let mut steps = vec![Step::AddTable];
        steps.extend(super::table::everything(self.family));
        steps.push(Step::DeleteTable);
        steps.iter().for_each(|step| batch.step(step));
        self.send(batch)
    }

    fn send(&mut self, batch: Batch) -> Result<(), Failure> {
        let answers = self.socket.send_batch(&batch.finish())?;
        match answers.iter().find_map(|answer| answer.error) {
            Some(error) => Err(Failure::Refused(io::Error::from(error).to_string())),
            None if answers.is_empty() => Err(Failure::Broken(Errno::PROTO.into())),
            None => Ok(()),
        }
    }

    /// Messages of a dump, each by its attributes. Tried again when the kernel's rules change meanwhile.
    fn dump(&mut self, kind: u16, set: Option<&str>, mut each: impl FnMut(Attributes)) -> io::Result<()> {
        let mut request = Messages::default();
        request.begin(kind, DUMP, family_number(self.family), 0);
        request.put_name(1, TABLE);
        if let Some(set) = set {
            request.put_name(2, set);
        }
        self.socket.request(request, |body| each(Attributes(body.get(GENERIC..).unwrap_or_default())))
    }

    /// What `each` collects into a fresh value, from dumps that show one moment.
    fn consistent<T: Default>(&mut self, look: impl Fn(&mut Self, &mut T) -> io::Result<()>) -> io::Result<T> {
        for _ in 0..16 {
            let mut seen = T::default();
            match look(self, &mut seen) {
                Err(error) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
                result => return result.map(|()| seen),
            }
        }
        Err(Errno::INTR.into())
    }
}

impl Door for Kernel {
    fn commit(&mut self, steps: &mut dyn Iterator<Item = Step>) -> Result<(), Failure> {
        let mut batch = Batch::new(self.family, TABLE);
        steps.for_each(|step| batch.step(&step));
        self.send(batch)
    }

    fn existing(&mut self) -> io::Result<Option<Existing>> {
        let existing = self.consistent(|kernel, existing: &mut Existing| {
            kernel.dump(GET_CHAIN, None, |chain| {
                if chain.name(1).as_deref() == Some(TABLE) {
                    existing.chains.extend(chain.name(3));
                }
            })?;
            kernel.dump(GET_SET, None, |set| existing.sets.extend(set.name(2)))
        })?;
        Ok((existing != Existing::default()).then_some(existing))
    }

    fn generation(&mut self) -> io::Result<u32> {
        let mut request = Messages::default();
        request.begin(GET_GENERATION, 0, 0, 0);
        request.acknowledged();
        let mut generation = None;
        self.socket.request(request, |body| generation = Attributes(body.get(GENERIC..).unwrap_or_default()).u32(1))?;
        generation.ok_or_else(|| Errno::PROTO.into())
    }

    fn rules(&mut self) -> io::Result<Digest> {
        self.consistent(|kernel, digest: &mut Digest| {
            kernel.dump(GET_CHAIN, None, |chain| {
                if chain.name(1).as_deref() == Some(TABLE) {
                    // Name, hook, policy.
                    digest.add(&[3, 4, 5].map(|kind| chain.get(kind).unwrap_or_default()));
                }
            })?;
            let mut number = 0_u32;
            kernel.dump(GET_RULE, None, |rule| {
                number += 1;
                // The order within a chain counts.
                let parts = [2, 4].map(|kind| rule.get(kind).unwrap_or_default());
                digest.add(&[&number.to_ne_bytes(), parts[0], parts[1]]);
            })
        })
    }

    fn elements(&mut self, sets: &[SetName]) -> io::Result<Digest> {
        self.consistent(|kernel, digest: &mut Digest| {
            for set in sets.iter().map(SetName::to_string) {
                kernel.dump(GET_ELEMENTS, Some(&set), |list| {
                    for (_, element) in list.nested(3).into_iter().flatten() {
                        add_dumped(digest, &set, Attributes(element));
                    }
                })?;
            }
            Ok(())
        })
    }
}

fn add_dumped(digest: &mut Digest, set: &str, element: Attributes) {
    let key = element.nested(ELEMENT_KEY).and_then(|key| key.get(1)).unwrap_or_default();
    let flags = element.u32(ELEMENT_FLAGS).unwrap_or(0);
    let data = element.nested(ELEMENT_DATA);
    let verdict = data.and_then(|data| data.nested(2));
    let value = match (verdict, data.and_then(|data| data.get(1))) {
        (Some(verdict), _) => {
            let code = verdict.u32(1).unwrap_or(0).cast_signed();
            shown_jump(code, &verdict.name(2).unwrap_or_default())
        }
        (None, value) => value.unwrap_or_default().to_vec(),
    };
    digest.add(&[set.as_bytes(), key, &flags.to_be_bytes(), &value]);
}

/// One transaction of messages.
struct Batch {
    messages: Messages,
    family: u8,
    table: String,
    /// Elements to add, until the next step of another kind: few messages take them all.
    added: Vec<(String, Vec<u8>)>,
    sets: u32,
}

impl Batch {
    fn new(family: Family, table: &str) -> Self {
        let mut messages = Messages::default();
        messages.begin(BATCH_BEGIN, 0, 0, 10);
        Batch { messages, family: family_number(family), table: table.to_owned(), added: Vec::new(), sets: 0 }
    }

    fn finish(mut self) -> Vec<u8> {
        self.put_added();
        // An answer to the last message says that all went well.
        self.messages.acknowledged();
        self.messages.begin(BATCH_END, 0, 0, 10);
        self.messages.finish()
    }

    fn begin(&mut self, kind: u16, flags: u16) {
        self.messages.begin(kind, flags, self.family, 0);
        self.messages.put_name(1, &self.table);
    }

    fn step(&mut self, step: &Step) {
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

    fn add_set(&mut self, set: &SetName) {
        let family = if self.family == family_number(Family::Ipv4) { Family::Ipv4 } else { Family::Ipv6 };
        self.sets += 1;
        self.begin(NEW_SET, CREATE);
        self.messages.put_name(2, &set.to_string());
        let mut spec = Vec::new();
        set.spec(family).put(&mut spec, self.sets);
        self.messages.extend(&spec);
    }

    fn add(&mut self, set: &SetName, key: &Key, value: &Value) {
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
