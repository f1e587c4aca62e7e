//! The end of a database.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use kernel::{Code, id::TokenId};
use platform::{Store, Transaction};

use crate::support::{Db, at};

on_both!(
    whoever_waits_is_served_before_the_end,
    after_the_end_everybody_is_refused,
    the_last_to_hold_a_database_may_be_its_own_unit_of_work,
);

async fn whoever_waits_is_served_before_the_end(db: &Db) {
    let works = (0..300).map(|_| {
        let token = TokenId::generate();
        move |tx: &mut dyn Transaction| {
            std::thread::sleep(Duration::from_micros(200));
            tx.revoke_token(token, at(1))
        }
    });
    let (outcomes, ()) = tokio::join!(db.at_once(works), async {
        while db.number("SELECT count(*) FROM revoked_tokens") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let database = Arc::clone(&db.database);
        tokio::task::spawn_blocking(move || database.close()).await.unwrap();
    });
    let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refused.map(|error| error.code).all(|code| code == Code::ServiceUnavailable));
    assert!(kept > 0);
    let present = usize::try_from(db.number("SELECT count(*) FROM revoked_tokens")).unwrap();
    assert_eq!(present, kept, "what was answered is there, and nothing else");
}

async fn after_the_end_everybody_is_refused(db: &Db) {
    db.database.close();
    db.database.close();
    assert_eq!(db.refused(|tx| tx.has_platform_admin(None)).await, Code::ServiceUnavailable);
    let read = db.store.read(|tx| tx.has_platform_admin(None)).await;
    assert_eq!(read.unwrap_err().code, Code::ServiceUnavailable);
}

async fn the_last_to_hold_a_database_may_be_its_own_unit_of_work(db: &Db) {
    let options = fabric_storage::Options::new(&db.url);
    let store: Arc<dyn Store> = Arc::new(fabric_storage::Database::open(&options).unwrap());
    let (ended, end) = mpsc::channel::<()>();
    let mut held = Some((Arc::clone(&store), ended));
    let write = Arc::clone(&store);
    drop(store);
    let task = tokio::spawn(async move {
        let unit = write.write(move |_| {
            std::thread::sleep(Duration::from_millis(100));
            drop(held.take());
            Ok(())
        });
        unit.await
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    task.abort();
    let gone = tokio::task::spawn_blocking(move || end.recv_timeout(Duration::from_secs(10)));
    assert_eq!(gone.await.unwrap(), Err(mpsc::RecvTimeoutError::Disconnected));
}
