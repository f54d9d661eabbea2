//! The kernel's virtual servers as `/proc/net/ip_vs` lists them, all at once. Netlink would take a request for each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::servers::{Destination, Mode, Server, ServerKey, Servers};
use crate::model::Protocol;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listed {
    pub servers: Servers,
    /// Connections of those destinations that have some.
    pub connections: BTreeMap<(ServerKey, Destination), u64>,
}

/// Those of protocols that Services have; by mark of a packet they are not ours. Gives the line that it cannot read.
pub fn listed(text: &str) -> Result<Listed, String> {
    let mut listed = Listed::default();
    let mut last: Option<ServerKey> = None;
    // Three lines say what the columns are.
    for line in text.lines().skip(3).filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let read = if words[0] == "->" {
            destination(&words, last, &mut listed)
        } else {
            server(&words).map(|found| {
                last = found.as_ref().map(|(key, _)| *key);
                listed.servers.extend(found);
            })
        };
        read.ok_or_else(|| format!("/proc/net/ip_vs: {line}"))?;
    }
    Ok(listed)
}

/// `TCP  0A600001:0050 rr persistent 10800 FFFFFFFF`; Some(None): of no protocol that we have.
fn server(words: &[&str]) -> Option<Option<(ServerKey, Server)>> {
    let protocol = match *words.first()? {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => return Some(None),
    };
    let (address, port) = place(words.get(1)?)?;
    let scheduler = (*words.get(2)?).to_owned();
    let persistent = match words.iter().position(|word| *word == "persistent") {
        Some(at) => Some(words.get(at + 1)?.parse().ok()?),
        None => None,
    };
    let server = Server { mode: Mode { scheduler, persistent }, destinations: BTreeMap::new() };
    Some(Some((ServerKey { address, protocol, port }, server)))
}

/// `-> 0AF40105:1F90      Masq    1      0          0`
fn destination(words: &[&str], server: Option<ServerKey>, listed: &mut Listed) -> Option<()> {
    // Below a virtual server that is not ours.
    let Some(key) = server else { return Some(()) };
    let destination = place(words.get(1)?)?;
    let number = |at: usize| words.get(at)?.parse::<u64>().ok();
    let (weight, connections) = (number(3)?, number(4)? + number(5)?);
    listed.servers.get_mut(&key)?.destinations.insert(destination, u32::try_from(weight).ok()?);
    if connections > 0 {
        listed.connections.insert((key, destination), connections);
    }
    Some(())
}

/// `0A600001:0050` or `[fd00:0000:...:0001]:0050`
fn place(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match address.strip_prefix('[') {
        Some(six) => IpAddr::V6(six.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?)),
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:0050 rr persistent 10800 FFFFFFFF\u{20}
  -> 0AF40005:1F90      Masq    1      2          3        \u{20}
  -> 0AF40106:1F90      Masq    0      0          0        \u{20}
FWM  00000007 wlc\u{20}
  -> 0AF40106:0000      Route   1      0          0        \u{20}
UDP  [fd00:0010:0096:0000:0000:0000:0000:000a]:0035 sh\u{20}
  -> [fd00:0010:0244:0000:0000:0000:0000:0005]:14E9      Local   1      0          0        \u{20}
";

    #[test]
    fn servers_are_read_with_their_destinations() {
        let listed = listed(TEXT).unwrap();
        let lines = listed.servers.iter().map(|(key, server)| {
            let destinations: Vec<_> =
                server.destinations.iter().map(|((ip, port), weight)| format!("{ip} {port} {weight}")).collect();
            let Mode { scheduler, persistent } = &server.mode;
            let ServerKey { address, protocol, port } = key;
            format!("{} {address} {port} {scheduler} {persistent:?} {}", protocol.name(), destinations.join(", "))
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "tcp 10.96.0.1 80 rr Some(10800) 10.244.0.5 8080 1, 10.244.1.6 8080 0",
                "udp fd00:10:96::a 53 sh None fd00:10:244::5 5353 1",
            ]
        );
        assert_eq!(listed.connections.values().collect::<Vec<_>>(), [&5]);
        assert_eq!(listed.connections.keys().next().unwrap().1, ([10, 244, 0, 5].into(), 8080));
    }

    #[test]
    fn a_line_that_is_not_known_is_named() {
        for line in ["TCP  nonsense rr", "TCP  0A600001:0050", "TCP  0A600001:0050 rr persistent", "TCP"] {
            let text = format!("1\n2\n3\n{line}\n");
            assert_eq!(listed(&text).unwrap_err(), format!("/proc/net/ip_vs: {line}"));
        }
        assert!(listed("1\n2\n3\nTCP  0A600001:0050 rr\n  -> 0AF40005:1F90 Masq\n").is_err());
        assert_eq!(listed(""), Ok(Listed::default()));
    }
}
