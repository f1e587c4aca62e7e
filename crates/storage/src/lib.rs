//! The Diesel adapter: every repository trait, on PostgreSQL and on SQLite.
//!
//! `repositories/` is written once and compiled twice, once under `postgres` and once under `sqlite`, each time
//! against that database's own connection type. What differs between the two stands in those two modules and nowhere
//! else.

mod columns;
mod conflicts;
mod listening;
mod migrations;
mod options;
mod postgres;
mod queue;
mod races;
mod schema;
mod sqlite;

use std::path::Path;

use kernel::{Code, Error, Result};
use platform::store::{Health, Listener, Store, Unit};

use crate::{listening::Listening, options::Location};
pub use crate::{
    options::{Options, Synchronous},
    sqlite::backup::Copied,
};

/// An open database. Dropping it closes it.
pub struct Database {
    adapter: Adapter,
    listening: Listening,
}

enum Adapter {
    Postgres(postgres::Postgres),
    Sqlite(sqlite::Sqlite),
}

impl Database {
    /// Opens a database and, if the options say so, brings its schema up to date.
    ///
    /// # Errors
    /// `invalid_setting` when the URL is neither of the two; `service_unavailable` when the database can't be reached
    /// or its schema is not the one that this version works with.
    pub fn open(options: &Options) -> Result<Self> {
        let location = Location::parse(&options.url)?;
        if options.migrate {
            migrate(&location)?;
        } else if !pending_migrations(&location)?.is_empty() {
            return Err(Error::because(
                Code::ServiceUnavailable,
                "The database has not been migrated to this version: run `fabric migrate`.",
            ));
        }
        let listening = Listening::default();
        let adapter = match &location {
            Location::Postgres(url) => Adapter::Postgres(postgres::Postgres::open(url, options.pool_size, &listening)?),
            Location::Sqlite(path) => Adapter::Sqlite(sqlite::Sqlite::open(path, options, &listening)?),
        };
        Ok(Self { adapter, listening })
    }

    /// Runs every migration that the database lacks; hands back their versions. Many processes may call this at once:
    /// one of them migrates, the others wait for it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn migrate(url: &str) -> Result<Vec<String>> {
        migrate(&Location::parse(url)?)
    }

    /// The versions of the migrations that the database lacks.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn pending_migrations(url: &str) -> Result<Vec<String>> {
        pending_migrations(&Location::parse(url)?)
    }

    /// Copies a SQLite database to a new file, as of one moment, while others go on to use it; then checks the copy.
    ///
    /// # Errors
    /// `conflict` when there is something at `to`; `service_unavailable` when the database can't be read or the copy
    /// can't be written; `invalid_request`, with the command to use instead, for PostgreSQL.
    pub fn backup(url: &str, to: &Path) -> Result<Copied> {
        match Location::parse(url)? {
            Location::Sqlite(path) => sqlite::backup::backup(&path, to),
            Location::Postgres(_) => Err(Error::because(
                Code::InvalidRequest,
                "PostgreSQL has its own tool for this: pg_dump --format=custom --file=fabric.dump \"$DATABASE_URL\".",
            )),
        }
    }

    /// Puts a backup in the place of a SQLite database that nobody has open. With `force` it may replace one that is
    /// there.
    ///
    /// # Errors
    /// `conflict` when there is a database and `force` is not given, or somebody has it open; `invalid_request` when
    /// `from` is no whole database of this version or an earlier one, and, with the command to use instead, for
    /// PostgreSQL.
    pub fn restore(url: &str, from: &Path, force: bool) -> Result<Copied> {
        match Location::parse(url)? {
            Location::Sqlite(path) => sqlite::restore::restore(&path, from, force),
            Location::Postgres(_) => Err(Error::because(
                Code::InvalidRequest,
                "PostgreSQL has its own tool for this: pg_restore --clean --if-exists --single-transaction \
                 --dbname=\"$DATABASE_URL\" fabric.dump.",
            )),
        }
    }

    /// Begins to hear what other processes commit to this database: whoever listens is told of it as of this process's own
    /// commits, until the database is closed. For processes that keep facts and stay. PostgreSQL tells it within a moment
    /// on one more connection, at `direct_url` if there is a pooler at the usual one; while that is away, and on SQLite,
    /// nobody tells it.
    ///
    /// # Errors
    /// When there is no thread to be had. That the server is away is none: the thread tries again.
    pub fn hear_others(&self, direct_url: Option<&str>) -> Result<()> {
        match &self.adapter {
            Adapter::Postgres(database) => database.hear_others(direct_url, &self.listening),
            Adapter::Sqlite(_) => Ok(()),
        }
    }

    /// Takes no more units, finishes those that wait and ends the database's threads. Blocks until then.
    pub fn close(&self) {
        match &self.adapter {
            Adapter::Postgres(database) => database.close(),
            Adapter::Sqlite(database) => database.close(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for Database {
    fn submit(&self, unit: Box<dyn Unit>) {
        match &self.adapter {
            Adapter::Postgres(database) => database.submit(unit),
            Adapter::Sqlite(database) => database.submit(unit),
        }
    }

    fn listen(&self, listener: Listener) {
        self.listening.listen(listener);
    }

    fn health(&self) -> Result<Health> {
        match &self.adapter {
            Adapter::Postgres(database) => database.health(),
            Adapter::Sqlite(database) => database.health(),
        }
    }
}

fn migrate(location: &Location) -> Result<Vec<String>> {
    match location {
        Location::Postgres(url) => postgres::migrate::run(url),
        Location::Sqlite(path) => sqlite::migrate::run(path),
    }
}

fn pending_migrations(location: &Location) -> Result<Vec<String>> {
    match location {
        Location::Postgres(url) => postgres::migrate::pending(url),
        Location::Sqlite(path) => sqlite::migrate::pending(path),
    }
}
