//! What is printed and what is kept.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};

use crate::bench::{
    goal::{Bound, Goal},
    hash,
    load::{Measurement, Timing, in_a_cell},
    machine::Machine,
};

/// What HTTP alone costs.
pub const HEALTH: &str = "GET /healthz";
/// What an API key costs besides.
pub const KEY: &str = "key verification (GET /v1/me, API key)";
/// What a token costs besides that a key has signed.
pub const KEY_TOKEN: &str = "GET /v1/me, access token of an EdDSA key";
/// What a decision costs besides.
pub const CHECK: &str = "authz/check, warm";

/// What a row is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// `/healthz` at the same number of connections: HTTP alone.
    Health,
    /// Argon2id on all cores: the hash alone.
    Argon2,
}

impl Baseline {
    fn name(self) -> &'static str {
        match self {
            Self::Health => "healthz",
            Self::Argon2 => "argon2id",
        }
    }
}

/// One load.
pub struct Row {
    /// What was asked for.
    pub name: String,
    /// What was measured.
    pub measurement: Measurement,
    /// What it is compared with.
    pub baseline: Baseline,
    /// The rate as a part of the baseline's.
    pub ratio: Option<f64>,
    /// The 99th percentile beside the baseline's, where the two were measured in turns.
    pub p99_ratio: Option<f64>,
}

impl Row {
    /// As a row of the table.
    pub fn markdown(&self) -> String {
        let Measurement { connections, requests_per_second, p50_ms, p99_ms, errors, first_error } = &self.measurement;
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        format!(
            "| {} | {connections} | {requests_per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {ratio} {} | {errors}{} |",
            self.name,
            self.baseline.name(),
            in_a_cell(first_error.as_deref()),
        )
    }

    fn json(&self) -> Value {
        let Measurement { connections, requests_per_second, p50_ms, p99_ms, errors, first_error } = &self.measurement;
        json!({
            "name": self.name,
            "connections": connections,
            "requests_per_second": requests_per_second,
            "p50_ms": p50_ms,
            "p99_ms": p99_ms,
            "errors": errors,
            "first_error": first_error,
            "baseline": self.baseline.name(),
            "ratio": self.ratio,
            "p99_ratio": self.p99_ratio,
        })
    }
}

/// Everything that was measured on one database.
pub struct DatabaseReport {
    /// Which database, in which version, with which settings.
    pub name: String,
    /// From the start of the process on an existing database to the first 200.
    pub start: Duration,
    /// Resident memory before the first load.
    pub idle_memory_kib: Option<u64>,
    /// The bare rate of Argon2id on all cores, measured meanwhile.
    pub hashes_per_second: f64,
    /// The loads.
    pub rows: Vec<Row>,
}

/// Everything that was measured.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// For how long.
    pub timing: Timing,
    /// On what.
    pub databases: Vec<DatabaseReport>,
}

impl Report {
    /// All errors of all loads.
    pub fn errors(&self) -> u64 {
        let rows = self.databases.iter().flat_map(|database| &database.rows);
        rows.map(|row| row.measurement.errors).sum()
    }

    /// For people.
    pub fn markdown(&self) -> String {
        let (memory, passes, lanes) = hash::PARAMETERS;
        let mut text = format!(
            "{}. Argon2id m={memory} KiB, t={passes}, p={lanes}. {:?} a row after {:?} of warm-up; the load comes from \
             the same machine.\n",
            self.machine.markdown(),
            self.timing.window,
            self.timing.warm_up,
        );
        for database in &self.databases {
            text.push_str(&database.markdown());
        }
        text
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let (memory, passes, lanes) = hash::PARAMETERS;
        json!({
            "machine": self.machine.json(),
            "argon2id": { "memory_kib": memory, "passes": passes, "lanes": lanes },
            "warm_up_seconds": self.timing.warm_up.as_secs_f64(),
            "window_seconds": self.timing.window.as_secs_f64(),
            "databases": self.databases.iter().map(DatabaseReport::json).collect::<Vec<_>>(),
        })
    }
}

impl DatabaseReport {
    fn markdown(&self) -> String {
        let memory = self.idle_memory_kib.map_or_else(|| "-".to_owned(), |kib| (kib / 1024).to_string());
        let mut text = format!(
            "\n### {}\n\nStart to first 200: {} ms; idle memory: {memory} MiB; bare Argon2id: {:.0}/s.\n\n\
             | request | connections | requests/s | p50 ms | p99 ms | ratio to | errors |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
            self.name,
            self.start.as_millis(),
            self.hashes_per_second,
        );
        for row in &self.rows {
            text.push_str(&row.markdown());
            text.push('\n');
        }
        text.push_str("\n| goal | connections | wanted | reached | met |\n|---|--:|--:|--:|---|\n");
        for (name, connections, goal) in self.goals() {
            let _ = writeln!(text, "| {name} | {connections} | {} |", goal.markdown());
        }
        text
    }

    /// What is to be reached whatever the machine, of what was measured at all: `--only` leaves the rest out.
    fn goals(&self) -> Vec<(String, usize, Goal)> {
        let measured = |name: &str, connections: usize| {
            self.rows.iter().find(|row| row.name == name && row.measurement.connections == connections)
        };
        let rate = |name: &'static str, least, connections| {
            let reached = measured(name, connections).and_then(|row| row.ratio);
            let goal = Goal { bound: Bound::AtLeast(least), reached };
            (name, "requests/s to healthz", connections, goal)
        };
        let slowest = Goal { bound: Bound::AtMost(1.5), reached: measured(CHECK, 64).and_then(|row| row.p99_ratio) };
        let goals = [
            rate(KEY, 0.70, 16),
            rate(KEY, 0.70, 64),
            rate(CHECK, 0.65, 16),
            rate(CHECK, 0.65, 64),
            (CHECK, "p99 to healthz", 64, slowest),
            rate(KEY_TOKEN, 0.50, 16),
            rate(KEY_TOKEN, 0.50, 64),
        ];
        let was_run = |name: &str| self.rows.iter().any(|row| row.name == name);
        let run = goals.into_iter().filter(|(name, ..)| was_run(name));
        run.map(|(name, what, connections, goal)| (format!("{name}: {what}"), connections, goal)).collect()
    }

    fn json(&self) -> Value {
        let goal = |(name, connections, goal): (String, usize, Goal)| json!({ "name": name, "connections": connections, "goal": goal.json() });
        json!({
            "name": self.name,
            "start_ms": self.start.as_secs_f64() * 1000.0,
            "idle_memory_kib": self.idle_memory_kib,
            "argon2id_per_second": self.hashes_per_second,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "goals": self.goals().into_iter().map(goal).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(errors: u64) -> Row {
        Row {
            name: "GET /v1/me".to_owned(),
            measurement: Measurement {
                connections: 16,
                requests_per_second: 1234.5,
                p50_ms: 1.25,
                p99_ms: 9.0,
                errors,
                first_error: (errors > 0).then(|| "503: a|b\nc".to_owned()),
            },
            baseline: Baseline::Health,
            ratio: Some(0.5),
            p99_ratio: None,
        }
    }

    #[test]
    fn a_row_shows_its_ratio_and_an_error_cannot_break_the_table() {
        assert_eq!(row(0).markdown(), "| GET /v1/me | 16 | 1234 | 1.25 | 9.00 | 0.500 healthz | 0 |");
        assert_eq!(row(2).markdown(), "| GET /v1/me | 16 | 1234 | 1.25 | 9.00 | 0.500 healthz | 2 (503: abc) |");
    }

    #[test]
    fn goals_are_read_from_the_rows_and_what_a_row_lacks_is_missed() {
        let mut rows = vec![row(0), row(0)];
        for (row, name, ratio) in [(0, HEALTH, 1.0), (1, CHECK, 0.7)] {
            rows[row].name = name.to_owned();
            rows[row].ratio = Some(ratio);
            rows[row].p99_ratio = Some(1.0);
            rows[row].measurement.connections = 64;
        }
        let database = DatabaseReport {
            name: String::new(),
            start: Duration::ZERO,
            idle_memory_kib: None,
            hashes_per_second: 1.0,
            rows,
        };
        let met: Vec<_> =
            database.goals().into_iter().map(|(_, connections, goal)| (connections, goal.is_met())).collect();
        assert_eq!(met, [(16, false), (64, true), (64, true)], "the other rows were not asked for");
        assert!(database.markdown().contains("| authz/check, warm: p99 to healthz | 64 | ≤ 1.50 | 1.00 | yes |"));
    }

    #[test]
    fn the_report_counts_errors_and_says_where_it_was_made() {
        let timing = Timing { warm_up: Duration::from_secs(1), window: Duration::from_secs(5) };
        let database = DatabaseReport {
            name: "SQLite".to_owned(),
            start: Duration::from_millis(12),
            idle_memory_kib: Some(20_480),
            hashes_per_second: 100.0,
            rows: vec![row(0), row(2)],
        };
        let report = Report { machine: Machine::this(), timing, databases: vec![database] };
        assert_eq!(report.errors(), 2);
        let text = report.markdown();
        assert!(text.contains("m=19456 KiB, t=2, p=1"), "{text}");
        assert!(text.contains("Start to first 200: 12 ms; idle memory: 20 MiB; bare Argon2id: 100/s."), "{text}");
        assert_eq!(report.json()["databases"][0]["rows"][1]["errors"], 2);
    }
}
