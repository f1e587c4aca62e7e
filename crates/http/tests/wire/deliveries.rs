//! What arrives at endpoints, how it is signed, and what is told of it.

use std::time::Duration;

use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use outbound::{Client, Limits, Networks};
use serde_json::{Value, json};
use testbed::sink::{Received, Reply, Sink};

use crate::support::{Company, World, at_least, event, exactly, teams};

on_both!(
    an_event_arrives_signed_for_both_kinds_of_verifiers,
    an_endpoints_own_headers_are_sent_along,
    attack_47_both_secrets_count_until_the_old_one_is_dead,
    a_test_reaches_the_one_endpoint_once,
    what_is_answered_is_kept_up_to_a_point,
    attack_45_nothing_inside_is_reached,
    deliveries_are_listed_by_page_status_and_kind,
    what_was_delivered_long_ago_is_forgotten,
);

fn code(secret: &[u8], signed: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(secret).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.sign_oneshot_to_vec(signed).unwrap()
}

/// As our SDKs do it.
pub fn signed_by(secret: &str, received: &Received) -> String {
    let code = code(secret.as_bytes(), received.body.as_bytes());
    let hex = code.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("sha256={hex}")
}

/// As Standard Webhooks does it.
fn standard_by(secret: &str, received: &Received) -> String {
    let key = openssl::base64::decode_block(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let header = |name| received.header(name).unwrap();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), received.body);
    format!("v1,{}", openssl::base64::encode_block(&code(&key, signed.as_bytes())))
}

async fn an_event_arrives_signed_for_both_kinds_of_verifiers(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    let secret = endpoint["secret"].as_str().unwrap();
    let team = company.team(world, "Crew").await;
    let received = exactly(&sink, 1).await.remove(0);

    let delivery = world.tried(&company, &endpoint, 1).await;
    let header = |name| received.header(name).unwrap_or_default();
    assert_eq!(header("x-fabric-signature"), signed_by(secret, &received));
    assert_eq!(received.header("x-fabric-signature-previous"), None);
    assert_eq!(header("webhook-signature"), standard_by(secret, &received));
    assert_eq!(header("webhook-id"), delivery["id"]);
    assert_eq!(header("x-fabric-delivery"), delivery["id"]);
    assert_eq!(header("x-fabric-event"), "team.created");
    assert_eq!(header("content-type"), "application/json");
    assert!(header("user-agent").starts_with("Fabric/"));
    let age = world.now().unix_seconds() - header("webhook-timestamp").parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{age}");

    let event = event(&received);
    for (name, value) in [
        ("id", &delivery["event_id"]),
        ("kind", &json!("team.created")),
        ("organization_id", &json!(company.id)),
        ("app_id", &json!(company.app.id)),
        ("actor_id", &json!(company.owner.id)),
    ] {
        assert_eq!(&event[name], value, "{name}");
    }
    assert_eq!((&event["payload"]["team_id"], &event["payload"]["name"]), (&json!(team), &json!("Crew")));
    assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    for (name, value) in [
        ("webhook_id", &endpoint["id"]),
        ("event_kind", &json!("team.created")),
        ("status", &json!("success")),
        ("status_code", &json!(200)),
        ("error_message", &Value::Null),
        ("next_attempt_at", &Value::Null),
    ] {
        assert_eq!(&delivery[name], value, "{name}");
    }
    assert!(delivery["latency_ms"].is_number() && delivery["finished_at"].is_string());
}

async fn an_endpoints_own_headers_are_sent_along(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({ "headers": { "Authorization": "Bearer x", "X-Y": "z" } })).await;
    company.team(world, "Crew").await;
    let received = at_least(&sink, 1).await.remove(0);
    assert_eq!((received.header("authorization"), received.header("x-y")), (Some("Bearer x"), Some("z")));
}

async fn attack_47_both_secrets_count_until_the_old_one_is_dead(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    let old = endpoint["secret"].as_str().unwrap();
    let path = format!("/v1/webhooks/{}/rotate-secret", endpoint["id"].as_str().unwrap());
    let rotated = world.post(&path, &json!({ "overlap_seconds": 3600 })).by(&company.owner).send().await;
    let new = rotated.text("secret");
    assert_ne!(new, old);

    company.team(world, "Both").await;
    let received = exactly(&sink, 1).await.remove(0);
    assert_eq!(received.header("x-fabric-signature"), Some(signed_by(&new, &received).as_str()));
    assert_eq!(received.header("x-fabric-signature-previous"), Some(signed_by(old, &received).as_str()));
    let both = format!("{} {}", standard_by(&new, &received), standard_by(old, &received));
    assert_eq!(received.header("webhook-signature"), Some(both.as_str()));

    world.advance(Duration::from_hours(1));
    let _ = sink.take();
    company.team(world, "One").await;
    let received = exactly(&sink, 1).await.remove(0);
    assert_eq!(received.header("x-fabric-signature"), Some(signed_by(&new, &received).as_str()));
    assert_eq!(received.header("x-fabric-signature-previous"), None);
    assert_eq!(received.header("webhook-signature"), Some(standard_by(&new, &received).as_str()));
}

async fn a_test_reaches_the_one_endpoint_once(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (sink, other) = (Sink::new(|_| Reply::Status(500, "no".to_owned())), Sink::content());
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "max_retries": 5 })).await;
    world.endpoint(&company, &other.url(), json!({ "event_filter": [] })).await;
    let before = other.count();
    let path = format!("/v1/webhooks/{}/test", endpoint["id"].as_str().unwrap());
    let sent = world.post(&path, &json!({})).by(&company.owner).send().await;
    assert_eq!((sent.status, sent.ok()["event_kind"].clone()), (201, json!("webhook.test")));
    let delivery = world.tried(&company, &endpoint, 1).await;
    assert_eq!((&delivery["status"], &delivery["status_code"]), (&json!("failed"), &json!(500)));
    let received = exactly(&sink, 1).await.remove(0);
    assert_eq!(event(&received)["payload"]["webhook_id"], endpoint["id"]);
    let heard = other.received().split_off(before);
    assert!(heard.iter().all(|received| received.header("x-fabric-event") != Some("webhook.test")));
    world.post(&path.replace("/test", "/pause"), &json!({})).by(&company.owner).send().await.ok();
    world.post(&path, &json!({})).by(&company.owner).send().await.refused(409, "conflict");
}

async fn what_is_answered_is_kept_up_to_a_point(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let odd = format!("\0\u{e9}{}", "x".repeat(3000));
    let sink = Sink::new(move |_| Reply::Status(200, odd.clone()));
    let _workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    company.team(world, "Crew").await;
    let delivery = world.tried(&company, &endpoint, 1).await;
    let (webhook, id) = (endpoint["id"].as_str().unwrap(), delivery["id"].as_str().unwrap());
    let shown = world.get(&format!("/v1/webhooks/{webhook}/deliveries/{id}")).by(&company.owner).send().await;
    let attempts = shown.ok()["attempts"].as_array().unwrap();
    let answer = attempts[0]["answer"].as_str().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["attempt"]), (1, &json!(1)));
    assert!(answer.len() <= 2048 && answer.starts_with("\u{fffd}\u{e9}xxx"), "{answer}");
    assert!(shown.ok()["answer"].is_null() && shown.ok()["id"] == delivery["id"]);
}

async fn attack_45_nothing_inside_is_reached(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let limits = Limits { whole: Duration::from_secs(1), connect: Duration::from_secs(1) };
    let _workers = world.deliver_with(Client::new(Networks::default(), false, limits).unwrap());
    let port = sink.address.port();
    for (number, host) in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"].into_iter().enumerate() {
        let filter = json!({ "resource_filter": { "name": host } });
        let endpoint = world.endpoint(&company, &format!("https://{host}:{port}/"), filter).await;
        company.team(world, host).await;
        let delivery = world.tried(&company, &endpoint, 1).await;
        assert_eq!(delivery["error_message"], "this address is not on the public Internet", "{number}");
        assert_eq!((&delivery["status"], &delivery["status_code"]), (&json!("pending"), &Value::Null));
    }
    assert_eq!(sink.count(), 0);
}

async fn deliveries_are_listed_by_page_status_and_kind(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let sink = Sink::new(|received| {
        let bad = event(received)["payload"]["name"] == "Bad";
        Reply::Status(if bad { 410 } else { 200 }, String::new())
    });
    let _workers = world.deliver();
    let filter = json!({ "event_filter": ["team.created", "team.updated"] });
    let endpoint = world.endpoint(&company, &sink.url(), filter).await;
    let team = company.team(world, "One").await;
    world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Other" })).by(&company.owner).send().await.ok();
    at_least(&sink, 2).await;
    company.team(world, "Bad").await;
    assert_eq!(exactly(&sink, 3).await.len(), 3);

    let path = format!("/v1/webhooks/{}/deliveries", endpoint["id"].as_str().unwrap());
    let list = async |query: &str| {
        let answer = world.get(&format!("{path}?{query}")).by(&company.owner).send().await;
        let items = answer.ok().as_array().unwrap();
        items.iter().map(|item| item["event_kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ["team.created", "team.updated", "team.created"]);
    assert_eq!(list("limit=1&offset=1").await, ["team.updated"]);
    assert_eq!(list("event_kind=team.updated").await, ["team.updated"]);
    assert_eq!((list("status=failed").await.len(), list("status=success").await.len()), (1, 2));
    assert!(list("status=pending").await.is_empty());
    let first = world.get(&format!("{path}?limit=2")).by(&company.owner).raw().await;
    let first: Value = serde_json::from_str(&first.text).unwrap();
    let cursor = first["meta"]["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("limit=2&cursor={cursor}")).await, ["team.created"]);
    for bad in ["status=lost", "cursor=x", "limit=0", "event_kind=%00"] {
        let refused = world.get(&format!("{path}?{bad}")).by(&company.owner).send().await;
        assert_eq!(refused.status, 400, "{bad}");
    }
}

async fn what_was_delivered_long_ago_is_forgotten(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let workers = world.deliver();
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    company.team(world, "Crew").await;
    world.tried(&company, &endpoint, 1).await;
    workers.stop().await;
    world.platform.sweep().await.unwrap();
    assert_eq!(world.deliveries(&company, &endpoint).await.len(), 1);
    world.advance(Duration::from_hours(30 * 24 + 1));
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM webhook_deliveries"), 0);
    assert_eq!(teams(&sink.take()), ["Crew"]);
}
