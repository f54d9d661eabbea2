//! Names that are not ours go to the machine's own nameservers, as the bytes that came.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::flags::server_address;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// For one nameserver; then the next one is asked.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Forwarder {
    fixed: Vec<SocketAddr>,
    /// Never ask ourselves.
    own: SocketAddr,
    from_file: Mutex<(Option<SystemTime>, Vec<SocketAddr>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Forwarder {
    /// With no servers given, those of /etc/resolv.conf, read again when it changes.
    pub fn new(fixed: Vec<SocketAddr>, own: SocketAddr) -> Self {
        Forwarder { fixed, own, from_file: Mutex::default() }
    }

    /// The first answer of any upstream server; the error of the last one when none answers.
    pub async fn ask(&self, query: &[u8], transport: Transport) -> io::Result<Vec<u8>> {
        let mut failure = io::Error::other("no upstream nameserver");
        for server in self.servers() {
            let asked = async {
                match transport {
                    Transport::Udp => ask_udp(server, query).await,
                    Transport::Tcp => ask_tcp(server, query).await,
                }
            };
            match timeout(PATIENCE, asked).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::Error::new(io::ErrorKind::TimedOut, format!("{server} does not answer")),
            }
        }
        Err(failure)
    }

    fn servers(&self) -> Vec<SocketAddr> {
        if !self.fixed.is_empty() {
            return self.fixed.clone();
        }
        let changed = std::fs::metadata(RESOLV_CONF).and_then(|metadata| metadata.modified()).ok();
        let mut known = self.from_file.lock().expect("no poisoned lock");
        if changed.is_none() || known.0 != changed {
            let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
            *known = (changed, nameservers(&text).filter(|server| *server != self.own).collect());
        }
        known.1.clone()
    }
}

fn nameservers(text: &str) -> impl Iterator<Item = SocketAddr> + '_ {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten().and_then(server_address)
    })
}

async fn ask_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A socket of its own: its random port, and that it is connected, keep forged answers out.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; 65535];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if length >= 2 && buffer[..2] == query[..2] {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn ask_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    write_framed(&mut stream, query).await?;
    read_framed(&mut stream).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One message of DNS over TCP; `None` when the peer closed between messages.
pub async fn read_framed(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if let Err(error) = stream.read_exact(&mut length).await {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

pub async fn write_framed(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::other("message over 64 KiB"))?;
    let mut framed = Vec::with_capacity(message.len() + 2);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    stream.write_all(&framed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_of_resolv_conf() {
        let text = "# nameserver 1.1.1.1\nsearch a b\nnameserver 10.0.0.1\nnameserver fd00::1\nnameserver junk\n";
        let found: Vec<String> = nameservers(text).map(|server| server.to_string()).collect();
        assert_eq!(found, ["10.0.0.1:53", "[fd00::1]:53"]);
    }
}
