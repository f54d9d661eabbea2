//! What is counted, in the text format of Prometheus.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use crate::objects::Key;

/// Upper bounds of the buckets, in milliseconds.
const BUCKETS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Of one Ingress.
#[derive(Debug, Default)]
pub struct Series {
    codes: Mutex<BTreeMap<u16, u64>>,
    buckets: [AtomicU64; BUCKETS.len()],
    micros: AtomicU64,
    count: AtomicU64,
    pub retries: AtomicU64,
    pub sent: AtomicU64,
}

impl Series {
    pub fn observe(&self, code: u16, took: Duration) {
        *self.codes.lock().expect("no poisoned lock").entry(code).or_default() += 1;
        let millis = took.as_micros() as f64 / 1000.0;
        if let Some(index) = BUCKETS.iter().position(|bound| millis <= *bound as f64) {
            self.buckets[index].fetch_add(1, Relaxed);
        }
        self.micros.fetch_add(took.as_micros() as u64, Relaxed);
        self.count.fetch_add(1, Relaxed);
    }
}

#[derive(Debug, Default)]
pub struct Metrics {
    series: RwLock<HashMap<Key, Arc<Series>>>,
    /// Requests that no rule matched.
    pub unmatched: AtomicU64,
    pub connections: AtomicI64,
    pub handshake_failures: AtomicU64,
    pub log_lines_lost: AtomicU64,
    pub routes: AtomicU64,
    pub problems: AtomicU64,
    pub compilations: AtomicU64,
}

impl Metrics {
    pub fn series(&self, ingress: &Key) -> Arc<Series> {
        let mut series = self.series.write().expect("no poisoned lock");
        series.entry(ingress.clone()).or_default().clone()
    }

    /// Forgets the Ingresses that are gone, so that labels stay as many as there are Ingresses.
    pub fn keep(&self, exists: impl Fn(&Key) -> bool) {
        self.series.write().expect("no poisoned lock").retain(|key, _| exists(key));
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        let series = self.series.read().expect("no poisoned lock");
        let mut all: Vec<_> = series.iter().collect();
        all.sort_by_key(|(key, _)| *key);
        head(&mut text, "requests_total", "counter", "Requests, by Ingress and status.");
        for (key, series) in &all {
            for (code, count) in series.codes.lock().expect("no poisoned lock").iter() {
                line(&mut text, "requests_total", &format!("{},code=\"{code}\"", labels(key)), *count as f64);
            }
        }
        let name = "request_duration_seconds";
        head(&mut text, name, "histogram", "Time from the head of a request to the end of its response.");
        for (key, series) in &all {
            let labels = labels(key);
            let mut sum = 0;
            for (bound, bucket) in BUCKETS.iter().zip(&series.buckets) {
                sum += bucket.load(Relaxed);
                let bound = *bound as f64 / 1000.0;
                line(&mut text, &format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), sum as f64);
            }
            let count = series.count.load(Relaxed) as f64;
            line(&mut text, &format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), count);
            line(&mut text, &format!("{name}_sum"), &labels, series.micros.load(Relaxed) as f64 / 1e6);
            line(&mut text, &format!("{name}_count"), &labels, count);
        }
        for (name, help, value) in [
            ("sent_bytes_total", "Bytes of bodies of responses.", (|s| &s.sent) as fn(&Series) -> &AtomicU64),
            ("retries_total", "Attempts at another endpoint or connection.", |s| &s.retries),
        ] {
            head(&mut text, name, "counter", help);
            for (key, series) in &all {
                line(&mut text, name, &labels(key), value(series).load(Relaxed) as f64);
            }
        }
        for (name, kind, help, value) in [
            ("unmatched_requests_total", "counter", "Requests that no rule matched.", &self.unmatched),
            ("tls_handshake_failures_total", "counter", "TLS handshakes that failed.", &self.handshake_failures),
            ("access_log_lines_lost_total", "counter", "Lines that the log did not take.", &self.log_lines_lost),
            ("compilations_total", "counter", "Compilations of the routes.", &self.compilations),
            ("routes", "gauge", "Paths that are served.", &self.routes),
            ("problems", "gauge", "Problems of Ingresses that Events tell.", &self.problems),
        ] {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "berth_ingress_{name} {}", value.load(Relaxed));
        }
        head(&mut text, "connections", "gauge", "Open connections of clients.");
        let _ = writeln!(text, "berth_ingress_connections {}", self.connections.load(Relaxed));
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP berth_ingress_{name} {help}\n# TYPE berth_ingress_{name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "berth_ingress_{name}{{{labels}}} {value}");
}

/// Names of objects need no escapes.
fn labels(key: &Key) -> String {
    format!("namespace=\"{}\",ingress=\"{}\"", key.namespace, key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format() {
        let metrics = Metrics::default();
        let series = metrics.series(&Key::new("shop", "web"));
        series.observe(200, Duration::from_millis(7));
        series.observe(200, Duration::from_secs(20));
        series.observe(502, Duration::from_millis(5));
        let text = metrics.text();
        for expected in [
            "# TYPE berth_ingress_requests_total counter",
            "berth_ingress_requests_total{namespace=\"shop\",ingress=\"web\",code=\"200\"} 2",
            "berth_ingress_requests_total{namespace=\"shop\",ingress=\"web\",code=\"502\"} 1",
            "berth_ingress_request_duration_seconds_bucket{namespace=\"shop\",ingress=\"web\",le=\"0.005\"} 1",
            "berth_ingress_request_duration_seconds_bucket{namespace=\"shop\",ingress=\"web\",le=\"10\"} 2",
            "berth_ingress_request_duration_seconds_bucket{namespace=\"shop\",ingress=\"web\",le=\"+Inf\"} 3",
            "berth_ingress_connections 0",
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected}\n{text}");
        }
        metrics.keep(|_| false);
        assert!(!metrics.text().contains("shop"));
    }
}
