//! Time as both databases can keep it.

use std::{fmt, time::Duration};

use chrono::{DateTime, DurationRound, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, in whole microseconds: what comes back from a database equals what went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Cuts off what is finer than a microsecond.
    #[must_use]
    pub fn new(moment: DateTime<Utc>) -> Self {
        let cut = moment.duration_trunc(TimeDelta::microseconds(1));
        Self(cut.unwrap_or(moment))
    }

    /// Seconds since 1970, as a JWT's `NumericDate` (RFC 7519, 2). `None` outside the years that chrono knows.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Self)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Seconds since 1970, a part of one counted as a whole: for comparing with dates that have none.
    #[must_use]
    pub fn unix_seconds_up(self) -> i64 {
        self.0.timestamp() + i64::from(self.0.timestamp_subsec_micros() > 0)
    }

    /// For the storage adapter.
    #[must_use]
    pub fn date_time(self) -> DateTime<Utc> {
        self.0
    }

    /// When its day began, in UTC.
    #[must_use]
    pub fn day(self) -> Self {
        Self(self.0.date_naive().and_time(NaiveTime::MIN).and_utc())
    }

    /// Its date in UTC, as in `2026-04-05` (RFC 3339, `full-date`).
    #[must_use]
    pub fn date(self) -> String {
        self.0.date_naive().to_string()
    }

    /// This much later; the last moment there is where that does not exist.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let later = self.0.checked_add_signed(delta);
        Self::new(later.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// This much earlier; the first moment there is where that does not exist.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let earlier = self.0.checked_sub_signed(delta);
        Self::new(earlier.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// How long it is from here until `later`; nothing when that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        (later.0 - self.0).to_std().unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self::new)
    }
}

/// Where the time comes from. Rules take a [`Timestamp`]; only use cases ask a clock, and tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn reads_like_the_documents() {
        assert_eq!(at(1_775_390_400).to_string(), "2026-04-05T12:00:00Z");
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        let day = at(1_775_390_400).day();
        assert_eq!((day.to_string().as_str(), day.date().as_str()), ("2026-04-05T00:00:00Z", "2026-04-05"));
        assert_eq!((day.day(), at(-1).day()), (day, at(-86_400)));
        let last = day.after(Duration::from_hours(24)).before(Duration::from_micros(1));
        assert_eq!(last.day(), day);
    }

    #[test]
    fn never_leaves_the_calendar() {
        let _ = at(0).after(Duration::MAX);
        let _ = at(0).before(Duration::MAX);
        assert_eq!(at(10).until(at(4)), Duration::ZERO);
        assert_eq!(at(4).until(at(10)), Duration::from_secs(6));
    }
}
