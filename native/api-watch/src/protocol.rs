//! Lists, watch events and Status as bytes.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::objects::{Metadata, or_default};

#[derive(Debug, Deserialize)]
pub struct List<K> {
    pub metadata: ListMetadata,
    #[serde(deserialize_with = "or_default", bound(deserialize = "K: Deserialize<'de>"))]
    pub items: Vec<K>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMetadata {
    pub resource_version: String,
    #[serde(rename = "continue")]
    pub next: String,
}

#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(borrow)]
    pub object: &'a RawValue,
}

/// What a bookmark consists of.
#[derive(Debug, Deserialize)]
pub struct Bookmark {
    pub metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub code: u16,
    reason: String,
    message: String,
    #[serde(deserialize_with = "or_default")]
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "or_default")]
    causes: Vec<Cause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
}

impl Status {
    /// Of a response: proxies answer with bodies that are no Status.
    pub fn of_response(code: u16, body: &[u8]) -> Self {
        let status = serde_json::from_slice::<Status>(body).unwrap_or_default();
        Status { code, ..status }
    }

    /// The server does not know of a version that it gave out: it was set back to an earlier state.
    pub fn is_version_of_future(&self) -> bool {
        self.details.causes.iter().any(|cause| cause.reason == "ResourceVersionTooLarge")
    }

    pub fn message(&self) -> String {
        match (self.message.as_str(), self.reason.as_str()) {
            ("", "") => format!("the server answered {}", self.code),
            ("", reason) => format!("the server answered {} {reason}", self.code),
            (message, _) => format!("{message} ({})", self.code),
        }
    }
}

/// Cuts what comes in pieces into lines.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
    whole: VecDeque<Vec<u8>>,
}

impl Lines {
    pub fn push(&mut self, mut piece: &[u8]) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(&piece[..end]);
            let line = std::mem::take(&mut self.rest);
            if !line.iter().all(u8::is_ascii_whitespace) {
                self.whole.push_back(line);
            }
            piece = &piece[end + 1..];
        }
        self.rest.extend_from_slice(piece);
    }

    pub fn next(&mut self) -> Option<Vec<u8>> {
        self.whole.pop_front()
    }

    /// Bytes of a line whose end has not come.
    pub fn pending(&self) -> usize {
        self.rest.len()
    }
}

/// A value of a query.
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_their_bytes_arrive() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\"";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            text.chunks(size).for_each(|piece| lines.push(piece));
            assert_eq!(lines.next().unwrap(), b"{\"a\":1}");
            assert_eq!(lines.next().unwrap(), b"{\"b\":2}\r");
            assert_eq!(lines.next(), None);
            assert_eq!(lines.pending(), 4);
        }
    }

    #[test]
    fn values_of_a_query_are_encoded() {
        assert_eq!(encoded("type=kubernetes.io/tls,a!=ö b"), "type%3Dkubernetes.io%2Ftls%2Ca%21%3D%C3%B6%20b");
    }

    #[test]
    fn a_status_says_what_the_server_said() {
        let status = Status::of_response(
            504,
            br#"{"kind":"Status","message":"Timeout: Too large resource version: 9, current: 3","reason":"Timeout",
                "details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}]},"code":504}"#,
        );
        assert!(status.is_version_of_future());
        assert_eq!(status.message(), "Timeout: Too large resource version: 9, current: 3 (504)");
        assert_eq!(Status::of_response(502, b"<html>").message(), "the server answered 502");
    }
}
