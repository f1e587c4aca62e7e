//! What counts is how an endpoint is now, not how it was when its deliveries were loaded.

use std::time::Duration;

use kernel::{
    Event, EventKind,
    id::{EventId, WebhookId},
};
use serde_json::{Value, json};
use testbed::sink::{Reply, Sink};
use webhooks::Delivery;

use crate::{
    deliveries::signed_by,
    support::{Company, World, at_least, exactly, teams},
};

on_both!(
    who_is_paused_gets_what_was_under_way_and_no_more,
    attack_47_a_secret_that_was_replaced_signs_nothing_more,
    who_moves_gets_the_rest_at_the_new_address,
    what_waits_behind_a_failure_goes_out_when_order_matters_no_more,
    many_are_sent_anew_in_order,
    what_says_nothing_any_more_is_no_fault_of_the_endpoint,
    attack_29_an_archived_organization_is_told_of_that_and_of_nothing_later,
    an_endpoint_with_very_much_on_its_way_can_be_deleted,
    what_nobody_was_told_of_is_not_pruned,
);

/// Takes its time, so that much is loaded and little under way.
fn slow() -> Sink {
    Sink::new(|_| Reply::After(Duration::from_millis(300), Box::new(Reply::ok())))
}

fn path(endpoint: &Value) -> String {
    format!("/v1/webhooks/{}", endpoint["id"].as_str().unwrap())
}

fn id(endpoint: &Value) -> WebhookId {
    endpoint["id"].as_str().unwrap().parse().unwrap()
}

/// Things that happen in the company, all at once.
async fn happens(world: &World, company: &Company, count: usize) {
    let (organization, now) = (Some(company.id), world.now());
    world
        .write(move |tx| {
            (0..count).try_for_each(|number| {
                let mut event = Event { organization, ..Event::example(EventKind::TeamCreated, now) };
                event.payload["name"] = number.to_string().into();
                tx.append(&event)
            })
        })
        .await;
}

async fn who_is_paused_gets_what_was_under_way_and_no_more(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, slow());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    happens(world, &company, 20).await;
    at_least(&sink, 2).await;
    world.post(&format!("{}/pause", path(&endpoint)), &json!({})).by(&company.owner).send().await.ok();
    let paused = sink.count();
    exactly(&sink, paused).await;
    world.post(&format!("{}/resume", path(&endpoint)), &json!({})).by(&company.owner).send().await.ok();
    at_least(&sink, 20).await;
}

async fn attack_47_a_secret_that_was_replaced_signs_nothing_more(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, slow());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    for rotation in [company.path("webhook-secret/rotate"), path(&endpoint) + "/rotate-secret"] {
        happens(world, &company, 8).await;
        at_least(&sink, 2).await;
        let answer = world.post(&rotation, &json!({})).by(&company.owner).send().await;
        let secret = answer.text("secret");
        // One was signed already, and may be on its way.
        let before = sink.count() + 1;
        for received in &at_least(&sink, 8).await[before..] {
            assert_eq!(received.header("x-fabric-signature"), Some(signed_by(&secret, received).as_str()));
            assert_eq!(received.header("x-fabric-signature-previous"), None);
        }
        let _ = sink.take();
    }
}

async fn who_moves_gets_the_rest_at_the_new_address(world: &World) {
    let world = &world.with_sinks().await;
    let (company, before, after) = (Company::new(world).await, slow(), Sink::content());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &before.url(), json!({ "ordered": true })).await;
    happens(world, &company, 20).await;
    at_least(&before, 2).await;
    world.patch(&path(&endpoint), &json!({ "url": after.url() })).by(&company.owner).send().await.ok();
    let moved = before.count();
    at_least(&after, 20 - moved).await;
    exactly(&before, moved).await;
}

async fn what_waits_behind_a_failure_goes_out_when_order_matters_no_more(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let sink = Sink::new(|received| {
        let first = received.body.contains(r#""name":"0""#);
        Reply::Status(if first { 500 } else { 200 }, String::new())
    });
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    happens(world, &company, 3).await;
    exactly(&sink, 1).await;
    world.patch(&path(&endpoint), &json!({ "ordered": false })).by(&company.owner).send().await.ok();
    exactly(&sink, 3).await;
}

async fn many_are_sent_anew_in_order(world: &World) {
    const MANY: usize = 450;
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    let workers = world.deliver();
    happens(world, &company, MANY).await;
    at_least(&sink, MANY).await;
    workers.stop().await;
    let first = teams(&sink.take());
    let _workers = world.deliver();
    let replay = world.post(&format!("{}/replay", path(&endpoint)), &json!({ "status": "success" }));
    assert_eq!(replay.by(&company.owner).send().await.ok()["replayed"], MANY);
    assert_eq!(teams(&at_least(&sink, MANY).await), first);
}

async fn what_says_nothing_any_more_is_no_fault_of_the_endpoint(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    let (id, now) = (id(&endpoint), world.now());
    let pruned = Delivery::new(id, EventId::generate(), EventKind::TeamCreated.as_str().to_owned(), 1, now);
    world
        .write(move |tx| {
            tx.insert_deliveries(std::slice::from_ref(&pruned))?;
            tx.queue_endpoints(&[id], now)
        })
        .await;
    let _workers = world.deliver();
    let delivery = world.tried(&company, &endpoint, 1).await;
    assert_eq!(delivery["error_message"], "the ledger does not keep this event any more");
    assert_eq!(delivery["status"], "failed");
    let shown = world.get(&path(&endpoint)).by(&company.owner).send().await;
    assert_eq!(shown.ok()["failing_since"], Value::Null);
    assert_eq!(sink.count(), 0);
}

async fn attack_29_an_archived_organization_is_told_of_that_and_of_nothing_later(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({ "events": [], "event_filter": [] })).await;
    at_least(&sink, 1).await;
    world.post(&company.path("archive"), &json!({})).by(&company.owner).send().await.ok();
    let told = at_least(&sink, 2).await;
    assert_eq!(told[1].header("x-fabric-event"), Some("organization.archived"));
    world.advance(Duration::from_secs(1));
    happens(world, &company, 1).await;
    exactly(&sink, 2).await;
    world.post(&company.path("restore"), &json!({})).by(&company.owner).send().await.ok();
    assert_eq!(at_least(&sink, 3).await[2].header("x-fabric-event"), Some("organization.restored"));
}

async fn an_endpoint_with_very_much_on_its_way_can_be_deleted(world: &World) {
    let company = Company::new(world).await;
    let endpoint = world.endpoint(&company, "https://example.com/", json!({})).await;
    let (id, now) = (id(&endpoint), world.now());
    let kind = || EventKind::TeamCreated.as_str().to_owned();
    let many: Vec<_> = (0..1_200).map(|at| Delivery::new(id, EventId::generate(), kind(), at, now)).collect();
    world.write(move |tx| tx.insert_deliveries(&many)).await;
    world.delete(&path(&endpoint)).by(&company.owner).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM webhook_deliveries"), 0);
    assert_eq!((world.number("SELECT count(*) FROM webhook_endpoints"), world.events("webhook.deleted")), (0, 1));
}

async fn what_nobody_was_told_of_is_not_pruned(world: &World) {
    let retention = Duration::from_hours(24);
    let world = &world.restarted_with(|plan| plan.settings.audit_retention = Some(retention)).await;
    Company::new(world).await;
    while world.platform.sequence().await.unwrap() > 0 {}
    world.advance(2 * retention);
    assert_eq!(world.platform.prune().await.unwrap(), 0);
    while world.platform.fan_out().await.unwrap() > 0 {}
    assert!(world.platform.prune().await.unwrap() > 0);
}
