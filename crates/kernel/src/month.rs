//! Calendar months, by which people pay.

use std::str::FromStr;

use chrono::{Datelike as _, Months, NaiveDate, NaiveTime};

use crate::{Code, Error, Result, Timestamp};

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its first moment.
    pub begins: Timestamp,
    /// The first moment of the next one.
    pub ends: Timestamp,
}

impl Month {
    /// The month in which a moment lies.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        let date = moment.date_time().date_naive();
        // Every month has a first day.
        Self::from_first(date.with_day(1).unwrap_or(date))
    }

    fn from_first(first: NaiveDate) -> Self {
        let next = first.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
        let [begins, ends] = [first, next].map(|date| Timestamp::new(date.and_time(NaiveTime::MIN).and_utc()));
        Self { begins, ends }
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(self, moment: Timestamp) -> bool {
        (self.begins..self.ends).contains(&moment)
    }
}

impl FromStr for Month {
    type Err = Error;

    /// Reads `2026-04`.
    fn from_str(text: &str) -> Result<Self> {
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('-').filter(|(year, month)| digits(year, 4) && digits(month, 2));
        let numbers = parts.and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
        let first = numbers.and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1));
        let first = first.filter(|first| first.year() >= 1970);
        let why = || Error::because(Code::InvalidParameter, "Give a month of the calendar, such as 2026-04.");
        first.map(Self::from_first).ok_or_else(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_from_its_first_moment_to_that_of_the_next() {
        for (text, begins, ends) in [
            ("2026-04", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
            ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("1970-01", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.begins.to_string().as_str(), month.ends.to_string().as_str()), (begins, ends));
            let last = month.ends.before(std::time::Duration::from_micros(1));
            assert!([month.begins, last].into_iter().all(|at| Month::of(at) == month && month.contains(at)));
            assert!(Month::of(month.ends) != month && !month.contains(month.ends));
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for text in ["", "2026", "2026-13", "2026-00", "2026-4", "26-04", "+026-04", "2026-04-05", "1969-12", "2026/04"]
        {
            assert_eq!(text.parse::<Month>().unwrap_err().code, Code::InvalidParameter, "{text}");
        }
    }
}
