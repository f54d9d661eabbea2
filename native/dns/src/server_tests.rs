use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use api_watch::{Metadata, Service, ServiceSpec};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::io::AsyncWriteExt;

use super::*;

/// 127.1.0.0/16 stands for the pods' addresses. Of 127.0.0.0/8 the machine's own is 127.0.0.1: 127.0.0.2 is a stranger.
const STRANGER: &str = "127.0.0.2";
const PATIENCE: Duration = Duration::from_millis(500);

struct Rig {
    address: SocketAddr,
    asked_upstream: Arc<AtomicUsize>,
}

impl Rig {
    /// A server for `cluster.local` with one ExternalName, and an upstream that answers `fast.test` at once and others never.
    async fn start(limits: Limits) -> Self {
        let upstream = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let upstream_address = upstream.local_addr().unwrap();
        let asked_upstream = Arc::new(AtomicUsize::new(0));
        let asked = asked_upstream.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = upstream.recv_from(&mut buffer).await {
                asked.fetch_add(1, Ordering::Relaxed);
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let name = query.queries[0].name().clone();
                if name.to_string() == "fast.test." {
                    let mut answer = Message::response(query.metadata.id, OpCode::Query);
                    answer.add_queries(query.queries.iter().cloned());
                    answer.add_answers([Record::from_rdata(name, 5, RData::A(A::new(192, 0, 2, 1)))]);
                    upstream.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
                }
            }
        });
        let mut zone = Zone::default();
        let metadata = Metadata { namespace: "default".into(), name: "outside".into(), ..Metadata::default() };
        let spec =
            ServiceSpec { type_: "ExternalName".into(), external_name: "fast.test".into(), ..ServiceSpec::default() };
        zone.put_service(&Service { metadata, spec });
        zone.services_read(&[("default".to_owned(), "outside".to_owned())].into());
        zone.slices_read(&[].into());
        let listen = free_address().await;
        let forwarder = Forwarder::new(vec![upstream_address], listen);
        let clients = Clients::new(vec!["127.1.0.0/16".parse().unwrap()]);
        let domain = Name::from_ascii("cluster.local.").unwrap();
        let zone = Arc::new(RwLock::new(zone));
        let server = Server::bind(listen, &domain, zone, forwarder, clients, limits).await.unwrap();
        tokio::spawn(server.run());
        Rig { address: listen, asked_upstream }
    }

    async fn ask_udp(&self, from: &str, query: &Message) -> Option<Message> {
        let socket = UdpSocket::bind((IpAddr::from_str(from).unwrap(), 0)).await.unwrap();
        socket.send_to(&query.to_vec().unwrap(), self.address).await.unwrap();
        let mut buffer = [0; 2048];
        let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.ok()?.unwrap();
        Some(Message::from_vec(&buffer[..length]).unwrap())
    }

    async fn connect(&self, from: &str) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn ask_tcp(&self, from: &str, query: &Message) -> Option<Message> {
        let mut stream = self.connect(from).await;
        let asked = async {
            write_framed(&mut stream, &query.to_vec().unwrap()).await?;
            read_framed(&mut stream).await
        };
        let answer = timeout(PATIENCE, asked).await.ok()?.ok()??;
        Some(Message::from_vec(&answer).unwrap())
    }
}

/// A port that is free for UDP and TCP.
async fn free_address() -> SocketAddr {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
}

fn limits(at_once: usize, for_a_client: usize) -> Limits {
    Limits { at_once, for_a_client, tcp_idle: Duration::from_secs(60) }
}

fn query(name: &str, recursion_desired: bool) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = recursion_desired;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    query
}

#[tokio::test]
async fn without_recursion_nothing_is_asked_upstream() {
    let rig = Rig::start(limits(10, 10)).await;
    for (name, recursion, code, answers, upstream) in [
        ("fast.test.", false, ResponseCode::Refused, 0, 0),
        ("outside.default.svc.cluster.local.", false, ResponseCode::NoError, 1, 0),
        ("none.default.svc.cluster.local.", false, ResponseCode::NXDomain, 0, 0),
        ("fast.test.", true, ResponseCode::NoError, 1, 1),
        ("outside.default.svc.cluster.local.", true, ResponseCode::NoError, 2, 2),
    ] {
        let answer = rig.ask_udp("127.1.0.1", &query(name, recursion)).await.unwrap();
        let got = (answer.metadata.response_code, answer.answers.len());
        assert_eq!(got, (code, answers), "{name}, recursion desired: {recursion}");
        assert_eq!(rig.asked_upstream.load(Ordering::Relaxed), upstream, "{name}, recursion desired: {recursion}");
    }
    let answer = rig.ask_tcp("127.1.0.1", &query("fast.test.", false)).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn a_client_with_a_thousand_silent_connections_stops_nobody_else() {
    raise_open_files(4096);
    let rig = Rig::start(limits(1000, 100)).await;
    let mut held = Vec::new();
    for _ in 0..1000 {
        let mut stream = rig.connect("127.1.0.1").await;
        // Queries whose answers it never reads.
        let _ = stream.write_all(&framed(&query("none.default.svc.cluster.local.", true))).await;
        held.push(stream);
    }
    let asked = query("fast.test.", true);
    assert!(rig.ask_udp("127.1.0.2", &asked).await.is_some(), "another client over UDP");
    assert!(rig.ask_tcp("127.1.0.2", &query("none.cluster.local.", true)).await.is_some(), "another client over TCP");
    assert!(rig.ask_udp("127.1.0.1", &asked).await.is_some(), "over UDP even the client itself");
    assert!(rig.ask_tcp("127.1.0.1", &asked).await.is_none(), "it has its share of connections");
}

#[tokio::test]
async fn a_client_whose_queries_nobody_answers_stops_nobody_else() {
    let rig = Rig::start(limits(30, 10)).await;
    let socket = UdpSocket::bind("127.1.0.1:0").await.unwrap();
    for _ in 0..100 {
        socket.send_to(&query("slow.test.", true).to_vec().unwrap(), rig.address).await.unwrap();
    }
    let asked = query("fast.test.", true);
    assert!(rig.ask_udp("127.1.0.2", &asked).await.is_some());
    assert!(rig.ask_udp("127.1.0.1", &asked).await.is_none(), "it has its share of forwarded queries");
    assert!(
        rig.ask_udp("127.1.0.1", &query("none.cluster.local.", true)).await.is_some(),
        "cluster names cost no share"
    );
}

#[tokio::test]
async fn who_does_not_read_is_let_go_and_gives_its_share_back() {
    let short = Limits { at_once: 4, for_a_client: 1, tcp_idle: Duration::from_millis(300) };
    let rig = Rig::start(short).await;
    let stream = rig.connect("127.1.0.1").await;
    let flood = framed(&query("none.default.svc.cluster.local.", true)).repeat(1000);
    // Until no answer fits into the buffers of either side any more, and so no query is taken either.
    let stuck = async {
        loop {
            stream.writable().await?;
            match stream.try_write(&flood) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err::<(), _>(error),
            }
        }
    };
    let ended = timeout(Duration::from_secs(20), stuck).await;
    assert!(ended.is_ok_and(|ended| ended.is_err()), "the server closes the connection");
    assert!(rig.ask_tcp("127.1.0.1", &query("none.cluster.local.", true)).await.is_some());
}

#[tokio::test]
async fn strangers_get_no_answer() {
    let rig = Rig::start(limits(10, 10)).await;
    for name in ["outside.default.svc.cluster.local.", "none.cluster.local.", "fast.test."] {
        for recursion in [false, true] {
            let asked = query(name, recursion);
            assert_eq!(rig.ask_udp(STRANGER, &asked).await, None, "{name} over UDP");
            assert_eq!(rig.ask_tcp(STRANGER, &asked).await, None, "{name} over TCP");
        }
    }
    assert_eq!(rig.asked_upstream.load(Ordering::Relaxed), 0);
    for client in ["127.0.0.1", "127.1.0.1"] {
        assert!(rig.ask_udp(client, &query("fast.test.", true)).await.is_some(), "{client} over UDP");
        assert!(rig.ask_tcp(client, &query("none.cluster.local.", true)).await.is_some(), "{client} over TCP");
    }
}

fn framed(message: &Message) -> Vec<u8> {
    let bytes = message.to_vec().unwrap();
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
}
