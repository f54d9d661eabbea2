//! How long to wait after a failure.

use std::time::{Duration, Instant};

/// Those of client-go's reflectors.
const FIRST: Duration = Duration::from_millis(800);
const LONGEST: Duration = Duration::from_secs(30);
/// Of a program that knows nothing yet, and so can serve nobody: it often starts together with its server.
const FIRST_AT_START: Duration = Duration::from_millis(100);
const LONGEST_AT_START: Duration = Duration::from_secs(1);
/// Without a failure for so long, the next one is the first again.
const FORGOTTEN: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    last: Option<Instant>,
}

impl Backoff {
    /// Until the first list has been read.
    pub fn at_start() -> Self {
        Self { first: FIRST_AT_START, longest: LONGEST_AT_START, failures: 0, last: None }
    }

    /// @param at_least what the server asked for.
    pub fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let step = self.step(Instant::now());
        // Clients that lost the same server do not come back in step.
        step.mul_f64(1.0 + rand::random::<f64>()).max(at_least.unwrap_or_default())
    }

    fn step(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > FORGOTTEN) {
            self.failures = 0;
        }
        self.last = Some(now);
        let step = self.first.saturating_mul(1 << self.failures.min(10)).min(self.longest);
        self.failures += 1;
        step
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: FIRST, longest: LONGEST, failures: 0, last: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_half_a_minute_and_begins_again_after_two_quiet_minutes() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        for expected in [800, 1600, 3200, 6400, 12800, 25600, 30000, 30000] {
            assert_eq!(backoff.step(now), Duration::from_millis(expected));
            now += Duration::from_secs(40);
        }
        assert_eq!(backoff.step(now + FORGOTTEN), FIRST);
    }

    #[test]
    fn it_waits_at_least_as_long_as_the_server_asks_and_at_most_twice_the_step() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        let second = backoff.next(None);
        assert!(second >= FIRST * 2 && second <= FIRST * 4, "{second:?}");
    }

    #[test]
    fn at_the_start_its_steps_end_at_a_second() {
        let mut backoff = Backoff::at_start();
        let now = Instant::now();
        for expected in [100, 200, 400, 800, 1000, 1000] {
            assert_eq!(backoff.step(now), Duration::from_millis(expected));
        }
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
    }
}
