//! A socket to netfilter, or to another part of the kernel.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};

use super::message::{HEADER, Messages};

/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The dump does not show one moment: something changed meanwhile (`NLM_F_DUMP_INTR`).
const INTERRUPTED: u16 = 0x10;
/// Bytes that the kernel may answer before it is read.
const ANSWERS: usize = 4 << 20;
const READ: usize = 1 << 17;

#[derive(Debug)]
pub struct Socket {
    socket: OwnedFd,
    buffer: Vec<u8>,
    /// Bytes that may be sent at once.
    room: usize,
}

/// What the kernel said of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub sequence: u32,
    /// None: done.
    pub error: Option<Errno>,
}

impl Socket {
    /// To netfilter.
    pub fn open() -> io::Result<Self> {
        Self::open_to(Some(netlink::NETFILTER))
    }

    /// To generic netlink, where each family of messages has a number of its own.
    pub fn generic() -> io::Result<Self> {
        Self::open_to(Some(netlink::GENERIC))
    }

    /// To links and addresses: `NETLINK_ROUTE`, which is 0.
    pub fn route() -> io::Result<Self> {
        Self::open_to(None)
    }

    fn open_to(protocol: Option<Protocol>) -> io::Result<Self> {
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        net::bind(&socket, &netlink::SocketAddrNetlink::new(0, 0))?;
        // More than the limit of other sockets: it takes CAP_NET_ADMIN, as all that follows does.
        sockopt::set_socket_recv_buffer_size_force(&socket, ANSWERS)?;
        Ok(Socket { socket, buffer: vec![0; READ], room: 0 })
    }

    /// Sends a batch, which the kernel takes as a whole or not at all, and gives its answers. The kernel is done with it
    /// when this returns.
    pub fn send_batch(&mut self, batch: &[u8]) -> io::Result<Vec<Answer>> {
        self.send(batch)?;
        let mut answers = Vec::new();
        loop {
            let length = match net::recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => length,
                Err(Errno::AGAIN) => return Ok(answers),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for (header, body) in Received(&self.buffer[..length]) {
                if header.kind == ERROR {
                    answers.push(Answer { sequence: header.sequence, error: error_of(body) });
                }
            }
        }
    }

    /// Sends one request and gives what follows the headers of each answer to `each`: one for a look-up, many for a dump.
    /// That there is no such thing ends it without any.
    pub fn request(&mut self, request: Messages, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(&request.finish())?;
        loop {
            let length = match net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((length, _)) => length,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for (header, body) in Received(&self.buffer[..length]) {
                if header.flags & INTERRUPTED != 0 {
                    self.drain();
                    return Err(io::Error::from(Errno::INTR));
                }
                match header.kind {
                    DONE => return Ok(()),
                    ERROR => {
                        return error_of(body)
                            .filter(|error| *error != Errno::NOENT)
                            .map_or(Ok(()), |error| Err(error.into()));
                    }
                    _ => each(body),
                }
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.room {
            // The kernel counts what it needs to keep them, too, and doubles what it is told.
            self.room = bytes.len().max(1 << 20);
            sockopt::set_socket_send_buffer_size_force(&self.socket, self.room)?;
        }
        while let Err(error) = net::send(&self.socket, bytes, SendFlags::empty()) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn drain(&mut self) {
        while net::recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT).is_ok() {}
    }
}

struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
}

/// Messages one after another, each with what follows `nlmsghdr`.
struct Received<'a>(&'a [u8]);

impl<'a> Iterator for Received<'a> {
    type Item = (Header, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.0.first_chunk::<HEADER>()?;
        let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let length = word(0) as usize;
        let body = self.0.get(HEADER..length)?;
        let header = Header { kind: half(4), flags: half(6), sequence: word(8) };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((header, body))
    }
}

/// `struct nlmsgerr`: the number of an error, negative, or 0.
fn error_of(body: &[u8]) -> Option<Errno> {
    let number = body.first_chunk::<4>().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    (number != 0).then(|| Errno::from_raw_os_error(-number))
}
