//! The chain of the audit log: whoever changes the record is found out.

use std::time::Duration;

use futures_util::future::join_all;
use platform::{KnownEnd, Verification, Why};
use serde_json::json;

use crate::support::{Answer, Company, World};

on_both!(
    entries_get_positions_without_gaps_in_whatever_order_they_come,
    of_sequencers_at_once_one_is_at_work,
    a_record_that_nobody_touched_holds,
    an_entry_that_was_changed_is_named,
    an_entry_that_was_removed_is_missed,
    the_last_entry_is_missed_too,
    a_forged_entry_does_not_fit,
    an_end_that_was_written_down_elsewhere_tells_of_a_record_that_was_replaced,
    what_was_pruned_is_not_missed,
    pruning_by_hand_is_found_out,
    the_chain_outlives_a_rotation_of_its_key,
    a_note_that_was_set_back_is_found_and_hurts_nothing,
    an_entry_that_is_left_out_is_named,
    who_is_erased_by_hand_is_missed,
    an_erasure_that_no_deletion_ordered_is_found,
);

async fn verified(world: &World) -> Verification {
    world.platform.verify_audit_log(Vec::new()).await.unwrap()
}

/// A company where some things happened, all of them in their chains.
async fn story(world: &World) -> Company {
    let company = Company::new(world).await;
    for number in 0..6 {
        let team = json!({ "name": format!("Team {number}") });
        world.post(&company.path("teams"), &team).by(&company.owner).send().await.ok();
    }
    while world.platform.sequence().await.unwrap() > 0 {}
    company
}

/// The id of the entry that tells of a team, as SQL.
fn made(number: usize) -> String {
    format!("SELECT id FROM events WHERE kind = 'team.created' AND payload LIKE '%\"Team {number}\"%'")
}

async fn entries_get_positions_without_gaps_in_whatever_order_they_come(world: &World) {
    let company = Company::new(world).await;
    let tries = (0..60).map(|number| {
        let team = json!({ "name": format!("Team {number}") });
        world.post(&company.path("teams"), &team).by(&company.owner).send()
    });
    let rounds = (0..20).map(|_| world.platform.sequence());
    let (answers, rounds) = futures_util::future::join(join_all(tries), join_all(rounds)).await;
    assert!(answers.iter().all(Answer::is_success) && rounds.iter().all(Result::is_ok));
    while world.platform.sequence().await.unwrap() > 0 {}
    let (count, last) = (world.number("SELECT count(*) FROM events"), world.number("SELECT max(position) FROM events"));
    assert_eq!((count, world.number("SELECT min(position) FROM events")), (last, 1));
    assert_eq!(verified(world).await.broken, []);
}

async fn of_sequencers_at_once_one_is_at_work(world: &World) {
    story(world).await;
    let second = world.restarted().await;
    let names: Vec<_> = (0..100).map(|number| format!("person-{number}")).collect();
    let tries = names.iter().map(|name| world.sign_up(None, name));
    let here = (0..20).map(|_| world.platform.sequence());
    let there = (0..20).map(|_| second.platform.sequence());
    futures_util::future::join3(join_all(tries), join_all(here), join_all(there)).await;
    while world.platform.sequence().await.unwrap() > 0 {}
    assert_eq!(world.number("SELECT count(*) FROM events"), world.number("SELECT max(position) FROM events"));
    assert_eq!(verified(world).await.broken, []);
}

async fn a_record_that_nobody_touched_holds(world: &World) {
    assert_eq!(verified(world).await, Verification::default());
    story(world).await;
    let found = verified(world).await;
    assert_eq!(found.broken, []);
    assert_eq!(found.entries, world.number("SELECT count(*) FROM events"));
    // What has no position yet is in no chain, and breaks none.
    world.sign_up(None, "latest").await;
    assert_eq!(verified(world).await, found);
}

async fn an_entry_that_was_changed_is_named(world: &World) {
    let company = story(world).await;
    // From the last to the first: the first one that does not fit is the one that is named.
    let changes = ["via = NULL", "actor_id = id", "request_id = NULL", "resource_id = 'x'", "kind = 'team.archived'"];
    for (number, change) in (1..6).rev().zip(changes) {
        let id = world.number(&format!("SELECT position FROM events WHERE id = ({})", made(number)));
        assert_eq!(world.tamper(&format!("UPDATE events SET {change} WHERE id = ({})", made(number))), 1);
        let found = verified(world).await;
        assert_eq!(found.broken.len(), 1, "{change}: {found:?}");
        assert_eq!((found.broken[0].chain, found.broken[0].position), (company.id.0, id), "{change}");
        assert!(found.broken[0].entry.is_some(), "{change}");
    }
}

async fn an_entry_that_was_removed_is_missed(world: &World) {
    let company = story(world).await;
    assert_eq!(world.tamper(&format!("DELETE FROM events WHERE id = ({})", made(2))), 1);
    let found = verified(world).await;
    assert!(found.broken.iter().any(|broken| broken.chain == company.id.0 && broken.entry.is_some()), "{found:?}");
    assert!(found.broken.iter().any(|broken| broken.why == Why::Gap), "{found:?}");
}

async fn the_last_entry_is_missed_too(world: &World) {
    let company = story(world).await;
    assert_eq!(world.tamper(&format!("DELETE FROM events WHERE id = ({})", made(5))), 1);
    let found = verified(world).await;
    assert_eq!((found.broken[0].chain, found.broken[0].entry), (company.id.0, None), "{found:?}");
    assert_eq!(found.broken[1..].iter().map(|broken| broken.why).collect::<Vec<_>>(), [Why::NotedPosition]);
    // Who takes its end away as well leaves a chain without one.
    world.tamper("DELETE FROM audit_chains");
    assert!(!verified(world).await.broken.is_empty());
}

async fn a_forged_entry_does_not_fit(world: &World) {
    story(world).await;
    // With the link of the last one, at the next position.
    let columns = "kind, app_id, organization_id, actor_id, created_at, via, via_id, resource_type, resource_id, \
                   subject_id, request_id, personal, salt, digest, link";
    let id = if world.kind == testbed::Kind::Postgres {
        "'00000000-0000-7000-8000-000000000001'"
    } else {
        "x'00000000000070008000000000000001'"
    };
    // Behind the last one, and before the first.
    for position in ["position + 1", "-1"] {
        let forge = format!(
            "INSERT INTO events (id, position, payload, {columns}) SELECT {id}, {position}, payload, {columns} \
             FROM events WHERE position = (SELECT max(position) FROM events)"
        );
        assert_eq!(world.tamper(&forge), 1);
        let found = verified(world).await;
        assert!(found.broken.iter().any(|broken| broken.entry.is_some()), "{position}: {found:?}");
        world.tamper(&format!("DELETE FROM events WHERE id = {id}"));
        assert_eq!(verified(world).await.broken, []);
    }
}

async fn an_end_that_was_written_down_elsewhere_tells_of_a_record_that_was_replaced(world: &World) {
    let company = story(world).await;
    let end = world.read(move |tx| Ok(tx.chain(company.id.0)?.expect("a chain").head)).await;
    let known = KnownEnd { chain: company.id.0, position: end.position, link: end.link };
    assert_eq!(world.platform.verify_audit_log(vec![known]).await.unwrap().broken, []);
    // A backup from before: everything fits, and the last entry is not there.
    let other = KnownEnd { position: end.position + 1, ..known };
    let found = world.platform.verify_audit_log(vec![other]).await.unwrap();
    assert_eq!(found.broken.iter().map(|broken| broken.why).collect::<Vec<_>>(), [Why::OtherEnd]);
}

async fn what_was_pruned_is_not_missed(world: &World) {
    let company = story(world).await;
    let entries = verified(world).await.entries;
    assert_eq!(world.platform.prune().await.unwrap(), 0, "for ever, unless somebody says otherwise");
    let retention = Duration::from_hours(24 * 30);
    let pruning = world.restarted_with(|plan| plan.settings.audit_retention = Some(retention)).await;
    assert_eq!(pruning.platform.prune().await.unwrap(), 0, "nothing is old enough");
    world.advance(retention + Duration::from_secs(1));
    let owner = pruning.sign_in(Some(&company.app), "owner").await;
    pruning.post(&company.path("teams"), &json!({ "name": "Late" })).by(&owner).send().await.ok();
    while pruning.platform.sequence().await.unwrap() > 0 {}
    while pruning.platform.fan_out().await.unwrap() > 0 {}
    let mut gone = 0;
    loop {
        match pruning.platform.prune().await.unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    assert_eq!(i64::try_from(gone).unwrap(), entries);
    let found = verified(world).await;
    assert_eq!(found.broken, []);
    assert!(found.entries > 0 && found.entries < entries, "{found:?}");
    // It goes on from there.
    pruning.post(&company.path("teams"), &json!({ "name": "Later" })).by(&owner).send().await.ok();
    while pruning.platform.sequence().await.unwrap() > 0 {}
    assert_eq!(verified(world).await.broken, []);
}

async fn pruning_by_hand_is_found_out(world: &World) {
    let company = story(world).await;
    let cut = world.number("SELECT max(position) FROM events") - 3;
    // Whoever knows how pruning works notes where the chain begins, as well as they can without the key.
    let place = format!("(SELECT link FROM events WHERE position = {cut})");
    world.tamper(&format!(
        "UPDATE audit_chains SET pruned_position = {cut}, pruned_count = count - 3, pruned_link = {place}, \
         pruned_seal = {place}"
    ));
    world.tamper(&format!("DELETE FROM events WHERE position <= {cut}"));
    let found = verified(world).await;
    assert!(found.broken.iter().any(|broken| broken.chain == company.id.0), "{found:?}");
}

async fn the_chain_outlives_a_rotation_of_its_key(world: &World) {
    let company = story(world).await;
    let rotated = world.restarted_with(|plan| {
        plan.secrets.signing_previous = Some(plan.secrets.signing.clone());
        plan.secrets.signing = "another 0123456789abcdef0123456789abcdef".into();
    });
    let rotated = rotated.await;
    let owner = rotated.sign_in(Some(&company.app), "owner").await;
    rotated.post(&company.path("teams"), &json!({ "name": "New key" })).by(&owner).send().await.ok();
    while rotated.platform.sequence().await.unwrap() > 0 {}
    assert_eq!(rotated.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
    // With neither key nobody can tell.
    let found = verified(world).await;
    assert!(!found.broken.is_empty());
}

async fn a_note_that_was_set_back_is_found_and_hurts_nothing(world: &World) {
    let company = story(world).await;
    for change in ["UPDATE ledger_positions SET position = 0", "DELETE FROM ledger_positions"]
        .map(|change| change.to_owned() + " WHERE name = 'sequencer'")
    {
        assert_eq!(world.tamper(&change), 1);
        let found = verified(world).await;
        assert_eq!(found.broken.iter().map(|broken| broken.why).collect::<Vec<_>>(), [Why::NotedPosition], "{change}");
        company.team(world, &change).await;
        while world.platform.sequence().await.unwrap() > 0 {}
        assert_eq!(verified(world).await.broken, [], "{change}");
    }
}

async fn an_entry_that_is_left_out_is_named(world: &World) {
    let company = story(world).await;
    // Two in one chain: the first is named.
    company.team(world, "Left").await;
    company.team(world, "Left, too").await;
    assert_eq!(world.number("SELECT count(*) FROM events WHERE position IS NULL"), 2);
    world.advance(Duration::from_mins(1));
    assert_eq!(verified(world).await.broken, []);
    world.advance(Duration::from_mins(2));
    let found = verified(world).await;
    let first = world.read(|tx| Ok(tx.waiting(None)?[0].id)).await;
    let [left] = &found.broken[..] else { panic!("{found:?}") };
    assert_eq!((left.why, left.chain, left.entry), (Why::Left, company.id.0, Some(first)));
    while world.platform.sequence().await.unwrap() > 0 {}
    assert_eq!(verified(world).await.broken, []);
}

async fn who_is_erased_by_hand_is_missed(world: &World) {
    story(world).await;
    let entry = "kind = 'auth.signup' AND personal LIKE '%\"owner@example.com\"%'";
    let position = world.number(&format!("SELECT position FROM events WHERE {entry}"));
    // Without its salt nobody can tell whether it was changed.
    for erased in ["salt = NULL", "personal = NULL"] {
        assert_eq!(world.tamper(&format!("UPDATE events SET {erased} WHERE {entry}")), 1);
        let found = verified(world).await;
        let [broken] = &found.broken[..] else { panic!("{erased}: {found:?}") };
        assert_eq!((broken.why, broken.position), (Why::Erased, position), "{erased}");
        assert!(broken.entry.is_some());
    }
}

async fn an_erasure_that_no_deletion_ordered_is_found(world: &World) {
    story(world).await;
    let order = "INSERT INTO erasures (id, app_id, principal_id, created_at) \
                 SELECT id, app_id, actor_id, created_at FROM events WHERE kind = 'team.created' LIMIT 1";
    assert_eq!(world.tamper(order), 1);
    while world.platform.erase_persons().await.unwrap() > 0 {}
    let found = verified(world).await;
    assert!(!found.broken.is_empty() && found.broken.iter().all(|broken| broken.why == Why::Erased), "{found:?}");
}
