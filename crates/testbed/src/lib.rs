//! Databases for tests, and receivers of webhooks: each test has its own, and nothing is left of it afterwards.
//!
//! SQLite is a file in a temporary folder. PostgreSQL is the server that `TEST_POSTGRES_URL` names, where a test's
//! database is cloned from a template that the first test of a run has migrated: a clone costs milliseconds, a run of
//! all migrations does not.
//!
//! There is no way to skip: a suite that silently leaves one database out proves nothing about it.

mod psql;
pub mod sink;
mod sql_folder;
mod template;

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use tempfile::TempDir;

use crate::{psql::Server, template::Template};

/// The databases that Fabric runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One file, inside the process.
    Sqlite,
    /// A server, reached over the network.
    Postgres,
}

impl Kind {
    /// Every kind: what a conformance suite walks.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// An empty or freshly migrated database that belongs to one test and goes when this value is dropped.
#[derive(Debug)]
#[must_use = "the database is removed when this value is dropped"]
pub struct TestDatabase {
    /// What the test connects to: `sqlite://<path>` or `postgres://…/<name>`.
    pub url: String,
    kind: Kind,
    _place: Place,
}

impl TestDatabase {
    /// A migrated database of the given kind: `migrate` is handed the URL of what it shall migrate.
    ///
    /// # Panics
    /// As [`Self::sqlite`] and [`Self::postgres`] do.
    pub fn new(kind: Kind, migrate: impl FnOnce(&str)) -> Self {
        match kind {
            Kind::Sqlite => {
                let database = Self::sqlite();
                migrate(&database.url);
                database
            }
            Kind::Postgres => Self::postgres(migrate),
        }
    }

    /// A SQLite file that does not exist yet, in a folder of its own.
    ///
    /// # Panics
    /// When the system gives no temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fabric-test-")
            .tempdir()
            .unwrap_or_else(|error| panic!("No temporary folder for a SQLite database: {error}"));
        Self {
            url: format!("sqlite://{}", folder.path().join("fabric.db").display()),
            kind: Kind::Sqlite,
            _place: Place::Folder(folder),
        }
    }

    /// A PostgreSQL database, cloned from a template that `migrate` has migrated.
    ///
    /// `migrate` is called with the template's URL by the first test that needs it and by no other, in any process; it
    /// must have closed its connections when it returns. A change of `migrations/postgres` makes a new template.
    ///
    /// # Panics
    /// When `TEST_POSTGRES_URL` is missing or its server refuses.
    pub fn postgres(migrate: impl FnOnce(&str)) -> Self {
        Self::clone_of(&Template::of_migrations(), migrate)
    }

    /// Which kind of database this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn clone_of(template: &Template, migrate: impl FnOnce(&str)) -> Self {
        let server = Server::from_environment();
        template.make_once(&server, migrate);
        let name = unique_name();
        server
            .run(&format!("CREATE DATABASE {name} TEMPLATE {}", template.name()))
            .unwrap_or_else(|error| panic!("No test database: {error}"));
        Self { url: server.url_of(&name), kind: Kind::Postgres, _place: Place::Server { server, name } }
    }
}

/// Where the database lives, and so what has to go with it.
#[derive(Debug)]
enum Place {
    Folder(#[expect(dead_code, reason = "removes the folder when dropped")] TempDir),
    Server { server: Server, name: String },
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Server { server, name } = self else {
            return;
        };
        // Pools may still hold connections: FORCE ends them.
        let dropped = server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        if let Err(error) = dropped
            && !thread::panicking()
        {
            panic!("The test database {name} is still there: {error}");
        }
    }
}

/// Differs between threads (counter), processes (id) and runs against a long-lived server (time).
fn unique_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("fabric_test_{nanoseconds:x}_{}_{}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_sqlite_database_is_a_fresh_path_that_goes_with_the_value() {
        let database = TestDatabase::sqlite();
        let path = database.url.strip_prefix("sqlite://").unwrap().to_owned();
        assert!(!Path::new(&path).exists());
        std::fs::write(&path, "").unwrap();

        drop(database);

        assert!(!Path::new(&path).exists());
    }

    #[test]
    fn two_databases_never_share_a_url() {
        assert_ne!(TestDatabase::sqlite().url, TestDatabase::sqlite().url);
        assert_ne!(unique_name(), unique_name());
    }

    #[test]
    fn a_new_sqlite_database_is_migrated_by_the_caller() {
        let mut migrated = None;
        let database = TestDatabase::new(Kind::Sqlite, |url| migrated = Some(url.to_owned()));
        assert_eq!(database.kind(), Kind::Sqlite);
        assert_eq!(migrated.as_ref(), Some(&database.url));
    }
}
