//! Migrations: run once, whoever asks, and never backwards.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
};

use diesel::{Connection as _, PgConnection, SqliteConnection, connection::SimpleConnection as _};
use fabric_storage::{Database, Options};
use kernel::Code;

use crate::support::{Db, execute, number};

on_both!(
    of_many_who_migrate_at_once_one_does,
    a_database_that_lacks_migrations_is_opened_only_to_be_migrated,
    a_database_of_a_later_version_is_left_alone,
    every_migration_can_be_taken_back,
);

/// Takes everything back, as if nobody had ever been here.
fn empty(db: &Db) {
    if let Some(path) = db.url.strip_prefix("sqlite://") {
        db.database.close();
        fs::remove_file(path).unwrap();
    } else {
        batch(&db.url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public;");
    }
}

/// Runs statements past everything.
pub fn batch(url: &str, sql: &str) {
    match url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(sql).unwrap(),
        None => PgConnection::establish(url).unwrap().batch_execute(sql).unwrap(),
    }
}

/// All migrations for this database, in their order.
fn folders(db: &Db) -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let all = all.join(if db.is_postgres() { "postgres" } else { "sqlite" });
    let mut folders: Vec<_> = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// Their versions: `0001` of `0001_foundation`.
pub fn versions(db: &Db) -> Vec<String> {
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    folders(db).iter().map(|folder| name(folder).split('_').next().unwrap().to_owned()).collect()
}

async fn of_many_who_migrate_at_once_one_does(db: &Db) {
    empty(db);
    let runs: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Database::migrate(&db.url).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|run| !run.is_empty()).collect()
    });
    assert_eq!(runs, [versions(db)]);
    assert_eq!(Database::pending_migrations(&db.url).unwrap(), [""; 0]);
}

async fn a_database_that_lacks_migrations_is_opened_only_to_be_migrated(db: &Db) {
    empty(db);
    assert_eq!(Database::pending_migrations(&db.url).unwrap(), versions(db));
    let options = Options { migrate: false, ..Options::new(&db.url) };
    let refused = Database::open(&options).err().expect("refused");
    assert_eq!(refused.code, Code::ServiceUnavailable);
    assert!(refused.message.contains("fabric migrate"), "{refused}");
    Database::migrate(&db.url).unwrap();
    drop(Database::open(&options).unwrap());
}

async fn a_database_of_a_later_version_is_left_alone(db: &Db) {
    assert!(db.store.health().unwrap().migrated);
    execute(&db.url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    assert!(!db.store.health().unwrap().migrated);
    for migrate in [true, false] {
        let refused = Database::open(&Options { migrate, ..Options::new(&db.url) }).err().expect("refused");
        assert!(refused.message.contains("later version") && refused.message.contains("9999"), "{refused}");
    }
    assert!(Database::migrate(&db.url).is_err() && Database::pending_migrations(&db.url).is_err());
}

async fn every_migration_can_be_taken_back(db: &Db) {
    let account = db.account(Some(db.app().await.id)).await;
    db.session(&account).await;
    db.database.close();
    for folder in folders(db).iter().rev() {
        batch(&db.url, &fs::read_to_string(folder.join("down.sql")).unwrap());
    }
    let left = if db.is_postgres() {
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    } else {
        "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    };
    assert_eq!(number(&db.url, left), 1, "Diesel's own");
    execute(&db.url, "DELETE FROM __diesel_schema_migrations");
    assert_eq!(Database::migrate(&db.url).unwrap(), versions(db));
}

#[test]
fn on_sqlite_alone_a_database_is_for_its_owners_eyes_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/fabric.db");
    let database = Database::open(&Options::new(format!("sqlite://{}", path.display()))).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    drop(database);
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["fabric.db"], "the last one out has tidied up");
}

#[test]
fn on_postgres_alone_a_server_that_is_away_is_told_from_a_wrong_url() {
    let refused = Database::open(&Options::new("postgres://nobody@127.0.0.1:9/none")).err().expect("refused");
    assert_eq!(refused.code, Code::ServiceUnavailable);
    assert!(refused.cause.is_some());
}
