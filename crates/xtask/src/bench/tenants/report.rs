//! What is printed and what is kept of the sizes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{
    goal::Goal,
    load::{Measurement, Timing, in_a_cell},
    machine::Machine,
};

/// So many times as slow among the most tenants as among the fewest, and no more.
const AT_MOST: f64 = 1.5;

/// One request, at every size.
pub struct Row {
    /// What was asked for.
    pub name: &'static str,
    /// What was measured, by size and then by round.
    pub rounds: Vec<Vec<Measurement>>,
}

/// One size.
pub struct Tenants {
    /// How many organizations.
    pub organizations: u32,
    /// How many memberships.
    pub memberships: u64,
}

/// Everything that was measured.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// On which database.
    pub database: String,
    /// For how long in each round.
    pub timing: Timing,
    /// At how many connections.
    pub connections: usize,
    /// From the smallest to the largest.
    pub sizes: Vec<Tenants>,
    /// The requests.
    pub rows: Vec<Row>,
}

impl Row {
    fn of_sizes(&self, figure: fn(&Measurement) -> f64) -> Vec<f64> {
        self.rounds.iter().map(|rounds| median(rounds.iter().map(figure).collect())).collect()
    }

    fn percentiles(&self) -> [(&'static str, Vec<f64>); 2] {
        [("p50", self.of_sizes(|round| round.p50_ms)), ("p99", self.of_sizes(|round| round.p99_ms))]
    }

    fn all(&self) -> impl Iterator<Item = &Measurement> {
        self.rounds.iter().flatten()
    }

    fn errors(&self) -> u64 {
        self.all().map(|round| round.errors).sum()
    }

    fn first_error(&self) -> Option<&str> {
        self.all().find_map(|round| round.first_error.as_deref())
    }

    fn markdown(&self) -> String {
        let errors = self.errors().to_string() + &in_a_cell(self.first_error());
        let lines = self.percentiles().into_iter().map(|(percentile, figures)| {
            let cells: Vec<_> = figures.iter().map(|figure| format!("{figure:.2}")).collect();
            let cells = cells.join(" | ");
            format!("| {} | {percentile} | {cells} | {} | {errors} |\n", self.name, goal(&figures).markdown())
        });
        lines.collect()
    }

    fn json(&self) -> Value {
        let [p50, p99] = self.percentiles().map(|(_, figures)| json!({ "ms": figures, "goal": goal(&figures).json() }));
        json!({
            "name": self.name,
            "p50": p50,
            "p99": p99,
            "errors": self.errors(),
            "first_error": self.first_error(),
        })
    }
}

impl Report {
    /// How many requests failed in all.
    pub fn errors(&self) -> u64 {
        self.rows.iter().map(Row::errors).sum()
    }

    /// For people.
    pub fn markdown(&self) -> String {
        let Timing { warm_up, window } = self.timing;
        let memberships: Vec<_> = self.sizes.iter().map(|size| size.memberships.to_string()).collect();
        let sizes: Vec<_> = self.sizes.iter().map(|size| size.organizations.to_string()).collect();
        let mut text = format!(
            "{}. {}. The median of {} rounds of {window:?} after {warm_up:?} of warm-up at {} connections, in ms; the \
             load comes from the same machine.\n\n### Among so many organizations\n\nMemberships: {}.\n\n\
             | request | | {} | goal, last to first | reached | met | errors |\n|---|---|{}--:|--:|---|--:|\n",
            self.machine.markdown(),
            self.database,
            self.rounds(),
            self.connections,
            memberships.join(", "),
            sizes.join(" | "),
            "--:|".repeat(self.sizes.len()),
        );
        text.extend(self.rows.iter().map(Row::markdown));
        text
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let seconds = Duration::as_secs_f64;
        let sizes = self.sizes.iter().map(|size| {
            let Tenants { organizations, memberships } = size;
            json!({ "organizations": organizations, "memberships": memberships })
        });
        json!({
            "machine": self.machine.json(),
            "database": self.database,
            "rounds": self.rounds(),
            "warm_up_seconds": seconds(&self.timing.warm_up),
            "window_seconds": seconds(&self.timing.window),
            "connections": self.connections,
            "sizes": sizes.collect::<Vec<_>>(),
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    fn rounds(&self) -> usize {
        self.rows.first().and_then(|row| row.rounds.first()).map_or(0, Vec::len)
    }
}

/// The last figure is at most so many times the first.
fn goal(figures: &[f64]) -> Goal {
    let (first, last) = (figures.first().copied(), figures.last().copied());
    Goal::at_most(AT_MOST, last.unwrap_or_default(), first.unwrap_or_default())
}

/// A round that somebody else on the machine disturbed does not count, whichever it was.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(p50_ms: f64, p99_ms: f64) -> Measurement {
        Measurement { connections: 16, requests_per_second: 100.0, p50_ms, p99_ms, errors: 0, first_error: None }
    }

    fn row() -> Row {
        let few = vec![round(1.0, 4.0), round(9.0, 90.0), round(1.0, 4.0)];
        let many = vec![round(1.25, 8.0), round(1.25, 8.0), round(9.0, 90.0)];
        Row { name: "check", rounds: vec![few, many] }
    }

    #[test]
    fn a_disturbed_round_does_not_count_and_each_percentile_has_its_verdict() {
        assert_eq!(
            row().markdown(),
            "| check | p50 | 1.00 | 1.25 | ≤ 1.50 | 1.25 | yes | 0 |\n| check | p99 | 4.00 | 8.00 | ≤ 1.50 | 2.00 | no | 0 |\n"
        );
    }

    #[test]
    fn the_report_says_how_many_tenants_there_were_and_counts_errors() {
        let timing = Timing { warm_up: Duration::from_millis(500), window: Duration::from_secs(2) };
        let mut row = row();
        row.rounds[1][0].errors = 2;
        let sizes =
            vec![Tenants { organizations: 10, memberships: 100 }, Tenants { organizations: 1000, memberships: 9999 }];
        let database = "PostgreSQL".to_owned();
        let report = Report { machine: Machine::this(), database, timing, connections: 16, sizes, rows: vec![row] };
        assert_eq!(report.errors(), 2);
        let text = report.markdown();
        assert!(text.contains("The median of 3 rounds of 2s after 500ms of warm-up at 16 connections"), "{text}");
        assert!(text.contains("Memberships: 100, 9999."), "{text}");
        assert!(text.contains("| request | | 10 | 1000 | goal"), "{text}");
        assert_eq!(report.json()["rows"][0]["p99"]["goal"]["met"], false);
        assert_eq!(report.json()["sizes"][1]["memberships"], 9999);
    }
}
