//! What a unit of work promises.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use kernel::{Code, Error, Unchecked};
use platform::Transaction;

use crate::support::{Db, at, linger, organization};

on_both!(
    what_succeeds_is_there,
    what_fails_or_panics_leaves_no_trace,
    what_goes_on_after_an_error_of_the_database_is_not_kept,
    what_only_reads_cannot_write,
    what_reads_sees_one_moment,
    who_finds_the_queue_full_is_told_so_at_once,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_the_loser_of_a_deadlock_runs_again() {
    let db = Db::postgres();
    let ids = [db.organization().await, db.organization().await];
    let runs = Arc::new(AtomicU32::new(0));
    let rename = |[first, second]: [tenancy::Organization; 2]| {
        let runs = Arc::clone(&runs);
        move |tx: &mut dyn Transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.update_organization(&Unchecked(first.id), &first)?;
            thread::sleep(Duration::from_millis(200));
            tx.update_organization(&Unchecked(second.id), &second)
        }
    };
    let [one, other] = ids;
    let outcomes = db.at_once([rename([one.clone(), other.clone()]), rename([other, one])]).await;
    assert!(outcomes.iter().all(Result::is_ok));
    // Once each, and the loser at least once more: on a slow machine its second run may meet the winner, too.
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs >= 3, "{runs}");
}

async fn what_succeeds_is_there(db: &Db) {
    let kept = organization(None);
    let (id, new) = (kept.id, kept.clone());
    db.write(move |tx| {
        tx.insert_organization(&new)?;
        assert!(tx.organization(new.id)?.is_some(), "its own author sees it");
        Ok(())
    })
    .await;
    assert_eq!(db.read(move |tx| tx.organization(id)).await, Some(kept));
}

async fn what_fails_or_panics_leaves_no_trace(db: &Db) {
    for panics in [false, true] {
        // More often than there are threads: each of them serves on.
        for _ in 0..16 {
            let lost = organization(None);
            let id = lost.id;
            let code = db.refused(move |tx| {
                tx.insert_organization(&lost)?;
                assert!(!panics, "on purpose");
                Err::<(), _>(Error::not_found())
            });
            assert_eq!(code.await, if panics { Code::InternalError } else { Code::NotFound });
            assert_eq!(db.read(move |tx| tx.organization(id)).await, None);
        }
    }
}

async fn what_goes_on_after_an_error_of_the_database_is_not_kept(db: &Db) {
    let taken = db.organization().await;
    let lost = organization(None);
    let id = lost.id;
    let code = db.refused(move |tx| {
        tx.insert_organization(&lost)?;
        assert!(tx.insert_organization(&taken).is_err());
        Ok(())
    });
    assert_eq!(code.await, Code::InternalError);
    assert_eq!(db.read(move |tx| tx.organization(id)).await, None);
}

async fn what_only_reads_cannot_write(db: &Db) {
    let lost = organization(None);
    let read = db.store.read(move |tx| tx.insert_organization(&lost));
    assert_eq!(read.await.unwrap_err().code, Code::InternalError);
    assert_eq!(db.number("SELECT count(*) FROM organizations"), 0);
}

async fn what_reads_sees_one_moment(db: &Db) {
    let account = db.account(None).await;
    let id = account.id;
    let reading = db.read(move |tx| {
        let before = tx.account(id)?;
        thread::sleep(Duration::from_millis(200));
        Ok((before, tx.account(id)?))
    });
    let writing = async {
        crate::support::pause().await;
        db.write(move |tx| tx.raise_epoch(id, at(1))).await
    };
    let ((before, after), epoch) = tokio::join!(reading, writing);
    assert_eq!(before, after);
    assert_eq!(epoch, account.epoch + 1);
    linger();
    assert_eq!(db.read(move |tx| tx.account(id)).await.unwrap().epoch, epoch);
}

async fn who_finds_the_queue_full_is_told_so_at_once(db: &Db) {
    let slow = |_: &mut dyn Transaction| {
        thread::sleep(Duration::from_micros(500));
        Ok(())
    };
    let outcomes = db.at_once(vec![slow; 7000]).await;
    let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty() && refused.len() < 7000, "{}", refused.len());
    assert!(refused.iter().all(|error| error.code == Code::Overloaded && error.retry_after.is_some()));
}
