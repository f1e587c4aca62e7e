//! Endpoints that are bound to an app, and hear the tokens that its users are sent.

use kernel::id::WebhookId;
use serde_json::{Value, json};

use crate::support::{Answer, App, Company, World};

on_both!(
    whoever_binds_an_endpoint_could_be_the_app,
    only_the_owner_of_an_app_has_endpoints_bound_to_it,
    nobody_retargets_what_hears_tokens_who_could_not_bind_it,
);

const URL: &str = "https://hooks.example.com/fabric";

/// Makes an endpoint of the organization that owns an app.
async fn bind(world: &World, app: &App, bearer: &str, id: &impl ToString) -> Answer {
    let path = format!("/v1/organizations/{}/webhooks", app.organization);
    world.post(&path, &json!({ "url": URL, "app_id": id.to_string() })).bearer(bearer).send().await
}

/// A key of the organization that owns an app.
async fn key_of(world: &World, app: &App, role: kernel::Role, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let change = move |key| identity::ApiKey { role: Some(role), scopes, ..key };
    world.api_key(None, app.organization, &app.owner, change).await
}

/// Contract, 1.9 and 1.14: an endpoint that is bound to an app hears tokens that its users sign in with.
async fn whoever_binds_an_endpoint_could_be_the_app(world: &World) {
    use kernel::Role::{Admin, Member, Owner};
    let app = world.app("acme").await;
    for bearer in [
        app.owner.token.clone(),
        app.api_key.clone(),
        key_of(world, &app, Admin, &[]).await,
        key_of(world, &app, Owner, &["webhooks:write", "apps:write"]).await,
    ] {
        let made = bind(world, &app, &bearer, &app.id).await;
        assert_eq!((made.status, made.text("app_id")), (201, app.id.to_string()));
    }
    for (role, scopes, code) in [
        (Owner, &["webhooks:write"][..], "insufficient_scope"),
        (Owner, &["webhooks:write", "apps:read", "users:write"], "insufficient_scope"),
        (Owner, &["apps:write"], "insufficient_scope"),
        (Member, &[], "forbidden"),
    ] {
        bind(world, &app, &key_of(world, &app, role, scopes).await, &app.id).await.refused(403, code);
    }
    // Who has been given endpoints to manage has not been given the app.
    let helper = world.sign_up(None, "helper").await;
    world.enroll(app.organization, &helper, Member).await;
    let grant = json!({
        "organization_id": app.organization, "principal_id": helper.id, "action": "webhook.*", "effect": "allow",
    });
    world.post("/v1/permissions", &grant).by(&app.owner).send().await.ok();
    let path = format!("/v1/organizations/{}/webhooks", app.organization);
    world.post(&path, &json!({ "url": URL })).by(&helper).send().await.ok();
    bind(world, &app, &helper.token, &app.id).await.refused(403, "forbidden");
    bind(world, &app, &world.app_token(&app).await, &app.id).await.refused(404, "not_found");
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints WHERE app_id IS NOT NULL"), 4);
}

async fn only_the_owner_of_an_app_has_endpoints_bound_to_it(world: &World) {
    let company = Company::new(world).await;
    let other = world.app("other").await;
    let (app, stranger) = (company.app.id, WebhookId::generate());
    // A tenant of the app, whoever they are there.
    for id in [app.to_string(), other.id.to_string(), stranger.to_string()] {
        let body = json!({ "url": URL, "app_id": id });
        world.post(&company.path("webhooks"), &body).by(&company.owner).send().await.refused(404, "not_found");
    }
    let exchanged = world.exchange(&company.app, company.owner.id).await.text("access_token");
    let body = json!({ "url": URL, "app_id": app });
    world.post(&company.path("webhooks"), &body).bearer(&exchanged).send().await.refused(404, "not_found");
    for id in [other.id.to_string(), stranger.to_string()] {
        bind(world, &company.app, &company.app.owner.token, &id).await.refused(404, "not_found");
    }
    // Nor with both hands: an app is bound where it is owned.
    world.enroll(other.organization, &company.app.owner, kernel::Role::Owner).await;
    bind(world, &company.app, &company.app.owner.token, &other.id).await.refused(404, "not_found");
    // Who runs the platform manages every app, and belongs to none of their organizations.
    let administrator = world.administrator().await;
    bind(world, &company.app, &administrator.token, &app).await.refused(404, "not_found");
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints"), 0);
}

async fn nobody_retargets_what_hears_tokens_who_could_not_bind_it(world: &World) {
    let app = world.app("acme").await;
    let id = bind(world, &app, &app.owner.token, &app.id).await.text("id");
    let path = format!("/v1/webhooks/{id}");
    let key = key_of(world, &app, kernel::Role::Owner, &["webhooks:write"]).await;
    let call = async |method: &str, rest: &str, body: Value| {
        world.call(method, &format!("{path}{rest}")).json(&body).bearer(&key).send().await
    };
    for body in [json!({ "url": "https://evil.example.com" }), json!({ "active": true }), json!({})] {
        call("PATCH", "", body).await.refused(403, "insufficient_scope");
    }
    call("POST", "/rotate-secret", json!({})).await.refused(403, "insufficient_scope");
    assert_eq!(call("GET", "", json!({})).await.text("url"), URL);
    // It may take away, and not give back.
    call("POST", "/pause", json!({})).await.ok();
    call("POST", "/resume", json!({})).await.refused(403, "insufficient_scope");
    world.patch(&path, &json!({ "active": true })).by(&app.owner).send().await.ok();
    call("DELETE", "", json!({})).await.ok();
    // It goes with its app.
    bind(world, &app, &app.owner.token, &app.id).await.ok();
    world.delete(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints"), 0);
}
