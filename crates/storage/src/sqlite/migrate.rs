//! Brings the schema up to date, one process at a time.

use std::path::Path;

use diesel::{
    QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use kernel::{Code, Error, Result};

use super::{
    Connection, failure,
    file::{connect, make, use_write_ahead_log},
};
use crate::migrations::{APPLIED, Applied, carried, missing};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Runs what is missing, all of it or nothing; hands back the versions.
pub fn run(path: &Path) -> Result<Vec<String>> {
    make(path)?;
    // A migration that rebuilds a table drops the old one: checked as a whole afterwards, not cascaded on the way.
    // Another process that migrates is waited for.
    let mut connection = connect(path, &["PRAGMA busy_timeout=600000", "PRAGMA foreign_keys=OFF"])?;
    if missing_from(&mut connection)?.is_empty() {
        return Ok(Vec::new());
    }
    use_write_ahead_log(&mut connection)?;
    connection
        .exclusive_transaction(|connection| {
            let missing = missing_from(connection)?;
            if !missing.is_empty() {
                let failed =
                    |error| Failed(Error::because(Code::ServiceUnavailable, "A migration failed.").caused_by(error));
                connection.run_pending_migrations(MIGRATIONS).map_err(failed)?;
                check_foreign_keys(connection)?;
            }
            Ok(missing)
        })
        .map_err(|Failed(error)| error)
}

pub fn pending(path: &Path) -> Result<Vec<String>> {
    if !path.exists() {
        return carried::<Sqlite>(&MIGRATIONS);
    }
    missing_from(&mut connect(path, &["PRAGMA query_only=ON"])?)
}

/// Whether every migration was run and no other.
pub fn is_current(connection: &mut Connection) -> Result<bool> {
    let applied = applied(connection)?;
    Ok(missing(carried::<Sqlite>(&MIGRATIONS)?, &applied).is_ok_and(|missing| missing.is_empty()))
}

pub fn missing_from(connection: &mut Connection) -> Result<Vec<String>> {
    let applied = applied(connection)?;
    missing(carried::<Sqlite>(&MIGRATIONS)?, &applied)
}

/// # Errors
/// `service_unavailable` when a row refers to one that is not there.
pub fn check_foreign_keys(connection: &mut Connection) -> Result<()> {
    #[derive(QueryableByName)]
    struct Dangling {
        #[diesel(sql_type = Text)]
        table: String,
    }
    let check = sql_query("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1");
    let dangling: Vec<Dangling> = check.load(connection).map_err(failure::of)?;
    match dangling.first() {
        None => Ok(()),
        Some(Dangling { table }) => Err(Error::because(
            Code::ServiceUnavailable,
            format!("A row of the table {table} refers to one that is not there."),
        )),
    }
}

/// The versions that were run, if the file is one of ours at all.
pub fn applied(connection: &mut Connection) -> Result<Vec<Applied>> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let tables = sql_query("SELECT count(*) AS count FROM sqlite_master WHERE name = '__diesel_schema_migrations'");
    let tables: Count = tables.get_result(connection).map_err(failure::of)?;
    match tables.count {
        0 => Ok(Vec::new()),
        _ => sql_query(APPLIED).load(connection).map_err(failure::of),
    }
}

/// Carries an error of ours through Diesel's transaction.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self(failure::of(error))
    }
}
