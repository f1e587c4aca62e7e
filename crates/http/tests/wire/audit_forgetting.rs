//! Forgetting: who somebody was is erased from the audit log, and what happened stays.

use std::time::Duration;

use kernel::Role;
use serde_json::json;

use crate::support::{Company, Person, World};

on_both!(
    who_is_deleted_is_forgotten,
    a_refusal_that_is_noted_late_tells_nothing_of_who_is_deleted,
    a_name_that_was_made_after_an_address_is_in_no_entry,
    who_changed_an_app_is_forgotten_with_their_account_of_the_platform,
);

async fn who_is_deleted_is_forgotten(world: &World) {
    let company = Company::new(world).await;
    let gone = world.sign_up(Some(&company.app), "gone").await;
    world.enroll(company.id, &gone, Role::Admin).await;
    let call = world.post(&company.path("teams"), &json!({ "name": "A" })).by(&gone);
    call.header("user-agent", "Mine/1").from("203.0.113.9:1").send().await.ok();
    world.platform.sequence().await.unwrap();
    let path = format!("/v1/admin/users/{}", gone.id);
    world.delete(&path).bearer(&company.app.api_key).send().await.ok();
    let traces =
        "SELECT count(*) FROM events WHERE personal LIKE '%gone@example.com%' OR personal LIKE '%203.0.113.9%'";
    assert!(world.number(traces) > 0);
    while world.platform.erase_persons().await.unwrap() > 0 {}
    assert_eq!(world.number(traces), 0);
    // Others are not, and what happened stays.
    assert!(world.number("SELECT count(*) FROM events WHERE personal LIKE '%owner@example.com%'") > 0);
    let entry = &company.log(world, "?action=team.created").await[0];
    assert_eq!((&entry["actor_principal_id"], &entry["ip"]), (&json!(gone.id), &json!(null)));
    // Whether the deletion has its own place yet or not.
    assert_eq!(world.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
    world.platform.sequence().await.unwrap();
    assert_eq!(world.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
}

async fn a_refusal_that_is_noted_late_tells_nothing_of_who_is_deleted(world: &World) {
    let company = Company::new(world).await;
    let other = world.set_up("other").await;
    // Who has an account elsewhere is the same principal when they come back.
    world.sign_up(Some(&other), "returns").await;
    let gone = world.sign_up(Some(&company.app), "gone").await;
    let returns = world.sign_up(Some(&company.app), "returns").await;
    for person in [&gone, &returns] {
        world.enroll(company.id, person, Role::Member).await;
    }
    for person in [&gone, &returns, &company.member] {
        let call = world.post(&company.path("teams"), &json!({ "name": "A" })).by(person);
        call.header("user-agent", "Mine/1").send().await.refused(403, "forbidden");
    }
    for person in [&gone, &returns] {
        world.delete(&format!("/v1/admin/users/{}", person.id)).bearer(&company.app.api_key).send().await.ok();
    }
    while world.platform.erase_persons().await.unwrap() > 0 {}
    assert_eq!(world.sign_up(Some(&company.app), "returns").await.id, returns.id);
    assert_eq!(world.platform.note_refusals().await.unwrap(), 3);
    let refused = company.log(world, "?outcome=denied").await;
    let by = |person: &Person| refused.iter().find(|entry| entry["actor_principal_id"] == json!(person.id)).unwrap();
    assert_eq!(by(&company.member)["user_agent"], "Mine/1");
    for person in [&gone, &returns] {
        assert!(by(person)["user_agent"].is_null(), "{refused:?}");
        assert!(by(person)["credential_id"].is_string() && by(person)["request_id"].is_string(), "{refused:?}");
    }
    while world.platform.sequence().await.unwrap() > 0 {}
    assert_eq!(world.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
}

/// It could not be erased from there.
async fn a_name_that_was_made_after_an_address_is_in_no_entry(world: &World) {
    let app = world.app("acme").await;
    let gone = world.sign_up(Some(&app), "zebulon").await;
    let path = format!("/v1/organizations/{}", world.home_of(&gone).await);
    let shown = world.get(&path).by(&gone).send().await;
    assert_eq!(shown.ok()["name"], "zebulon's organization");
    world.patch(&path, &json!({ "slug": "zoo" })).by(&gone).send().await.ok();
    world.call("POST", &format!("{path}/request-deletion")).by(&gone).send().await.ok();
    world.advance(Duration::from_hours(24 * 8));
    assert_eq!(world.platform.delete_due_organization().await.unwrap(), 1);
    for kind in ["organization.created", "organization.updated", "organization.deleted"] {
        assert!(world.events(kind) > 0, "{kind}");
    }
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%zebulon%'"), 0);
    // What was called so by hand and is nobody's is told.
    assert!(world.number("SELECT count(*) FROM events WHERE kind LIKE 'organization.%' AND payload LIKE '%acme%'") > 0);
}

/// And not with one that they have in the app.
async fn who_changed_an_app_is_forgotten_with_their_account_of_the_platform(world: &World) {
    let app = world.app("acme").await;
    let twin = world.sign_up(Some(&app), "acme-owner").await;
    assert_eq!(twin.id, app.owner.id);
    let traces = "SELECT count(*) FROM events WHERE kind = 'app.updated' AND personal LIKE '%Mine/1%'";
    let path = format!("/v1/apps/{}", app.id);
    let call = world.patch(&path, &json!({ "name": "Again" })).by(&app.owner);
    call.header("user-agent", "Mine/1").send().await.ok();
    let principal = app.owner.id;
    for (place, left) in [(Some(app.id), 1), (None, 0)] {
        let now = world.now();
        world.write(move |tx| tx.order_erasure(place, principal, now)).await;
        while world.platform.erase_persons().await.unwrap() > 0 {}
        assert_eq!(world.number(traces), left, "{place:?}");
    }
}
