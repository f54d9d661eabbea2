//! cpu.shares of v1 as cpu.weight of v2. The levels of pods and of containers must use one curve, since siblings compete
//! by these numbers, and containers get theirs from the runtime.

const MIN_SHARES: u64 = 2;
const MAX_SHARES: u64 = 262_144;
const MIN_WEIGHT: u64 = 1;
const MAX_WEIGHT: u64 = 10_000;

/// The conversion that the node's runtime uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightCurve {
    /// runc before 1.3.2, crun before 1.23, and kubelet whatever its runtime: a straight line between the ends of both scales. One CPU (1024) is 39.
    Linear,
    /// runc from 1.3.2 and crun from 1.23: through the ends and the default, so that one CPU is 100.
    Quadratic,
}

impl WeightCurve {
    pub fn weight(self, shares: u64) -> u64 {
        match shares {
            ..=MIN_SHARES => MIN_WEIGHT,
            MAX_SHARES.. => MAX_WEIGHT,
            _ => match self {
                Self::Linear => {
                    MIN_WEIGHT + (shares - MIN_SHARES) * (MAX_WEIGHT - MIN_WEIGHT) / (MAX_SHARES - MIN_SHARES)
                }
                Self::Quadratic => {
                    let log = (shares as f64).log2();
                    10f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0).ceil() as u64
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WeightCurve::{Linear, Quadratic};

    #[test]
    fn curves_give_the_weights_that_the_runtimes_give() {
        for (shares, linear, quadratic) in [
            (0, 1, 1),
            (2, 1, 1),
            (1024, 39, 100),
            (2048, 79, 174),
            (262_143, 9_999, 10_000),
            (262_144, 10_000, 10_000),
            (u64::MAX, 10_000, 10_000),
        ] {
            assert_eq!(Linear.weight(shares), linear, "{shares}");
            assert_eq!(Quadratic.weight(shares), quadratic, "{shares}");
        }
    }

    #[test]
    fn more_shares_never_weigh_less() {
        for curve in [Linear, Quadratic] {
            let weights: Vec<u64> = (0..=262_144).step_by(17).map(|shares| curve.weight(shares)).collect();
            assert!(weights.is_sorted() && weights.iter().all(|weight| (1..=10_000).contains(weight)), "{curve:?}");
        }
    }
}
