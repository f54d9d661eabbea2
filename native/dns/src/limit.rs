//! Limits of what is done at the same time: for all clients together, and a share of it for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[derive(Debug)]
pub struct Limit {
    all: usize,
    each: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    count: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// Leave to do one thing for one client; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    limit: Arc<Limit>,
    client: IpAddr,
}

impl Limit {
    pub fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Limit { all, each, held: Mutex::default() })
    }

    /// `None` when all of them are given away, or the client has its share.
    pub fn permit(self: &Arc<Self>, client: IpAddr) -> Option<Permit> {
        let mut held = self.held.lock().expect("no poisoned lock");
        let own = held.by_client.get(&client).copied().unwrap_or(0);
        if held.count >= self.all || own >= self.each {
            return None;
        }
        held.count += 1;
        held.by_client.insert(client, own + 1);
        Some(Permit { limit: self.clone(), client })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.limit.held.lock().expect("no poisoned lock");
        held.count -= 1;
        let own = held.by_client.remove(&self.client).unwrap_or(1) - 1;
        if own > 0 {
            held.by_client.insert(self.client, own);
        }
    }
}

/// Lets this process have up to `wanted` descriptors open, as far as it may, and says how many that are.
pub fn raise_open_files(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    let raised = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_share_and_leaves_the_rest_to_others() {
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let limit = Limit::new(5, 2);
        let held = [limit.permit(a), limit.permit(a), limit.permit(b), limit.permit(b), limit.permit(c)];
        assert!(held.iter().all(Option::is_some));
        assert!(limit.permit(c).is_none(), "all are given away");
        drop(held);
        let held = [limit.permit(a), limit.permit(a)];
        assert!(held.iter().all(Option::is_some));
        assert!(limit.permit(a).is_none(), "it has its share");
        assert!(limit.permit(b).is_some());
        drop(held);
        assert!(limit.held.lock().unwrap().by_client.is_empty());
    }
}
