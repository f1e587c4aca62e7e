//! How the server is, and what it says of itself.

use serde_json::{Value, json};

use crate::support::World;

on_both!(
    the_server_says_how_it_is,
    the_document_lists_every_route,
    metrics_are_for_who_has_the_token_or_in_development_for_this_machine,
    a_server_that_lost_its_key_does_not_start,
    shared_or_weak_secrets_stop_the_start,
);

async fn the_server_says_how_it_is(world: &World) {
    for path in ["/healthz", "/health", "/v1/health"] {
        assert_eq!(*world.get(path).send().await.ok(), json!({ "status": "ok" }));
    }
    let database = if world.kind == testbed::Kind::Sqlite { "sqlite" } else { "postgresql" };
    let ready = world.get("/readyz").send().await;
    assert_eq!(*ready.ok(), json!({ "status": "ready", "database": database, "migrated": true }));
    let status = world.get("/v1/system/status").send().await;
    assert_eq!(*status.ok(), json!({ "status": "ok", "live": true, "ready": true }));
    let info = world.get("/v1/system/info").send().await;
    assert_eq!((info.text("name").as_str(), info.text("environment").as_str()), ("fabric", "production"));
    assert_eq!(info.text("version"), info.body["meta"]["version"]);
}

async fn the_document_lists_every_route(world: &World) {
    let raw = world.get("/openapi.json").raw().await;
    assert_eq!((raw.status, raw.header("content-type")), (200, Some("application/json")));
    assert!(raw.header("x-request-id").is_some());
    let document: Value = serde_json::from_str(&raw.text).unwrap();
    for entry in fabric_http::routes::table() {
        let operation = &document["paths"][entry.path][entry.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {}", entry.method, entry.path);
    }
}

async fn metrics_are_for_who_has_the_token_or_in_development_for_this_machine(world: &World) {
    let scrape = || world.get("/metrics");
    scrape().send().await.refused(401, "unauthorized");
    scrape().from("192.0.2.1:1").send().await.refused(401, "unauthorized");
    let forwarded = scrape().from("127.0.0.1:1").header("x-forwarded-for", "127.0.0.1");
    forwarded.send().await.refused(401, "unauthorized");
    // In production every peer may be a proxy on this machine.
    scrape().from("127.0.0.1:1").send().await.refused(401, "unauthorized");
    let open = world.restarted_with(|plan| plan.settings.environment = platform::Environment::Development).await;
    open.get("/metrics").from("192.0.2.1:1").send().await.refused(401, "unauthorized");
    // Nothing is measured here, which is all that somebody on this machine is told.
    open.get("/metrics").from("127.0.0.1:1").send().await.refused(404, "not_found");

    let app = world.app("acme").await;
    let guarded = world.restarted_with(|plan| plan.options.metrics_token = Some("scrape-0123456789".into()));
    let world = &guarded.await;
    let scrape = || world.get("/metrics").from("127.0.0.1:1");
    scrape().send().await.refused(401, "unauthorized");
    for wrong in ["", "scrape-012345678", "scrape-0123456789x", "SCRAPE-0123456789", &app.api_key, &app.owner.token] {
        scrape().bearer(wrong).send().await.refused(401, "unauthorized");
    }
    world.get("/metrics").bearer("scrape-0123456789").send().await.refused(404, "not_found");
    // And the token opens nothing else.
    world.get("/v1/me").bearer("scrape-0123456789").send().await.refused(401, "unauthorized");
}

/// Attack 54: what was sealed with a key that is gone is not served around.
async fn a_server_that_lost_its_key_does_not_start(world: &World) {
    world.app("acme").await;
    let lost = world.start_refused(|plan| plan.secrets.signing = "lost 0123456789abcdef0123456789abcdef".into()).await;
    assert_eq!(lost.code.as_str(), "invalid_setting");
    assert!(lost.message.contains("FABRIC_ENCRYPTION_KEY"), "{lost}");
    world.restarted().await;
}

async fn shared_or_weak_secrets_stop_the_start(world: &World) {
    let signing = world.plan.secrets.signing.clone();
    let shared = world.start_refused(|plan| plan.secrets.supabase = Some(signing)).await;
    assert!(shared.message.contains("JWT_SECRET"), "{shared}");
    for weak in ["", "short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let told = world.start_refused(|plan| plan.secrets.signing = weak.into()).await;
        assert!(told.message.contains("OAUTH_SIGNING_SECRET"), "{told}");
    }
}
