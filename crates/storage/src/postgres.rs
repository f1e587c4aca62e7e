//! PostgreSQL: a fixed set of threads, one transaction for each unit of work.

use std::sync::{Mutex, PoisonError};

use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager},
    pg::PgConnection,
    r2d2::R2D2Connection as _,
};
use kernel::{Change, Error, Result};
use platform::store::{Health, Mode, Unit};

use self::{hearing::Hearing, pool::Pool, repositories::Tx};
use crate::{
    listening::Listening,
    queue::{Queue, Waiting},
};

/// Rows that stay as they were read until the commit.
macro_rules! for_share {
    ($query:expr) => {
        $query.for_share()
    };
}

/// The first row, if there is one; in a unit that writes it stays as it was read until the commit.
macro_rules! first_kept {
    ($tx:ident, $query:ident) => {{
        let writes = $tx.writes();
        $tx.query(|connection| {
            if writes { $query.for_share().first(connection).optional() } else { $query.first(connection).optional() }
        })
    }};
}

/// The same, for what is read to be changed: nobody else reads it so until the commit.
macro_rules! first_held {
    ($tx:ident, $query:ident) => {{
        let writes = $tx.writes();
        $tx.query(|connection| {
            if writes {
                $query.for_no_key_update().first(connection).optional()
            } else {
                $query.first(connection).optional()
            }
        })
    }};
}

/// All rows; in a unit that writes they stay as they were read until the commit.
macro_rules! all_kept {
    ($tx:ident, $query:ident) => {{
        let writes = $tx.writes();
        $tx.query(|connection| if writes { $query.for_share().load(connection) } else { $query.load(connection) })
    }};
}

/// All rows; in a unit that writes nobody deletes them until the commit, though they may change.
macro_rules! all_there {
    ($tx:ident, $query:ident) => {{
        let writes = $tx.writes();
        $tx.query(|connection| if writes { $query.for_key_share().load(connection) } else { $query.load(connection) })
    }};
}

/// Rows that nobody else changes, deletes or refers to anew until the commit.
macro_rules! for_update {
    ($query:expr) => {
        $query.for_update()
    };
}

/// Rows that nobody else changes or deletes until the commit. Others may begin to refer to them.
macro_rules! for_no_key_update {
    ($query:expr) => {
        $query.for_no_key_update()
    };
}

/// Rows that nobody else has taken in this way, and that nobody else takes until the commit.
macro_rules! for_update_skip_locked {
    ($query:expr) => {
        $query.for_update().skip_locked()
    };
}

/// Of what is joined with its organization, what is within one app.
macro_rules! within_app {
    ($query:expr, $app:expr) => {
        match $app {
            Some(app) => $query.filter(organizations::app_id.eq(RowId(app.0))),
            None => $query.filter(organizations::app_id.is_null()),
        }
    };
}

mod connect;
mod failure;
mod hearing;
mod lock;
pub mod migrate;
mod notices;
mod pool;
#[path = "repositories/tx.rs"]
mod repositories;
mod retry;

type Connection = PgConnection;

/// An open PostgreSQL database.
pub struct Postgres {
    url: String,
    queue: Queue,
    pool: Pool,
    hearing: Mutex<Option<Hearing>>,
}

impl Postgres {
    pub fn open(url: &str, pool_size: u32, listening: &Listening) -> Result<Self> {
        let threads = pool_size.max(1);
        // A connection for each thread, so that none waits for another, and one to ask how it is.
        let pool = Pool::new(url, threads + 1);
        let worker = |_| {
            let (pool, listening) = (pool.clone(), listening.clone());
            move |mut unit: Box<dyn Unit>, _: &Waiting| {
                let outcome = retry::until_settled(&pool, &mut *unit);
                unit.settle(outcome.map(|changes| listening.tell(&changes)));
            }
        };
        let queue = Queue::new("postgres", (0..threads).map(worker))?;
        Ok(Self { url: url.to_owned(), queue, pool, hearing: Mutex::default() })
    }

    pub fn hear_others(&self, direct_url: Option<&str>, listening: &Listening) -> Result<()> {
        let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
        if hearing.is_none() {
            *hearing = Some(Hearing::begin(direct_url.unwrap_or(&self.url), listening)?);
        }
        Ok(())
    }

    pub fn submit(&self, unit: Box<dyn Unit>) {
        self.queue.push(unit);
    }

    pub fn health(&self) -> Result<Health> {
        let mut dead = 0;
        loop {
            let mut connection = self.pool.get()?;
            match connection.batch_execute("SELECT 1") {
                Err(_) if dead <= self.pool.size() => dead += 1,
                answer => {
                    let migrated = answer.map_err(failure::of).and_then(|()| migrate::is_current(&mut connection))?;
                    return Ok(Health { database: "postgresql", migrated });
                }
            }
        }
    }

    pub fn close(&self) {
        self.queue.close();
        drop(self.hearing.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Why a unit of work was not committed.
enum Lost {
    /// The connection went while nothing was committed yet.
    Connection(Error),
    /// Another transaction was in the way: the next try may go through.
    Race(Error),
    /// For good.
    Failed(Error),
}

/// A unit that reads sees one snapshot. One that writes sees what is committed by now, so what it decides from is locked
/// or held by a constraint.
fn transact(connection: &mut Connection, unit: &mut dyn Unit) -> std::result::Result<Vec<Change>, Lost> {
    let begin = match unit.mode() {
        Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    };
    if let Err(error) = AnsiTransactionManager::begin_transaction_sql(connection, begin) {
        return Err(Lost::Connection(failure::of(error)));
    }
    let outcome = Tx::run(connection, unit)
        .and_then(|changes| notices::send(connection, &changes).map(|()| changes).map_err(failure::of));
    match outcome {
        Ok(changes) => match AnsiTransactionManager::commit_transaction(connection) {
            Ok(()) => Ok(changes),
            Err(error) => {
                let error = failure::of(error);
                Err(match (connection.is_broken(), unit.mode()) {
                    (true, Mode::Read) => Lost::Connection(failure::gone(error)),
                    // Nobody knows whether it was committed: not to be run again.
                    (true, Mode::Write) => Lost::Failed(failure::gone(error)),
                    (false, _) if failure::is_race(&error) => Lost::Race(error),
                    (false, _) => Lost::Failed(error),
                })
            }
        },
        Err(error) => {
            // Fails only where the connection has gone.
            drop(AnsiTransactionManager::rollback_transaction(connection));
            Err(if connection.is_broken() {
                Lost::Connection(failure::gone(error))
            } else if failure::is_race(&error) {
                Lost::Race(error)
            } else {
                Lost::Failed(error)
            })
        }
    }
}
