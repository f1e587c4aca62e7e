//! So many in so long.

use std::{num::NonZeroU32, time::Duration};

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    limit: NonZeroU32,
    period: Duration,
}

impl Quota {
    /// `None` for none at all, or for no time, which is no quota.
    #[must_use]
    pub fn new(limit: u32, period: Duration) -> Option<Self> {
        let limit = NonZeroU32::new(limit)?;
        (!period.is_zero() && period >= Duration::from_nanos(limit.get().into())).then_some(Self { limit, period })
    }

    /// How many.
    #[must_use]
    pub fn limit(self) -> NonZeroU32 {
        self.limit
    }

    /// In how long.
    #[must_use]
    pub fn period(self) -> Duration {
        self.period
    }

    /// How long it takes until one more is given back.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.period / self.limit.get()
    }
}

/// What became of a call that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The quota that it was counted against.
    pub quota: Quota,
    /// How many more may come at once.
    pub remaining: u32,
    /// How long until all of the quota is there again.
    pub reset: Duration,
    /// How long a call that is refused has to wait; `None` for one that is let through.
    pub wait: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_of_something() {
        let minute = Duration::from_mins(1);
        assert_eq!(Quota::new(0, minute), None);
        assert_eq!(Quota::new(1, Duration::ZERO), None);
        assert_eq!(Quota::new(20, minute).unwrap().interval(), Duration::from_secs(3));
    }
}
