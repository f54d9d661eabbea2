//! The sets and maps of the table: what their keys and values are, and the bytes of both.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

use xtables::address::Family;

use super::expressions::{Jump, octets, protocol_number, put_value, put_verdict};
use super::typeof_data::{Field, typeof_data};
use crate::frontend::Frontend;
use crate::model::Protocol;
use crate::netlink::message::{put, put_nested};

/// Names of the sets of a table, which say what is in them.
pub trait SetKind: fmt::Display {
    fn spec(&self, family: Family) -> SetSpec;
}

/// A set or a map, by the name that it has in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetName {
    /// Where packets for an address, a protocol and a port go: by the number of a chain that several Services share.
    ServiceKinds,
    /// The same for ports of the node.
    NodePortKinds,
    /// Those chains by their numbers.
    Kinds,
    /// Where packets for an address, a protocol and a port go.
    Services,
    /// The same for ports of the node.
    NodePorts,
    /// Endpoints of an address, a protocol and a port, by their numbers.
    Endpoints,
    NodePortEndpoints,
    /// Those of this node alone.
    LocalEndpoints,
    NodePortLocalEndpoints,
    /// What becomes of packets that nobody is there for.
    NoEndpoints,
    NoEndpointNodePorts,
    /// Addresses that only some sources may use.
    Firewall,
    /// Addresses of pods that may reach themselves.
    Hairpin,
    /// Addresses of the node that node ports answer on.
    NodePortAddresses,
    /// Addresses that only Services have.
    ServiceAddresses,
    /// Sources that may use a Service, by its hash.
    Ranges(String),
    /// Clients that stay with an endpoint; its hash.
    Affinity(String),
}

/// Those that every table of the nftables mode has.
pub const STATIC: [SetName; 14] = [
    SetName::Kinds,
    SetName::ServiceKinds,
    SetName::NodePortKinds,
    SetName::Services,
    SetName::NodePorts,
    SetName::Endpoints,
    SetName::NodePortEndpoints,
    SetName::LocalEndpoints,
    SetName::NodePortLocalEndpoints,
    SetName::NoEndpoints,
    SetName::NoEndpointNodePorts,
    SetName::Firewall,
    SetName::Hairpin,
    SetName::NodePortAddresses,
];

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, hash) = match self {
            SetName::ServiceKinds => ("service-kinds", ""),
            SetName::NodePortKinds => ("nodeport-kinds", ""),
            SetName::Kinds => ("kinds", ""),
            SetName::Services => ("service-ips", ""),
            SetName::NodePorts => ("service-nodeports", ""),
            SetName::Endpoints => ("endpoints", ""),
            SetName::NodePortEndpoints => ("nodeport-endpoints", ""),
            SetName::LocalEndpoints => ("local-endpoints", ""),
            SetName::NodePortLocalEndpoints => ("nodeport-local-endpoints", ""),
            SetName::NoEndpoints => ("no-endpoint-services", ""),
            SetName::NoEndpointNodePorts => ("no-endpoint-nodeports", ""),
            SetName::Firewall => ("firewall-ips", ""),
            SetName::Hairpin => ("hairpin-connections", ""),
            SetName::NodePortAddresses => ("nodeport-ips", ""),
            SetName::ServiceAddresses => ("service-addresses", ""),
            SetName::Ranges(hash) => ("source-ranges-", hash.as_str()),
            SetName::Affinity(hash) => ("affinity-", hash.as_str()),
        };
        write!(f, "{name}{hash}")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    Frontend(Frontend),
    /// One of the endpoints behind it.
    Slot(Frontend, u32),
    Address(IpAddr),
    /// A pod as source and as destination.
    Loop(IpAddr),
    /// Where a range starts, and the first address behind it.
    Start(IpAddr),
    End(IpAddr),
    /// The same of ports.
    FirstPort(u16),
    PortBehind(u16),
    /// The number of a chain.
    Kind(u32),
}

/// In the order in which the kernel takes them: a range ends before the next one starts.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    None,
    Drop,
    Goto(String),
    Endpoint(IpAddr, u16),
    /// The number of a chain.
    Kind(u32),
}

/// Words of 32 bits: each part of a key fills them.
fn padded(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(part);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

impl Key {
    /// No key comes before it.
    pub const LEAST: Key = Key::Frontend(Frontend { address: None, protocol: Protocol::Tcp, port: 0 });

    fn place(&self) -> (u8, Option<Frontend>, u32, Option<IpAddr>, bool) {
        match *self {
            Key::Frontend(frontend) => (0, Some(frontend), 0, None, false),
            Key::Slot(frontend, slot) => (1, Some(frontend), slot, None, false),
            Key::Loop(address) => (2, None, 0, Some(address), false),
            Key::End(address) => (3, None, 0, Some(address), false),
            Key::Start(address) => (3, None, 0, Some(address), true),
            Key::Address(address) => (4, None, 0, Some(address), false),
            Key::PortBehind(port) => (5, None, port.into(), None, false),
            Key::FirstPort(port) => (5, None, port.into(), None, true),
            Key::Kind(kind) => (6, None, kind, None, false),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        let mut frontend = |Frontend { address, protocol, port }: &Frontend| {
            if let Some(address) = address {
                padded(&mut bytes, &octets(*address));
            }
            padded(&mut bytes, &[protocol_number(*protocol)]);
            padded(&mut bytes, &port.to_be_bytes());
        };
        match self {
            Key::Frontend(it) => frontend(it),
            Key::Slot(it, index) => {
                frontend(it);
                bytes.extend(index.to_ne_bytes());
            }
            Key::Loop(address) => bytes.extend([octets(*address), octets(*address)].concat()),
            Key::Address(address) | Key::Start(address) | Key::End(address) => bytes.extend(octets(*address)),
            Key::FirstPort(port) | Key::PortBehind(port) => padded(&mut bytes, &port.to_be_bytes()),
            Key::Kind(kind) => bytes.extend(kind.to_ne_bytes()),
        }
        bytes
    }

    /// `NFT_SET_ELEM_INTERVAL_END` where it is one.
    pub fn flags(&self) -> u32 {
        u32::from(matches!(self, Key::End(_) | Key::PortBehind(_)))
    }
}

/// `NFTA_SET_ELEM_KEY`, `NFTA_SET_ELEM_DATA`, `NFTA_SET_ELEM_FLAGS`.
pub const ELEMENT_KEY: u16 = 1;
pub const ELEMENT_DATA: u16 = 2;
pub const ELEMENT_FLAGS: u16 = 3;

impl Value {
    /// Of what is no verdict.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20);
        match self {
            Value::Endpoint(address, port) => {
                padded(&mut bytes, &octets(*address));
                padded(&mut bytes, &port.to_be_bytes());
            }
            Value::Kind(kind) => bytes.extend(kind.to_ne_bytes()),
            Value::None | Value::Drop | Value::Goto(_) => {}
        }
        bytes
    }
}

/// An item of `NFTA_SET_ELEM_LIST_ELEMENTS`; `value`: None to remove it.
pub fn put_element(bytes: &mut Vec<u8>, key: &Key, value: Option<&Value>) {
    put_nested(bytes, 1, |bytes| {
        put_value(bytes, ELEMENT_KEY, &key.bytes());
        match value {
            None | Some(Value::None) => {}
            Some(Value::Drop) => put_verdict(bytes, ELEMENT_DATA, Jump::Drop),
            Some(Value::Goto(chain)) => put_verdict(bytes, ELEMENT_DATA, Jump::Goto(chain)),
            Some(value) => put_value(bytes, ELEMENT_DATA, &value.bytes()),
        }
        if key.flags() != 0 {
            put(bytes, ELEMENT_FLAGS, &key.flags().to_be_bytes());
        }
    });
}

pub const INTERVAL: u32 = 0x4;
pub const MAP: u32 = 0x8;
const TIMEOUT: u32 = 0x10;
/// Rules add to it (`NFT_SET_EVAL`).
const DYNAMIC: u32 = 0x20;
/// `NFT_DATA_VERDICT`.
const VERDICTS: u32 = 0xffff_ff00;
/// Clients that one endpoint remembers at most: as many as the kernel keeps where nothing is said.
const CLIENTS: u32 = 0xffff;

/// What a set is: the attributes of its creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetSpec {
    pub flags: u32,
    pub key: Vec<Field>,
    /// Empty: verdicts if it is a map.
    pub data: Vec<Field>,
    /// 0: no bound.
    pub size: u32,
}

impl SetName {
    /// Packets fill it: what is in it stays.
    pub fn is_filled_by_kernel(&self) -> bool {
        matches!(self, SetName::Affinity(_))
    }
}

impl SetKind for SetName {
    fn spec(&self, family: Family) -> SetSpec {
        let address = Field::Destination(family);
        let frontend = vec![address, Field::Protocol, Field::Port];
        let node_port = vec![Field::Protocol, Field::Port];
        let with_index = |mut key: Vec<Field>| {
            key.push(Field::Priority);
            key
        };
        let set = |flags, key, data| SetSpec { flags, key, data, size: 0 };
        match self {
            SetName::ServiceKinds => set(MAP, frontend, vec![Field::Priority]),
            SetName::NodePortKinds => set(MAP, node_port, vec![Field::Priority]),
            SetName::Kinds => set(MAP, vec![Field::Priority], vec![]),
            SetName::Services | SetName::NoEndpoints | SetName::Firewall => set(MAP, frontend, vec![]),
            SetName::NodePorts | SetName::NoEndpointNodePorts => set(MAP, node_port, vec![]),
            SetName::Endpoints | SetName::LocalEndpoints => set(MAP, with_index(frontend), vec![address, Field::Port]),
            SetName::NodePortEndpoints | SetName::NodePortLocalEndpoints => {
                set(MAP, with_index(node_port), vec![address, Field::Port])
            }
            SetName::Hairpin => set(0, vec![Field::Source(family), address], vec![]),
            SetName::ServiceAddresses => set(0, vec![address], vec![]),
            SetName::NodePortAddresses => set(INTERVAL, vec![address], vec![]),
            SetName::Ranges(_) => set(INTERVAL, vec![Field::Source(family)], vec![]),
            SetName::Affinity(_) => {
                SetSpec { size: CLIENTS, ..set(TIMEOUT | DYNAMIC, vec![Field::Source(family)], vec![]) }
            }
        }
    }
}

impl SetSpec {
    /// `NFTA_SET_FLAGS` and the others that say what is in it. `id`: its number in the transaction.
    pub fn put(&self, bytes: &mut Vec<u8>, id: u32) {
        let mut number = |kind, value: u32| put(bytes, kind, &value.to_be_bytes());
        number(3, self.flags);
        number(4, data_type(&self.key));
        number(5, length(&self.key));
        if self.flags & MAP != 0 {
            number(6, if self.data.is_empty() { VERDICTS } else { data_type(&self.data) });
            if !self.data.is_empty() {
                number(7, length(&self.data));
            }
        }
        number(10, id);
        if self.size > 0 {
            put_nested(bytes, 9, |bytes| put(bytes, 1, &self.size.to_be_bytes()));
        }
        // What `nft` prints its keys by.
        put(bytes, 13, &typeof_data(&self.key, &self.data));
    }
}

fn length(fields: &[Field]) -> u32 {
    fields.iter().map(|field| field.words() * 4).sum()
}

/// `nft` numbers its types, and gives each part of a compound one six bits.
fn data_type(fields: &[Field]) -> u32 {
    fields.iter().fold(0, |number, field| number << 6 | field.data_type())
}
