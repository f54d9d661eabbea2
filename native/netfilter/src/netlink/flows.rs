//! The kernel's table of flows: `include/uapi/linux/netfilter/nfnetlink_conntrack.h`.

use std::io;
use std::net::IpAddr;

use rustix::io::Errno;
use xtables::address::Family;

use super::attributes::Attributes;
use super::message::{DUMP, GENERIC, Messages};
use super::socket::Socket;
use crate::conntrack::{Flows, Serving};
use crate::error::Result;
use crate::frontend::Frontend;
use crate::model::Protocol;

/// `NFNL_SUBSYS_CTNETLINK`, as part of a message's type.
const FLOWS: u16 = 1 << 8;
const GET: u16 = FLOWS | 1;
const DELETE: u16 = FLOWS | 2;

const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const STATUS: u16 = 3;
const ID: u16 = 12;
const ZONE: u16 = 18;
/// `IPS_DST_NAT`.
const LED_ELSEWHERE: u32 = 1 << 5;
/// Flows that are ended with one message to the kernel: it keeps an answer for each.
const AT_ONCE: usize = 512;

/// By a socket that is open while it is needed.
#[derive(Debug, Clone, Copy)]
pub struct Conntrack;

impl Flows for Conntrack {
    fn reconcile(&mut self, family: Family, serving: &Serving) -> Result<usize> {
        let mut socket = Socket::open()?;
        let number = if family == Family::Ipv4 { 2 } else { 10 };
        let mut request = Messages::default();
        request.begin(GET, DUMP, number, 0);
        let mut stale = Vec::new();
        socket.request(request, |body| {
            let flow = Attributes(body.get(GENERIC..).unwrap_or_default());
            if is_stale(flow, serving) {
                stale.push(identity(flow));
            }
        })?;
        stale.chunks(AT_ONCE).try_for_each(|flows| end(&mut socket, number, flows))?;
        Ok(stale.len())
    }
}

/// What a deletion names a flow by.
fn identity(flow: Attributes) -> Vec<(u16, Vec<u8>)> {
    [ORIGINAL, ID, ZONE].into_iter().filter_map(|kind| Some((kind, flow.get(kind)?.to_vec()))).collect()
}

fn end(socket: &mut Socket, family: u8, flows: &[Vec<(u16, Vec<u8>)>]) -> io::Result<()> {
    let mut messages = Messages::default();
    for flow in flows {
        messages.begin(DELETE, 0, family, 0);
        messages.acknowledged();
        for (kind, value) in flow {
            if *kind == ORIGINAL {
                let open = messages.open(ORIGINAL);
                messages.extend(value);
                messages.close(open);
            } else {
                messages.put(*kind, value);
            }
        }
    }
    let answers = socket.send_batch(&messages.finish())?;
    // One that has ended meanwhile is what was asked for.
    match answers.iter().filter_map(|answer| answer.error).find(|error| *error != Errno::NOENT) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

struct Tuple {
    protocol: Protocol,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
}

fn tuple(flow: Attributes, side: u16) -> Option<Tuple> {
    let tuple = flow.nested(side)?;
    let (ip, ports) = (tuple.nested(1)?, tuple.nested(2)?);
    let protocol = match ports.get(1)? {
        [17] => Protocol::Udp,
        [132] => Protocol::Sctp,
        _ => return None,
    };
    let address = |four, six| {
        let of_four = || <[u8; 4]>::try_from(ip.get(four)?).ok().map(IpAddr::from);
        let of_six = || <[u8; 16]>::try_from(ip.get(six)?).ok().map(IpAddr::from);
        of_four().or_else(of_six)
    };
    let (source, destination) = (address(1, 3)?, address(2, 4)?);
    Some(Tuple { protocol, source: (source, ports.u16(2)?), destination: (destination, ports.u16(3)?) })
}

fn is_stale(flow: Attributes, serving: &Serving) -> bool {
    let (Some(original), Some(reply)) = (tuple(flow, ORIGINAL), tuple(flow, REPLY)) else { return false };
    let (address, port) = original.destination;
    let of = |address| serving.get(&Frontend { address, protocol: original.protocol, port });
    // A port of the node may be one of another machine as well: only what was led elsewhere is ours.
    let led = flow.u32(STATUS).unwrap_or(0) & LED_ELSEWHERE != 0;
    let endpoints = of(Some(address)).or_else(|| of(None).filter(|_| led));
    endpoints.is_some_and(|endpoints| !endpoints.contains(&reply.source))
}
