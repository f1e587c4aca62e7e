//! When a delivery is tried again.

use std::time::Duration;

/// The longest that anybody waits for another try, whatever the receiver asks for.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The waits after the first attempts, in seconds; the last one from then on.
const WAITS: [u64; 8] = [10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600];

/// How long to wait after so many attempts (1 is the first). `chance` from 0 to 1 spreads what failed together: up to a
/// fifth is added. A receiver that asks for more time with `Retry-After` gets it, up to [`LONGEST_WAIT`].
#[must_use]
pub fn wait_before(attempts: i32, chance: f64, asked: Option<Duration>) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(WAITS.len() - 1);
    let usual = Duration::from_secs(WAITS[index]);
    let spread = usual.mul_f64(1.0 + 0.2 * chance.clamp(0.0, 1.0));
    spread.max(asked.unwrap_or_default()).min(LONGEST_WAIT.mul_f64(1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_spread() {
        for (attempts, least, most) in [(1, 10, 12), (2, 60, 72), (3, 300, 360), (4, 1800, 2160), (5, 7200, 8640)] {
            assert_eq!(wait_before(attempts, 0.0, None), Duration::from_secs(least));
            assert_eq!(wait_before(attempts, 1.0, None), Duration::from_secs(most));
        }
        assert_eq!(wait_before(100, 0.0, None), LONGEST_WAIT);
        assert_eq!(wait_before(0, 0.0, None), Duration::from_secs(10));
        assert_eq!(wait_before(i32::MIN, f64::MAX, None), Duration::from_secs(12));
    }

    #[test]
    fn who_asks_for_time_gets_it_within_a_day() {
        let asked = |seconds| wait_before(1, 0.0, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(1), Duration::from_secs(10));
        assert_eq!(asked(90), Duration::from_secs(90));
        assert!(asked(u64::MAX) <= LONGEST_WAIT.mul_f64(1.2));
    }
}
