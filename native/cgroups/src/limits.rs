//! What a cgroup may use.

use crate::error::{Error, Result};

/// Of a huge page, as the kernel's files name it: `2MB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSize(String);

impl PageSize {
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_uppercase());
        let known = ["KB", "MB", "GB"].contains(&&text[digits.len()..]);
        if known && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Name { what: "size of huge pages", name: text.to_owned() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// None leaves the kernel's value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// v1 scale, 2..262144; a weight is made of it for v2.
    pub cpu_shares: Option<u64>,
    /// Microseconds of CPU time in a period; -1 is no limit.
    pub cpu_quota: Option<i64>,
    /// Microseconds.
    pub cpu_period: Option<u64>,
    /// Bytes; -1 is no limit.
    pub memory_limit: Option<i64>,
    /// Bytes from which on the kernel slows the cgroup down and takes pages back; -1 is none. v2 only.
    pub memory_high: Option<i64>,
    /// Bytes that the kernel never takes back. v2 only.
    pub memory_min: Option<i64>,
    /// Bytes that the kernel takes back only when it finds no others. v2 only.
    pub memory_low: Option<i64>,
    /// Bytes of huge pages; sizes that are not named keep the kernel's value.
    pub hugepages: Vec<(PageSize, i64)>,
    /// Processes; -1 is no limit.
    pub pids_limit: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_pages_are_those_of_the_kernels_files() {
        for (text, expected) in [
            ("2MB", true),
            ("64KB", true),
            ("1GB", true),
            ("", false),
            ("MB", false),
            ("2Mi", false),
            ("2MB/../x", false),
            ("../2MB", false),
        ] {
            assert_eq!(PageSize::parse(text).is_ok(), expected, "{text:?}");
        }
    }
}
