//! Lockout counters.

use std::time::Duration;

use identity::{
    Lockout, LockoutKey,
    lockout::{Failed, LockoutPolicy},
};

use crate::support::{Db, at, linger};

on_both!(
    a_counter_is_set_and_cleared,
    failures_at_once_are_all_counted_from_the_first,
    counters_that_expired_are_forgotten,
);

fn lockout(failures: i32) -> Lockout {
    Lockout { failures, locked_until: (failures > 4).then(|| at(1)), expires_at: at(2) }
}

async fn a_counter_is_set_and_cleared(db: &Db) {
    let [key, other] = [LockoutKey([1; 32]), LockoutKey([2; 32])];
    for counter in [lockout(1), lockout(5), lockout(2)] {
        db.write(move |tx| tx.set_lockout(key, &counter)).await;
        assert_eq!(db.read(move |tx| tx.lockout(key)).await, Some(counter));
    }
    db.write(move |tx| tx.clear_lockout(other)).await;
    assert!(db.read(move |tx| tx.lockout(key)).await.is_some());
    db.write(move |tx| tx.clear_lockout(key)).await;
    assert_eq!(db.read(move |tx| tx.lockout(key)).await, None);
}

async fn failures_at_once_are_all_counted_from_the_first(db: &Db) {
    let policy = LockoutPolicy { threshold: 100, duration: Duration::from_mins(1) };
    let key = LockoutKey([3; 32]);
    let fail = move |tx: &mut dyn platform::Transaction| {
        let before = tx.lockout(key)?;
        linger();
        let (Failed::Counted(after) | Failed::NowLocked(after)) = Lockout::fail(before, policy, at(0));
        tx.set_lockout(key, &after)
    };
    assert!(db.at_once(vec![fail; 12]).await.iter().all(Result::is_ok));
    assert_eq!(db.read(move |tx| tx.lockout(key)).await.map(|lockout| lockout.failures), Some(12));
}

async fn counters_that_expired_are_forgotten(db: &Db) {
    db.write(|tx| {
        for index in 0..=255 {
            tx.set_lockout(LockoutKey([index; 32]), &Lockout { expires_at: at(index.into()), ..lockout(1) })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(db.write(|tx| tx.sweep_lockouts(at(100))).await, 100);
    assert_eq!(db.write(|tx| tx.sweep_lockouts(at(100))).await, 0);
    assert_eq!(db.number("SELECT count(*) FROM lockouts"), 156);
}
