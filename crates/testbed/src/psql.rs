//! Talks to PostgreSQL through `psql`, which comes with the server: no driver to build, link or keep in step.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

const VARIABLE: &str = "TEST_POSTGRES_URL";

/// Which `psql`, if not the one in `PATH`.
const PROGRAM: &str = "TEST_PSQL";

/// A server where this user may create databases, by the URL of one of its databases.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: String,
}

impl Server {
    /// # Panics
    /// When nobody has said where the server is.
    pub(crate) fn from_environment() -> Self {
        match env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => Self { url },
            _ => panic!(
                "No PostgreSQL to test on: run `cargo xtask test`, or set {VARIABLE} to a server where this user may \
                 create databases."
            ),
        }
    }

    #[cfg(test)]
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// The URL of another database on the same server.
    pub(crate) fn url_of(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// Runs one statement, outside of any transaction, and gives back what it selected, unaligned and without headings.
    pub(crate) fn run(&self, sql: &str) -> Result<String, String> {
        run_at(&self.url, sql)
    }

    /// Holds the advisory lock of that number until the answer is dropped, or this process ends, however it does.
    pub(crate) fn lock(&self, number: i64) -> Result<Lock, String> {
        let mut session = psql(&self.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("psql does not start: {error}"))?;
        let asked =
            session.stdin.as_mut().map(|input| writeln!(input, "SELECT pg_advisory_lock({number});\n\\echo {LOCKED}"));
        let output = session.stdout.take();
        let lock = Lock { session };
        if !matches!(asked, Some(Ok(()))) {
            return Err("psql takes no orders".to_owned());
        }
        BufReader::new(output.ok_or("psql has no output")?)
            .lines()
            .map_while(Result::ok)
            .any(|line| line == LOCKED)
            .then_some(lock)
            .ok_or_else(|| "psql ended before it had the lock".to_owned())
    }
}

const LOCKED: &str = "locked";

/// An advisory lock, held by a `psql` session that waits for more input.
pub(crate) struct Lock {
    session: Child,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of its input ends the session, and the end of the session frees the lock.
        drop(self.session.stdin.take());
        drop(self.session.wait());
    }
}

/// Runs one statement on the database at that URL.
pub(crate) fn run_at(url: &str, sql: &str) -> Result<String, String> {
    let output = psql(url)
        .args(["-c", sql])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("psql does not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(format!("{sql}: {}", reason.trim()))
    }
}

fn psql(url: &str) -> Command {
    let mut command = Command::new(env::var_os(PROGRAM).unwrap_or_else(|| "psql".into()));
    command
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--no-password", "--set", "ON_ERROR_STOP=1", "--dbname", url])
        .env("PGOPTIONS", "-c client_min_messages=warning");
    command
}

/// Replaces the database in `postgres://user@host:port/database?options`.
fn with_database(url: &str, database: &str) -> String {
    let (address, options) = match url.split_once('?') {
        Some((address, options)) => (address, Some(options)),
        None => (url, None),
    };
    let authority = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    let server = &address[..end];
    match options {
        Some(options) => format!("{server}/{database}?{options}"),
        None => format!("{server}/{database}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_changes() {
        let cases = [
            ("postgres://postgres@127.0.0.1:5433/postgres", "postgres://postgres@127.0.0.1:5433/x"),
            ("postgres://127.0.0.1:5433", "postgres://127.0.0.1:5433/x"),
            ("postgres:///postgres?user=u&host=/run/p", "postgres:///x?user=u&host=/run/p"),
            ("postgres://h/a?sslmode=disable", "postgres://h/x?sslmode=disable"),
        ];
        for (url, expected) in cases {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
