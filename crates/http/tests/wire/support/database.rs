use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::BigInt};
use kernel::Result;
use platform::store::{Health, Listener, Mode, Store, Unit};
use storage::Database;

/// A database that counts what is asked of it.
pub struct Counted {
    pub database: Database,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl Counted {
    pub fn new(database: Database) -> Arc<Self> {
        Arc::new(Self { database, reads: AtomicUsize::new(0), writes: AtomicUsize::new(0) })
    }

    /// How many units of work have read, and how many have written.
    pub fn units(&self) -> (usize, usize) {
        (self.reads.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst))
    }
}

impl Store for Counted {
    fn submit(&self, unit: Box<dyn Unit>) {
        let counter = match unit.mode() {
            Mode::Read => &self.reads,
            Mode::Write => &self.writes,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        self.database.submit(unit);
    }

    fn listen(&self, listener: Listener) {
        self.database.listen(listener);
    }

    fn health(&self) -> Result<Health> {
        self.database.health()
    }
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// One number, asked past everything.
pub fn number(url: &str, sql: &str) -> i64 {
    let query = sql_query(format!("SELECT CAST(({sql}) AS bigint) AS number"));
    let number: Number = match url.strip_prefix("sqlite://") {
        Some(path) => query.get_result(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => query.get_result(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
    number.number
}

/// What somebody does who can write to the database; tells how many rows it was done to.
pub fn tamper(url: &str, sql: &str) -> usize {
    match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(sql).execute(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => sql_query(sql).execute(&mut PgConnection::establish(url).unwrap()).unwrap(),
    }
}
