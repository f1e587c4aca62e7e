//! Attack 28: a client that says more than it may. What nobody asked for is not looked at.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, World};

on_both!(
    signing_up_makes_nobody_verified_an_administrator_or_somebody_else,
    a_profile_changes_nothing_but_the_profile,
    an_organization_is_made_where_its_maker_is,
    an_organization_changes_nothing_but_its_own,
    an_app_is_made_with_credentials_of_its_own,
    an_app_changes_nothing_but_its_own,
    an_administrator_of_an_app_makes_no_administrator_of_the_platform,
    signing_in_chooses_nothing,
);

/// Everything that one might like to be.
fn wishes() -> Value {
    json!({
        "id": "00000000-0000-4000-8000-000000000001",
        "principal_id": "00000000-0000-4000-8000-000000000001",
        "user_id": "00000000-0000-4000-8000-000000000001",
        "account_id": "00000000-0000-4000-8000-000000000001",
        "sub": "00000000-0000-4000-8000-000000000001",
        "email_verified": true, "verified": true, "proof": "operator", "email_proof": "operator",
        "role": "owner", "roles": ["owner"], "is_admin": true, "admin": true, "platform_admin": true,
        "scope": "admin", "scopes": ["users:write"], "epoch": 99, "disabled": true, "disabled_at": "2020-01-01T00:00:00Z",
        "password_hash": "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
        "created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z",
        "client_id": "foc_aaaaaaaaaaaaaaaaaaaaaaaa", "client_secret": "focs_mine", "archived": true,
        "__proto__": { "platform_admin": true }, "constructor": {}, "app": null, "app_id": null, "owner": null,
    })
}

/// The same with what is asked for.
fn wishing(asked: &Value) -> Value {
    let mut body = wishes();
    for (name, value) in asked.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

const STRANGER: &str = "00000000-0000-4000-8000-000000000001";

async fn signing_up_makes_nobody_verified_an_administrator_or_somebody_else(world: &World) {
    let app = world.app("acme").await;
    for app in [Some(&app), None] {
        let body = wishing(&json!({ "email": "eve@example.com", "password": PASSWORD }));
        let answer = world.at_door(app, "/v1/auth/signup", &body).send().await;
        let eve = Person::of(&answer);
        assert_ne!(eve.id.to_string(), STRANGER);
        assert_eq!(answer.ok()["user"]["email_verified"], false);
        let me = world.get("/v1/me").by(&eve).send().await;
        assert_eq!((&me.ok()["platform_admin"], &me.ok()["email_verified"]), (&json!(false), &json!(false)));
        assert_eq!(me.ok()["app_id"], app.map_or(Value::Null, |app| json!(app.id)));
        assert!(!answer.ok()["user"]["created_at"].as_str().unwrap().starts_with("2001"));
        world.get("/v1/admin/users").by(&eve).send().await.refused(403, "forbidden");
    }
}

async fn a_profile_changes_nothing_but_the_profile(world: &World) {
    let app = world.app("acme").await;
    for app in [Some(&app), None] {
        let eve = world.sign_up(app, "eve").await;
        let before = world.get("/v1/me").by(&eve).send().await;
        let body = wishing(&json!({ "email": "victim@example.com", "password": "Another-secret-1" }));
        world.patch("/v1/me", &body).by(&eve).send().await.ok();
        let after = world.get("/v1/me").by(&eve).send().await;
        assert_eq!(after.ok(), before.ok());
        world.log_in(app, "eve", PASSWORD).await.ok();
        world.log_in(app, "victim", "Another-secret-1").await.refused(401, "invalid_credentials");
    }
}

async fn an_organization_is_made_where_its_maker_is(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    let body = wishing(&json!({ "name": "Mine", "app_id": other.id, "owner_id": STRANGER }));
    let answer = world.post("/v1/organizations", &body).by(&eve).send().await;
    assert_eq!(answer.text("app_id"), app.id.to_string());
    assert_ne!(answer.text("id"), STRANGER);
    assert_eq!((&answer.ok()["archived"], &answer.ok()["role"]), (&json!(false), &json!("owner")));
    // Nor does the header say where.
    let elsewhere = world.post("/v1/organizations", &body).by(&eve).app(&other.client_id).send().await;
    assert_eq!(elsewhere.text("app_id"), app.id.to_string());
}

async fn an_organization_changes_nothing_but_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    let path = format!("/v1/organizations/{}", world.home_of(&eve).await);
    let body = wishing(&json!({ "name": "Renamed", "app_id": other.id }));
    let answer = world.patch(&path, &body).by(&eve).send().await;
    assert_eq!((answer.text("name"), answer.text("app_id")), ("Renamed".to_owned(), app.id.to_string()));
    assert_eq!(answer.ok()["archived"], false);
    assert!(!answer.text("created_at").starts_with("2001"));
}

async fn an_app_is_made_with_credentials_of_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let body = wishing(&json!({ "name": "Mine" }));
    let made = world.post("/v1/apps", &body).by(&app.owner).send().await;
    assert_ne!(made.text("client_id"), "foc_aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_ne!(made.text("client_secret"), "focs_mine");
    assert_ne!(made.text("id"), STRANGER);
    assert_eq!((made.text("organization_id"), &made.ok()["disabled"]), (app.organization.to_string(), &json!(false)));
    // Nobody makes an app for others to own.
    let theirs = wishing(&json!({ "name": "Theirs", "organization_id": other.organization }));
    world.post("/v1/apps", &theirs).by(&app.owner).send().await.refused(404, "not_found");
}

async fn an_app_changes_nothing_but_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let path = format!("/v1/apps/{}", app.id);
    let body = wishing(&json!({ "name": "Renamed", "organization_id": other.organization, "slug": "renamed" }));
    for token in [&app.owner.token, &app.api_key, &world.app_token(&app).await] {
        let answer = world.patch(&path, &body).bearer(token).send().await;
        let app = (answer.text("id"), answer.text("client_id"), answer.text("organization_id"), answer.text("slug"));
        let before = ("acme".to_owned(), world.get(&path).bearer(token).send().await);
        assert_eq!(app, (before.1.text("id"), before.1.text("client_id"), before.1.text("organization_id"), before.0));
        assert_eq!(answer.ok()["disabled"], false);
    }
    world.app_token(&app).await;
}

async fn an_administrator_of_an_app_makes_no_administrator_of_the_platform(world: &World) {
    let app = world.app("acme").await;
    let body = wishing(&json!({ "email": "eve@example.com", "password": PASSWORD }));
    let made = world.post("/v1/admin/users", &body).bearer(&app.api_key).send().await;
    assert_ne!(made.text("id"), STRANGER);
    let data = made.ok();
    assert_eq!((&data["platform_admin"], &data["disabled"]), (&json!(false), &json!(false)));
    assert_eq!(made.text("app_id"), app.id.to_string());
    // That one thing they may say: whoever manages accounts vouches for addresses.
    assert_eq!(data["email_verified"], true);
    world.log_in(Some(&app), "eve", PASSWORD).await.ok();
    world.log_in(None, "eve", PASSWORD).await.refused(401, "invalid_credentials");
}

async fn signing_in_chooses_nothing(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    world.sign_up(Some(&other), "eve").await;
    let body = wishing(&json!({
        "email": "eve@example.com", "password": PASSWORD, "app_id": other.id, "expires_in": 1_000_000, "aud": "fabric",
    }));
    let answer = world.at_door(Some(&app), "/v1/auth/login", &body).send().await;
    assert_eq!((Person::of(&answer).id, &answer.ok()["expires_in"]), (eve.id, &json!(7200)));
    let me = world.get("/v1/me").by(&Person::of(&answer)).send().await;
    assert_eq!(me.ok()["app_id"], app.id.to_string());
    // Attack 21: neither does a refresh raise anything.
    let body = wishing(&json!({ "refresh_token": eve.refresh, "scope": "admin", "app_id": other.id }));
    let next = Person::of(&world.post("/v1/auth/token/refresh", &body).send().await);
    assert_eq!(world.get("/v1/me").by(&next).send().await.ok(), me.ok());
}
