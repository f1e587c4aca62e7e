//! What is on its way to endpoints, and who delivers it.

use std::collections::BTreeSet;

use kernel::{
    EventKind, Timestamp, Unchecked,
    id::{DeliveryId, EventId},
};
use platform::Transaction;
use tenancy::Organization;
use uuid::Uuid;
use webhooks::{Among, Attempt, Delivery, DeliveryFilter, DeliveryStatus, Done, Endpoint, Lease, SwitchOff, Tried};

use crate::{
    support::{Db, at, execute, linger},
    webhook_endpoints::endpoint,
};

on_both!(
    a_delivery_is_due_until_it_is_done,
    attempts_are_kept_and_never_written_twice,
    deliveries_are_listed_newest_first,
    what_is_done_can_be_sent_anew,
    in_order_the_oldest_event_comes_first,
    an_endpoint_is_leased_to_one_at_a_time,
    a_lease_that_ended_is_somebody_elses,
    the_pace_of_an_endpoint_outlasts_what_is_added,
    health_is_noted_and_an_endpoint_switched_off_once,
    who_was_asked_at_another_address_is_not_gone,
    some_can_be_passed_over_or_be_the_only_ones,
    what_is_done_is_found_from_the_oldest_on,
    old_deliveries_are_swept,
    what_waits_too_long_for_who_is_not_active_is_swept,
    deliveries_are_cleared_some_at_a_time,
    the_cursor_of_the_fan_out_moves,
    organizations_and_apps_are_found_in_bulk,
);

async fn inserted(db: &Db) -> Endpoint {
    let endpoint = endpoint(db.organization().await.id);
    let new = endpoint.clone();
    db.write(move |tx| tx.insert_endpoint(&Unchecked(new.organization), &new)).await;
    endpoint
}

/// Deliveries with these positions, due at once.
async fn waiting<const N: usize>(db: &Db, endpoint: &Endpoint, positions: [i64; N]) -> [Delivery; N] {
    let kind = || EventKind::TeamCreated.as_str().to_owned();
    let id = endpoint.id;
    let new = positions.map(|position| Delivery::new(id, EventId::generate(), kind(), position, at(position)));
    let rows = new.clone();
    db.write(move |tx| tx.insert_deliveries(&rows)).await;
    new
}

fn attempt(number: i32, status_code: Option<i32>) -> Attempt {
    let (answer, error) = match status_code {
        Some(_) => (Some("said \u{1f98a}".to_owned()), None),
        None => (None, Some("no answer".to_owned())),
    };
    Attempt { number, at: at(100 + i64::from(number)), latency_ms: 7 * number, status_code, answer, error }
}

fn anybody() -> Among {
    Among::AllBut(Vec::new())
}

fn tried(delivery: &Delivery, attempt: Attempt, status: DeliveryStatus, due_at: Option<Timestamp>) -> Tried {
    let (delivery, endpoint, asked) = (delivery.id, delivery.endpoint, attempt.at);
    Tried { delivery, endpoint, attempt, status, due_at, telling: true, asked }
}

async fn shown(db: &Db, endpoint: &Endpoint, id: DeliveryId) -> (Delivery, Vec<Attempt>) {
    let endpoint = endpoint.clone();
    db.read(move |tx| {
        let delivery = tx.delivery(&endpoint, id)?.unwrap();
        let attempts = tx.attempts(&delivery)?;
        Ok((delivery, attempts))
    })
    .await
}

async fn a_delivery_is_due_until_it_is_done(db: &Db) {
    let (endpoint, other) = (inserted(db).await, inserted(db).await);
    let [first, second] = waiting(db, &endpoint, [1, 5]).await;
    waiting(db, &other, [1]).await;
    let id = endpoint.id;
    let due = |now| db.read(move |tx| tx.due_deliveries(id, now, 10));
    assert!(due(at(0)).await.is_empty());
    assert_eq!(due(at(1)).await, std::slice::from_ref(&first));
    assert_eq!(due(at(5)).await, [first.clone(), second.clone()]);
    assert_eq!(db.read(move |tx| tx.due_deliveries(id, at(5), 1)).await, std::slice::from_ref(&first));
    let next = |ordered| db.read(move |tx| tx.next_due(id, ordered));
    assert_eq!((next(false).await, next(true).await), (Some(at(1)), Some(at(1))));

    let later = tried(&first, attempt(1, None), DeliveryStatus::Pending, Some(at(50)));
    let done = tried(&second, attempt(1, Some(200)), DeliveryStatus::Success, None);
    let both = [later, done];
    db.write(move |tx| tx.record_attempts(&both)).await;
    assert!(due(at(49)).await.is_empty());
    assert_eq!(due(at(50)).await.len(), 1);
    assert_eq!(next(false).await, Some(at(50)));
    let (second, attempts) = shown(db, &endpoint, second.id).await;
    assert_eq!((second.status, second.due_at, second.finished_at), (DeliveryStatus::Success, None, Some(at(101))));
    assert_eq!(attempts, [attempt(1, Some(200))]);
    let foreign = db.read(move |tx| tx.delivery(&other, second.id)).await;
    assert_eq!(foreign, None, "another endpoint's");
}

async fn attempts_are_kept_and_never_written_twice(db: &Db) {
    let endpoint = inserted(db).await;
    let [delivery] = waiting(db, &endpoint, [1]).await;
    let record = |attempt, status| {
        let some = [tried(&delivery, attempt, status, Some(at(50)))];
        db.write(move |tx| tx.record_attempts(&some))
    };
    record(attempt(1, Some(500)), DeliveryStatus::Pending).await;
    record(attempt(1, None), DeliveryStatus::Failed).await;
    record(attempt(3, None), DeliveryStatus::Failed).await;
    let (found, attempts) = shown(db, &endpoint, delivery.id).await;
    assert_eq!((found.attempts, found.status), (1, DeliveryStatus::Pending), "only the next one is written");
    assert_eq!(attempts, [attempt(1, Some(500))]);
    record(attempt(2, None), DeliveryStatus::Failed).await;
    record(attempt(3, Some(200)), DeliveryStatus::Success).await;
    let (found, attempts) = shown(db, &endpoint, delivery.id).await;
    assert_eq!((found.attempts, found.status), (2, DeliveryStatus::Failed), "what is done is done");
    assert_eq!(attempts, [attempt(1, Some(500)), attempt(2, None)]);
}

async fn deliveries_are_listed_newest_first(db: &Db) {
    let (endpoint, other) = (inserted(db).await, inserted(db).await);
    let mut deliveries = Vec::new();
    for position in 1..4 {
        let [delivery] = waiting(db, &endpoint, [position]).await;
        deliveries.insert(0, delivery);
    }
    waiting(db, &other, [1]).await;
    let to = endpoint.clone();
    db.lists(
        &deliveries,
        |delivery| delivery.id,
        move |tx, page| tx.deliveries_to(&to, &DeliveryFilter::default(), page),
    )
    .await;
    let done = tried(&deliveries[1], attempt(1, Some(200)), DeliveryStatus::Success, None);
    db.write(move |tx| tx.record_attempts(std::slice::from_ref(&done))).await;
    for (status, kind, count) in [
        (Some(DeliveryStatus::Success), None, 1),
        (Some(DeliveryStatus::Pending), Some("team.created"), 2),
        (None, Some("team.updated"), 0),
    ] {
        let filter = DeliveryFilter { status, kind: kind.map(str::to_owned) };
        let (to, page) = (endpoint.clone(), kernel::Page::new(None, 0, 10).unwrap());
        assert_eq!(db.read(move |tx| tx.deliveries_to(&to, &filter, &page)).await.items.len(), count);
    }
}

async fn what_is_done_can_be_sent_anew(db: &Db) {
    let (endpoint, other) = (inserted(db).await, inserted(db).await);
    let [done, pending] = waiting(db, &endpoint, [1, 2]).await;
    let given_up = tried(&done, attempt(1, None), DeliveryStatus::Failed, None);
    db.write(move |tx| tx.record_attempts(std::slice::from_ref(&given_up))).await;
    let ids = [done.id, pending.id];
    assert_eq!(db.write(move |tx| tx.send_anew(&other, &ids, at(200))).await, 0, "another endpoint's");
    let to = endpoint.clone();
    assert_eq!(db.write(move |tx| tx.send_anew(&to, &ids, at(200))).await, 1);
    let (again, _) = shown(db, &endpoint, done.id).await;
    assert_eq!((again.status, again.due_at, again.finished_at), (DeliveryStatus::Pending, Some(at(200)), None));
    assert_eq!((again.attempts, again.forgiven), (1, 1));
}

async fn in_order_the_oldest_event_comes_first(db: &Db) {
    let endpoint = inserted(db).await;
    let [_, _, last] = waiting(db, &endpoint, [2, 1, 3]).await;
    let id = endpoint.id;
    let order = db.read(move |tx| tx.deliveries_in_order(id, 10)).await;
    assert_eq!(order.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), [1, 2, 3]);
    let first = tried(&order[0], attempt(1, None), DeliveryStatus::Pending, Some(at(900)));
    db.write(move |tx| tx.record_attempts(std::slice::from_ref(&first))).await;
    assert_eq!(db.read(move |tx| tx.next_due(id, true)).await, Some(at(900)), "all wait for it");
    assert_eq!(db.read(move |tx| tx.next_due(id, false)).await, Some(at(2)));
    assert_eq!(last.position, 3);
}

async fn an_endpoint_is_leased_to_one_at_a_time(db: &Db) {
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(inserted(db).await.id);
    }
    let (all, due) = (ids.iter().copied().collect::<Vec<_>>(), at(1));
    let twice = all.clone();
    db.write(move |tx| {
        tx.queue_endpoints(&twice, due)?;
        tx.queue_endpoints(&twice, at(500))
    })
    .await;
    let lease = |tx: &mut dyn Transaction| {
        let leased = tx.lease_endpoints(Lease { holder: Uuid::new_v4(), until: at(30) }, &anybody(), at(1), 3)?;
        linger();
        Ok(leased)
    };
    let leased: Vec<_> = db.at_once(vec![lease; 10]).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((leased.len(), leased.into_iter().collect::<BTreeSet<_>>()), (20, ids));
    assert!(
        db.write(move |tx| tx.lease_endpoints(Lease { holder: Uuid::nil(), until: at(60) }, &anybody(), at(29), 9))
            .await
            .is_empty()
    );
}

async fn a_lease_that_ended_is_somebody_elses(db: &Db) {
    let id = inserted(db).await.id;
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    let lease =
        |holder, now, until| db.write(move |tx| tx.lease_endpoints(Lease { holder, until }, &anybody(), now, 9));
    let renew = |holder, until| db.write(move |tx| tx.renew_leases(Lease { holder, until }, &[id]));
    let holds = |holder| db.write(move |tx| tx.holds_lease(holder, id));
    db.write(move |tx| tx.queue_endpoints(&[id], at(0))).await;
    assert_eq!(lease(one, at(0), at(30)).await, [id]);
    assert_eq!(renew(one, at(60)).await, [id]);
    assert!(lease(other, at(59), at(90)).await.is_empty() && holds(one).await);
    assert_eq!(lease(other, at(60), at(90)).await, [id]);
    assert!(renew(one, at(99)).await.is_empty() && !holds(one).await && holds(other).await);

    db.write(move |tx| tx.give_back(id, at(70), None)).await;
    assert!(lease(one, at(69), at(99)).await.is_empty());
    assert_eq!(lease(one, at(70), at(99)).await, [id]);
    db.write(|tx| tx.end_leases_of_the_dead()).await;
    assert_eq!(holds(one).await, db.is_postgres(), "on PostgreSQL many processes may be at work");
    db.write(move |tx| tx.leave_queue(id)).await;
    assert_eq!(db.number("SELECT count(*) FROM webhook_queues"), 0);
}

async fn the_pace_of_an_endpoint_outlasts_what_is_added(db: &Db) {
    let id = inserted(db).await.id;
    let lease =
        |now| db.write(move |tx| tx.lease_endpoints(Lease { holder: Uuid::nil(), until: at(0) }, &anybody(), now, 9));
    db.write(move |tx| {
        tx.queue_endpoints(&[id], at(0))?;
        tx.give_back(id, at(900), Some(at(50)))?;
        tx.queue_endpoints(&[id], at(10))
    })
    .await;
    assert!(lease(at(49)).await.is_empty());
    assert_eq!(lease(at(50)).await, [id]);
}

async fn health_is_noted_and_an_endpoint_switched_off_once(db: &Db) {
    let endpoint = inserted(db).await;
    let id = endpoint.id;
    let found = || db.read(move |tx| tx.endpoint(id));
    let off = |why| db.write(move |tx| tx.switch_off(id, why, at(9)));
    let failing = |since| off(SwitchOff::FailingSince(at(since)));
    assert!(!failing(5).await, "nothing fails there");
    db.write(move |tx| {
        tx.note_failing(&[id], at(5))?;
        tx.note_failing(&[id], at(6))
    })
    .await;
    assert_eq!(found().await.unwrap().failing_since, Some(at(5)));
    assert!(!failing(4).await, "not for long enough");
    db.write(move |tx| tx.note_working(&[id])).await;
    assert_eq!(found().await.unwrap().failing_since, None);
    db.write(move |tx| tx.note_failing(&[id], at(7))).await;
    assert!(failing(7).await);
    let found = found().await.unwrap();
    assert_eq!((found.active, found.disabled_at), (false, Some(at(9))));
    assert!(!failing(7).await && !off(SwitchOff::GoneAsOf(at(0))).await, "it is off");
}

async fn who_was_asked_at_another_address_is_not_gone(db: &Db) {
    let endpoint = inserted(db).await;
    let (id, here) = (endpoint.id, Unchecked(endpoint.organization));
    let moved = Endpoint { updated_at: at(5), ..endpoint };
    db.write(move |tx| tx.update_endpoint(&here, &moved)).await;
    let gone = |as_of| db.write(move |tx| tx.switch_off(id, SwitchOff::GoneAsOf(at(as_of)), at(9)));
    assert!(!gone(4).await && gone(5).await);
}

async fn some_can_be_passed_over_or_be_the_only_ones(db: &Db) {
    let [one, other] = [inserted(db).await.id, inserted(db).await.id];
    db.write(move |tx| tx.queue_endpoints(&[one, other], at(0))).await;
    let lease = |among: Among| {
        let lease = Lease { holder: Uuid::nil(), until: at(0) };
        db.write(move |tx| tx.lease_endpoints(lease, &among, at(1), 9))
    };
    assert!(lease(Among::AllBut(vec![one, other])).await.is_empty());
    assert!(lease(Among::These(Vec::new())).await.is_empty());
    assert_eq!(lease(Among::AllBut(vec![one])).await, [other]);
    assert_eq!(lease(Among::These(vec![one])).await, [one]);
    let holder = Uuid::nil();
    let renewed = db.write(move |tx| tx.renew_leases(Lease { holder, until: at(50) }, &[other])).await;
    assert_eq!(renewed, [other]);
    assert_eq!(lease(Among::AllBut(Vec::new())).await, [one], "what nobody names is not prolonged");
}

async fn what_is_done_is_found_from_the_oldest_on(db: &Db) {
    let endpoint = inserted(db).await;
    let [old, young, failed, _pending] = waiting(db, &endpoint, [1, 2, 3, 4]).await;
    let done = [
        tried(&old, attempt(1, Some(200)), DeliveryStatus::Success, None),
        tried(&young, attempt(1, Some(200)), DeliveryStatus::Success, None),
        tried(&failed, attempt(1, None), DeliveryStatus::Failed, None),
    ];
    db.write(move |tx| tx.record_attempts(&done)).await;
    let found = async |status, from: Option<i64>, to: Option<i64>, after, limit| {
        let (endpoint, which) = (endpoint.clone(), Done { status, from: from.map(at), to: to.map(at) });
        let found = db.read(move |tx| tx.done_deliveries(&endpoint, &which, after, limit)).await;
        found.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None, None, None, 9).await, [old.id, young.id, failed.id]);
    assert_eq!(found(None, None, None, Some(old.id), 1).await, [young.id]);
    assert_eq!(found(Some(DeliveryStatus::Success), None, None, None, 9).await, [old.id, young.id]);
    assert_eq!(found(Some(DeliveryStatus::Failed), None, None, None, 9).await, [failed.id]);
    assert_eq!(found(None, Some(2), None, None, 9).await, [young.id, failed.id]);
    assert_eq!(found(None, None, Some(2), None, 9).await, [old.id]);
    assert!(found(None, Some(2), Some(2), None, 9).await.is_empty());
}

async fn old_deliveries_are_swept(db: &Db) {
    let endpoint = inserted(db).await;
    let [old, young, pending] = waiting(db, &endpoint, [1, 2, 3]).await;
    let mut done = [
        tried(&old, attempt(1, None), DeliveryStatus::Failed, None),
        tried(&young, attempt(1, Some(200)), DeliveryStatus::Success, None),
    ];
    done[1].attempt.at = at(500);
    db.write(move |tx| tx.record_attempts(&done)).await;
    assert_eq!(db.write(|tx| tx.sweep_deliveries(at(500))).await, 1);
    assert_eq!(db.write(|tx| tx.sweep_deliveries(at(500))).await, 0);
    let left = db.read(move |tx| tx.delivery(&endpoint, old.id)).await;
    assert_eq!((left, db.number("SELECT count(*) FROM webhook_deliveries")), (None, 2));
    assert_ne!(young.id, pending.id);
}

async fn what_waits_too_long_for_who_is_not_active_is_swept(db: &Db) {
    let [active, paused] = [inserted(db).await, inserted(db).await];
    waiting(db, &active, [1]).await;
    waiting(db, &paused, [1, 2]).await;
    let sweep = |before| db.write(move |tx| tx.sweep_waiting(at(before)));
    assert_eq!(sweep(3).await, 0, "who is active is tried");
    let here = Unchecked(paused.organization);
    let inactive = Endpoint { active: false, ..paused.clone() };
    db.write(move |tx| tx.update_endpoint(&here, &inactive)).await;
    assert_eq!((sweep(1).await, sweep(2).await, sweep(2).await), (0, 1, 0));
    // However much it is, and whatever was asked for once more in front of it.
    let kind = || EventKind::TeamCreated.as_str().to_owned();
    let many = (10..1110).map(|position| Delivery::new(paused.id, EventId::generate(), kind(), position, at(4)));
    let many = many.collect::<Vec<_>>();
    db.write(move |tx| tx.insert_deliveries(&many)).await;
    execute(&db.url, "UPDATE webhook_deliveries SET forgiven = 1 WHERE position BETWEEN 10 AND 109");
    assert_eq!([sweep(5).await, sweep(5).await, sweep(5).await, sweep(5).await], [500, 500, 1, 0]);
}

async fn deliveries_are_cleared_some_at_a_time(db: &Db) {
    let [here, elsewhere] = [inserted(db).await, inserted(db).await];
    let kind = || EventKind::TeamCreated.as_str().to_owned();
    let many = (0..501).map(|position| Delivery::new(here.id, EventId::generate(), kind(), position, at(0)));
    let many = many.collect::<Vec<_>>();
    db.write(move |tx| tx.insert_deliveries(&many)).await;
    waiting(db, &elsewhere, [1]).await;
    let clear = || db.write(move |tx| tx.clear_deliveries(here.id));
    assert_eq!((clear().await, clear().await), (true, false));
    assert_eq!(db.number("SELECT count(*) FROM webhook_deliveries"), 1);
}

async fn the_cursor_of_the_fan_out_moves(db: &Db) {
    let cursor = || db.write(|tx| tx.fanned_out());
    assert_eq!(cursor().await, Some(0));
    db.write(|tx| tx.set_fanned_out(7)).await;
    db.write(|tx| tx.set_fanned_out(9)).await;
    assert_eq!(cursor().await, Some(9));
    if db.is_postgres() {
        let hold = |tx: &mut dyn Transaction| {
            let held = tx.fanned_out()?;
            linger();
            Ok(held)
        };
        let outcomes = db.at_once(vec![hold; 4]).await;
        assert!(outcomes.into_iter().any(|held| held.unwrap().is_none()), "one at a time");
    }
}

async fn organizations_and_apps_are_found_in_bulk(db: &Db) {
    let (app, alone) = (db.app().await, db.organization().await.id);
    let tenant = db.organization_in(Some(app.id)).await.id;
    assert_eq!(db.read(move |tx| tx.apps_with(&[tenant, alone])).await, [(tenant, app.id)]);
    assert_eq!(db.read(move |tx| tx.owners_of(&[app.id])).await, [(app.id, app.owner, None)]);
    let (ids, within) = ([tenant, alone], Unchecked(tenant));
    let closed = || db.read(move |tx| tx.closed_since(&ids));
    assert!(closed().await.is_empty());
    let found = db.read(move |tx| tx.organization(tenant)).await.unwrap();
    let doomed = Organization { delete_at: Some(at(900)), updated_at: at(7), ..found };
    let archived = Organization { archived_at: Some(at(8)), updated_at: at(9), ..doomed.clone() };
    db.write(move |tx| tx.update_organization(&within, &doomed)).await;
    assert_eq!(closed().await, [(tenant, at(7))]);
    db.write(move |tx| tx.update_organization(&within, &archived)).await;
    assert_eq!(closed().await, [(tenant, at(8))]);
    assert!(db.read(|tx| tx.entries_by_id(&[EventId::generate()])).await.is_empty());
}
