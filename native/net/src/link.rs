//! Links of the node, by way of `ip`.

use std::net::IpAddr;

use serde::Deserialize;
use xtables::{error::Error, program::run};

use crate::error::Result;

#[derive(Deserialize)]
struct Link {
    ifname: String,
    mtu: u32,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: Option<IpAddr>,
}

/// Bytes that a packet may have on the link with that address. None on loopback, or when no link has the address.
pub fn mtu_of(address: IpAddr) -> Result<Option<u32>> {
    mtu_in(&run("ip", &["-json", "address", "show"], "")?, address)
}

fn mtu_in(listed: &str, address: IpAddr) -> Result<Option<u32>> {
    let links: Vec<Link> = serde_json::from_str(listed)?;
    let has = |link: &&Link| link.addr_info.iter().any(|info| info.local == Some(address));
    Ok(links.iter().find(has).filter(|link| link.ifname != "lo").map(|link| link.mtu))
}

/// Missing is fine.
pub fn delete(name: &str) -> Result<()> {
    match run("ip", &["link", "delete", name], "") {
        Err(Error::Failed { message, .. }) if message.contains("Cannot find device") => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_of_an_address_tells_the_size_of_packets() {
        let listed = r#"[
            {"ifindex": 1, "ifname": "lo", "mtu": 65536, "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
            {"ifname": "eth0", "mtu": 1450, "addr_info": [{"local": "192.0.2.9"}, {"local": "fe80::1"}, {}]},
            {"ifname": "down", "mtu": 1500}]"#;
        let cases = [("192.0.2.9", Some(1450)), ("fe80::1", Some(1450)), ("127.0.0.1", None), ("192.0.2.1", None)];
        for (address, mtu) in cases {
            assert_eq!(mtu_in(listed, address.parse().unwrap()).unwrap(), mtu, "{address}");
        }
    }
}
