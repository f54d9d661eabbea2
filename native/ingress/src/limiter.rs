//! How much a client may ask of an Ingress: requests in a time, and requests at the same time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::annotations::Limits;

/// Clients that are remembered. Beyond that, those that ask for nothing are forgotten, and then all.
const CLIENTS: usize = 65_536;

#[derive(Debug, Default)]
pub struct Limiter {
    limits: Limits,
    clients: Mutex<HashMap<IpAddr, Client>>,
}

#[derive(Debug, Default)]
struct Client {
    /// Requests above the rate, for each of the two rates, as of `seen`.
    second: f64,
    minute: f64,
    seen: Option<Instant>,
    active: u32,
}

/// A request that counts as one at the same time.
#[derive(Debug)]
pub struct Admitted {
    limiter: Arc<Limiter>,
    client: IpAddr,
}

impl Limiter {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Limiter { limits, clients: Mutex::default() })
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// `Err`: the client has had its share. `Ok(None)`: nothing is counted for it.
    pub fn admit(self: &Arc<Self>, client: IpAddr, now: Instant) -> Result<Option<Admitted>, ()> {
        let limits = &self.limits;
        let unlimited = limits.per_second.is_none() && limits.per_minute.is_none() && limits.connections.is_none();
        if unlimited || limits.exempt.iter().any(|range| range.contains(&client)) {
            return Ok(None);
        }
        let client = network(client);
        let mut clients = self.clients.lock().expect("no poisoned lock");
        if clients.len() >= CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, known| known.active > 0 || known.seen.is_some_and(|seen| (now - seen).as_secs() < 60));
            if clients.len() >= CLIENTS {
                clients.clear();
            }
        }
        let known = clients.entry(client).or_default();
        let passed = known.seen.map_or(0.0, |seen| now.saturating_duration_since(seen).as_secs_f64());
        let burst = limits.burst;
        let after = |level: f64, rate: f64| (level - rate * passed).max(0.0) + 1.0;
        let second = limits.per_second.map_or(0.0, |rate| after(known.second, rate));
        let minute = limits.per_minute.map_or(0.0, |rate| after(known.minute, rate / 60.0));
        // One request is not above the rate: as nginx counts its burst.
        let fits = limits.per_second.is_none_or(|rate| second <= rate * burst + 1.0)
            && limits.per_minute.is_none_or(|rate| minute <= rate * burst + 1.0)
            && limits.connections.is_none_or(|most| known.active < most);
        if !fits {
            return Err(());
        }
        *known = Client { second, minute, seen: Some(now), active: known.active + 1 };
        Ok(Some(Admitted { limiter: self.clone(), client }))
    }
}

/// A client of IPv6 has a whole network of addresses.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        IpAddr::V4(_) => ip,
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut clients = self.limiter.clients.lock().expect("no poisoned lock");
        if let Some(client) = clients.get_mut(&self.client) {
            client.active = client.active.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_lets_a_burst_pass_and_then_as_much_as_it_says() {
        let limiter = Limiter::new(Limits { per_second: Some(2.0), burst: 2.0, ..Limits::default() });
        let start = Instant::now();
        let passed = |count: usize, at: Duration, client: &str| {
            (0..count).filter(|_| limiter.admit(ip(client), start + at).is_ok()).count()
        };
        assert_eq!(passed(20, Duration::ZERO, "10.0.0.1"), 5);
        assert_eq!(passed(20, Duration::ZERO, "10.0.0.2"), 5, "each client has its own");
        assert_eq!(passed(20, Duration::from_secs(1), "10.0.0.1"), 2);
        assert_eq!(passed(20, Duration::from_secs(60), "10.0.0.1"), 5);
    }

    #[test]
    fn requests_at_the_same_time_are_counted_until_they_end() {
        let limiter = Limiter::new(Limits { connections: Some(2), ..Limits::default() });
        let now = Instant::now();
        let held: Vec<_> = (0..2).map(|_| limiter.admit(ip("10.0.0.1"), now).unwrap()).collect();
        assert!(limiter.admit(ip("10.0.0.1"), now).is_err());
        drop(held);
        assert!(limiter.admit(ip("10.0.0.1"), now).is_ok());
    }

    #[test]
    fn exempt_clients_and_networks_of_ipv6() {
        let exempt = vec!["10.0.0.0/8".parse().unwrap()];
        let limiter = Limiter::new(Limits { connections: Some(1), exempt, ..Limits::default() });
        let now = Instant::now();
        let _own: Vec<_> = (0..5).map(|_| limiter.admit(ip("10.1.1.1"), now).unwrap()).collect();
        let _held = limiter.admit(ip("2001:db8::1"), now).unwrap();
        assert!(limiter.admit(ip("2001:db8::2"), now).is_err());
        assert!(limiter.admit(ip("2001:db8:0:1::2"), now).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limiter = Limiter::new(Limits { per_second: Some(1.0), burst: 1.0, ..Limits::default() });
        let now = Instant::now();
        for count in 0..(CLIENTS as u32 + 10) {
            let _ = limiter.admit(IpAddr::from(count.to_be_bytes()), now);
        }
        assert!(limiter.clients.lock().unwrap().len() <= CLIENTS);
    }
}
