//! Ranges of addresses as an interval set takes them: in order, none over another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use xtables::address::{Cidr, Family};

/// The ranges, each by its first address and the first one behind it; None: it goes to the end of all addresses.
pub fn merged(ranges: &[Cidr]) -> Vec<(IpAddr, Option<IpAddr>)> {
    let Some(family) = ranges.first().map(|range| range.family()) else { return Vec::new() };
    merged_bounds(family, ranges.iter().map(|range| bounds(*range)).collect())
}

/// The same of ranges by their first and last addresses, as numbers.
pub fn merged_bounds(family: Family, mut bounds: Vec<(u128, u128)>) -> Vec<(IpAddr, Option<IpAddr>)> {
    bounds.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::new();
    for (first, last) in bounds {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    let behind = |last: u128| (last < all(family)).then(|| address(family, last + 1));
    merged.into_iter().map(|(first, last)| (address(family, first), behind(last))).collect()
}

/// What is left of a range without others: first and last addresses, as numbers.
pub fn difference(range: Cidr, except: &[Cidr]) -> Vec<(u128, u128)> {
    let mut left = vec![bounds(range)];
    for (from, to) in except.iter().filter(|other| other.family() == range.family()).map(|other| bounds(*other)) {
        let cut = |(first, last): (u128, u128)| {
            let below = (first < from).then(|| (first, last.min(from.saturating_sub(1))));
            let above = (to < last).then(|| (first.max(to.saturating_add(1)), last));
            below.into_iter().chain(above)
        };
        left = left.into_iter().flat_map(cut).collect();
    }
    left
}

fn all(family: Family) -> u128 {
    u128::MAX >> (128 - u32::from(family.bits()))
}

/// The first and the last address, as numbers.
fn bounds(range: Cidr) -> (u128, u128) {
    let number = match range.address() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let hosts = all(range.family()).checked_shr(u32::from(range.prefix())).unwrap_or(0);
    (number & !hosts, number | hosts)
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from(number as u32).into(),
        Family::Ipv6 => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let cases: [(&[&str], &str); 5] = [
            (&["10.0.0.7/24"], "10.0.0.0-10.0.1.0"),
            (&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25"], "10.0.0.0-10.0.2.0"),
            (&["10.0.0.0/8", "192.0.2.1/32"], "10.0.0.0-11.0.0.0 192.0.2.1-192.0.2.2"),
            (&["0.0.0.0/0", "10.0.0.0/8"], "0.0.0.0-"),
            (&["ffff::/16", "::/0"], "::-"),
        ];
        for (ranges, expected) in cases {
            let ranges: Vec<Cidr> = ranges.iter().map(|range| range.parse().unwrap()).collect();
            let shown = merged(&ranges).into_iter();
            let shown =
                shown.map(|(first, end)| format!("{first}-{}", end.map(|end| end.to_string()).unwrap_or_default()));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
        }
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn parts_are_taken_out_of_a_range() {
        let cases: [(&str, &[&str], &str); 7] = [
            ("10.0.0.0/24", &[], "10.0.0.0-10.0.1.0"),
            ("10.0.0.0/24", &["10.0.0.0/25"], "10.0.0.128-10.0.1.0"),
            ("10.0.0.0/24", &["10.0.0.4/32", "10.0.0.255/32"], "10.0.0.0-10.0.0.4 10.0.0.5-10.0.0.255"),
            ("10.0.0.0/24", &["10.0.0.0/8"], ""),
            ("10.0.0.0/24", &["192.0.2.0/24", "fd00::/8"], "10.0.0.0-10.0.1.0"),
            ("0.0.0.0/0", &["0.0.0.0/1", "255.255.255.255/32"], "128.0.0.0-255.255.255.255"),
            ("::/0", &["8000::/1"], "::-8000::"),
        ];
        for (range, except, expected) in cases {
            let range: Cidr = range.parse().unwrap();
            let except: Vec<Cidr> = except.iter().map(|range| range.parse().unwrap()).collect();
            let shown = merged_bounds(range.family(), difference(range, &except)).into_iter();
            let shown =
                shown.map(|(first, end)| format!("{first}-{}", end.map(|end| end.to_string()).unwrap_or_default()));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{range} without {except:?}");
        }
    }
}
