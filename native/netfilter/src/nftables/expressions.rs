//! What a rule does, as the expressions that the kernel runs: `include/uapi/linux/netfilter/nf_tables.h`. They lie in the
//! registers that `nft` would put them in, so that it prints them as it would have read them.

use std::net::IpAddr;

use xtables::address::{Cidr, Family};

use crate::model::Protocol;
use crate::netlink::message::{put, put_name, put_nested};

/// Bit of the packet mark that asks for masquerading after routing; kubelet and kube-proxy use the same one.
const MASQUERADE: u32 = 0x4000;

/// `NFT_REG_1`, and registers of 32 bits, of which four make one.
const REGISTER: u32 = 1;
const WORD: u32 = 8;

/// `NFT_META_PRIORITY`.
const PRIORITY: u32 = 2;

/// `NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`; items of a list of expressions; `NFTA_DATA_VALUE`, `NFTA_DATA_VERDICT`.
const NAME: u16 = 1;
const DATA: u16 = 2;
const ITEM: u16 = 1;
const VALUE: u16 = 1;
const VERDICT: u16 = 2;

/// `IPPROTO_ICMPV6`, `IFNAMSIZ`.
const ICMPV6: u8 = 58;
const INTERFACE_NAME: usize = 16;

/// Where a rule sends a packet: `enum nft_verdicts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Jump<'a> {
    Drop,
    /// No further chain of this hook and priority is asked; those of others are.
    Accept,
    Return,
    Jump(&'a str),
    Goto(&'a str),
}

/// Side of a packet or of its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

/// `NFTA_SET_ELEM_DATA` and the like with a verdict.
pub fn put_verdict(bytes: &mut Vec<u8>, kind: u16, jump: Jump) {
    let (code, chain) = match jump {
        Jump::Drop => (0, None),
        Jump::Accept => (1, None),
        Jump::Return => (-5, None),
        Jump::Jump(chain) => (-3, Some(chain)),
        Jump::Goto(chain) => (-4_i32, Some(chain)),
    };
    put_nested(bytes, kind, |bytes| {
        put_nested(bytes, VERDICT, |bytes| {
            put(bytes, 1, &code.to_be_bytes());
            if let Some(chain) = chain {
                put_name(bytes, 2, chain);
            }
        });
    });
}

pub fn put_value(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    put_nested(bytes, kind, |bytes| put(bytes, VALUE, value));
}

pub fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// Bytes of an address.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A rule of one family: expressions, in the order in which they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    family: Family,
    pub expressions: Vec<u8>,
    pub comment: Option<String>,
    /// The next free word of the key that is put together.
    key: u32,
}

impl Rule {
    pub fn new(family: Family) -> Self {
        Rule { family, expressions: Vec::new(), comment: None, key: 0 }
    }

    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    fn expression(mut self, name: &str, data: impl FnOnce(&mut Vec<u8>)) -> Self {
        put_nested(&mut self.expressions, ITEM, |bytes| {
            put_name(bytes, NAME, name);
            put_nested(bytes, DATA, data);
        });
        self
    }

    /// What another rule compares, after what this one does.
    pub fn also(mut self, other: Rule) -> Self {
        self.expressions.extend(other.expressions);
        self
    }

    fn payload(self, register: u32, base: u32, offset: u32, length: u32) -> Self {
        self.expression("payload", |bytes| {
            for (kind, value) in [(1, register), (2, base), (3, offset), (4, length)] {
                put(bytes, kind, &value.to_be_bytes());
            }
        })
    }

    fn compare(self, equal: bool, value: &[u8]) -> Self {
        self.expression("cmp", |bytes| {
            put(bytes, 1, &REGISTER.to_be_bytes());
            put(bytes, 2, &u32::from(!equal).to_be_bytes());
            put_value(bytes, 3, value);
        })
    }

    fn bitwise(self, mask: &[u8], xor: &[u8]) -> Self {
        self.expression("bitwise", |bytes| {
            put(bytes, 1, &REGISTER.to_be_bytes());
            put(bytes, 2, &REGISTER.to_be_bytes());
            put(bytes, 3, &(mask.len() as u32).to_be_bytes());
            put_value(bytes, 4, mask);
            put_value(bytes, 5, xor);
        })
    }

    /// Bits of a number that the kernel keeps in its own order.
    fn bits(self, bits: u32) -> Self {
        self.bitwise(&bits.to_ne_bytes(), &[0; 4])
    }

    /// Where an address stands in its header, and its bytes.
    fn address_field(&self, side: Side) -> (u32, u32) {
        match (self.family, side) {
            (Family::Ipv4, Side::Source) => (12, 4),
            (Family::Ipv4, Side::Destination) => (16, 4),
            (Family::Ipv6, Side::Source) => (8, 16),
            (Family::Ipv6, Side::Destination) => (24, 16),
        }
    }

    fn load_address(self, register: u32, side: Side) -> Self {
        let (offset, length) = self.address_field(side);
        self.payload(register, 1, offset, length)
    }

    fn meta(self, key: u32, register: u32) -> Self {
        self.expression("meta", |bytes| {
            put(bytes, 1, &register.to_be_bytes());
            put(bytes, 2, &key.to_be_bytes());
        })
    }

    fn ct(self, key: u32) -> Self {
        self.expression("ct", |bytes| {
            put(bytes, 1, &REGISTER.to_be_bytes());
            put(bytes, 2, &key.to_be_bytes());
        })
    }

    /// `ip saddr`, `ip daddr` in or out of a range.
    pub fn address_in(self, side: Side, range: Cidr, within: bool) -> Self {
        let (_, length) = self.address_field(side);
        let bits = u32::from(range.prefix());
        let mask: Vec<u8> = (0..length).map(|at| !(0xff_u32 >> bits.saturating_sub(at * 8).min(8)) as u8).collect();
        let network: Vec<u8> = octets(range.address()).iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
        let loaded = self.load_address(REGISTER, side);
        let masked = if bits == length * 8 { loaded } else { loaded.bitwise(&mask, &vec![0; mask.len()]) };
        masked.compare(within, &network)
    }

    /// `ct state`: any of these bits, or none.
    fn state(self, bits: u32, any: bool) -> Self {
        self.ct(0).bits(bits).compare(!any, &[0; 4])
    }

    /// The first packet of a flow.
    pub fn new_flow(self) -> Self {
        self.state(1 << 3, true)
    }

    pub fn neither_established_nor_related(self) -> Self {
        self.state(1 << 1 | 1 << 2, false)
    }

    pub fn established_or_related(self) -> Self {
        self.state(1 << 1 | 1 << 2, true)
    }

    /// `ct status dnat`: of a flow that was led elsewhere, or was not.
    pub fn led_elsewhere(self, so: bool) -> Self {
        self.ct(2).bits(1 << 5).compare(!so, &[0; 4])
    }

    /// `meta l4proto`.
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.protocol_in(protocol_number(protocol), true)
    }

    /// `icmpv6 type nd-router-solicit` to `nd-redirect`: how neighbours find each other.
    pub fn neighbour_discovery(self) -> Self {
        let message = self.protocol_in(ICMPV6, true).payload(REGISTER, 2, 0, 1);
        message.expression("range", |bytes| {
            put(bytes, 1, &REGISTER.to_be_bytes());
            put(bytes, 2, &0_u32.to_be_bytes());
            put_value(bytes, 3, &[133]);
            put_value(bytes, 4, &[137]);
        })
    }

    /// `meta l4proto != icmpv6`.
    pub fn not_icmpv6(self) -> Self {
        self.protocol_in(ICMPV6, false)
    }

    fn protocol_in(self, number: u8, so: bool) -> Self {
        self.meta(16, REGISTER).compare(so, &[number])
    }

    /// `iifname`.
    pub fn from_interface(self, name: &str) -> Self {
        let mut padded = name.as_bytes().to_vec();
        padded.resize(INTERFACE_NAME, 0);
        self.meta(6, REGISTER).compare(true, &padded)
    }

    /// `fib saddr type local`, `fib daddr type local`.
    pub fn of_this_node(self, side: Side) -> Self {
        let flags: u32 = if side == Side::Source { 1 } else { 2 };
        let local: u32 = 2;
        let asked = self.expression("fib", |bytes| {
            for (kind, value) in [(1, REGISTER), (2, 3), (3, flags)] {
                put(bytes, kind, &value.to_be_bytes());
            }
        });
        asked.compare(true, &local.to_ne_bytes())
    }

    /// `meta mark set mark | 0x4000`.
    pub fn mark(self) -> Self {
        self.change_mark(!MASQUERADE, MASQUERADE)
    }

    /// `meta mark & 0x4000 != 0 meta mark set mark ^ 0x4000`.
    pub fn take_mark(self) -> Self {
        self.meta(3, REGISTER).bits(MASQUERADE).compare(false, &[0; 4]).change_mark(!0, MASQUERADE)
    }

    fn change_mark(self, mask: u32, xor: u32) -> Self {
        self.meta(3, REGISTER).bitwise(&mask.to_ne_bytes(), &xor.to_ne_bytes()).expression("meta", |bytes| {
            put(bytes, 2, &3_u32.to_be_bytes());
            put(bytes, 3, &REGISTER.to_be_bytes());
        })
    }

    /// Words that an address takes in a key.
    fn address_words(&self) -> u32 {
        u32::from(self.family.bits()) / 32
    }

    /// The register for so many further words of the key, which `lookup` and its like then use.
    fn key_register(&mut self, words: u32) -> u32 {
        let at = self.key;
        self.key += words;
        if at.is_multiple_of(4) { REGISTER + at / 4 } else { WORD + at }
    }

    pub fn key_address(mut self, side: Side) -> Self {
        let words = self.address_words();
        let register = self.key_register(words);
        self.load_address(register, side)
    }

    pub fn key_protocol(mut self) -> Self {
        let register = self.key_register(1);
        self.meta(16, register)
    }

    pub fn key_port(mut self) -> Self {
        let register = self.key_register(1);
        self.payload(register, 2, 2, 2)
    }

    /// `numgen random mod N`.
    fn key_random(mut self, modulus: u32) -> Self {
        let register = self.key_register(1);
        self.expression("numgen", |bytes| {
            for (kind, value) in [(1, register), (2, modulus), (3, 1), (4, 0)] {
                put(bytes, kind, &value.to_be_bytes());
            }
        })
    }

    /// `numgen random mod N 0`: one packet of N.
    pub fn one_of(self, modulus: u32) -> Self {
        self.key_random(modulus).first().compare(true, &[0; 4])
    }

    /// The key that was put together is used as it is.
    fn first(mut self) -> Self {
        self.key = 0;
        self
    }

    fn lookup(mut self, set: &str, to: Option<u32>, inverted: bool) -> Self {
        self.key = 0;
        self.expression("lookup", |bytes| {
            put_name(bytes, 1, set);
            put(bytes, 2, &REGISTER.to_be_bytes());
            if let Some(register) = to {
                put(bytes, 3, &u32::to_be_bytes(register));
            }
            if inverted {
                put(bytes, 5, &1_u32.to_be_bytes());
            }
        })
    }

    /// The key is, or is not, in the set.
    pub fn in_set(self, set: &str, within: bool) -> Self {
        self.lookup(set, None, !within)
    }

    /// `vmap`.
    pub fn verdict_of(self, map: &str) -> Self {
        self.lookup(map, Some(0), false)
    }

    /// `meta priority set ... map @kinds meta priority vmap @chains`: the first map says which element of the second one counts.
    /// Only there does `nft` let rules keep a number. Packets of these rules are the first ones of their flows, and
    /// `forget_number` takes it away again.
    pub fn verdict_by_kind(self, kinds: &str, chains: &str) -> Self {
        self.lookup(kinds, Some(REGISTER), false).set_priority().meta(PRIORITY, REGISTER).verdict_of(chains)
    }

    /// `meta priority set numgen random mod N`.
    pub fn choose(self, modulus: u32) -> Self {
        self.key_random(modulus).first().set_priority()
    }

    /// `meta priority`.
    pub fn key_chosen(mut self) -> Self {
        let register = self.key_register(1);
        self.meta(PRIORITY, register)
    }

    /// `meta priority set none`.
    pub fn forget_number(self) -> Self {
        self.immediate(REGISTER, &[0; 4]).set_priority()
    }

    fn set_priority(self) -> Self {
        self.expression("meta", |bytes| {
            put(bytes, 2, &PRIORITY.to_be_bytes());
            put(bytes, 3, &REGISTER.to_be_bytes());
        })
    }

    /// `update @set { key timeout Ns }`.
    pub fn remember(mut self, set: &str, seconds: u32) -> Self {
        self.key = 0;
        self.expression("dynset", |bytes| {
            put_name(bytes, 1, set);
            put(bytes, 3, &1_u32.to_be_bytes());
            put(bytes, 4, &REGISTER.to_be_bytes());
            put(bytes, 6, &(u64::from(seconds) * 1000).to_be_bytes());
        })
    }

    /// `dnat to ... map @map`: address and port are what the map has for the key.
    pub fn lead_by(self, map: &str) -> Self {
        let port = self.port_register();
        self.lookup(map, Some(REGISTER), false).lead(port)
    }

    /// `dnat to ADDRESS:PORT`.
    pub fn lead_to(self, address: IpAddr, port: u16) -> Self {
        let register = REGISTER + 1;
        let address = octets(address);
        self.immediate(REGISTER, &address).immediate(register, &port.to_be_bytes()).lead(register)
    }

    fn port_register(&self) -> u32 {
        let words = self.address_words();
        if words.is_multiple_of(4) { REGISTER + words / 4 } else { WORD + words }
    }

    fn immediate(self, register: u32, value: &[u8]) -> Self {
        self.expression("immediate", |bytes| {
            put(bytes, 1, &register.to_be_bytes());
            put_value(bytes, 2, value);
        })
    }

    fn lead(self, port: u32) -> Self {
        let family = u32::from(family_number(self.family));
        self.expression("nat", |bytes| {
            for (kind, value) in [(1, 1), (2, family), (3, REGISTER), (5, port)] {
                put(bytes, kind, &u32::to_be_bytes(value));
            }
        })
    }

    /// `masquerade fully-random`.
    pub fn masquerade(self) -> Self {
        self.expression("masq", |bytes| put(bytes, 1, &(1_u32 << 4).to_be_bytes()))
    }

    /// `reject`: the port cannot be reached.
    pub fn reject(self) -> Self {
        let code = if self.family == Family::Ipv4 { 3 } else { 4 };
        self.expression("reject", |bytes| {
            put(bytes, 1, &0_u32.to_be_bytes());
            put(bytes, 2, &[code]);
        })
    }

    pub fn verdict(self, jump: Jump) -> Self {
        self.expression("immediate", |bytes| {
            put(bytes, 1, &0_u32.to_be_bytes());
            put_verdict(bytes, 2, jump);
        })
    }
}

/// `NFPROTO_IPV4`, `NFPROTO_IPV6`.
pub fn family_number(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}
