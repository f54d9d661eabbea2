//! Arithmetic between the two hierarchies.

const MIN_SHARES: u64 = 2;
const MAX_SHARES: u64 = 262_144;

/// cpu.shares (2..262144) to cpu.weight (1..10000) as runc 1.1 and crun convert it for containers: a straight line.
/// Pod and container levels must use one formula, since siblings compete by these numbers.
pub fn shares_to_weight(shares: u64) -> u64 {
    let shares = shares.clamp(MIN_SHARES, MAX_SHARES);
    1 + (shares - MIN_SHARES) * 9_999 / (MAX_SHARES - MIN_SHARES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_scales_meet() {
        assert_eq!(shares_to_weight(0), 1);
        assert_eq!(shares_to_weight(2), 1);
        assert_eq!(shares_to_weight(262_144), 10_000);
        assert_eq!(shares_to_weight(u64::MAX), 10_000);
    }

    #[test]
    fn one_cpu_has_the_weight_the_runtimes_give_it() {
        assert_eq!(shares_to_weight(1024), 39);
    }
}
