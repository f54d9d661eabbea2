//! Families of addresses, and ranges of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::Deserialize;

/// As the API spells it in `ipFamilies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Family {
    #[serde(rename = "IPv4")]
    Ipv4,
    #[serde(rename = "IPv6")]
    Ipv6,
}

impl Family {
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        })
    }
}

/// A range of addresses, as it was written: bits behind the prefix are kept, and rules ignore them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Addresses that every interface has, and that are of use on its own link only.
pub const LINK_LOCAL: Cidr = Cidr { address: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), prefix: 10 };

impl Cidr {
    pub fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Addresses of every machine's own: 127.0.0.0/8 or ::1/128.
    pub fn loopback(family: Family) -> Self {
        match family {
            Family::Ipv4 => Cidr { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
            Family::Ipv6 => Cidr { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
        }
    }

    /// The range of one address.
    pub fn host(address: IpAddr) -> Self {
        Cidr { address, prefix: Family::of(address).bits() }
    }

    pub fn contains(self, address: IpAddr) -> bool {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        let behind = u32::from(self.family().bits() - self.prefix);
        let network = |address| number(address).checked_shr(behind).unwrap_or(0);
        Family::of(address) == self.family() && network(address) == network(self.address)
    }

    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of the prefix.
    pub fn prefix(self) -> u8 {
        self.prefix
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (address, prefix) = text.split_once('/')?;
            let (address, prefix): (IpAddr, u8) = (address.parse().ok()?, prefix.parse().ok()?);
            (prefix <= Family::of(address).bits()).then_some(Cidr { address, prefix })
        };
        parse().ok_or_else(|| format!("invalid CIDR address: {text}"))
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_the_addresses_with_its_prefix() {
        for (range, inside, outside) in [
            ("10.244.1.9/16", "10.244.255.0", "10.245.0.0"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.0.0.1", "::"),
            ("fd00::/8", "fd12::1", "fe00::"),
            ("::/0", "fe00::", "10.0.0.1"),
        ] {
            let range: Cidr = range.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!range.contains(outside.parse().unwrap()), "{range} {outside}");
        }
        assert_eq!(Cidr::host(Ipv6Addr::LOCALHOST.into()).to_string(), "::1/128");
    }

    #[test]
    fn ranges_are_read_and_written_alike() {
        for text in ["10.244.0.0/16", "0.0.0.0/0", "fd00:10::/64", "203.0.113.9/24"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "x/8", "10.0.0.0/8 -j ACCEPT"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
