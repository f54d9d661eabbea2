//! What a set's keys are made of, in the form in which `nft` keeps it beside a set (`NFTA_SET_USERDATA`): libnftables'
//! `src/expression.c` and `include/linux/netfilter` of libnftnl's `udata.h`. The kernel does not look into it.

use xtables::address::Family;

/// One part of a key, or of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Source(Family),
    Destination(Family),
    Protocol,
    Port,
    /// `meta priority`.
    Priority,
}

impl Field {
    /// Words of 32 bits.
    pub fn words(self) -> u32 {
        match self {
            Field::Source(Family::Ipv6) | Field::Destination(Family::Ipv6) => 4,
            _ => 1,
        }
    }

    /// `enum datatypes` of `nft`.
    pub fn data_type(self) -> u32 {
        match self {
            Field::Source(Family::Ipv4) | Field::Destination(Family::Ipv4) => 7,
            Field::Source(Family::Ipv6) | Field::Destination(Family::Ipv6) => 8,
            Field::Protocol => 12,
            Field::Port => 13,
            Field::Priority => 23,
        }
    }

    /// The kind of its expression, and what tells it from others of its kind.
    fn expression(self) -> (u32, Vec<u32>) {
        const PAYLOAD: u32 = 7;
        const META: u32 = 9;
        match self {
            Field::Source(Family::Ipv4) => (PAYLOAD, vec![12, 11]),
            Field::Destination(Family::Ipv4) => (PAYLOAD, vec![12, 12]),
            Field::Source(Family::Ipv6) => (PAYLOAD, vec![13, 8]),
            Field::Destination(Family::Ipv6) => (PAYLOAD, vec![13, 9]),
            Field::Protocol => (META, vec![16]),
            Field::Port => (PAYLOAD, vec![11, 2]),
            Field::Priority => (META, vec![2]),
        }
    }
}

/// Type, length, value; a byte each for the first two.
fn put(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    bytes.push(kind);
    bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    bytes.extend(value);
}

fn described(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, 0, &kind.to_ne_bytes());
    put(&mut bytes, 1, data);
    bytes
}

fn numbered(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, part) in (0..).zip(parts) {
        put(&mut bytes, number, &part);
    }
    bytes
}

fn described_all(fields: &[Field]) -> Vec<u8> {
    const CONCATENATION: u32 = 13;
    let parts = fields.iter().map(|field| {
        let (kind, numbers) = field.expression();
        described(kind, &numbered(numbers.into_iter().map(|number| number.to_ne_bytes().to_vec())))
    });
    let mut parts: Vec<Vec<u8>> = parts.collect();
    if parts.len() == 1 { parts.remove(0) } else { described(CONCATENATION, &numbered(parts.into_iter())) }
}

/// `data`: empty when it is no map, or one of verdicts.
pub fn typeof_data(key: &[Field], data: &[Field]) -> Vec<u8> {
    const KEY_ORDER: u8 = 0;
    const DATA_ORDER: u8 = 1;
    const KEY: u8 = 3;
    const DATA: u8 = 4;
    /// Numbers in the machine's order, and in the network's.
    const HOST: u32 = 1;
    const NETWORK: u32 = 2;
    let order = |fields: &[Field]| match fields {
        [Field::Priority] => HOST,
        [_] => NETWORK,
        _ => 0,
    };
    let mut bytes = Vec::new();
    put(&mut bytes, KEY_ORDER, &order(key).to_ne_bytes());
    put(&mut bytes, DATA_ORDER, &order(data).to_ne_bytes());
    put(&mut bytes, KEY, &described_all(key));
    if !data.is_empty() {
        put(&mut bytes, DATA, &described_all(data));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nft 1.0.6 writes them for `typeof ip daddr . meta l4proto . th dport . meta priority : ip daddr . th dport`.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_bytes_are_those_of_nft() {
        let expected = "000400000000010400000000035400040d000000014c0014000407000000010c00040c00000001040c000000010e0004090000000106\
            0004100000000214000407000000010c00040b000000010402000000030e0004090000000106000402000000043400040d000000012c\
            0014000407000000010c00040c00000001040c0000000114000407000000010c00040b000000010402000000";
        let address = Field::Destination(Family::Ipv4);
        let bytes = typeof_data(&[address, Field::Protocol, Field::Port, Field::Priority], &[address, Field::Port]);
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, expected);
    }
}
