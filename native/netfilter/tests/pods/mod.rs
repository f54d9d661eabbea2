#![allow(dead_code, reason = "each test file uses some of it")]
//! Pods on a bridge, each a thread in a network namespace of its own, that serve echoes and make connections.

pub mod services;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use netfilter::nftables::door::{Door, Step};
use netfilter::nftables::kernel::Kernel;
use netfilter::policy::sets::PolicySet;
use rustix::thread::UnshareFlags;
use xtables::address::Family;
use xtables::program::run;

pub const BRIDGE: &str = "berth0";
const PODS: [char; 4] = ['A', 'B', 'C', 'D'];
/// Every pod answers on these.
const PORTS: [u16; 4] = [80, 81, 82, 10053];
/// How long an attempt waits for an answer that must come, and for one that must not.
pub const PATIENCE: Duration = Duration::from_secs(5);
pub const IMPATIENCE: Duration = Duration::from_millis(250);

type Job = Box<dyn FnOnce() + Send>;

pub struct Net {
    threads: Vec<(char, Sender<Job>)>,
}

/// The node is N; D is outside of the cluster.
pub fn addresses(name: char) -> Vec<IpAddr> {
    let texts = match name {
        'N' => ["10.244.0.1", "fd00:244::1"],
        'A' => ["10.244.0.10", "fd00:244::10"],
        'B' => ["10.244.0.11", "fd00:244::11"],
        'C' => ["10.244.0.12", "fd00:244::12"],
        _ => ["192.0.2.2", "2001:db8::2"],
    };
    texts.map(|text| text.parse().unwrap()).into()
}

fn address(name: char, family: Family) -> IpAddr {
    addresses(name)[usize::from(family == Family::Ipv6)]
}

/// SAFETY: only the view of the network becomes this thread's own; descriptors stay shared.
#[allow(unsafe_code)]
fn unshare() -> rustix::io::Result<()> {
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Runs in a network namespace of its own, which has a bridge with pods.
pub fn apart(test: impl FnOnce(Net) + Send + 'static) {
    let run = move || match unshare() {
        Err(error) => eprintln!("skipped: no network namespace without root: {error}"),
        Ok(()) => test(Net::new()),
    };
    if let Err(panic) = std::thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

fn ip(arguments: &str) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    run("ip", &arguments, "").unwrap();
}

/// Of the namespace of this thread.
fn set(path: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{path}"), value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// Addresses are there at once: nobody else can have them.
fn trust_addresses() {
    for which in ["all", "default"] {
        set(&format!("ipv6/conf/{which}/accept_dad"), "0");
        set(&format!("ipv6/conf/{which}/dad_transmits"), "0");
    }
}

impl Net {
    fn new() -> Self {
        trust_addresses();
        ip("link set lo up");
        ip(&format!("link add {BRIDGE} type bridge forward_delay 0"));
        ip(&format!("addr add 10.244.0.1/24 dev {BRIDGE}"));
        ip(&format!("addr add fd00:244::1/64 dev {BRIDGE} nodad"));
        ip(&format!("link set {BRIDGE} up"));
        for (path, value) in [
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("bridge/bridge-nf-call-iptables", "1"),
            ("bridge/bridge-nf-call-ip6tables", "1"),
        ] {
            set(path, value);
        }
        let net = Net { threads: PODS.map(|name| (name, start(name))).into() };
        serve('N');
        net
    }

    /// As a node has it: what goes to other networks goes to D.
    pub fn lead_all_out(&self) {
        ip("route add default via 192.0.2.2");
        ip("-6 route add default via 2001:db8::2");
    }

    fn within<R: Send + 'static>(&self, name: char, job: impl FnOnce() -> R + Send + 'static) -> R {
        let Some((_, thread)) = self.threads.iter().find(|(other, _)| *other == name) else { return job() };
        let (send, receive) = channel();
        thread.send(Box::new(move || drop(send.send(job())))).unwrap();
        receive.recv().unwrap()
    }

    /// `client>server:port/protocol`: an echo comes.
    pub fn passes(&self, text: &str, family: Family) -> bool {
        self.attempt(text, family, PATIENCE)
    }

    pub fn fails(&self, text: &str, family: Family) -> bool {
        !self.attempt(text, family, IMPATIENCE)
    }

    fn attempt(&self, text: &str, family: Family, patience: Duration) -> bool {
        let (client, target, udp) = parsed(text, family);
        self.reaches(client, target, udp, patience)
    }

    pub fn connect(&self, text: &str, family: Family) -> Option<Connection> {
        let (client, target, _) = parsed(text, family);
        self.connect_to(client, target)
    }

    /// Whether an echo comes from an address that is no pod's.
    pub fn reaches(&self, client: char, target: SocketAddr, udp: bool, patience: Duration) -> bool {
        self.within(client, move || {
            if udp { udp_echo(target, patience) } else { tcp(target, patience).is_some_and(|stream| stream.echoes()) }
        })
    }

    pub fn connect_to(&self, client: char, target: SocketAddr) -> Option<Connection> {
        self.within(client, move || tcp(target, PATIENCE))
    }

    /// Whether the pod answers at its link-local address, which every interface has.
    pub fn passes_link_local(&self, client: char, server: char, expected: bool) -> bool {
        let address = self.within(server, || {
            let shown = run("ip", &["-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"], "").unwrap();
            let address = shown.split_whitespace().skip_while(|word| *word != "inet6").nth(1).unwrap();
            address.split('/').next().unwrap().parse::<Ipv6Addr>().unwrap()
        });
        self.within(client, move || {
            let shown = run("ip", &["-o", "link", "show", "dev", "eth0"], "").unwrap();
            let number = shown.split(':').next().and_then(|text| text.parse().ok()).unwrap();
            let target = SocketAddrV6::new(address, 80, 0, number).into();
            let patience = if expected { PATIENCE } else { IMPATIENCE };
            tcp(target, patience).is_some_and(|stream| stream.echoes())
        })
    }
}

fn parsed(text: &str, family: Family) -> (char, SocketAddr, bool) {
    let (client, rest) = text.split_once('>').unwrap();
    let (server, rest) = rest.split_once(':').unwrap();
    let (port, protocol) = rest.split_once('/').unwrap();
    let server = address(server.chars().next().unwrap(), family);
    (client.chars().next().unwrap(), SocketAddr::new(server, port.parse().unwrap()), protocol == "udp")
}

/// A pod's thread, which does what it is sent until the test ends.
fn start(name: char) -> Sender<Job> {
    let (send, receive) = channel::<Job>();
    let (ready, started) = channel();
    std::thread::spawn(move || {
        unshare().unwrap();
        trust_addresses();
        ready.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
        receive.into_iter().for_each(|job| job());
    });
    let thread = started.recv().unwrap();
    let host = format!("pod{name}");
    ip(&format!("link add {host} type veth peer name eth0 netns {thread}"));
    let gateways = if name == 'D' {
        ip(&format!("addr add 192.0.2.1/24 dev {host}"));
        ip(&format!("addr add 2001:db8::1/64 dev {host} nodad"));
        ["192.0.2.1", "2001:db8::1"]
    } else {
        ip(&format!("link set {host} master {BRIDGE}"));
        ip(&format!("link set {host} type bridge_slave hairpin on"));
        ["10.244.0.1", "fd00:244::1"]
    };
    ip(&format!("link set {host} up"));
    let (done, configured) = channel();
    send.send(Box::new(move || {
        ip("link set lo up");
        ip("link set eth0 up");
        ip(&format!("addr add {}/24 dev eth0", address(name, Family::Ipv4)));
        ip(&format!("addr add {}/64 dev eth0 nodad", address(name, Family::Ipv6)));
        ip(&format!("route add default via {}", gateways[0]));
        ip(&format!("-6 route add default via {}", gateways[1]));
        serve(name);
        done.send(()).unwrap();
    }))
    .unwrap();
    configured.recv().unwrap();
    send
}

/// Echoes on all ports, by threads that inherit the namespace.
fn serve(_: char) {
    for port in PORTS {
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let listener = TcpListener::bind(any).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || echo(stream));
            }
        });
        let socket = UdpSocket::bind(any).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..length], from);
            }
        });
    }
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

pub struct Connection(TcpStream);

impl Connection {
    pub fn echoes(&self) -> bool {
        let mut stream = &self.0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 4];
        stream.write_all(b"ping").is_ok() && stream.read_exact(&mut buffer).is_ok()
    }
}

fn tcp(target: SocketAddr, patience: Duration) -> Option<Connection> {
    TcpStream::connect_timeout(&target, patience).ok().map(Connection)
}

fn udp_echo(target: SocketAddr, patience: Duration) -> bool {
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.connect(target).unwrap();
    let mut buffer = [0; 4];
    socket.send(b"ping").is_ok() && socket.recv(&mut buffer).is_ok()
}

/// What somebody does who flushes all rules.
pub fn delete_table(kernel: &mut Kernel) {
    let mut steps = [Step::<PolicySet>::DeleteTable].into_iter();
    kernel.commit(&mut steps).unwrap();
}
