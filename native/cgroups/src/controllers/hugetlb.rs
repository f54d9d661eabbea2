use super::{Setting, or_max};
use crate::limits::{Limits, PageSize};

/// Reserved pages have a limit of their own: a program that reserves more than it may use would otherwise be killed at its
/// first access.
pub(super) fn v1(limits: &Limits) -> Vec<Setting> {
    settings(limits, ["limit_in_bytes", "rsvd.limit_in_bytes"], |limit| limit.to_string())
}

pub(super) fn v2(limits: &Limits) -> Vec<Setting> {
    settings(limits, ["max", "rsvd.max"], or_max)
}

fn settings(limits: &Limits, files: [&str; 2], shown: fn(i64) -> String) -> Vec<Setting> {
    let of_size = |(size, limit): &(PageSize, i64)| {
        let value = shown(*limit);
        files.map(|file| Setting::new("hugetlb", format!("hugetlb.{}.{file}", size.as_str()), &value))
    };
    limits.hugepages.iter().flat_map(of_size).collect()
}
