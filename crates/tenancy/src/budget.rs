//! How much an organization may spend.

use kernel::{Code, Error, Result, Scope};

/// An amount of US dollars, in millionths of one: what is counted is never rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MicroDollars(i64);

/// How many make a dollar.
const DOLLAR: f64 = 1e6;
/// The most dollars that anybody has: exact as a number of JSON, too, down to the last millionth.
const MOST: f64 = 1e9;

impl MicroDollars {
    /// An amount of dollars, rounded to the next millionth.
    ///
    /// # Errors
    /// `invalid_request` for less than nothing, and for more than a billion.
    pub fn from_dollars(dollars: f64) -> Result<Self> {
        if !(0.0..=MOST).contains(&dollars) {
            return Err(Error::because(Code::InvalidRequest, "Give an amount of dollars from 0 to 1000000000."));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is in range, and rounded before")]
        let millionths = (dollars * DOLLAR).round() as i64;
        Ok(Self(millionths))
    }

    /// The same as it is stored.
    ///
    /// # Errors
    /// `invalid_request` as for dollars.
    pub fn new(millionths: i64) -> Result<Self> {
        let amount = Self(millionths);
        Self::from_dollars(amount.dollars()).map(|_| amount)
    }

    /// Both together, which may be more than anybody gives at once.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it without the other one; nothing when that is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// In millionths.
    #[must_use]
    pub fn millionths(self) -> i64 {
        self.0
    }

    /// In dollars.
    #[must_use]
    pub fn dollars(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a billion dollars have 50 bits, and a sum is not read to the millionth"
        )]
        let millionths = self.0 as f64;
        millionths / DOLLAR
    }
}

/// How much an organization may spend, and has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The most in a month; `None` is no limit.
    pub monthly_limit: Option<MicroDollars>,
    /// What was spent this month.
    pub current_spend: MicroDollars,
}

impl Budget {
    /// What may still be spent this month; `None` is anything.
    #[must_use]
    pub fn remaining(self) -> Option<MicroDollars> {
        self.monthly_limit.map(|limit| limit.minus(self.current_spend))
    }

    /// Whether more was spent than may be.
    #[must_use]
    pub fn is_exceeded(self) -> bool {
        self.monthly_limit.is_some_and(|limit| limit < self.current_spend)
    }
}

/// Limits of spending of one database transaction.
pub trait BudgetRepository {
    /// The most that may be spent in a month; `None` is no limit.
    ///
    /// # Errors
    /// `not_found` when the organization is gone.
    fn monthly_limit(&mut self, scope: &dyn Scope) -> Result<Option<MicroDollars>>;

    /// Sets the most that may be spent in a month.
    ///
    /// # Errors
    /// `not_found` when the organization is gone.
    fn set_monthly_limit(&mut self, scope: &dyn Scope, limit: Option<MicroDollars>) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_what_was_given_to_the_millionth() {
        for (dollars, millionths) in [
            (0.0, 0),
            (-0.0, 0),
            (0.000_001, 1),
            (0.000_000_4, 0),
            (0.1 + 0.2, 300_000),
            (12.5, 12_500_000),
            (19.99, 19_990_000),
            (1e9, 1_000_000_000_000_000),
            (999_999_999.999_999, 999_999_999_999_999),
        ] {
            let amount = MicroDollars::from_dollars(dollars).unwrap();
            assert_eq!(amount.millionths(), millionths, "{dollars}");
            assert_eq!(MicroDollars::from_dollars(amount.dollars()).unwrap(), amount, "{dollars}");
            assert_eq!(MicroDollars::new(millionths).unwrap(), amount);
        }
    }

    #[test]
    fn no_amount_is_below_nothing_above_a_billion_or_no_number() {
        for dollars in [-0.000_000_1, -1.0, 1_000_000_000.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(MicroDollars::from_dollars(dollars).unwrap_err().code, Code::InvalidRequest, "{dollars}");
        }
        assert!(MicroDollars::new(-1).is_err() && MicroDollars::new(i64::MAX).is_err());
    }

    #[test]
    fn a_sum_is_more_than_anybody_gives_and_never_less_than_nothing() {
        let billion = MicroDollars::from_dollars(1e9).unwrap();
        let two = billion.plus(billion);
        assert_eq!((two.dollars(), two.minus(billion), billion.minus(two)), (2e9, billion, MicroDollars::default()));
        let most = (0..64).fold(two, |sum, _| sum.plus(sum));
        assert_eq!((most.plus(two), most.millionths()), (most, i64::MAX));
    }

    #[test]
    fn a_budget_is_exceeded_behind_its_limit() {
        let [ten, eleven] = [10.0, 11.0].map(|dollars| MicroDollars::from_dollars(dollars).unwrap());
        for (limit, spend, remaining, exceeded) in [
            (None, eleven, None, false),
            (Some(ten), ten, Some(MicroDollars::default()), false),
            (Some(ten), eleven, Some(MicroDollars::default()), true),
            (Some(eleven), ten, Some(eleven.minus(ten)), false),
        ] {
            let budget = Budget { monthly_limit: limit, current_spend: spend };
            assert_eq!((budget.remaining(), budget.is_exceeded()), (remaining, exceeded));
        }
    }
}
