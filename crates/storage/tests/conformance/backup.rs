//! Backups of SQLite, taken while it is written to, and put back. PostgreSQL has its own tools.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fabric_storage::{Database, Options};
use kernel::{Code, id::TokenId};

use crate::support::{Db, at, execute, number};

fn place(name: &str) -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let url = format!("sqlite://{}", path.display());
    (folder, path, url)
}

fn code<T>(result: kernel::Result<T>) -> Code {
    result.err().expect("refused").code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_alone_a_backup_under_writes_is_whole_and_can_be_restored() {
    let db = Db::sqlite();
    let (_folder, to, copy) = place("backup.db");
    // Two rows at a time, of which no backup may have one alone.
    let stop = Arc::new(AtomicBool::new(false));
    let (store, stopped) = (Arc::clone(&db.store), Arc::clone(&stop));
    let writing = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            let write = store.write(|tx| {
                tx.revoke_token(TokenId::generate(), at(1))?;
                tx.revoke_token(TokenId::generate(), at(2))
            });
            write.await.unwrap();
        }
    });
    crate::support::pause().await;
    let (url, target) = (db.url.clone(), to.clone());
    let copied = tokio::task::spawn_blocking(move || Database::backup(&url, &target)).await.unwrap().unwrap();
    crate::support::pause().await;
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();

    let newest = crate::migrations::versions().pop();
    assert_eq!((copied.bytes, Some(copied.schema)), (fs::metadata(&to).unwrap().len(), newest));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let count = "SELECT count(*) FROM revoked_tokens";
    let (backed_up, now) = (number(&copy, count), db.number(count));
    assert!(backed_up > 0 && backed_up % 2 == 0 && backed_up < now, "{backed_up} of {now}");
    assert_eq!(code(Database::backup(&db.url, &to)), Code::Conflict, "a backup is never overwritten");

    // Back to how it was.
    assert_eq!(code(Database::restore(&db.url, &to, false)), Code::Conflict);
    assert_eq!(code(Database::restore(&db.url, &to, true)), Code::Conflict, "it is open");
    assert_eq!(db.number(count), now);
    db.write(|tx| tx.revoke_token(TokenId::generate(), at(1))).await;
    db.database.close();
    Database::restore(&db.url, &to, true).unwrap();
    assert_eq!(db.number(count), backed_up);
    let path = Path::new(db.url.strip_prefix("sqlite://").unwrap());
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = Database::open(&Options { migrate: false, ..Options::new(&db.url) }).unwrap();
    drop(restored);
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["fabric.db"], "nothing is left lying about");
}

#[tokio::test]
async fn on_sqlite_alone_a_backup_is_restored_where_there_is_nothing() {
    let db = Db::sqlite();
    db.write(|tx| tx.revoke_token(TokenId::generate(), at(1))).await;
    let (_folder, to, _) = place("backup.db");
    Database::backup(&db.url, &to).unwrap();
    let (_other, path, url) = place("new/folder/fabric.db");
    Database::restore(&url, &to, false).unwrap();
    assert_eq!(number(&url, "SELECT count(*) FROM revoked_tokens"), 1);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn on_sqlite_alone_what_is_no_whole_database_of_ours_is_not_restored() {
    let db = Db::sqlite();
    for _ in 0..50 {
        db.organization().await;
    }
    let (folder, to, copy) = place("backup.db");
    Database::backup(&db.url, &to).unwrap();
    db.database.close();
    let refused = |from: &Path| code(Database::restore(&db.url, from, true));

    let garbage = folder.path().join("garbage");
    fs::write(&garbage, "not a database, not a database, not a database").unwrap();
    let foreign = folder.path().join("foreign");
    execute(&format!("sqlite://{}", foreign.display()), "CREATE TABLE things (name text)");
    let damaged = folder.path().join("damaged");
    let mut bytes = fs::read(&to).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    fs::write(&damaged, bytes).unwrap();
    let cut = folder.path().join("cut");
    fs::write(&cut, &fs::read(&to).unwrap()[..middle]).unwrap();
    let missing = folder.path().join("missing");
    for from in [&garbage, &foreign, &damaged, &cut, &missing] {
        assert_eq!(refused(from), Code::InvalidRequest, "{}", from.display());
    }
    execute(&copy, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    assert_eq!(refused(&to), Code::ServiceUnavailable, "of a later version");
    assert_eq!(db.number("SELECT count(*) FROM organizations"), 50, "nothing was touched");
}

#[tokio::test]
async fn on_sqlite_alone_a_damaged_database_can_be_replaced_by_force() {
    let db = Db::sqlite();
    let (_folder, to, _) = place("backup.db");
    Database::backup(&db.url, &to).unwrap();
    db.database.close();
    let path = db.url.strip_prefix("sqlite://").unwrap();
    fs::write(path, "overwritten, overwritten, overwritten, overwritten").unwrap();
    fs::write(format!("{path}-wal"), "a log of something else").unwrap();
    Database::restore(&db.url, &to, true).unwrap();
    assert_eq!(db.number("SELECT count(*) FROM organizations"), 0);
}

#[test]
fn on_postgres_alone_its_own_tools_are_named() {
    let url = "postgres://u:secret@h/d";
    for (error, tool) in [
        (Database::backup(url, Path::new("x")).unwrap_err(), "pg_dump"),
        (Database::restore(url, Path::new("x"), true).unwrap_err(), "pg_restore"),
    ] {
        assert_eq!(error.code, Code::InvalidRequest);
        assert!(error.message.contains(tool) && !error.message.contains("secret"), "{error}");
    }
}
