//! What a figure is to reach.

use serde_json::{Value, json};

/// A bound, and what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// What it is to be.
    pub bound: Bound,
    /// What it is; none where there was nothing to measure.
    pub reached: Option<f64>,
}

/// On which side of a number it is to stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// That a time is at most so many times another. No time at all was not measured.
    pub fn at_most(times: f64, time: f64, other: f64) -> Self {
        Self { bound: Bound::AtMost(times), reached: (time > 0.0 && other > 0.0).then(|| time / other) }
    }

    /// Whether it is reached. What was not measured is not.
    pub fn is_met(self) -> bool {
        self.reached.is_some_and(|reached| match self.bound {
            Bound::AtLeast(least) => reached >= least,
            Bound::AtMost(most) => reached <= most,
        })
    }

    /// What was to be reached, what was, and whether that is enough: three cells of a table.
    pub fn markdown(self) -> String {
        let wanted = match self.bound {
            Bound::AtLeast(least) => format!("≥ {least:.2}"),
            Bound::AtMost(most) => format!("≤ {most:.2}"),
        };
        let reached = self.reached.map_or_else(|| "-".to_owned(), |reached| format!("{reached:.2}"));
        format!("{wanted} | {reached} | {}", if self.is_met() { "yes" } else { "no" })
    }

    /// For a program.
    pub fn json(self) -> Value {
        let (name, bound) = match self.bound {
            Bound::AtLeast(least) => ("at_least", least),
            Bound::AtMost(most) => ("at_most", most),
        };
        json!({ name: bound, "reached": self.reached, "met": self.is_met() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_itself_is_enough_and_nothing_measured_is_not() {
        assert!(Goal { bound: Bound::AtLeast(0.65), reached: Some(0.65) }.is_met());
        assert!(!Goal { bound: Bound::AtLeast(0.65), reached: Some(0.64) }.is_met());
        assert!(Goal::at_most(1.5, 3.0, 2.0).is_met());
        assert!(!Goal::at_most(1.5, 3.1, 2.0).is_met());
        assert!(!Goal::at_most(1.5, 3.0, 0.0).is_met());
        assert!(!Goal::at_most(1.5, 0.0, 2.0).is_met());
    }

    #[test]
    fn it_says_what_was_wanted_and_what_came() {
        assert_eq!(Goal::at_most(1.5, 3.1, 2.0).markdown(), "≤ 1.50 | 1.55 | no");
        assert_eq!(Goal { bound: Bound::AtLeast(0.65), reached: None }.markdown(), "≥ 0.65 | - | no");
        let met = Goal { bound: Bound::AtLeast(0.65), reached: Some(0.75) };
        assert_eq!(met.json(), json!({ "at_least": 0.65, "reached": 0.75, "met": true }));
    }
}
