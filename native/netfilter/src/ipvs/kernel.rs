//! The kernel's virtual servers, by generic netlink.

use std::net::IpAddr;
use std::{fs, io, path::Path};

use rustix::io::Errno;
use xtables::address::Family;
use xtables::program::run;

use super::door::{Addresses, ServerDoor};
use super::listed::{Listed, listed};
use super::messages::{FAMILY_ID, family_request, requests, set_timeouts, timeouts, timeouts_request};
use super::route::Route;
use super::servers::{Mode, ServerKey, Step};
use crate::error::NetfilterError;
use crate::model::{IpvsConfig, IpvsTimeouts, Protocol};
use crate::netlink::attributes::Attributes;
use crate::netlink::message::GENERIC;
use crate::netlink::socket::Socket;

/// The namespace of this thread's network may be another one than the process's.
const LIST: &str = "/proc/thread-self/net/ip_vs";
/// Steps that are sent at once: the kernel keeps an answer for each.
const AT_ONCE: usize = 512;

/// Below /proc/sys, with what does not work without them.
const SETTINGS: [(&str, &str); 4] = [
    // Masquerading, and rules that look at the state of a connection.
    ("net/ipv4/vs/conntrack", "1"),
    // Connections to a destination that is gone end with their next packet.
    ("net/ipv4/vs/expire_nodest_conn", "1"),
    // Clients do not stay with a destination that gets no new connections.
    ("net/ipv4/vs/expire_quiescent_template", "1"),
    ("net/ipv4/ip_forward", "1"),
];
const STRICT_ARP: [(&str, &str); 2] = [("net/ipv4/conf/all/arp_ignore", "1"), ("net/ipv4/conf/all/arp_announce", "2")];

#[derive(Debug)]
pub struct Kernel {
    family: Family,
    config: IpvsConfig,
    socket: Socket,
    /// Of IPVS among the families of generic netlink.
    number: u16,
    route: Route,
}

impl Kernel {
    /// Loads the module when it is not there yet.
    pub fn of(family: Family, config: &IpvsConfig) -> Result<Self, NetfilterError> {
        let mut socket = Socket::generic()?;
        let number = match number_of(&mut socket)? {
            Some(number) => number,
            None => {
                let loaded = run("modprobe", &["ip_vs"], "").map_err(|error| error.to_string());
                let missing = || loaded.err().unwrap_or_else(|| "it offers no netlink".to_owned());
                let absent = || NetfilterError::Ipvs(format!("the kernel lacks its module ip_vs: {}", missing()));
                number_of(&mut socket)?.ok_or_else(absent)?
            }
        };
        Ok(Kernel { family, config: config.clone(), socket, number, route: Route::open()? })
    }

    /// Fails when the kernel lacks the scheduler. Its module comes with the first virtual server that names it.
    pub fn probe(&mut self) -> Result<(), NetfilterError> {
        let scheduler = self.config.scheduler.clone();
        if self.listed()?.servers.values().any(|server| server.mode.scheduler == scheduler) {
            return Ok(());
        }
        // TEST-NET-2, which no network has; and no node has its address.
        let key = ServerKey { address: [198, 51, 100, 0].into(), protocol: Protocol::Tcp, port: 20000 };
        let mode = Mode { scheduler: scheduler.clone(), persistent: None };
        let steps = [Step::AddServer(key, mode), Step::DeleteServer(key)];
        let answers = self.apply(&steps)?;
        match answers.into_iter().flatten().next() {
            Some(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => {
                Err(NetfilterError::Ipvs(format!("the kernel lacks its module ip_vs_{scheduler}")))
            }
            Some(error) => Err(NetfilterError::Ipvs(error.to_string())),
            None => Ok(()),
        }
    }

    fn listed(&self) -> io::Result<Listed> {
        let text = fs::read_to_string(LIST)?;
        let mut listed = listed(&text).map_err(|line| io::Error::new(io::ErrorKind::InvalidData, line))?;
        let ours = |key: &ServerKey| Family::of(key.address) == self.family;
        listed.servers.retain(|key, _| ours(key));
        listed.connections.retain(|(key, _), _| ours(key));
        Ok(listed)
    }

    /// True: they differed.
    fn set_timeouts(&mut self) -> io::Result<bool> {
        let wanted = self.config.timeouts;
        if wanted == IpvsTimeouts::default() {
            return Ok(false);
        }
        let mut now = None;
        self.socket.request(timeouts_request(self.number), |body| now = now.or_else(|| timeouts(body)))?;
        if now.is_some_and(|now| wanted.over(now) == now) {
            return Ok(false);
        }
        let answers = self.socket.send_batch(&set_timeouts(self.number, &wanted).finish())?;
        match answers.iter().find_map(|answer| answer.error) {
            Some(error) => Err(error.into()),
            None => Ok(true),
        }
    }

    fn settings(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        SETTINGS.iter().chain(STRICT_ARP.iter().filter(|_| self.config.strict_arp))
    }
}

/// None: the kernel has no IPVS.
fn number_of(socket: &mut Socket) -> io::Result<Option<u16>> {
    let mut number = None;
    let of = |body: &[u8]| {
        let value = Attributes(body.get(GENERIC..)?).get(FAMILY_ID)?;
        Some(u16::from_ne_bytes(value.try_into().ok()?))
    };
    socket.request(family_request(), |body| number = number.or_else(|| of(body)))?;
    Ok(number)
}

impl ServerDoor for Kernel {
    fn prepare(&mut self) -> io::Result<bool> {
        let mut differed = self.set_timeouts()?;
        for (name, value) in self.settings() {
            let path = Path::new("/proc/sys").join(name);
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
            if fs::read_to_string(&path).map_err(named)?.trim() != *value {
                fs::write(&path, value).map_err(named)?;
                differed = true;
            }
        }
        if self.route.interface()?.is_none() {
            self.route.add_interface()?;
            differed = true;
        }
        Ok(differed)
    }

    fn servers(&mut self) -> io::Result<Listed> {
        self.listed()
    }

    fn apply(&mut self, steps: &[Step]) -> io::Result<Vec<Option<io::Error>>> {
        let mut errors = Vec::with_capacity(steps.len());
        for some in steps.chunks(AT_ONCE) {
            let answers = self.socket.send_batch(&requests(self.number, some).finish())?;
            if answers.len() != some.len() {
                return Err(Errno::PROTO.into());
            }
            errors.extend(answers.into_iter().map(|answer| answer.error.map(io::Error::from)));
        }
        Ok(errors)
    }

    fn addresses(&mut self) -> io::Result<Addresses> {
        let index = self.route.interface()?;
        self.route.addresses(self.family, index)
    }

    fn remove(&mut self) -> io::Result<()> {
        let excluded = |key: &ServerKey| self.config.exclude_cidrs.iter().any(|range| range.contains(key.address));
        let ours = self.listed()?.servers.into_keys().filter(|key| !excluded(key));
        let steps: Vec<Step> = ours.map(Step::DeleteServer).collect();
        if let Some(error) = self.apply(&steps)?.into_iter().flatten().next() {
            return Err(error);
        }
        match self.route.interface()? {
            Some(index) => self.route.delete_interface(index),
            None => Ok(()),
        }
    }

    fn bind(&mut self, added: &[IpAddr], removed: &[IpAddr]) -> io::Result<()> {
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let index = self.route.interface()?.ok_or(Errno::NODEV)?;
        self.route.bind(index, added, removed)
    }
}
