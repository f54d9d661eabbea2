//! Steps as messages of generic netlink: `include/uapi/linux/ip_vs.h` and `linux/genetlink.h`.

use std::net::IpAddr;

use super::servers::{Destination, Mode, ServerKey, Step};
use crate::model::IpvsTimeouts;
use crate::netlink::attributes::Attributes;
use crate::netlink::message::{ACK, GENERIC, Messages};
use crate::nftables::expressions::{family_number, octets, protocol_number};
use xtables::address::Family;

/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_FAMILY_NAME`.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_NAME: u16 = 2;
/// `CTRL_ATTR_FAMILY_ID`, in the answer.
pub const FAMILY_ID: u16 = 1;

/// `IPVS_CMD_*`, and their version.
const NEW_SERVICE: u8 = 1;
const SET_SERVICE: u8 = 2;
const DELETE_SERVICE: u8 = 3;
const NEW_DESTINATION: u8 = 5;
const SET_DESTINATION: u8 = 6;
const DELETE_DESTINATION: u8 = 7;
const SET_CONFIG: u8 = 12;
const GET_CONFIG: u8 = 13;
const VERSION: u8 = 1;

/// `IPVS_CMD_ATTR_SERVICE`, `IPVS_CMD_ATTR_DEST`.
const SERVICE: u16 = 1;
const DESTINATION: u16 = 2;
/// `IPVS_CMD_ATTR_TIMEOUT_*`.
const TIMEOUT_TCP: u16 = 4;
const TIMEOUT_TCP_FIN: u16 = 5;
const TIMEOUT_UDP: u16 = 6;

/// `IP_VS_SVC_F_PERSISTENT`; for the scheduler `mh`: ports of clients count, too.
const PERSISTENT: u32 = 0x1;
const SOURCE_PORT: u32 = 0x10;
/// Bytes of `union nf_inet_addr`.
const ADDRESS: usize = 16;

/// Asks for the number that messages of IPVS have as their type.
pub fn family_request() -> Messages {
    let mut messages = Messages::default();
    messages.begin_with(CONTROL, ACK, &[GET_FAMILY, VERSION, 0, 0]);
    messages.put_name(FAMILY_NAME, "IPVS");
    messages
}

/// Asks for the timeouts of connections. `family`: the number of IPVS.
pub fn timeouts_request(family: u16) -> Messages {
    let mut messages = Messages::default();
    messages.begin_with(family, ACK, &[GET_CONFIG, VERSION, 0, 0]);
    messages
}

/// From what follows the header of its answer.
pub fn timeouts(body: &[u8]) -> Option<IpvsTimeouts> {
    let attributes = Attributes(body.get(GENERIC..)?);
    let number = |kind| Some(u32::from_ne_bytes(attributes.get(kind)?.try_into().ok()?));
    Some(IpvsTimeouts { tcp: number(TIMEOUT_TCP)?, tcp_fin: number(TIMEOUT_TCP_FIN)?, udp: number(TIMEOUT_UDP)? })
}

/// The kernel keeps those that are 0 here.
pub fn set_timeouts(family: u16, timeouts: &IpvsTimeouts) -> Messages {
    let mut messages = Messages::default();
    messages.begin_with(family, ACK, &[SET_CONFIG, VERSION, 0, 0]);
    let IpvsTimeouts { tcp, tcp_fin, udp } = *timeouts;
    for (kind, seconds) in [(TIMEOUT_TCP, tcp), (TIMEOUT_TCP_FIN, tcp_fin), (TIMEOUT_UDP, udp)] {
        put_u32(&mut messages, kind, seconds);
    }
    messages
}

/// One message for each step. `family`: the number of IPVS.
pub fn requests(family: u16, steps: &[Step]) -> Messages {
    let mut messages = Messages::default();
    for step in steps {
        match step {
            Step::AddServer(key, mode) => service(&mut messages, family, NEW_SERVICE, key, Some(mode)),
            Step::EditServer(key, mode) => service(&mut messages, family, SET_SERVICE, key, Some(mode)),
            Step::DeleteServer(key) => service(&mut messages, family, DELETE_SERVICE, key, None),
            Step::AddDestination(key, to, weight) => {
                service(&mut messages, family, NEW_DESTINATION, key, None);
                destination(&mut messages, to, *weight);
            }
            Step::EditDestination(key, to, weight) => {
                service(&mut messages, family, SET_DESTINATION, key, None);
                destination(&mut messages, to, *weight);
            }
            Step::DeleteDestination(key, to) => {
                service(&mut messages, family, DELETE_DESTINATION, key, None);
                destination(&mut messages, to, 0);
            }
        }
    }
    messages
}

/// Numbers are in the machine's order, but for ports.
fn put_u32(messages: &mut Messages, kind: u16, value: u32) {
    messages.put(kind, &value.to_ne_bytes());
}

fn put_u16(messages: &mut Messages, kind: u16, value: u16) {
    messages.put(kind, &value.to_ne_bytes());
}

/// In the space that an address of either family takes.
fn put_address(messages: &mut Messages, kind: u16, address: IpAddr) {
    let mut bytes = octets(address);
    bytes.resize(ADDRESS, 0);
    messages.put(kind, &bytes);
}

/// `AF_INET`, `AF_INET6`.
fn address_family(address: IpAddr) -> u16 {
    family_number(Family::of(address)).into()
}

fn service(messages: &mut Messages, family: u16, command: u8, key: &ServerKey, mode: Option<&Mode>) {
    messages.begin_with(family, ACK, &[command, VERSION, 0, 0]);
    let open = messages.open(SERVICE);
    put_u16(messages, 1, address_family(key.address));
    put_u16(messages, 2, protocol_number(key.protocol).into());
    put_address(messages, 3, key.address);
    messages.put(4, &key.port.to_be_bytes());
    if let Some(Mode { scheduler, persistent }) = mode {
        messages.put_name(6, scheduler);
        let persistence = if persistent.is_some() { PERSISTENT } else { 0 };
        let hashing = if scheduler == "mh" { SOURCE_PORT } else { 0 };
        // The flags, and which of them are meant: all.
        messages.put(7, &[persistence | hashing, u32::MAX].map(u32::to_ne_bytes).concat());
        put_u32(messages, 8, persistent.unwrap_or(0));
        // Each client is one of its own: a mask for IPv4, the length of a prefix for IPv6.
        put_u32(messages, 9, if key.address.is_ipv4() { u32::MAX } else { 128 });
    }
    messages.close(open);
}

fn destination(messages: &mut Messages, (address, port): &Destination, weight: u32) {
    let open = messages.open(DESTINATION);
    put_address(messages, 1, *address);
    messages.put(2, &port.to_be_bytes());
    // `IP_VS_CONN_F_MASQ`: the destination of packets is changed. No bounds on connections.
    for (kind, value) in [(3, 0), (4, weight), (5, 0), (6, 0)] {
        put_u32(messages, kind, value);
    }
    put_u16(messages, 11, address_family(*address));
    messages.close(open);
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;
    use crate::model::Protocol;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn bytes(step: Step) -> String {
        hex(&requests(0x21, &[step]).finish())
    }

    fn key() -> ServerKey {
        ServerKey { address: [10, 96, 0, 1].into(), protocol: Protocol::Tcp, port: 80 }
    }

    /// The bytes of `struct nlmsghdr` and `struct genlmsghdr`, then attributes: length, type, value.
    #[test]
    fn a_virtual_server_is_named_by_its_address() {
        let named = "0600010002000000 0600020006000000 140003000a600001000000000000000000000000 0600040000500000";
        let named = named.replace(' ', "");
        assert_eq!(
            bytes(Step::DeleteServer(key())),
            format!("44000000 2100 0500 01000000 00000000 03010000 3000 0180 {named}").replace(' ', "")
        );
        let mode = Mode { scheduler: "rr".into(), persistent: Some(10800) };
        let options = "0700060072720000 0c00070001000000ffffffff 08000800302a0000 08000900ffffffff";
        assert_eq!(
            bytes(Step::AddServer(key(), mode)),
            format!("68000000 2100 0500 01000000 00000000 01010000 5400 0180 {named} {options}").replace(' ', "")
        );
        let to = "4800 0280 140001000af40005000000000000000000000000 060002001f900000 0800030000000000 0800040001000000 \
            0800050000000000 0800060000000000 06000b0002000000";
        assert_eq!(
            bytes(Step::AddDestination(key(), ([10, 244, 0, 5].into(), 8080), 1)),
            format!("8c000000 2100 0500 01000000 00000000 05010000 3000 0180 {named} {to}").replace(' ', "")
        );
    }

    #[test]
    fn timeouts_are_asked_for_and_set() {
        assert_eq!(hex(&timeouts_request(0x21).finish()), "14000000210005000100000000000000".to_owned() + "0d010000");
        let wanted = IpvsTimeouts { tcp: 900, tcp_fin: 0, udp: 300 };
        let message = set_timeouts(0x21, &wanted).finish();
        let attributes = "0800040084030000 0800050000000000 080006002c010000";
        assert_eq!(
            hex(&message),
            format!("2c000000 2100 0500 01000000 00000000 0c010000 {attributes}").replace(' ', "")
        );
        assert_eq!(timeouts(&message[16..]), Some(wanted), "an answer has the same form");
        assert_eq!(timeouts(&message[16..28]), None);
    }

    #[test]
    fn families_and_schedulers_have_their_options() {
        let six = ServerKey { address: "fd00::1".parse().unwrap(), protocol: Protocol::Sctp, port: 80 };
        let mode = |scheduler: &str| Mode { scheduler: scheduler.into(), persistent: None };
        let added = bytes(Step::AddServer(six, mode("mh")));
        assert!(added.contains("060001000a000000") && added.contains("0600020084000000"), "AF_INET6, SCTP: {added}");
        assert!(added.contains("14000300fd000000000000000000000000000001"), "{added}");
        assert!(added.contains("0c00070010000000ffffffff") && added.ends_with("0800090080000000"), "{added}");
        assert!(bytes(Step::EditServer(six, mode("lc"))).contains("0c00070000000000ffffffff"));
    }
}
