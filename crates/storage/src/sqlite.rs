//! SQLite: a few threads that read, and one that writes and groups commits.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use diesel::{connection::SimpleConnection as _, sqlite::SqliteConnection};
use kernel::{Change, Error, Result};
use platform::store::{Health, Mode, Unit};

use self::{
    file::{connect, use_write_ahead_log},
    repositories::Tx,
};
use crate::{
    Options, Synchronous,
    listening::Listening,
    queue::{Queue, Waiting},
};

/// Nothing to lock: nobody else writes while the one writer does.
macro_rules! for_share {
    ($query:expr) => {
        $query
    };
}

/// The first row, if there is one.
macro_rules! first_kept {
    ($tx:ident, $query:ident) => {
        $tx.query(|connection| $query.first(connection).optional())
    };
}

/// The same, for what is read to be changed: the one writer is alone.
macro_rules! first_held {
    ($tx:ident, $query:ident) => {
        $tx.query(|connection| $query.first(connection).optional())
    };
}

/// All rows.
macro_rules! all_kept {
    ($tx:ident, $query:ident) => {
        $tx.query(|connection| $query.load(connection))
    };
}

macro_rules! all_there {
    ($tx:ident, $query:ident) => {
        $tx.query(|connection| $query.load(connection))
    };
}

/// Nothing to lock.
macro_rules! for_update {
    ($query:expr) => {
        $query
    };
}

/// Nothing to lock.
macro_rules! for_no_key_update {
    ($query:expr) => {
        $query
    };
}

/// Nothing to lock, and nothing to skip.
macro_rules! for_update_skip_locked {
    ($query:expr) => {
        $query
    };
}

/// Of what is joined with its organization, what is within one app. SQLite does not know how much there is of anything, and
/// would go through all organizations of the app to look for each among what is somebody's. A column behind a plus is no
/// way in: <https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_>.
macro_rules! within_app {
    ($query:expr, $app:expr) => {{
        let app_id = diesel::dsl::sql::<diesel::sql_types::Nullable<crate::columns::Uid>>("+`organizations`.`app_id`");
        match $app {
            Some(app) => $query.filter(app_id.eq(RowId(app.0))),
            None => $query.filter(app_id.is_null()),
        }
    }};
}

pub mod backup;
mod failure;
mod file;
mod lock;
pub mod migrate;
#[path = "repositories/tx.rs"]
#[expect(clippy::duplicate_mod, reason = "compiled once for each database, see the crate's own page")]
mod repositories;
pub mod restore;
mod writer;

type Connection = SqliteConnection;

/// For every connection that stays. The log is cut back once it has grown beyond 64 MiB.
const USUAL: &str = "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; \
                     PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864";
/// A reader maps what it reads into its memory: no copy, and one cache for all of them.
const READER: &str = "PRAGMA query_only=ON; PRAGMA mmap_size=268435456";

/// An open SQLite database.
pub struct Sqlite {
    readers: Queue,
    writer: Queue,
    /// To ask how it is; `None` once it is closed.
    health: Mutex<Option<Connection>>,
}

impl Sqlite {
    pub fn open(path: &Path, options: &Options, listening: &Listening) -> Result<Self> {
        let synchronous = match options.synchronous {
            Synchronous::Full => "PRAGMA synchronous=FULL",
            Synchronous::Normal => "PRAGMA synchronous=NORMAL",
        };
        use_write_ahead_log(&mut connect(path, &[])?)?;
        let writer = writer::worker(Held::open(path, [USUAL, synchronous])?, listening.clone());
        let readers = (0..options.pool_size.max(1)).map(|_| Held::open(path, [USUAL, READER]));
        let readers = readers.collect::<Result<Vec<_>>>()?.into_iter().map(|mut held| {
            move |mut unit: Box<dyn Unit>, _: &Waiting| {
                let outcome = held.lend(|connection| transact(connection, "BEGIN", &mut *unit));
                unit.settle(outcome.flatten().map(drop));
            }
        });
        Ok(Self {
            health: Mutex::new(Some(connect(path, &[USUAL, READER])?)),
            writer: Queue::new("sqlite-writer", [writer])?,
            readers: Queue::new("sqlite-reader", readers)?,
        })
    }

    pub fn submit(&self, unit: Box<dyn Unit>) {
        match unit.mode() {
            Mode::Read => self.readers.push(unit),
            Mode::Write => self.writer.push(unit),
        }
    }

    pub fn health(&self) -> Result<Health> {
        let mut connection = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connection.as_mut().ok_or_else(|| Error::unavailable("the database is closed"))?;
        Ok(Health { database: "sqlite", migrated: migrate::is_current(connection)? })
    }

    pub fn close(&self) {
        self.writer.close();
        self.readers.close();
        // The last connection tidies the write-ahead log up.
        self.health.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A thread's connection, which is opened anew should the thread panic with it in its hands.
struct Held {
    path: PathBuf,
    pragmas: [&'static str; 2],
    connection: Option<Connection>,
}

impl Held {
    fn open(path: &Path, pragmas: [&'static str; 2]) -> Result<Self> {
        Ok(Self { path: path.to_owned(), pragmas, connection: Some(connect(path, &pragmas)?) })
    }

    fn lend<T>(&mut self, work: impl FnOnce(&mut Connection) -> T) -> Result<T> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, &self.pragmas)?,
        };
        let done = work(&mut connection);
        self.connection = Some(connection);
        Ok(done)
    }
}

/// Runs the unit in a transaction of its own; hands back what it changed.
///
/// Raw statements, here and in the writer: SQLite ends a transaction by itself when a disk is full, and Diesel's
/// transaction manager does not come back from that.
fn transact(connection: &mut Connection, begin: &str, unit: &mut dyn Unit) -> Result<Vec<Change>> {
    connection.batch_execute(begin).map_err(failure::of)?;
    let outcome = Tx::run(connection, unit)
        .and_then(|changes| connection.batch_execute("COMMIT").map(|()| changes).map_err(failure::of));
    if outcome.is_err() {
        // Fails only where SQLite has rolled back already.
        drop(connection.batch_execute("ROLLBACK"));
    }
    outcome
}
