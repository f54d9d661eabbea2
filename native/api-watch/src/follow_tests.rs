use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::objects::Service;

/// An answer of the scripted server.
#[derive(Clone)]
struct Reply {
    head: &'static str,
    body: String,
    then: Then,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// The answer is whole; the connection stays.
    End,
    /// The connection closes within the answer.
    Cut,
    /// More may come, and never does.
    Hang,
}

fn answer(head: &'static str, body: impl Into<String>) -> Reply {
    Reply { head, body: body.into(), then: Then::End }
}

fn list(version: &str, next: &str, names: &[&str]) -> Reply {
    let items: Vec<String> = names.iter().map(|name| service(name, "1")).collect();
    let metadata = format!(r#"{{"resourceVersion":"{version}","continue":"{next}"}}"#);
    answer("200 OK", format!(r#"{{"kind":"ServiceList","metadata":{metadata},"items":[{}]}}"#, items.join(",")))
}

fn watch(then: Then, events: &[(&str, String)]) -> Reply {
    let lines = events.iter().map(|(kind, object)| format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"));
    Reply { then, ..answer("200 OK", lines.collect::<String>()) }
}

fn service(name: &str, version: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"default","resourceVersion":"{version}"}},"spec":{{}}}}"#)
}

fn expired() -> String {
    r#"{"kind":"Status","status":"Failure","message":"too old resource version","reason":"Expired","code":410}"#.into()
}

/// Plays `script`, one reply per request, and tells what was asked and by which connection.
async fn serve(script: Vec<Reply>) -> (std::net::SocketAddr, Arc<Mutex<Vec<(usize, String)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let script = Arc::new(Mutex::new(script.into_iter()));
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (log, script) = (log.clone(), script.clone());
            tokio::spawn(async move {
                while let Some(path) = read_request(&mut stream).await {
                    log.lock().unwrap().push((connection, path));
                    let Some(reply) = script.lock().unwrap().next() else { break };
                    let head = format!("HTTP/1.1 {}\r\nTransfer-Encoding: chunked\r\n\r\n", reply.head);
                    let chunk = format!("{:x}\r\n{}\r\n", reply.body.len(), reply.body);
                    let chunk = if reply.body.is_empty() { String::new() } else { chunk };
                    let end = if reply.then == Then::End { "0\r\n\r\n" } else { "" };
                    stream.write_all(format!("{head}{chunk}{end}").as_bytes()).await.unwrap();
                    match reply.then {
                        Then::End => {}
                        Then::Cut => break,
                        Then::Hang => std::future::pending().await,
                    }
                }
            });
        }
    });
    (address, asked)
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap().split(' ').nth(1)?.to_owned())
}

struct Followed {
    told: mpsc::UnboundedReceiver<String>,
    asked: Arc<Mutex<Vec<(usize, String)>>>,
    _folder: TempDir,
}

impl Followed {
    async fn start(script: Vec<Reply>) -> Self {
        Self::with(Query::default(), script).await
    }

    async fn with(query: Query, script: Vec<Reply>) -> Self {
        let (address, asked) = serve(script).await;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("kubeconfig");
        let kubeconfig = format!(
            "clusters: [{{name: c, cluster: {{server: 'http://{address}/at/a/path/'}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c}}}}]\ncurrent-context: x\n"
        );
        std::fs::write(&path, kubeconfig).unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let client = Client::new(&path, "test").unwrap();
            let name = |service: &Service| format!("{}@{}", service.metadata.name, service.metadata.resource_version);
            let say = |text: String| drop(tell.send(text));
            let on_event = |event| match event {
                Event::Listed(all) => say(format!("all {}", all.iter().map(name).collect::<Vec<_>>().join(" "))),
                Event::Put(one) => say(format!("put {}", name(&one))),
                Event::Gone(one) => say(format!("gone {}", name(&one))),
            };
            follow::<Service>(&client, &query, on_event, |error| say(format!("error {error}"))).await
        });
        Followed { told, asked, _folder: folder }
    }

    async fn told(&mut self, expected: &str) {
        let text = tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await.expect("an event in time");
        assert!(text.as_deref().is_some_and(|text| text.starts_with(expected)), "{text:?} instead of {expected:?}");
    }

    /// Connection and query of each request.
    fn asked(&self) -> Vec<(usize, String)> {
        let asked = self.asked.lock().unwrap();
        let shown = |(connection, path): &(usize, String)| {
            let path =
                path.strip_prefix("/at/a/path/api/v1/services").expect("the collection, below the server's path");
            (*connection, path.replace("watch=true&allowWatchBookmarks=true&timeoutSeconds=290&", "watch&"))
        };
        asked.iter().map(shown).collect()
    }
}

fn queries(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
    expected.iter().map(|(connection, path)| (*connection, (*path).to_owned())).collect()
}

#[tokio::test]
async fn it_lists_in_pages_and_watches_from_there_on_one_connection() {
    let mut followed = Followed::start(vec![
        list("5", "a/b+c", &["a"]),
        list("5", "", &["b"]),
        watch(
            Then::End,
            &[("ADDED", service("c", "6")), ("MODIFIED", service("a", "7")), ("DELETED", service("b", "8"))],
        ),
        watch(Then::Hang, &[("ADDED", service("d", "9"))]),
    ])
    .await;
    for expected in ["all a@1 b@1", "put c@6", "put a@7", "gone b@8", "put d@9"] {
        followed.told(expected).await;
    }
    assert_eq!(
        followed.asked(),
        queries(&[
            (0, "?limit=500"),
            (0, "?limit=500&continue=a%2Fb%2Bc"),
            (0, "?watch&resourceVersion=5"),
            (0, "?watch&resourceVersion=8"),
        ])
    );
}

#[tokio::test]
async fn it_resumes_after_the_last_event_or_bookmark_when_the_connection_breaks() {
    let bookmark = r#"{"kind":"Service","metadata":{"resourceVersion":"40"}}"#.to_owned();
    let mut followed = Followed::start(vec![
        list("5", "", &[]),
        watch(Then::Cut, &[("ADDED", service("a", "6"))]),
        watch(Then::Cut, &[("BOOKMARK", bookmark)]),
        watch(Then::Hang, &[("ADDED", service("b", "41"))]),
    ])
    .await;
    for expected in ["all ", "put a@6", "error the connection broke", "error the connection broke", "put b@41"] {
        followed.told(expected).await;
    }
    assert_eq!(
        followed.asked()[1..],
        queries(&[(0, "?watch&resourceVersion=5"), (1, "?watch&resourceVersion=6"), (2, "?watch&resourceVersion=40"),])
    );
}

#[tokio::test]
async fn an_expired_version_leads_to_a_list_whether_an_event_or_the_answer_says_so() {
    let mut followed = Followed::start(vec![
        list("5", "", &["a"]),
        watch(Then::Hang, &[("ERROR", expired())]),
        list("90", "", &["b"]),
        answer("410 Gone", expired()),
        list("95", "", &["c"]),
        watch(Then::Hang, &[]),
    ])
    .await;
    let error = "error /api/v1/services?watch=true";
    for expected in ["all a@1", error, "all b@1", error, "all c@1"] {
        followed.told(expected).await;
    }
}

#[tokio::test]
async fn a_list_whose_next_page_expired_is_read_whole() {
    let mut followed = Followed::start(vec![
        list("5", "token", &["a"]),
        answer("410 Gone", expired()),
        list("9", "", &["a", "b"]),
        watch(Then::Hang, &[]),
    ])
    .await;
    for expected in ["error /api/v1/services?limit=500&continue=token: too old resource version (410)", "all a@1 b@1"] {
        followed.told(expected).await;
    }
    assert_eq!(followed.asked()[2].1, "");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_for_the_same_watch_and_one_that_was_set_back_for_a_list() {
    let future = r#"{"message":"Timeout: Too large resource version: 5, current: 2","reason":"Timeout","code":504,
        "details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}"#;
    let mut followed = Followed::start(vec![
        list("5", "", &["a"]),
        answer("429 Too Many Requests\r\nRetry-After: 3", "slow down"),
        answer("504 Gateway Timeout", future),
        list("2", "", &[]),
        watch(Then::Hang, &[]),
    ])
    .await;
    followed.told("all a@1").await;
    followed.told("error /api/v1/services?watch=true").await;
    let begun = Instant::now();
    followed.told("error /api/v1/services?watch=true").await;
    assert!(begun.elapsed() > Duration::from_millis(2900), "it waited {:?}", begun.elapsed());
    followed.told("all ").await;
    assert_eq!(followed.asked()[2].1, "?watch&resourceVersion=5");
}

#[tokio::test]
async fn a_server_that_starts_later_is_asked_often_until_it_answers() {
    let starting = answer("503 Service Unavailable", "not yet");
    let script = [vec![starting; 5], vec![list("5", "", &["a"]), watch(Then::Hang, &[])]].concat();
    let begun = Instant::now();
    let mut followed = Followed::start(script).await;
    for _ in 0..5 {
        followed.told("error /api/v1/services").await;
    }
    followed.told("all a@1").await;
    // Steps from 0.8 s on that double would take 24.8 s at least.
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_watch_that_ends_at_once_or_cannot_be_read_is_an_error() {
    let mut followed = Followed::start(vec![
        list("5", "", &[]),
        watch(Then::End, &[]),
        answer("200 OK", "{\"type\":\"ADDED\""),
        answer("200 OK", "<html>\n"),
        list("6", "", &["a"]),
        watch(Then::Hang, &[]),
    ])
    .await;
    followed.told("all ").await;
    for problem in ["the watch ended at once", "the watch ended within an event", "the answer cannot be read"] {
        let text = followed.told.recv().await.unwrap();
        assert!(text.contains(problem), "{text} instead of {problem}");
    }
    followed.told("all a@1").await;
}

#[tokio::test]
async fn selectors_are_part_of_the_list_and_of_the_watch() {
    let query = Query { label_selector: "app in (a,b)".into(), field_selector: "type=kubernetes.io/tls".into() };
    let mut followed = Followed::with(query, vec![list("5", "", &[]), watch(Then::Hang, &[])]).await;
    followed.told("all ").await;
    while followed.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let selectors = "labelSelector=app%20in%20%28a%2Cb%29&fieldSelector=type%3Dkubernetes.io%2Ftls";
    assert_eq!(
        followed.asked(),
        queries(&[(0, &format!("?limit=500&{selectors}")), (0, &format!("?watch&resourceVersion=5&{selectors}")),])
    );
}
