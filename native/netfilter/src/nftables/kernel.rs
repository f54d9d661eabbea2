//! The kernel's nftables, by netlink.

use std::io;

use rustix::io::Errno;
use xtables::address::Family;

use super::batch::{Batch, NFTABLES};
use super::door::{Digest, Door, Existing, Failure, Step, shown_jump};
use super::expressions::family_number;
use super::sets::{ELEMENT_DATA, ELEMENT_FLAGS, ELEMENT_KEY, SetKind};
use crate::netlink::attributes::Attributes;
use crate::netlink::message::{DUMP, GENERIC, Messages};
use crate::netlink::socket::Socket;

const GET_CHAIN: u16 = NFTABLES | 4;
const GET_RULE: u16 = NFTABLES | 7;
const GET_SET: u16 = NFTABLES | 10;
const GET_ELEMENTS: u16 = NFTABLES | 13;
const GET_GENERATION: u16 = NFTABLES | 16;

#[derive(Debug)]
pub struct Kernel {
    family: Family,
    /// The table's name.
    table: &'static str,
    socket: Socket,
}

impl Kernel {
    pub fn of(family: Family, table: &'static str) -> io::Result<Self> {
        Ok(Kernel { family, table, socket: Socket::open()? })
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
        request.put_name(1, self.table);
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

impl<S: SetKind> Door<S> for Kernel {
    fn commit(&mut self, steps: &mut dyn Iterator<Item = Step<S>>) -> Result<(), Failure> {
        let mut batch = Batch::new(self.family, self.table);
        steps.for_each(|step| batch.step(&step));
        self.send(batch)
    }

    fn probe(&mut self, steps: &[Step<S>]) -> Result<(), Failure> {
        // A transaction that is whole and then undone by its last step: nothing of it ever takes effect.
        let probe = format!("{}-probe", self.table);
        let mut batch = Batch::new(self.family, &probe);
        batch.step(&Step::<S>::AddTable);
        steps.iter().for_each(|step| batch.step(step));
        batch.step(&Step::<S>::DeleteTable);
        self.send(batch)
    }

    fn existing(&mut self) -> io::Result<Option<Existing>> {
        let table = self.table;
        let existing = self.consistent(|kernel, existing: &mut Existing| {
            kernel.dump(GET_CHAIN, None, |chain| {
                if chain.name(1).as_deref() == Some(table) {
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
        let table = self.table;
        self.consistent(|kernel, digest: &mut Digest| {
            kernel.dump(GET_CHAIN, None, |chain| {
                if chain.name(1).as_deref() == Some(table) {
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

    fn elements(&mut self, sets: &[S]) -> io::Result<Digest> {
        self.consistent(|kernel, digest: &mut Digest| {
            for set in sets.iter().map(S::to_string) {
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
