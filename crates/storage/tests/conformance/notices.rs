//! What one process commits, another one on the same PostgreSQL hears. On SQLite nobody tells it.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use fabric_storage::{Database, Options};
use kernel::{Change, Error, Role, Unchecked, id::TokenId};
use platform::Store;

use crate::support::{Db, account, at, execute, membership, organization, session};

/// What it takes at most to hear of something; far below the five seconds after which nobody need be told.
const SOON: Duration = Duration::from_secs(2);

/// Another process on the same database, in all that matters here.
struct Other {
    database: Database,
    heard: Receiver<Change>,
}

impl Other {
    /// It listens by the time it is handed out.
    fn of(db: &Db) -> Self {
        let database = Database::open(&Options { pool_size: 1, ..Options::new(&db.url) }).unwrap();
        let (hears, heard) = channel();
        database.listen(Arc::new(move |changes: &[Change]| {
            for change in changes {
                // The test may be over.
                let _ = hears.send(*change);
            }
        }));
        database.hear_others(None).unwrap();
        let other = Self { database, heard };
        assert_eq!(other.next(), Change::Everything, "whatever was before, nobody has told it");
        other
    }

    fn next(&self) -> Change {
        self.heard.recv_timeout(SOON).expect("told")
    }
}

async fn revoke(db: &Db) -> Change {
    let token = TokenId::generate();
    db.write(move |tx| tx.revoke_token(token, at(1))).await;
    Change::Token(token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_what_one_commits_others_hear_and_what_it_rolls_back_they_do_not() {
    let db = Db::postgres();
    let others = [Other::of(&db), Other::of(&db)];
    for panics in [false, true] {
        let rolled_back = db.refused(move |tx| {
            tx.revoke_token(TokenId::generate(), at(1))?;
            assert!(!panics, "on purpose");
            Err::<(), _>(Error::not_found())
        });
        rolled_back.await;
        let committed = revoke(&db).await;
        assert!(others.iter().all(|other| other.next() == committed), "and nothing before it");
    }
    let tokens: Vec<_> = (0..500).map(|_| TokenId::generate()).collect();
    let many = tokens.clone();
    db.write(move |tx| many.iter().try_for_each(|token| tx.revoke_token(*token, at(1)).map(drop))).await;
    for other in &others {
        let heard: Vec<_> = tokens.iter().map(|_| other.next()).collect();
        assert_eq!(heard, tokens.iter().copied().map(Change::Token).collect::<Vec<_>>(), "in several notices");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_who_hears_is_told_of_its_own_commits_before_the_answer_and_again() {
    let db = Db::postgres();
    let other = Other::of(&db);
    let token = TokenId::generate();
    let store: &dyn Store = &other.database;
    store.write(move |tx| tx.revoke_token(token, at(1))).await.unwrap();
    assert_eq!(other.heard.try_recv(), Ok(Change::Token(token)));
    assert_eq!(other.next(), Change::Token(token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_whoever_may_have_missed_something_is_told_that_everything_changed() {
    let db = Db::postgres();
    let other = Other::of(&db);
    for unreadable in ["NOTIFY fabric_changes", "NOTIFY fabric_changes, '9 x'", "NOTIFY fabric_changes, 'é'"] {
        execute(&db.url, unreadable);
        assert_eq!(other.next(), Change::Everything, "{unreadable}");
    }
    for _ in 0..2 {
        assert_eq!(db.number(&format!("SELECT count(pg_terminate_backend(pid)) FROM ({LISTENERS}) AS of_it")), 1);
        assert_eq!(other.next(), Change::Everything, "the connection is lost");
        assert_eq!(other.next(), Change::Everything, "there is another, and nobody knows what was in between");
        let committed = revoke(&db).await;
        assert_eq!(other.next(), committed);
    }
}

/// The connections on which somebody listens.
const LISTENERS: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                         AND (query LIKE 'LISTEN %' OR query LIKE 'SELECT pg_listening_channels%')";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_nobody_hears_after_the_end_which_comes_at_once() {
    let db = Db::postgres();
    let other = Other::of(&db);
    assert_eq!(db.number(&format!("SELECT count(*) FROM ({LISTENERS}) AS of_it")), 1);
    let begun = Instant::now();
    other.database.close();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    revoke(&db).await;
    assert_eq!(other.heard.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout));
}

on_both!(who_begins_and_who_signs_in_is_told_to_nobody);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_alone_nobody_tells_what_another_process_commits() {
    let db = Db::sqlite();
    let heard = crate::changes::heard(&db);
    db.database.hear_others(None).unwrap();
    let another = Database::open(&Options::new(&db.url)).unwrap();
    let store: &dyn Store = &another;
    store.write(|tx| tx.revoke_token(TokenId::generate(), at(1))).await.unwrap();
    crate::support::pause().await;
    assert_eq!(heard(), []);
}

/// Whoever has something to tell commits one after the other on PostgreSQL: what comes in great numbers has nothing.
async fn who_begins_and_who_signs_in_is_told_to_nobody(db: &Db) {
    let heard = crate::changes::heard(db);
    let (account, place) = (account(None), organization(None));
    let (id, session) = (place.id, session(&account));
    let principal = account.principal;
    db.write(move |tx| {
        tx.insert_principal(account.principal, Some(&account.email), at(0))?;
        tx.insert_account(&account)?;
        tx.insert_organization(&place)?;
        tx.insert_membership(&membership(place.id, account.principal, Role::Owner))
    })
    .await;
    db.write(move |tx| tx.insert_session(&session)).await;
    assert_eq!(heard(), []);
    db.write(move |tx| tx.delete_membership(&Unchecked(id), principal)).await;
    assert_eq!(heard(), [Change::Authority(id, principal)], "in a later unit they are like everybody");
}
