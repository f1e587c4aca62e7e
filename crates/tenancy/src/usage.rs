//! What an organization uses and what that costs, as whoever runs things for it reports.

use std::time::Duration;

use kernel::{
    Code, Error, Listed, Metadata, Month, Page, Result, Scope, Timestamp,
    id::{OrganizationId, PrincipalId, UsageRecordId},
};

use crate::{Label, MicroDollars};

/// How its reporter calls a record, so that reporting it again counts nothing twice: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const LONGEST: usize = 255;

    /// # Errors
    /// `invalid_request`.
    pub fn parse(text: &str) -> Result<Self> {
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::because(Code::InvalidRequest, "Give an idempotency_key of 1 to 255 visible ASCII characters."))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many runs a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs(u32);

impl Runs {
    const MOST: u32 = 1_000_000;

    /// # Errors
    /// `invalid_request` for more than a million.
    pub fn new(runs: u32) -> Result<Self> {
        if runs <= Self::MOST {
            return Ok(Self(runs));
        }
        Err(Error::because(Code::InvalidRequest, "Give a number of runs from 0 to 1000000."))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Something that was run for an organization, and what it cost. It is never changed: what was reported stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// The record's id.
    pub id: UsageRecordId,
    /// For whom it was run.
    pub organization: OrganizationId,
    /// What was run, in the app's own words.
    pub kind: Option<Label>,
    /// How many runs.
    pub runs: Runs,
    /// What they cost together.
    pub cost: MicroDollars,
    /// When they were run; on whose day they count.
    pub occurred_at: Timestamp,
    /// How its reporter calls it.
    pub key: IdempotencyKey,
    /// What the app keeps about it.
    pub metadata: Metadata,
    /// Who reported it.
    pub recorded_by: PrincipalId,
    /// When it was reported.
    pub created_at: Timestamp,
}

/// How far ahead a reporter's clock may be.
const AHEAD: Duration = Duration::from_mins(5);
/// How late something is reported at the latest: days that far back are settled.
const LATE: Duration = Duration::from_hours(366 * 24);

/// When something was run that is reported now.
///
/// # Errors
/// `invalid_request` for what has not happened yet, and for what is more than a year ago.
pub fn occurred(at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp> {
    match at {
        Some(at) if at > now.after(AHEAD) || at < now.before(LATE) => {
            Err(Error::because(Code::InvalidRequest, "Give occurred_at as a time within the last 366 days."))
        }
        at => Ok(at.unwrap_or(now)),
    }
}

impl UsageRecord {
    /// Whether it reports once more what `first` does.
    #[must_use]
    pub fn repeats(&self, first: &Self) -> bool {
        // Who says no time means that of the report, whenever that is.
        let when = |record: &Self| Some(record.occurred_at).filter(|at| *at != record.created_at);
        (self.organization, &self.key) == (first.organization, &first.key)
            && (&self.kind, self.runs, self.cost, when(self)) == (&first.kind, first.runs, first.cost, when(first))
            && self.metadata.is_kept_as(&first.metadata)
    }
}

/// What was run in a time, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many runs.
    pub runs: u64,
    /// What they cost.
    pub cost: MicroDollars,
}

impl Usage {
    /// All of it together.
    #[must_use]
    pub fn total(days: &[DayOfUsage]) -> Self {
        days.iter().fold(Self::default(), |sum, DayOfUsage { usage, .. }| Self {
            runs: sum.runs.saturating_add(usage.runs),
            cost: sum.cost.plus(usage.cost),
        })
    }
}

/// What was run on one day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOfUsage {
    /// When the day begins.
    pub day: Timestamp,
    /// What was run on it.
    pub usage: Usage,
}

/// Every day of a month until `last`, those on which nothing was run with nothing, and whatever was counted behind it.
#[must_use]
pub fn every_day(month: Month, last: Timestamp, counted: &[DayOfUsage]) -> Vec<DayOfUsage> {
    const DAY: Duration = Duration::from_hours(24);
    let behind = counted.last().map_or(last, |counted| last.max(counted.day));
    let days = std::iter::successors(Some(month.begins), |day| Some(day.after(DAY)));
    let days = days.take_while(|day| *day <= behind && month.contains(*day));
    let known = |day| counted.iter().find(|counted| counted.day == day).copied();
    days.map(|day| known(day).unwrap_or(DayOfUsage { day, usage: Usage::default() })).collect()
}

/// Usage of one database transaction.
pub trait UsageRepository {
    /// Adds a record and counts it on its day. Where the organization has one of that key already, nothing is added or
    /// counted, and that one is handed back: of those who come at once, one is the first.
    ///
    /// # Errors
    /// `conflict` when a day would cost more than anybody has.
    fn record_usage(&mut self, scope: &dyn Scope, record: &UsageRecord) -> Result<UsageRecord>;

    /// What was reported, from the newest report to the oldest.
    fn usage_records(
        &mut self,
        scope: &dyn Scope,
        page: &Page<UsageRecordId>,
    ) -> Result<Listed<UsageRecord, UsageRecordId>>;

    /// The days of a month on which something was run, in their order.
    fn days_of_usage(&mut self, scope: &dyn Scope, month: Month) -> Result<Vec<DayOfUsage>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_775_390_400 + seconds).unwrap()
    }

    fn record() -> UsageRecord {
        UsageRecord {
            id: UsageRecordId::generate(),
            organization: OrganizationId::generate(),
            kind: Some(Label::parse("chat").unwrap()),
            runs: Runs::new(1).unwrap(),
            cost: MicroDollars::from_dollars(0.25).unwrap(),
            occurred_at: at(0),
            key: IdempotencyKey::parse("run-1").unwrap(),
            metadata: Metadata::default(),
            recorded_by: PrincipalId::generate(),
            created_at: at(0),
        }
    }

    #[test]
    fn a_report_is_repeated_by_the_same_and_by_nothing_else() {
        let first = record();
        // At another time, by somebody else.
        let again = UsageRecord {
            id: UsageRecordId::generate(),
            recorded_by: PrincipalId::generate(),
            occurred_at: at(9),
            created_at: at(9),
            ..first.clone()
        };
        assert!(again.repeats(&first));
        let metadata = Metadata::parse(serde_json::json!({ "a": 1 })).unwrap();
        for other in [
            UsageRecord { kind: None, ..again.clone() },
            UsageRecord { runs: Runs::new(2).unwrap(), ..again.clone() },
            UsageRecord { cost: MicroDollars::default(), ..again.clone() },
            UsageRecord { occurred_at: at(1), ..again.clone() },
            UsageRecord { metadata, ..again.clone() },
            UsageRecord { organization: OrganizationId::generate(), ..again.clone() },
            UsageRecord { key: IdempotencyKey::parse("run-2").unwrap(), ..again.clone() },
        ] {
            assert!(!other.repeats(&first), "{other:?}");
        }
        let dated = UsageRecord { occurred_at: at(-5), ..first };
        assert!(UsageRecord { occurred_at: at(-5), ..again.clone() }.repeats(&dated));
        assert!(!again.repeats(&dated), "one that says a time is none that does not");
    }

    #[test]
    fn what_is_reported_has_happened_and_not_long_ago() {
        let year = 366 * 24 * 3600;
        for (seconds, fits) in [(0, true), (300, true), (301, false), (-year, true), (-year - 1, false)] {
            assert_eq!(occurred(Some(at(seconds)), at(0)).is_ok(), fits, "{seconds}");
        }
        assert_eq!(occurred(None, at(0)).unwrap(), at(0));
    }

    #[test]
    fn a_month_shows_every_day_so_far() {
        let month = Month::of(at(0));
        let usage = Usage { runs: 2, cost: MicroDollars::from_dollars(1.5).unwrap() };
        let counted = [month.begins, at(0).day()].map(|day| DayOfUsage { day, usage });
        let days = every_day(month, at(3600), &counted);
        assert_eq!((days.len(), days[0], days[4]), (5, counted[0], counted[1]));
        assert!(days[1..4].iter().all(|day| day.usage == Usage::default()));
        assert_eq!(Usage::total(&days), Usage { runs: 4, cost: MicroDollars::from_dollars(3.0).unwrap() });
        // A clock that was ahead.
        assert_eq!(every_day(month, month.begins, &counted).len(), 5);
        assert_eq!(every_day(month, month.ends, &[]).len(), 30);
        assert_eq!(every_day(month, month.begins.before(Duration::from_secs(1)), &[]).len(), 0);
    }

    #[test]
    fn a_key_is_what_a_header_could_carry() {
        for good in ["1", "run_01J9/step-3", &"x".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "\t", "ä", "a\0", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad).unwrap_err().code, Code::InvalidRequest, "{bad:?}");
        }
    }
}
