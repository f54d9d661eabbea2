//! Paths of requests in the one form that rules are compared with. Without it `/public/../admin` would pass by what
//! guards `/admin`.

/// Decoded, without dot segments and empty segments; a slash at the end stays. `None` when it has a NUL, an incomplete
/// escape, or leads above the root.
pub fn normalized(path: &str) -> Option<String> {
    let decoded = decoded(path)?;
    // A path in another encoding than UTF-8 is compared as it is written.
    let text = String::from_utf8(decoded).unwrap_or_else(|_| path.to_owned());
    if !text.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_slash = false;
    for segment in text[1..].split('/') {
        ends_in_slash = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            other => segments.push(other),
        }
    }
    let mut result = String::with_capacity(text.len());
    for segment in &segments {
        result.push('/');
        result.push_str(segment);
    }
    if result.is_empty() || ends_in_slash {
        result.push('/');
    }
    Some(result)
}

fn decoded(path: &str) -> Option<Vec<u8>> {
    let mut bytes = path.bytes();
    let mut result = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        };
        if byte == 0 {
            return None;
        }
        result.push(byte);
    }
    Some(result)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// For the request line: everything that has a meaning there, or none anywhere, is escaped.
pub fn escaped(path: &str) -> String {
    let mut result = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => result.push(byte as char),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' => result.push(byte as char),
            b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@' => result.push(byte as char),
            other => result.push_str(&format!("%{other:02X}")),
        }
    }
    result
}

/// Whether `path` is `prefix` or below it, element by element: `/foo` has `/foo/bar` and not `/foobar`.
pub fn has_prefix(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_all_ways_to_write_a_path() {
        for (written, expected) in [
            ("/", Some("/")),
            ("/a/b", Some("/a/b")),
            ("/a/b/", Some("/a/b/")),
            ("//a///b", Some("/a/b")),
            ("/a/./b/../c", Some("/a/c")),
            ("/a/..", Some("/")),
            ("/a/b/..", Some("/a/")),
            ("/public/%2e%2e/admin", Some("/admin")),
            ("/%61dmin", Some("/admin")),
            ("/a%20b", Some("/a b")),
            ("/a%2Fb", Some("/a/b")),
            ("/caf%C3%A9", Some("/café")),
            ("/caf%E9", Some("/caf%E9")),
            ("/..", None),
            ("/a/../../b", None),
            ("/a%00", None),
            ("/a%2", None),
            ("/a%zz", None),
            ("*", None),
        ] {
            assert_eq!(normalized(written).as_deref(), expected, "{written}");
        }
    }

    /// The examples of the documentation of Ingress.
    #[test]
    fn prefixes_are_compared_by_elements() {
        for (prefix, path, matches) in [
            ("/", "/anything", true),
            ("/foo", "/foo", true),
            ("/foo", "/foo/", true),
            ("/foo/", "/foo", true),
            ("/foo/", "/foo/", true),
            ("/aaa/bb", "/aaa/bbb", false),
            ("/aaa/bbb", "/aaa/bbb", true),
            ("/aaa/bbb/", "/aaa/bbb", true),
            ("/aaa/bbb", "/aaa/bbb/", true),
            ("/aaa/bbb", "/aaa/bbb/ccc", true),
            ("/aaa/bbb", "/aaa/bbbxyz", false),
            ("/Foo", "/foo", false),
        ] {
            assert_eq!(has_prefix(path, prefix), matches, "{prefix} {path}");
        }
    }

    #[test]
    fn what_is_sent_on_is_escaped() {
        assert_eq!(escaped("/a b/ü?#%"), "/a%20b/%C3%BC%3F%23%25");
        assert_eq!(escaped("/a-b_c.d~e/(f)@g:h"), "/a-b_c.d~e/(f)@g:h");
    }
}
