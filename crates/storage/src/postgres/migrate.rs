//! Brings the schema up to date, one process at a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{
    RunQueryDsl as _, define_sql_function,
    pg::Pg,
    sql_query,
    sql_types::{BigInt, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use kernel::{Code, Error, Result};

use super::{Connection, connect::connect, failure};
use crate::migrations::{APPLIED, Applied, carried, missing};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

const LOCK: i64 = i64::from_be_bytes(*b"fabschem");
/// How long another process may migrate.
const PATIENCE: Duration = Duration::from_mins(10);

define_sql_function! {
    fn to_regclass(name: Text) -> Nullable<Oid>;
}
define_sql_function! {
    fn pg_try_advisory_lock(key: BigInt) -> Bool;
}
define_sql_function! {
    fn pg_advisory_unlock(key: BigInt) -> Bool;
}

/// Runs what is missing; hands back the versions.
pub fn run(url: &str) -> Result<Vec<String>> {
    let mut connection = connect(url)?;
    if missing_from(&mut connection)?.is_empty() {
        return Ok(Vec::new());
    }
    lock(&mut connection)?;
    let missing = missing_from(&mut connection)?;
    if !missing.is_empty() {
        let failed = |error| Error::because(Code::ServiceUnavailable, "A migration failed.").caused_by(error);
        connection.run_pending_migrations(MIGRATIONS).map_err(failed)?;
    }
    // Otherwise freed with the connection.
    diesel::select(pg_advisory_unlock(LOCK)).execute(&mut connection).map_err(failure::of)?;
    Ok(missing)
}

pub fn pending(url: &str) -> Result<Vec<String>> {
    missing_from(&mut connect(url)?)
}

/// Whether every migration was run and no other.
pub fn is_current(connection: &mut Connection) -> Result<bool> {
    let applied = applied(connection)?;
    Ok(missing(carried::<Pg>(&MIGRATIONS)?, &applied).is_ok_and(|missing| missing.is_empty()))
}

/// Tries again and again instead of waiting inside the server: who waits there has a snapshot, and a migration that
/// builds an index concurrently would wait for it to end.
fn lock(connection: &mut Connection) -> Result<()> {
    let begin = Instant::now();
    while !diesel::select(pg_try_advisory_lock(LOCK)).get_result(connection).map_err(failure::of)? {
        if begin.elapsed() > PATIENCE {
            return Err(Error::because(Code::ServiceUnavailable, "Another process is migrating the database."));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn missing_from(connection: &mut Connection) -> Result<Vec<String>> {
    let applied = applied(connection)?;
    missing(carried::<Pg>(&MIGRATIONS)?, &applied)
}

fn applied(connection: &mut Connection) -> Result<Vec<Applied>> {
    let table = diesel::select(to_regclass("__diesel_schema_migrations"));
    match table.get_result::<Option<u32>>(connection).map_err(failure::of)? {
        Some(_) => sql_query(APPLIED).load(connection).map_err(failure::of),
        None => Ok(Vec::new()),
    }
}
