//! A request on its way through the checks, and what stops it there.

use http::HeaderMap;
use http::header::{HeaderValue, LOCATION};
use http::request::Parts;

use crate::headers::Client;

/// Sent instead of an endpoint's answer.
pub struct Refusal {
    pub status: u16,
    pub headers: HeaderMap,
}

impl Refusal {
    pub fn new(status: u16) -> Self {
        Refusal { status, headers: HeaderMap::new() }
    }

    pub fn to(status: u16, location: &str) -> Self {
        let mut refusal = Refusal::new(status);
        match HeaderValue::from_str(location) {
            Ok(location) => refusal.headers.insert(LOCATION, location),
            Err(_) => return Refusal::new(400),
        };
        refusal
    }
}

/// A request as it came, without its body.
pub struct Call<'a> {
    pub parts: &'a Parts,
    pub client: Client,
    pub host: &'a str,
    /// In the form of rules.
    pub path: &'a str,
}
