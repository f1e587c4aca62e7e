//! What does not arrive is tried again, given up in the end, and sent anew where somebody asks for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use kernel::{Event, EventKind, id::WebhookId};
use platform::mailer::About;
use serde_json::{Value, json};
use testbed::sink::{Reply, Sink};

use crate::support::{Company, World, at_least, exactly, teams};

on_both!(
    what_fails_is_tried_again_until_it_is_given_up_and_can_be_sent_anew,
    an_endpoint_gets_the_time_that_it_asks_for,
    many_are_sent_anew_by_time_kind_and_outcome,
    an_endpoint_that_is_gone_is_switched_off,
    an_endpoint_that_fails_for_days_is_switched_off,
    how_often_it_is_tried_again_does_not_put_that_off,
    what_waits_for_a_paused_endpoint_goes_out_when_it_is_resumed,
);

/// A sink whose answer can be changed.
fn moody(status: u16) -> (Sink, Arc<AtomicU16>) {
    let mood = Arc::new(AtomicU16::new(status));
    let answer = Arc::clone(&mood);
    (Sink::new(move |_| Reply::Status(answer.load(Ordering::SeqCst), "said".to_owned())), mood)
}

async fn replay(world: &World, company: &Company, endpoint: &Value, which: Value) -> i64 {
    let path = format!("/v1/webhooks/{}/replay", endpoint["id"].as_str().unwrap());
    world.post(&path, &which).by(&company.owner).send().await.ok()["replayed"].as_i64().unwrap()
}

async fn shown(world: &World, company: &Company, endpoint: &Value) -> Value {
    let path = format!("/v1/webhooks/{}", endpoint["id"].as_str().unwrap());
    world.get(&path).by(&company.owner).send().await.ok().clone()
}

async fn what_fails_is_tried_again_until_it_is_given_up_and_can_be_sent_anew(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, mood) = moody(500);
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "max_retries": 1 })).await;
    company.team(world, "Crew").await;
    let first = world.tried(&company, &endpoint, 1).await;
    assert_eq!((&first["status"], &first["finished_at"]), (&json!("pending"), &Value::Null));
    let path =
        format!("/v1/webhooks/{}/deliveries/{}", endpoint["id"].as_str().unwrap(), first["id"].as_str().unwrap());
    let anew = || world.post(&format!("{path}/replay"), &json!({})).by(&company.owner).send();
    anew().await.refused(409, "conflict");

    world.advance(Duration::from_secs(9));
    assert_eq!(exactly(&sink, 1).await.len(), 1, "it is too early");
    world.advance(Duration::from_secs(4));
    let second = world.tried(&company, &endpoint, 2).await;
    assert_eq!((&second["status"], &second["next_attempt_at"]), (&json!("failed"), &Value::Null));
    assert!(shown(world, &company, &endpoint).await["failing_since"].is_string());

    mood.store(204, Ordering::SeqCst);
    assert_eq!(anew().await.ok()["status"], "pending");
    let third = world.tried(&company, &endpoint, 3).await;
    assert_eq!((&third["status"], &third["status_code"]), (&json!("success"), &json!(204)));
    assert!(shown(world, &company, &endpoint).await["failing_since"].is_null());
    let answer = world.get(&path).by(&company.owner).send().await;
    let attempts = answer.ok()["attempts"].as_array().unwrap();
    let codes: Vec<_> = attempts.iter().map(|attempt| (&attempt["attempt"], &attempt["status_code"])).collect();
    assert_eq!(codes, [(&json!(1), &json!(500)), (&json!(2), &json!(500)), (&json!(3), &json!(204))]);
    assert_eq!(attempts[0]["answer"], "said");
    let ids: Vec<_> = exactly(&sink, 3).await.iter().map(|got| got.header("webhook-id").unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| id == first["id"].as_str().unwrap()), "{ids:?}");
}

async fn an_endpoint_gets_the_time_that_it_asks_for(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let sink = Sink::new(|_| Reply::With(503, vec!["Retry-After: 600".to_owned()], String::new()));
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    company.team(world, "Crew").await;
    world.tried(&company, &endpoint, 1).await;
    world.advance(Duration::from_secs(590));
    exactly(&sink, 1).await;
    world.advance(Duration::from_secs(20));
    world.tried(&company, &endpoint, 2).await;
}

async fn many_are_sent_anew_by_time_kind_and_outcome(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, mood) = moody(500);
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "max_retries": 0 })).await;
    company.team(world, "One").await;
    company.team(world, "Two").await;
    at_least(&sink, 2).await;
    world.advance(Duration::from_hours(1));
    let later = world.now();
    company.team(world, "Three").await;
    exactly(&sink, 3).await;
    mood.store(200, Ordering::SeqCst);
    let _ = sink.take();
    assert_eq!(replay(world, &company, &endpoint, json!({ "status": "success" })).await, 0);
    assert_eq!(replay(world, &company, &endpoint, json!({ "events": ["auth.*"] })).await, 0);
    assert_eq!(replay(world, &company, &endpoint, json!({ "from": later })).await, 1);
    assert_eq!(teams(&exactly(&sink, 1).await), ["Three"]);
    assert_eq!(replay(world, &company, &endpoint, json!({ "to": later, "events": ["team.*"] })).await, 2);
    exactly(&sink, 3).await;
    assert_eq!(replay(world, &company, &endpoint, json!({})).await, 0, "nothing is left that was given up");
    assert_eq!(replay(world, &company, &endpoint, json!({ "status": "any" })).await, 3);
    exactly(&sink, 6).await;
}

async fn an_endpoint_that_is_gone_is_switched_off(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, _) = moody(410);
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    company.team(world, "Crew").await;
    let delivery = world.tried(&company, &endpoint, 1).await;
    assert_eq!(delivery["status"], "failed");
    let shown = shown(world, &company, &endpoint).await;
    assert_eq!(shown["active"], false);
    assert!(shown["disabled_at"].is_string());
    assert_eq!(world.events("webhook.disabled"), 1);
    company.team(world, "Later").await;
    exactly(&sink, 1).await;
}

async fn an_endpoint_that_fails_for_days_is_switched_off(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, mood) = moody(500);
    let _workers = world.deliver_and_mail();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "max_retries": 0 })).await;
    let id: WebhookId = endpoint["id"].as_str().unwrap().parse().unwrap();
    let verify = format!("/v1/admin/users/{}/verify", company.owner.id);
    world.post(&verify, &json!({})).bearer(&company.app.api_key).send().await.ok();
    world.mails().await;
    // Tokens do not last for so long: past them.
    let active = async || world.read(move |tx| Ok(tx.endpoint(id)?.unwrap().active)).await;
    let happens = async |count| {
        let event = Event { organization: Some(company.id), ..Event::example(EventKind::TeamCreated, world.now()) };
        world.write(move |tx| tx.append(&event)).await;
        exactly(&sink, count).await;
    };
    for (hours, status, count) in [(0, 500, 1), (71, 500, 2), (0, 200, 3), (71, 500, 4)] {
        world.advance(Duration::from_hours(hours));
        mood.store(status, Ordering::SeqCst);
        happens(count).await;
        assert!(active().await, "{count}");
    }
    world.advance(Duration::from_hours(72));
    happens(5).await;
    assert_eq!((active().await, world.events("webhook.disabled")), (false, 1));
    // Its organization's owner is told, once.
    let mut told = Vec::new();
    while told.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = world.mails().await;
        told.retain(|mail| matches!(mail.letter.about, About::WebhookDisabled { .. }));
    }
    assert_eq!(told.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [company.owner.email.as_str()]);
}

async fn how_often_it_is_tried_again_does_not_put_that_off(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, _) = moody(500);
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "max_retries": 20 })).await;
    let id: WebhookId = endpoint["id"].as_str().unwrap().parse().unwrap();
    let endpoint = async || world.read(move |tx| Ok(tx.endpoint(id)?.unwrap())).await;
    company.team(world, "Crew").await;
    exactly(&sink, 1).await;
    let since = endpoint().await.failing_since;
    assert!(since.is_some(), "since the first attempt");
    world.advance(Duration::from_hours(71));
    exactly(&sink, 2).await;
    assert_eq!((endpoint().await.failing_since, endpoint().await.active), (since, true));
    world.advance(Duration::from_hours(24));
    exactly(&sink, 3).await;
    assert_eq!((endpoint().await.active, world.events("webhook.disabled")), (false, 1));
}

async fn what_waits_for_a_paused_endpoint_goes_out_when_it_is_resumed(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    let path = format!("/v1/webhooks/{}", endpoint["id"].as_str().unwrap());
    world.post(&format!("{path}/pause"), &json!({})).by(&company.owner).send().await.ok();
    company.team(world, "One").await;
    company.team(world, "Two").await;
    exactly(&sink, 0).await;
    assert_eq!(world.deliveries(&company, &endpoint).await.len(), 2);
    assert_eq!(world.number("SELECT count(*) FROM webhook_queues"), 0, "nobody looks after what is paused");
    world.post(&format!("{path}/resume"), &json!({})).by(&company.owner).send().await.ok();
    let mut names = teams(&exactly(&sink, 2).await);
    names.sort_unstable();
    assert_eq!(names, ["One", "Two"]);
}
