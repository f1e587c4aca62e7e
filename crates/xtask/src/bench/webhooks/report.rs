//! What was found of deliveries.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bench::{goal::Goal, load::in_a_cell, machine::Machine};

/// One load.
pub struct Row {
    /// What was delivered.
    pub name: String,
    /// Requests that made events, and were answered; none where the events were there before.
    pub events_per_second: Option<f64>,
    /// What arrived.
    pub deliveries_per_second: f64,
    /// From the event's timestamp to the arrival, where the events were not there before.
    pub lag: Option<Lag>,
    /// The rate as a part of what the sink takes of requests that nobody has to make first.
    pub ratio: Option<f64>,
    /// What the server took of the processors for each.
    pub processor_ms: Option<f64>,
    /// How many signatures were verified.
    pub verified: u64,
    /// Refused requests, wrong signatures, deliveries that came twice.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
}

/// How long it takes, in milliseconds.
#[derive(Clone, Copy)]
pub struct Lag {
    pub p50: f64,
    pub p99: f64,
}

/// What a backlog costs.
pub struct Backlog {
    /// How many events nobody had been told of.
    pub events: u32,
    /// How many of them were put in order and fanned out in a second.
    pub fanned_out_per_second: f64,
    /// Resident memory before they were there, at most while they were fanned out, and at most while they were delivered.
    pub memory_kib: [Option<u64>; 3],
}

/// Everything that was measured on one database.
pub struct DatabaseReport {
    /// Which one, in which version, with which settings.
    pub name: String,
    /// What the sink takes when nobody has anything else to do.
    pub bare_per_second: f64,
    /// The loads.
    pub rows: Vec<Row>,
    /// What many undelivered events cost.
    pub backlog: Backlog,
    /// What was to be reached.
    pub goals: Vec<(&'static str, Goal)>,
}

/// Everything that was measured.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// For how many seconds a row.
    pub seconds: f64,
    /// On what.
    pub databases: Vec<DatabaseReport>,
}

impl Report {
    /// All errors of all loads.
    pub fn errors(&self) -> u64 {
        self.databases.iter().flat_map(|database| &database.rows).map(|row| row.errors).sum()
    }

    /// For people.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}. {}s a row; requests and sink are on the same machine.\n",
            self.machine.markdown(),
            self.seconds
        );
        self.databases.iter().for_each(|database| text.push_str(&database.markdown()));
        text
    }

    /// For a program.
    pub fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(),
            "window_seconds": self.seconds,
            "databases": self.databases.iter().map(DatabaseReport::json).collect::<Vec<_>>(),
        })
    }
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

impl Row {
    /// As a row of the table.
    pub fn markdown(&self) -> String {
        format!(
            "| {} | {} | {:.0} | {} | {} | {} | {} | {} | {}{} |",
            self.name,
            figure(self.events_per_second, 0),
            self.deliveries_per_second,
            figure(self.lag.map(|lag| lag.p50), 0),
            figure(self.lag.map(|lag| lag.p99), 0),
            figure(self.ratio, 3),
            figure(self.processor_ms, 2),
            self.verified,
            self.errors,
            in_a_cell(self.first_error.as_deref()),
        )
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "events_per_second": self.events_per_second,
            "deliveries_per_second": self.deliveries_per_second,
            "lag_p50_ms": self.lag.map(|lag| lag.p50),
            "lag_p99_ms": self.lag.map(|lag| lag.p99),
            "ratio_to_bare": self.ratio,
            "server_processor_ms": self.processor_ms,
            "verified": self.verified,
            "errors": self.errors,
            "first_error": self.first_error,
        })
    }
}

impl Backlog {
    /// How much memory they cost in all.
    #[expect(clippy::cast_precision_loss, reason = "KiB of one process")]
    pub fn growth_mib(&self) -> Option<f64> {
        let [before, rest @ ..] = self.memory_kib;
        let most = rest.into_iter().flatten().max()?;
        Some(most.saturating_sub(before?) as f64 / 1024.0)
    }

    fn markdown(&self) -> String {
        let [before, waiting, delivering] =
            self.memory_kib.map(|memory| memory.map_or_else(|| "-".to_owned(), |kib| format!("{} MiB", kib / 1024)));
        format!(
            "{} undelivered events were put in order and fanned out at {:.0}/s. Memory of the server: {before} before, \
             at most {waiting} meanwhile, at most {delivering} while they were delivered.",
            self.events, self.fanned_out_per_second
        )
    }

    fn json(&self) -> Value {
        let [before, waiting, delivering] = self.memory_kib;
        json!({
            "events": self.events,
            "fanned_out_per_second": self.fanned_out_per_second,
            "memory_before_kib": before,
            "memory_waiting_kib": waiting,
            "memory_delivering_kib": delivering,
        })
    }
}

impl DatabaseReport {
    fn markdown(&self) -> String {
        let mut text = format!(
            "\n### {}\n\nThe sink takes {:.0} bare requests/s. {}\n\n\
             | what | events/s | deliveries/s | lag p50 ms | p99 ms | ratio to bare | server ms | verified | errors |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.name,
            self.bare_per_second,
            self.backlog.markdown(),
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.markdown());
        }
        text.push_str("\n| goal | wanted | reached | met |\n|---|--:|--:|---|\n");
        for (name, goal) in &self.goals {
            let _ = writeln!(text, "| {name} | {} |", goal.markdown());
        }
        text
    }

    fn json(&self) -> Value {
        let goal = |(name, goal): &(&str, Goal)| json!({ "name": name, "goal": goal.json() });
        json!({
            "name": self.name,
            "bare_per_second": self.bare_per_second,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "backlog": self.backlog.json(),
            "goals": self.goals.iter().map(goal).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::goal::Bound;

    fn row() -> Row {
        Row {
            name: "a backlog".to_owned(),
            events_per_second: None,
            deliveries_per_second: 1234.5,
            lag: None,
            ratio: Some(0.25),
            processor_ms: Some(0.5),
            verified: 7,
            errors: 2,
            first_error: Some("a wrong\n signature".to_owned()),
        }
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_an_error_is_named() {
        assert_eq!(row().markdown(), "| a backlog | - | 1234 | - | - | 0.250 | 0.50 | 7 | 2 (a wrong signature) |");
        let lag = Some(Lag { p50: 80.4, p99: 230.0 });
        let row = Row { events_per_second: Some(500.0), lag, errors: 0, first_error: None, ..row() };
        assert_eq!(row.markdown(), "| a backlog | 500 | 1234 | 80 | 230 | 0.250 | 0.50 | 7 | 0 |");
    }

    #[test]
    fn memory_grows_from_before_to_the_most_there_was() {
        let mut backlog = Backlog {
            events: 1_000_000,
            fanned_out_per_second: 10.0,
            memory_kib: [Some(30 * 1024), Some(41 * 1024), Some(40 * 1024)],
        };
        assert!(backlog.growth_mib().is_some_and(|growth| (growth - 11.0).abs() < 0.001));
        let goals = vec![("memory", Goal { bound: Bound::AtMost(32.0), reached: backlog.growth_mib() })];
        backlog.memory_kib[2] = None;
        let database =
            DatabaseReport { name: "SQLite".to_owned(), bare_per_second: 9.0, rows: vec![row()], backlog, goals };
        let report = Report { machine: Machine::this(), seconds: 5.0, databases: vec![database] };
        assert_eq!(report.errors(), 2);
        let text = report.markdown();
        assert!(text.contains("30 MiB before, at most 41 MiB meanwhile, at most - while they"), "{text}");
        assert!(text.contains("| memory | ≤ 32.00 | 11.00 | yes |"), "{text}");
        assert_eq!(report.json()["databases"][0]["goals"][0]["goal"]["met"], true);
    }
}
