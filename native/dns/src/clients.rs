//! Who is answered: the cluster's pods and this machine itself. For everybody else the server would be an open resolver, which
//! tells the names of Services, and sends the answers to forged questions to whoever is named as their sender.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ipnet::IpNet;

/// Addresses of this machine come and go. An unknown sender makes them be read again, but not more often than this.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How often the log names a sender that got no answer.
const SAY_AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Clients {
    ranges: Vec<IpNet>,
    own: Mutex<Own>,
}

#[derive(Debug, Default)]
struct Own {
    addresses: Vec<IpAddr>,
    read: Option<Instant>,
    said: Option<Instant>,
}

impl Clients {
    /// `ranges`: the addresses of pods.
    pub fn new(ranges: Vec<IpNet>) -> Self {
        Clients { ranges, own: Mutex::default() }
    }

    /// Whether queries of this sender are answered.
    pub fn include(&self, peer: SocketAddr) -> bool {
        let ip = peer.ip().to_canonical();
        self.ranges.iter().any(|range| range.contains(&ip)) || self.is_own(ip)
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        let mut own = self.own.lock().expect("no poisoned lock");
        if own.addresses.contains(&ip) {
            return true;
        }
        if due(&mut own.read, READ_AGAIN)
            && let Ok(interfaces) = if_addrs::get_if_addrs()
        {
            own.addresses = interfaces.iter().map(if_addrs::Interface::ip).collect();
        }
        let is_own = own.addresses.contains(&ip);
        if !is_own && due(&mut own.said, SAY_AGAIN) {
            eprintln!("berth-dns: {ip} gets no answer: it is no address of this machine, nor of --cluster-cidr");
        }
        is_own
    }
}

/// True, and begun anew, when it was not done for so long.
fn due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_this_machine_are_answered_and_nobody_else() {
        let clients = Clients::new(["10.244.0.0/16".parse().unwrap(), "fd00:10:244::/56".parse().unwrap()].to_vec());
        let answered = |ip: &str| clients.include(SocketAddr::new(ip.parse().unwrap(), 5353));
        for ip in ["10.244.0.1", "10.244.255.254", "127.0.0.1", "::ffff:10.244.7.7", "fd00:10:244:7::9"] {
            assert!(answered(ip), "{ip}");
        }
        for ip in [
            "10.245.0.1",
            "127.0.0.2",
            "192.0.2.77",
            "0.0.0.0",
            "::",
            "::ffff:192.0.2.77",
            "fd00:10:245::1",
            "2001:db8::1",
        ] {
            assert!(!answered(ip), "{ip}");
        }
        for interface in if_addrs::get_if_addrs().unwrap() {
            assert!(clients.include(SocketAddr::new(interface.ip(), 1)), "{}", interface.ip());
        }
    }
}
