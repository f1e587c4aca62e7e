//! How much may run at once.

use kernel::{Code, id::OrganizationId};
use platform::Transaction;
use tenancy::{ConcurrencyLimit, Limited};

use crate::support::{Db, at, linger};

on_both!(
    a_limit_is_set_changed_and_lifted,
    all_are_listed_everybodys_first,
    what_is_gone_has_no_limit,
    of_those_who_set_one_at_once_one_is_last,
);

fn limit(limited: Limited, max_runs: u32) -> ConcurrencyLimit {
    ConcurrencyLimit { limited, max_runs, updated_at: at(max_runs.into()) }
}

async fn set(db: &Db, limit: ConcurrencyLimit) {
    db.write(move |tx| tx.set_concurrency_limit(&limit)).await;
}

async fn all(db: &Db) -> Vec<ConcurrencyLimit> {
    let page = kernel::Page::new(None, 0, 200).unwrap();
    db.read(move |tx| tx.concurrency_limits(&page)).await.items
}

async fn a_limit_is_set_changed_and_lifted(db: &Db) {
    let here = db.organization().await.id;
    let team = db.team(here).await.id;
    for limited in [Limited::Everybody, Limited::Organization(here), Limited::Team(team, here)] {
        for max_runs in [1, 0, 1_000_000] {
            set(db, limit(limited, max_runs)).await;
            assert_eq!(all(db).await, [limit(limited, max_runs)]);
        }
        for _ in 0..2 {
            db.write(move |tx| tx.lift_concurrency_limit(limited)).await;
            assert_eq!(all(db).await, []);
        }
    }
}

async fn all_are_listed_everybodys_first(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let team = db.team(here).await.id;
    let limits =
        [Limited::Everybody, Limited::Organization(here), Limited::Organization(elsewhere), Limited::Team(team, here)]
            .map(|limited| limit(limited, 3));
    for limit in limits.iter().rev() {
        set(db, *limit).await;
    }
    db.lists(&limits, |limit| limit.limited.scope(), |tx, page| tx.concurrency_limits(page)).await;
}

async fn what_is_gone_has_no_limit(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let theirs = db.team(elsewhere).await.id;
    for limited in [
        Limited::Organization(OrganizationId::generate()),
        Limited::Team(theirs, here),
        Limited::Team(kernel::id::TeamId::generate(), here),
    ] {
        let wanted = limit(limited, 1);
        assert_eq!(db.refused(move |tx| tx.set_concurrency_limit(&wanted)).await, Code::NotFound);
    }
}

async fn of_those_who_set_one_at_once_one_is_last(db: &Db) {
    let here = db.organization().await.id;
    let works = (0..8).map(|max_runs| {
        move |tx: &mut dyn Transaction| {
            tx.set_concurrency_limit(&limit(Limited::Organization(here), max_runs))?;
            linger();
            Ok(())
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    assert_eq!(all(db).await.len(), 1);
}
