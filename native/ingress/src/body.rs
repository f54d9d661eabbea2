//! Bodies on their way: with limits of size and of time, and a word at their end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tokio::time::Sleep;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The client is to send more.
    Client = 0,
    /// The endpoint is to take what there is.
    Endpoint = 1,
    /// All was sent.
    Sent = 2,
    /// It had more than the limit.
    TooLarge = 3,
    /// The client broke off.
    Broken = 4,
}

/// How far the body of a request is.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    phase: AtomicU8,
    /// Milliseconds since `begun`.
    changed: AtomicU64,
    pub bytes: AtomicU64,
}

impl Progress {
    pub fn new() -> Arc<Self> {
        Arc::new(Progress {
            begun: Instant::now(),
            phase: AtomicU8::new(Phase::Endpoint as u8),
            changed: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    pub fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.changed.store(self.begun.elapsed().as_millis() as u64, Relaxed);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Client,
            1 => Phase::Endpoint,
            2 => Phase::Sent,
            3 => Phase::TooLarge,
            _ => Phase::Broken,
        }
    }

    pub fn changed(&self) -> Instant {
        self.begun + Duration::from_millis(self.changed.load(Relaxed))
    }
}

/// The body of a request, on its way to the endpoint.
pub struct Upload {
    body: Incoming,
    limit: Option<u64>,
    progress: Arc<Progress>,
}

impl Upload {
    pub fn new(body: Incoming, limit: Option<u64>, progress: Arc<Progress>) -> Self {
        if body.is_end_stream() {
            progress.set(Phase::Sent);
        }
        Upload { body, limit, progress }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let progress = self.progress.clone();
        match polled {
            Poll::Pending => {
                if progress.phase() != Phase::Client {
                    progress.set(Phase::Client);
                }
                Poll::Pending
            }
            Poll::Ready(None) => {
                progress.set(Phase::Sent);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                progress.set(Phase::Broken);
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                let count = frame.data_ref().map_or(0, |data| data.len() as u64);
                let all = progress.bytes.fetch_add(count, Relaxed) + count;
                if self.limit.is_some_and(|limit| all > limit) {
                    progress.set(Phase::TooLarge);
                    return Poll::Ready(Some(Err("the body is larger than proxy-body-size".into())));
                }
                progress.set(if self.body.is_end_stream() { Phase::Sent } else { Phase::Endpoint });
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Told once of how a response ended: with all of its body, or before; and of the bytes of the body.
pub type AtEnd = Box<dyn FnOnce(bool, u64) + Send>;

/// The body of a response, on its way to the client.
pub struct Download {
    body: Body,
    /// Between two parts.
    patience: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    sent: u64,
    at_end: Option<AtEnd>,
}

impl Download {
    pub fn new(body: Body, patience: Duration, at_end: AtEnd) -> Self {
        let mut download = Download { body, patience, sleep: None, sent: 0, at_end: Some(at_end) };
        if download.body.is_end_stream() {
            download.end(true);
        }
        download
    }

    fn end(&mut self, whole: bool) {
        if let Some(at_end) = self.at_end.take() {
            at_end(whole, self.sent);
        }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => {
                let patience = this.patience;
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                if sleep.as_mut().poll(cx).is_ready() {
                    this.end(false);
                    return Poll::Ready(Some(Err("the endpoint sent nothing for too long".into())));
                }
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.sleep = None;
                this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.end(true);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                this.end(end.is_none());
                Poll::Ready(end)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.end(false);
    }
}
