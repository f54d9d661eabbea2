//! One line for each request, much as ingress-nginx writes it, to standard output. A thread writes them: a slow reader of the
//! log delays no request, and what it does not take is counted as lost.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::metrics::Metrics;

const WAITING: usize = 8192;

#[derive(Clone, Debug)]
pub struct AccessLog(Option<(SyncSender<String>, Arc<Metrics>)>);

impl AccessLog {
    pub fn new(on: bool, metrics: Arc<Metrics>) -> Self {
        if !on {
            return AccessLog(None);
        }
        let (sender, lines) = sync_channel::<String>(WAITING);
        std::thread::spawn(move || {
            let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout());
            while let Ok(line) = lines.recv() {
                let _ = out.write_all(line.as_bytes());
                for line in lines.try_iter() {
                    let _ = out.write_all(line.as_bytes());
                }
                let _ = out.flush();
            }
        });
        AccessLog(Some((sender, metrics)))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub fn write(&self, entry: &Entry) {
        if let Some((sender, metrics)) = &self.0
            && sender.try_send(entry.line(SystemTime::now())).is_err()
        {
            metrics.log_lines_lost.fetch_add(1, Relaxed);
        }
    }
}

#[derive(Debug, Default)]
pub struct Entry {
    pub client: String,
    pub user: String,
    /// Method, target and version.
    pub request: String,
    pub status: u16,
    pub sent: u64,
    pub referer: String,
    pub agent: String,
    pub received: u64,
    pub seconds: f64,
    /// `namespace/name`.
    pub ingress: String,
    /// `namespace-service-port`.
    pub upstream: String,
    pub endpoint: String,
    pub host: String,
    pub id: String,
}

impl Entry {
    fn line(&self, now: SystemTime) -> String {
        let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { escaped(text) };
        format!(
            "{} - {} [{}] \"{}\" {} {} \"{}\" \"{}\" {} {:.3} [{}] [{}] {} {} {}\n",
            self.client,
            dash(&self.user),
            rfc3339(now),
            escaped(&self.request),
            self.status,
            self.sent,
            dash(&self.referer),
            dash(&self.agent),
            self.received,
            self.seconds,
            self.ingress,
            self.upstream,
            dash(&self.endpoint),
            dash(&self.host),
            dash(&self.id),
        )
    }
}

/// What a client sends cannot begin a line of its own, or end a quoted text.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                let _ = write!(result, "\\x{:02X}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(result, "\\x{:02X}", c as u32);
            }
            c => result.push(c),
        }
    }
    result
}

/// In UTC, with whole seconds.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that a leap day is the last day of one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let entry = Entry {
            client: "192.0.2.1".into(),
            request: "GET /\" HTTP/1.1".into(),
            status: 200,
            agent: "a\n192.0.2.9 - -".into(),
            ingress: "shop/web".into(),
            upstream: "shop-web-80".into(),
            ..Entry::default()
        };
        assert_eq!(
            entry.line(UNIX_EPOCH),
            "192.0.2.1 - - [1970-01-01T00:00:00Z] \"GET /\\x22 HTTP/1.1\" 200 0 \"-\" \
             \"a\\x0A192.0.2.9 - -\" 0 0.000 [shop/web] [shop-web-80] - - -\n"
        );
    }
}
