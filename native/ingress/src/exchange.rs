//! One request with an endpoint: another endpoint gets it when the first refuses the connection.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::TrySendError;

use crate::annotations::Options;
use crate::body::{self, Body, Phase, Progress, Upload};
use crate::pool::{Place, Pool, Sender};
use crate::upstream::{Turn, Upstream};

/// Endpoints that a request is given to at most, unless its Ingress says otherwise.
const TRIES: usize = 3;
/// For the client to send more of its body.
const CLIENT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    NoEndpoint,
    NoConnection,
    Broken,
    Late,
    TooLarge,
    ClientLate,
    ClientGone,
}

impl Failed {
    pub fn status(self) -> u16 {
        match self {
            Failed::NoEndpoint => 503,
            Failed::NoConnection | Failed::Broken => 502,
            Failed::Late => 504,
            Failed::TooLarge => 413,
            Failed::ClientLate => 408,
            // Nobody reads it: nginx's status for the log.
            Failed::ClientGone => 499,
        }
    }
}

pub struct Answer {
    pub response: Response<Incoming>,
    pub turn: Turn,
    pub place: Place,
    pub sender: Sender,
    pub retries: u64,
}

pub struct Exchange<'a> {
    pub pool: &'a Pool,
    pub upstream: &'a Upstream,
    pub options: &'a Options,
    pub session: Option<&'a str>,
}

impl Exchange<'_> {
    pub async fn send(&self, head: Parts, body: Incoming, progress: &Arc<Progress>) -> Result<Answer, Failed> {
        let replay = (body.is_end_stream() && is_idempotent(&head.method)).then(|| head.clone());
        let limit = self.options.body_limit;
        let mut request = Some(Request::from_parts(head, Upload::new(body, limit, progress.clone()).boxed_unsync()));
        let tries = match self.options.tries {
            None => TRIES,
            Some(0) => usize::MAX,
            Some(tries) => tries,
        };
        let mut tried: Vec<SocketAddr> = Vec::new();
        let mut failed = Failed::NoEndpoint;
        let mut retries = 0;
        while tried.len() < tries {
            let Some(turn) = self.upstream.choose(self.options.balance, self.session, &tried) else { break };
            let place = Place { address: turn.0.address, protocol: self.options.protocol };
            // A kept connection may have been closed a moment ago. Then the same endpoint gets a new one.
            for kept in [true, false] {
                let taken = match kept {
                    true => self.pool.take(place),
                    false => match self.pool.connect(place, self.options.timeouts.connect).await {
                        Ok(sender) => Some(sender),
                        Err(error) => {
                            let late = error.kind() == std::io::ErrorKind::TimedOut;
                            failed = if late { Failed::Late } else { Failed::NoConnection };
                            turn.0.avoid();
                            None
                        }
                    },
                };
                let Some(mut sender) = taken else { continue };
                let ready = tokio::time::timeout(self.options.timeouts.connect, sender.ready());
                if !matches!(ready.await, Ok(Ok(()))) {
                    failed = Failed::NoConnection;
                    continue;
                }
                let next = request.take().expect("there is a request at each attempt");
                match self.attempt(&mut sender, next, progress).await {
                    Ok(response) => return Ok(Answer { response, turn, place, sender, retries }),
                    Err((why, back)) => {
                        failed = why;
                        request = back.or_else(|| {
                            let head = replay.clone().filter(|_| why == Failed::Broken)?;
                            Some(Request::from_parts(head, body::empty()))
                        });
                        if request.is_none() {
                            return Err(failed);
                        }
                        retries += 1;
                    }
                }
            }
            tried.push(turn.0.address);
        }
        Err(failed)
    }

    /// With the request, when the endpoint has got nothing of it.
    async fn attempt(
        &self,
        sender: &mut Sender,
        request: Request<Body>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, (Failed, Option<Request<Body>>)> {
        let sent = Instant::now();
        let mut answer = sender.send(request);
        loop {
            let (deadline, failed) = self.deadline(progress, sent);
            tokio::select! {
                result = &mut answer => return result.map_err(|error| unsent(error, progress)),
                () = tokio::time::sleep_until(deadline.into()) => {
                    if self.deadline(progress, sent).0 <= Instant::now() {
                        return Err((failed, None));
                    }
                }
            }
        }
    }

    /// When the wait for the answer ends, and whose fault that is.
    fn deadline(&self, progress: &Progress, sent: Instant) -> (Instant, Failed) {
        let since = progress.changed().max(sent);
        let timeouts = &self.options.timeouts;
        match progress.phase() {
            Phase::Client => (since + CLIENT, Failed::ClientLate),
            Phase::Endpoint => (since + timeouts.send, Failed::Late),
            Phase::Sent | Phase::TooLarge | Phase::Broken => (since + timeouts.read, Failed::Late),
        }
    }
}

fn unsent(mut error: TrySendError<Request<Body>>, progress: &Progress) -> (Failed, Option<Request<Body>>) {
    match progress.phase() {
        Phase::TooLarge => (Failed::TooLarge, None),
        Phase::Broken => (Failed::ClientGone, None),
        _ => (Failed::Broken, error.take_message()),
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + Send>>;

impl Sender {
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        }
    }

    fn send(&mut self, request: Request<Body>) -> Sending {
        match self {
            Sender::Http1(sender) => Box::pin(sender.try_send_request(request)),
            Sender::Http2(sender) => Box::pin(sender.try_send_request(request)),
        }
    }
}
