//! Whether a request goes to a canary: the header decides first, then the cookie, then the weight.

use http::HeaderMap;

use crate::annotations::Canary;

/// `draw` gives a number below its argument.
pub fn takes(rule: &Canary, headers: &HeaderMap, draw: impl FnOnce(u32) -> u32) -> bool {
    if let Some(name) = &rule.header
        && let Some(value) = headers.get(name).and_then(|value| value.to_str().ok())
    {
        match (&rule.header_value, &rule.header_pattern) {
            (Some(wanted), _) => {
                if value == wanted {
                    return true;
                }
            }
            (None, Some(pattern)) => {
                if pattern.is_match(value) {
                    return true;
                }
            }
            (None, None) => match value {
                "always" => return true,
                "never" => return false,
                _ => {}
            },
        }
    }
    match rule.cookie.as_ref().and_then(|name| cookie(headers, name)) {
        Some("always") => return true,
        Some("never") => return false,
        _ => {}
    }
    rule.weight > 0 && draw(rule.total) < rule.weight
}

pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_first_then_the_cookie_then_the_weight() {
        let base = Canary { weight: 10, total: 100, ..Canary::default() };
        let by_header = Canary { header: Some("x-new".into()), ..base.clone() };
        let by_value = Canary { header_value: Some("yes".into()), ..by_header.clone() };
        let by_pattern = Canary { header_pattern: Some(regex::Regex::new("^v[2-9]$").unwrap()), ..by_header.clone() };
        let by_cookie = Canary { cookie: Some("new".into()), ..base.clone() };
        let both = Canary { cookie: Some("new".into()), ..by_header.clone() };
        let none = Canary { total: 100, ..Canary::default() };
        for (rule, headers, drawn, expected) in [
            (&base, &[][..], 9, true),
            (&base, &[], 10, false),
            (&none, &[], 0, false),
            (&by_header, &[("x-new", "always")], 99, true),
            (&by_header, &[("x-new", "never")], 0, false),
            (&by_header, &[("x-new", "other")], 0, true),
            (&by_header, &[("x-new", "other")], 99, false),
            (&by_value, &[("x-new", "yes")], 99, true),
            (&by_value, &[("x-new", "always")], 99, false),
            (&by_pattern, &[("x-new", "v3")], 99, true),
            (&by_pattern, &[("x-new", "v1")], 99, false),
            (&by_cookie, &[("cookie", "a=b; new=always")], 99, true),
            (&by_cookie, &[("cookie", "new=never")], 0, false),
            (&by_cookie, &[("cookie", "renew=always")], 99, false),
            (&both, &[("x-new", "never"), ("cookie", "new=always")], 0, false),
            (&both, &[("x-new", "?"), ("cookie", "new=always")], 99, true),
        ] {
            let map: HeaderMap = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
            assert_eq!(takes(rule, &map, |_| drawn), expected, "{rule:?} {headers:?} {drawn}");
        }
    }
}
