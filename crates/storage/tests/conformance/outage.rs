//! What becomes of requests while PostgreSQL is away, and afterwards.

use std::time::{Duration, Instant};

use kernel::{Code, id::TokenId};

use crate::support::{Db, at, execute};

/// Lets nobody into the database, and throws everybody out who is there.
fn go_away(db: &Db, away: bool) {
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let address = db.url.split('?').next().unwrap();
    let name = address.rsplit('/').next().unwrap();
    execute(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !away));
    execute(&server, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_nobody_hears_of_lost_connections() {
    let db = Db::postgres();
    for _ in 0..3 {
        db.read(|tx| tx.has_platform_admin(None)).await;
        go_away(&db, false);
        assert!(db.store.health().unwrap().migrated);
        // All connections are dead, and no thread knows.
        let works = vec![|tx: &mut dyn platform::Transaction| tx.revoke_token(TokenId::generate(), at(1)); 20];
        for outcome in db.at_once(works).await {
            outcome.unwrap();
        }
        db.read(|tx| tx.has_platform_admin(None)).await;
    }
    assert_eq!(db.number("SELECT count(*) FROM revoked_tokens"), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_a_server_that_went_away_is_used_again_when_it_is_back() {
    let db = Db::postgres();
    let revoke = || db.store.write(|tx| tx.revoke_token(TokenId::generate(), at(1)));
    revoke().await.unwrap();

    // One that is under way when the server goes.
    let cut_off = db.store.write(|tx| {
        tx.revoke_token(TokenId::generate(), at(1))?;
        std::thread::sleep(Duration::from_millis(300));
        tx.revoke_token(TokenId::generate(), at(1))
    });
    let going = async {
        crate::support::pause().await;
        go_away(&db, true);
    };
    let (cut_off, ()) = tokio::join!(cut_off, going);
    assert_eq!(cut_off.unwrap_err().code, Code::ServiceUnavailable);

    assert_eq!(revoke().await.unwrap_err().code, Code::ServiceUnavailable);
    let begin = Instant::now();
    for _ in 0..100 {
        let error = revoke().await.unwrap_err();
        assert_eq!(error.code, Code::ServiceUnavailable);
        assert!(error.retry_after.is_some());
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "nobody waits for a server that is known to be away");
    assert_eq!(db.store.health().unwrap_err().code, Code::ServiceUnavailable);

    go_away(&db, false);
    let back = Instant::now();
    while let Err(error) = revoke().await {
        assert_eq!(error.code, Code::ServiceUnavailable);
        assert!(back.elapsed() < Duration::from_secs(10), "it is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(db.store.health().unwrap().migrated);
}
