//! Values of single annotations. Each reader says in its error what it expects.

use std::time::Duration;

use ipnet::IpNet;

pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('s').unwrap_or(text).parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("must be a number of seconds above 0".into()),
    }
}

pub fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "must be a whole number that is not negative".into())
}

/// Bytes, as nginx writes them: `8m`. `None`: no limit.
pub fn size(text: &str) -> Result<Option<u64>, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, factor) = match lower.chars().last() {
        Some('k') => (&lower[..lower.len() - 1], 1 << 10),
        Some('m') => (&lower[..lower.len() - 1], 1 << 20),
        Some('g') => (&lower[..lower.len() - 1], 1 << 30),
        _ => (lower.as_str(), 1),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
    match bytes {
        Some(0) => Ok(None),
        Some(bytes) => Ok(Some(bytes)),
        None => Err("must be a number of bytes, with k, m or g behind it".into()),
    }
}

/// Ranges or single addresses, with commas between.
pub fn ranges(text: &str) -> Result<Vec<IpNet>, String> {
    let one = |part: &str| -> Option<IpNet> {
        let part = part.trim();
        part.parse().ok().or_else(|| Some(IpNet::from(part.parse::<std::net::IpAddr>().ok()?)))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let ranges: Option<Vec<_>> = parts.map(one).collect();
    match ranges {
        Some(ranges) if !ranges.is_empty() => Ok(ranges),
        _ => Err("must be addresses or ranges of addresses, with commas between".into()),
    }
}

/// A cookie's or header's name.
pub fn token(text: &str) -> Result<String, String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !text.is_empty() && text.chars().all(is_token) { Ok(text.to_owned()) } else { Err("must be a name".into()) }
}

/// Text that goes into a header: no control characters.
pub fn header_text(text: &str) -> Result<String, String> {
    match http::HeaderValue::from_str(text) {
        Ok(_) if text.is_ascii() && !text.is_empty() => Ok(text.to_owned()),
        _ => Err("must be printable ASCII".into()),
    }
}

pub fn absolute_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { header_text(text) } else { Err("must begin with /".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("8m", Ok(Some(8 << 20))),
            ("1K", Ok(Some(1024))),
            ("2g", Ok(Some(2 << 30))),
            ("1500", Ok(Some(1500))),
            ("0", Ok(None)),
            ("0m", Ok(None)),
            ("", Err(())),
            ("m", Err(())),
            ("8mb", Err(())),
            ("-1", Err(())),
            ("99999999999g", Err(())),
        ] {
            assert_eq!(size(text).map_err(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn times_and_ranges() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("30s"), Ok(Duration::from_secs(30)));
        assert!(seconds("0").is_err() && seconds("1m").is_err());
        assert_eq!(
            ranges("10.0.0.0/8, 192.0.2.1,fd00::/8"),
            Ok(["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"].map(|r| r.parse().unwrap()).to_vec())
        );
        assert!(ranges("").is_err() && ranges("10.0.0.0/33").is_err() && ranges("10.0.0.0/8,x").is_err());
    }

    #[test]
    fn text_for_headers_has_no_line_ends() {
        assert!(header_text("a\r\nSet-Cookie: b").is_err());
        assert!(token("a;b").is_err() && token("").is_err());
        assert_eq!(token("route-1"), Ok("route-1".into()));
    }
}
