//! UDP and TCP on one address.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::answer::{Answer, Outcome, answer};
use crate::clients::Clients;
use crate::forward::{Forwarder, Transport, read_framed, write_framed};
use crate::limit::{Limit, raise_open_files};
use crate::zone::Zone;

/// Largest UDP answer we send or ask for: fits every common link unfragmented.
const MAX_UDP: u16 = 1232;
/// A client without EDNS takes this much over UDP.
const PLAIN_UDP: u16 = 512;
/// Queries over UDP being forwarded, and TCP connections, at the same time: what comes beyond is dropped and asked again.
const AT_ONCE: usize = 1000;
/// A tenth for each client: one that asks for what nobody answers, or does not read, stops nobody else.
const SHARES: usize = 10;
/// A forwarded query has a socket of its own, a TCP connection has two while it waits for upstream; some are for the rest.
const FILES_EACH: u64 = 3;
const OTHER_FILES: u64 = 64;
/// For the whole of a message, in either direction: a client that sends or takes nothing, or too slowly, is let go.
const TCP_IDLE: Duration = Duration::from_secs(10);

/// How much is done at the same time, apart for UDP and TCP.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub at_once: usize,
    pub for_a_client: usize,
    pub tcp_idle: Duration,
}

impl Limits {
    /// As many as this process may have files open for.
    pub fn of_process() -> Self {
        let files = raise_open_files(OTHER_FILES + FILES_EACH * AT_ONCE as u64);
        let at_once = (files.saturating_sub(OTHER_FILES) / FILES_EACH).clamp(SHARES as u64, AT_ONCE as u64) as usize;
        Limits { at_once, for_a_client: at_once / SHARES, tcp_idle: TCP_IDLE }
    }
}

#[derive(Debug)]
pub struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    domain: Name,
    zone: Arc<RwLock<Zone>>,
    forwarder: Forwarder,
    clients: Clients,
    forwards: Arc<Limit>,
    connections: Arc<Limit>,
    tcp_idle: Duration,
}

impl Server {
    pub async fn bind(
        listen: SocketAddr,
        domain: &Name,
        zone: Arc<RwLock<Zone>>,
        forwarder: Forwarder,
        clients: Clients,
        limits: Limits,
    ) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}"));
        let shared = Shared {
            domain: domain.clone(),
            zone,
            forwarder,
            clients,
            forwards: Limit::new(limits.at_once, limits.for_a_client),
            connections: Limit::new(limits.at_once, limits.for_a_client),
            tcp_idle: limits.tcp_idle,
        };
        Ok(Server {
            udp: UdpSocket::bind(listen).await.map_err(named)?,
            tcp: TcpListener::bind(listen).await.map_err(named)?,
            shared: Arc::new(shared),
        })
    }

    pub async fn run(self) {
        let udp = Arc::new(self.udp);
        tokio::join!(serve_udp(udp, self.shared.clone()), serve_tcp(self.tcp, self.shared));
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut buffer = vec![0; 4096];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        // No answer, not even a refusal: the sender may be forged, and would get it.
        if !shared.clients.include(peer) {
            continue;
        }
        let query = &buffer[..length];
        match shared.answer_at_once(query) {
            Some(answer) => {
                let _ = socket.send_to(&answer.to_bytes(Transport::Udp), peer).await;
            }
            None => {
                let Some(permit) = shared.forwards.permit(peer.ip()) else { continue };
                let (query, socket, shared) = (query.to_vec(), socket.clone(), shared.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    if let Some(bytes) = shared.answer(&query, Transport::Udp).await {
                        let _ = socket.send_to(&bytes, peer).await;
                    }
                });
            }
        }
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !shared.clients.include(peer) {
            continue;
        }
        let Some(permit) = shared.connections.permit(peer.ip()) else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _ = converse(stream, &shared).await;
        });
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    while let Ok(message) = timeout(shared.tcp_idle, read_framed(&mut stream)).await {
        let Some(query) = message? else { break };
        let Some(answer) = shared.answer(&query, Transport::Tcp).await else { break };
        timeout(shared.tcp_idle, write_framed(&mut stream, &answer)).await??;
    }
    Ok(())
}

/// A query of ours with its outcome.
struct Reply {
    request: Message,
    answer: Answer,
}

impl Shared {
    /// The answer when it takes no other server; `None` for everything that has to wait.
    fn answer_at_once(&self, query: &[u8]) -> Option<Reply> {
        let request = Message::from_vec(query).ok()?;
        match self.look_up(&request)? {
            Outcome::Answer(answer) => Some(Reply { request, answer }),
            Outcome::Forward | Outcome::Alias { .. } => None,
        }
    }

    /// `None` when the bytes are no query: those get no answer.
    async fn answer(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let request = Message::from_vec(query).ok()?;
        let answer = match self.look_up(&request)? {
            Outcome::Answer(answer) => answer,
            Outcome::Forward => match self.forwarder.ask(query, transport).await {
                Ok(bytes) => return Some(bytes),
                Err(_) => Answer { code: ResponseCode::ServFail, ..Answer::default() },
            },
            Outcome::Alias { mut answer, target } => {
                let kind = request.queries.first()?.query_type();
                answer.answers.extend(self.resolve(target, kind).await);
                answer
            }
        };
        Some(Reply { request, answer }.to_bytes(transport))
    }

    fn look_up(&self, request: &Message) -> Option<Outcome> {
        if request.metadata.message_type != MessageType::Query {
            return None;
        }
        let [question] = &request.queries[..] else { return Some(refusal(ResponseCode::FormErr)) };
        if request.metadata.op_code != OpCode::Query {
            return Some(refusal(ResponseCode::NotImp));
        }
        if question.query_class() != DNSClass::IN {
            return Some(refusal(ResponseCode::Refused));
        }
        let zone = self.zone.read().expect("no poisoned lock");
        Some(match answer(&zone, &self.domain, question.name(), question.query_type()) {
            // Who does not want recursion gets what is known here.
            Outcome::Forward if !request.metadata.recursion_desired => refusal(ResponseCode::Refused),
            Outcome::Alias { answer, .. } if !request.metadata.recursion_desired => Outcome::Answer(answer),
            outcome => outcome,
        })
    }

    /// Where an ExternalName leads: within the cluster or outside. Empty when nobody can tell.
    async fn resolve(&self, target: Name, kind: hickory_proto::rr::RecordType) -> Vec<hickory_proto::rr::Record> {
        let inside = {
            let zone = self.zone.read().expect("no poisoned lock");
            answer(&zone, &self.domain, &target, kind)
        };
        if let Outcome::Answer(answer) = inside {
            return answer.answers;
        }
        let mut query = Message::query();
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(target, kind));
        let Ok(bytes) = query.to_vec() else { return Vec::new() };
        let answered = self.forwarder.ask(&bytes, Transport::Udp).await.ok();
        answered.and_then(|bytes| Message::from_vec(&bytes).ok()).map(|message| message.answers).unwrap_or_default()
    }
}

fn refusal(code: ResponseCode) -> Outcome {
    Outcome::Answer(Answer { code, ..Answer::default() })
}

impl Reply {
    fn to_bytes(&self, transport: Transport) -> Vec<u8> {
        let asked = &self.request;
        let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
        message.metadata.recursion_desired = asked.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.metadata.authoritative = true;
        message.metadata.response_code = self.answer.code;
        message.add_queries(asked.queries.iter().cloned());
        message.add_answers(self.answer.answers.iter().cloned());
        message.add_authorities(self.answer.authorities.iter().cloned());
        message.add_additionals(self.answer.additionals.iter().cloned());
        if asked.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(MAX_UDP);
            message.set_edns(edns);
        }
        let bytes = message.to_vec().unwrap_or_default();
        let limit = asked.edns.as_ref().map_or(PLAIN_UDP, |edns| edns.max_payload().clamp(PLAIN_UDP, MAX_UDP));
        if transport == Transport::Udp && bytes.len() > usize::from(limit) {
            return message.truncate().to_vec().unwrap_or_default();
        }
        bytes
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
