//! The interface of the addresses of Services, by netlink: `include/uapi/linux/rtnetlink.h`.

use std::io;
use std::net::IpAddr;

use rustix::io::Errno;
use xtables::address::{Cidr, Family, LINK_LOCAL};

use super::door::Addresses;
use crate::netlink::attributes::Attributes;
use crate::netlink::message::{ACK, CREATE, DUMP, EXCLUSIVE, Messages, put_name, put_nested};
use crate::netlink::socket::{Answer, Socket};
use crate::nftables::expressions::{family_number, octets};

/// As operators know it from kube-proxy.
pub const INTERFACE: &str = "kube-ipvs0";

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;

/// Bytes of `struct ifinfomsg` and `struct ifaddrmsg`.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
/// `IFLA_IFNAME`, `IFLA_LINKINFO`, `IFLA_INFO_KIND`.
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const KIND: u16 = 1;
/// `IFA_ADDRESS`, `IFA_LOCAL`.
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
/// `IFA_F_NODAD`: nobody else has it.
const TRUSTED: u8 = 0x02;
/// Messages that are sent at once: the kernel keeps an answer for each.
const AT_ONCE: usize = 512;

#[derive(Debug)]
pub struct Route {
    socket: Socket,
}

/// `struct ifinfomsg` of a link.
fn link_header(index: u32) -> [u8; LINK_HEADER] {
    let mut header = [0; LINK_HEADER];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

/// One message that adds an address to a link, or takes it away.
fn put_address(messages: &mut Messages, kind: u16, flags: u16, index: u32, address: IpAddr) {
    let family = Family::of(address);
    let mut header = [family_number(family), family.bits(), TRUSTED, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&index.to_ne_bytes());
    messages.begin_with(kind, flags | ACK, &header);
    for attribute in [LOCAL, ADDRESS] {
        messages.put(attribute, &octets(address));
    }
}

/// An address of a dump, with the number of its link.
fn address_of(body: &[u8]) -> Option<(u32, IpAddr)> {
    let index = u32::from_ne_bytes(body.get(4..8)?.try_into().ok()?);
    let attributes = Attributes(body.get(ADDRESS_HEADER..)?);
    let bytes = attributes.get(LOCAL).or_else(|| attributes.get(ADDRESS))?;
    let four = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let six = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    Some((index, four().or_else(six)?))
}

fn first_error(answers: &[Answer], fine: Errno) -> io::Result<()> {
    match answers.iter().filter_map(|answer| answer.error).find(|error| *error != fine) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

impl Route {
    pub fn open() -> io::Result<Self> {
        Ok(Route { socket: Socket::route()? })
    }

    /// The number of the interface; None: there is none.
    pub fn interface(&mut self) -> io::Result<Option<u32>> {
        let mut request = Messages::default();
        request.begin_with(GET_LINK, ACK, &link_header(0));
        request.put_name(NAME, INTERFACE);
        let mut index = None;
        let number = |body: &[u8]| body.get(4..8)?.try_into().ok().map(u32::from_ne_bytes);
        match self.socket.request(request, |body| index = index.or_else(|| number(body))) {
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(None),
            result => result.map(|()| index),
        }
    }

    /// It stays down, so that it answers nobody who looks for neighbours; its addresses are the node's all the same.
    pub fn add_interface(&mut self) -> io::Result<()> {
        let mut request = Messages::default();
        request.begin_with(NEW_LINK, CREATE | EXCLUSIVE | ACK, &link_header(0));
        request.put_name(NAME, INTERFACE);
        let mut info = Vec::new();
        put_nested(&mut info, LINK_INFO, |bytes| put_name(bytes, KIND, "dummy"));
        request.extend(&info);
        first_error(&self.socket.send_batch(&request.finish())?, Errno::EXIST)
    }

    pub fn delete_interface(&mut self, index: u32) -> io::Result<()> {
        let mut request = Messages::default();
        request.begin_with(DELETE_LINK, ACK, &link_header(index));
        first_error(&self.socket.send_batch(&request.finish())?, Errno::NODEV)
    }

    /// Addresses of one family; `index`: of the interface.
    pub fn addresses(&mut self, family: Family, index: Option<u32>) -> io::Result<Addresses> {
        let mut header = [0; ADDRESS_HEADER];
        header[0] = family_number(family);
        for _ in 0..16 {
            let mut request = Messages::default();
            request.begin_with(GET_ADDRESS, DUMP, &header);
            let mut addresses = Addresses::default();
            let result = self.socket.request(request, |body| match address_of(body) {
                Some((link, address)) if Some(link) == index => drop(addresses.of_services.insert(address)),
                Some((_, address)) if is_reachable(address) => drop(addresses.own.insert(address)),
                _ => {}
            });
            match result {
                // Something changed meanwhile.
                Err(error) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
                result => return result.map(|()| addresses),
            }
        }
        Err(Errno::INTR.into())
    }

    pub fn bind(&mut self, index: u32, added: &[IpAddr], removed: &[IpAddr]) -> io::Result<()> {
        let added = added.iter().map(|address| (NEW_ADDRESS, CREATE | EXCLUSIVE, *address));
        let removed = removed.iter().map(|address| (DELETE_ADDRESS, 0, *address));
        for (changes, fine) in [(added.collect::<Vec<_>>(), Errno::EXIST), (removed.collect(), Errno::ADDRNOTAVAIL)] {
            for some in changes.chunks(AT_ONCE) {
                let mut messages = Messages::default();
                for (kind, flags, address) in some {
                    put_address(&mut messages, *kind, *flags, index, *address);
                }
                first_error(&self.socket.send_batch(&messages.finish())?, fine)?;
            }
        }
        Ok(())
    }
}

/// From other machines, or other links of this one.
fn is_reachable(address: IpAddr) -> bool {
    !Cidr::loopback(Family::of(address)).contains(address) && !LINK_LOCAL.contains(address)
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_and_read_alike() {
        for (text, expected) in [
            ("10.96.0.1", "0220020007000000 080002000a600001 080001000a600001"),
            (
                "fd00::a",
                "0a80020007000000 14000200fd00000000000000000000000000000a 14000100fd00000000000000000000000000000a",
            ),
        ] {
            let address: IpAddr = text.parse().unwrap();
            let mut messages = Messages::default();
            put_address(&mut messages, NEW_ADDRESS, CREATE | EXCLUSIVE, 7, address);
            let bytes = messages.finish();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(hex.contains("1400050601000000"), "RTM_NEWADDR, request, ack, exclusive, create: {hex}");
            assert_eq!(hex[32..], expected.replace(' ', ""));
            assert_eq!(address_of(&bytes[16..]), Some((7, address)));
        }
        assert_eq!(address_of(&[2, 32, 0, 0, 7, 0, 0, 0]), None);
        assert_eq!(address_of(&[]), None);
    }

    #[test]
    fn node_ports_answer_on_addresses_that_others_reach() {
        for (address, reachable) in [
            ("127.0.0.1", false),
            ("127.9.0.1", false),
            ("::1", false),
            ("fe80::1", false),
            ("192.0.2.1", true),
            ("fd00::1", true),
        ] {
            assert_eq!(is_reachable(address.parse().unwrap()), reachable, "{address}");
        }
    }
}
