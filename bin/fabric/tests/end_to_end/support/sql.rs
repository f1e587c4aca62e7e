//! A look behind the server's back.

use std::collections::BTreeSet;

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Text},
};
use uuid::Uuid;

/// Runs statements.
pub fn execute(url: &str, sql: &str) {
    match url.strip_prefix("sqlite://") {
        Some(path) => sqlite(path).batch_execute(sql).unwrap(),
        None => PgConnection::establish(url).unwrap().batch_execute(sql).unwrap(),
    }
}

/// What `SELECT count(*) AS count …` counts.
pub fn count(url: &str, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Count = match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(sql).get_result(&mut sqlite(path)).unwrap(),
        None => sql_query(sql).get_result(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
    counted.count
}

/// The ids that `SELECT id …` finds, given what follows that.
pub fn ids(url: &str, from_where: &str) -> BTreeSet<Uuid> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = Text)]
        id: String,
    }
    let found: Vec<Id> = match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(format!("SELECT hex(id) AS id {from_where}")).load(&mut sqlite(path)).unwrap(),
        None => {
            let mut connection = PgConnection::establish(url).unwrap();
            sql_query(format!("SELECT id::text AS id {from_where}")).load(&mut connection).unwrap()
        }
    };
    found.into_iter().map(|found| found.id.parse().unwrap()).collect()
}

/// A server may write at the same moment: that is waited for.
fn sqlite(path: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path).unwrap();
    connection.batch_execute("PRAGMA busy_timeout=60000").unwrap();
    connection
}
