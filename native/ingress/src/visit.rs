//! What the log and the metrics are told of a request.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use http::header::{REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, Version};

use crate::access_log::{AccessLog, Entry};
use crate::body::{AtEnd, Progress};
use crate::headers::Client;
use crate::metrics::Series;

pub struct Visit {
    begun: Instant,
    log: AccessLog,
    pub entry: Entry,
    pub series: Option<Arc<Series>>,
    pub progress: Option<Arc<Progress>>,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Visit {
    pub fn new(log: &AccessLog, client: Client, parts: &Parts) -> Self {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let own_id = header(REQUEST_ID);
        let id = match own_id.is_empty() || own_id.len() > 128 {
            true => format!("{:032x}", rand::random::<u128>()),
            false => own_id.to_owned(),
        };
        let mut entry = Entry { id, ..Entry::default() };
        if log.is_on() {
            let version = match parts.version {
                Version::HTTP_2 => "HTTP/2.0",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            };
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            entry.client = client.ip.to_string();
            entry.request = format!("{} {target} {version}", parts.method);
            entry.referer = header(REFERER).to_owned();
            entry.agent = header(USER_AGENT).to_owned();
            let host = parts.uri.authority().map_or_else(|| header(http::header::HOST), |authority| authority.as_str());
            entry.host = host.to_owned();
        }
        Visit { begun: Instant::now(), log: log.clone(), entry, series: None, progress: None }
    }

    /// To be called when the response ended; then `release` is.
    pub fn at_end(&mut self, status: u16, release: Option<AtEnd>) -> AtEnd {
        let (begun, log, series) = (self.begun, self.log.clone(), self.series.take());
        let progress = self.progress.take();
        let mut entry = std::mem::take(&mut self.entry);
        Box::new(move |whole, sent| {
            if let Some(release) = release {
                release(whole, sent);
            }
            let took = begun.elapsed();
            if let Some(series) = series {
                series.observe(status, took);
                series.sent.fetch_add(sent, Relaxed);
            }
            if log.is_on() {
                entry.status = status;
                entry.sent = sent;
                entry.seconds = took.as_secs_f64();
                entry.received = progress.map_or(0, |progress| progress.bytes.load(Relaxed));
                log.write(&entry);
            }
        })
    }
}
