//! The ledger, behind the server's back: more events than requests could make in a reasonable time. They are written as
//! the server writes them, without a place: the server puts them in order and fans them out as it does with all others.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::{ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    Outcome,
    process::{isolate, output},
    system,
};

/// So many are written in one transaction: others want to write as well.
const AT_ONCE: u32 = 10_000;
/// Longer than it takes to fan a million events out.
const PATIENCE: Duration = Duration::from_mins(30);

/// A database, by its own console.
pub enum Ledger {
    /// The file.
    Sqlite(PathBuf),
    /// `psql` and the URL.
    Postgres(PathBuf, String),
}

impl Ledger {
    /// Writes so many events of a kind into the ledger of an organization, given by its id.
    ///
    /// # Errors
    /// When the database's console is missing, or the database refuses.
    pub fn add(&self, organization: &str, kind: &str, count: u32) -> Outcome {
        let mut console = self.console()?;
        let mut child = console.stdin(Stdio::piped()).spawn().map_err(|error| format!("{console:?}: {error}"))?;
        let written = child.stdin.take().map(|input| self.write(input, organization, kind, count)).transpose();
        let status = child.wait().map_err(|error| error.to_string())?;
        written.map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("{console:?} failed")) }
    }

    /// Waits until all events have their places and are fanned out; looks at something again and again meanwhile.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_until_fanned_out(&self, mut meanwhile: impl FnMut()) -> Outcome {
        let begun = Instant::now();
        let wanted = "SELECT count(*) FROM ledger_positions AS ours JOIN ledger_positions AS theirs \
                      ON theirs.name = 'sequencer' AND ours.position = theirs.position WHERE ours.name = 'webhooks' \
                      AND NOT EXISTS (SELECT 1 FROM events WHERE position IS NULL)";
        while self.ask(wanted)?.trim() != "1" {
            if begun.elapsed() > PATIENCE {
                return Err("the events are not fanned out".to_owned());
            }
            meanwhile();
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// What the database answers to a query.
    ///
    /// # Errors
    /// When it refuses.
    pub fn ask(&self, query: &str) -> Outcome<String> {
        let mut console = self.console()?;
        match self {
            Self::Sqlite(_) => console.arg(query),
            Self::Postgres(..) => console.args(["-c", query]),
        };
        output(&mut console)
    }

    fn console(&self) -> Outcome<Command> {
        let mut command = match self {
            Self::Sqlite(file) => {
                if output(Command::new("sqlite3").arg("--version")).is_err() {
                    system::install("SQLite's console", &["sqlite3"], "elsewhere: sqlite.org")?;
                }
                let mut command = Command::new("sqlite3");
                command.args(["-bail", "-cmd", ".timeout 60000"]).arg(file);
                command
            }
            Self::Postgres(psql, url) => {
                let mut command = Command::new(psql);
                command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url]);
                command
            }
        };
        isolate(&mut command);
        Ok(command)
    }

    fn write(&self, input: ChildStdin, organization: &str, kind: &str, count: u32) -> io::Result<()> {
        let mut input = BufWriter::new(input);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let (organization, now) = (self.id(organization), (now.as_millis(), self.time(now)));
        let mut number = 0;
        while number < count {
            let until = count.min(number + AT_ONCE);
            writeln!(input, "BEGIN;\nINSERT INTO events (id, kind, organization_id, payload, created_at) VALUES")?;
            while number < until {
                let id = self.id(&version_7(now.0, number));
                let payload = format!(r#"{{"team_id":"{}","name":"Team {number}"}}"#, version_7(now.0, 0));
                number += 1;
                let end = if number == until { ";\nCOMMIT;" } else { "," };
                writeln!(input, "({id}, '{kind}', {organization}, '{payload}', {}){end}", now.1)?;
            }
        }
        input.flush()
    }

    /// As the database keeps an id.
    fn id(&self, id: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("x'{}'", id.replace('-', "")),
            Self::Postgres(..) => format!("'{id}'"),
        }
    }

    /// As the database keeps a time since 1970.
    fn time(&self, time: Duration) -> String {
        match self {
            Self::Sqlite(_) => time.as_micros().to_string(),
            Self::Postgres(..) => format!("to_timestamp({})", time.as_secs_f64()),
        }
    }
}

/// An id in the order of time, as the server makes them; the same number gives the same one.
fn version_7(milliseconds: u128, number: u32) -> String {
    let bits = milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | u128::from(number);
    let hex = format!("{bits:032x}");
    let mut id = String::with_capacity(36);
    for (place, part) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| (from, &hex[from..to])) {
        let _ = write!(id, "{}{part}", if place == 0 { "" } else { "-" });
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_in_order() {
        let ids = [version_7(0x01a2_0000_0001, 7), version_7(0x01a2_0000_0001, 8), version_7(0x01a2_0000_0002, 0)];
        assert_eq!(ids[0], "01a20000-0001-7000-8000-000000000007");
        assert!(ids.is_sorted());
    }
}
