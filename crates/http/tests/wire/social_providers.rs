//! Providers that an app lets people sign in at: who names them, and what is told of them.

use std::time::Duration;

use futures_util::future::join_all;
use identity::ApiKey;
use kernel::Role;
use serde_json::{Value, json};

use crate::support::{App, CLIENT_SECRET, PASSWORD, World};

on_both!(
    an_app_names_its_providers,
    attack_52_a_name_stands_for_one_place,
    attack_28_what_is_no_provider_is_refused,
    an_app_has_so_many_and_no_more,
    attack_40_providers_are_for_administrators_and_keys_with_the_scope,
    attack_27_a_person_has_signed_in_a_moment_ago,
    attack_37_providers_are_the_apps_own,
);

fn google() -> Value {
    json!({ "kind": "google", "client_id": "client", "client_secret": CLIENT_SECRET })
}

async fn list(world: &World, app: &App) -> Value {
    let path = format!("/v1/apps/{}/social-providers", app.id);
    world.get(&path).bearer(&app.api_key).send().await.ok().clone()
}

async fn an_app_names_its_providers(world: &World) {
    let app = world.app("shop").await;
    assert_eq!(list(world, &app).await, json!([]));
    let named = world.name_provider(&app, "google", &google()).await;
    assert_eq!(named.ok()["url"], "https://accounts.google.com");
    let callback = format!("https://id.example.com/v1/auth/callback/{}/google", app.id);
    assert_eq!(named.ok()["callback_url"], json!(callback));
    assert_eq!(named.ok()["scopes"], json!(["openid", "email", "profile"]));
    let microsoft =
        json!({ "kind": "microsoft", "tenant": "contoso.com", "client_id": "m", "client_secret": CLIENT_SECRET });
    world.name_provider(&app, "work", &microsoft).await.ok();
    let github = json!({
        "kind": "github", "client_id": "g", "client_secret": CLIENT_SECRET, "scopes": ["user:email"],
    });
    world.name_provider(&app, "github", &github).await.ok();
    // Another secret, and another client.
    let other = json!({ "kind": "google", "client_id": "other", "client_secret": "another secret" });
    world.name_provider(&app, "google", &other).await.ok();
    let listed = list(world, &app).await;
    let column = |name: &str| listed.as_array().unwrap().iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("provider"), ["github", "google", "work"]);
    assert_eq!(column("client_id"), ["g", "other", "m"]);
    assert_eq!(column("url")[2], "https://login.microsoftonline.com/contoso.com");
    assert!(!listed.to_string().contains("secret"), "{listed}");
    let path = format!("/v1/apps/{}/social-providers/google", app.id);
    world.delete(&path).bearer(&app.api_key).send().await.ok();
    world.delete(&path).bearer(&app.api_key).send().await.refused(404, "not_found");
    assert_eq!((world.events("app.provider_set"), world.events("app.provider_removed")), (4, 1));
    let told = world.get("/v1/audit-logs?action=app.provider_removed").bearer(&app.api_key).send().await;
    let (told, id) = (&told.ok()[0]["metadata"], app.id.to_string());
    for (name, value) in [
        ("provider", "google"),
        ("kind", "google"),
        ("url", "https://accounts.google.com"),
        ("client_id", "other"),
        ("app_id", id.as_str()),
    ] {
        assert_eq!(told[name], value, "{name}: {told}");
    }
    assert_eq!(world.columns_with(CLIENT_SECRET), [""; 0]);
}

/// Attack 52: the secret that is there, sent to another place. It has to be given anew, and the place stays.
async fn attack_52_a_name_stands_for_one_place(world: &World) {
    let app = world.app("shop").await;
    let at = |issuer: &str| json!({ "kind": "oidc", "issuer": issuer, "client_id": "c", "client_secret": "s" });
    world.name_provider(&app, "acme", &at("https://id.acme.example")).await.ok();
    world.name_provider(&app, "acme", &at("https://id.evil.example")).await.refused(409, "conflict");
    world.name_provider(&app, "acme", &google()).await.refused(409, "conflict");
    let without = json!({ "kind": "oidc", "issuer": "https://id.acme.example", "client_id": "c" });
    world.name_provider(&app, "acme", &without).await.refused(400, "invalid_body");
    assert_eq!(list(world, &app).await[0]["url"], "https://id.acme.example");
    // Nor once it was taken away: people are linked by it still.
    world.delete(&format!("/v1/apps/{}/social-providers/acme", app.id)).bearer(&app.api_key).send().await.ok();
    assert_eq!(list(world, &app).await, json!([]));
    world.name_provider(&app, "acme", &at("https://id.evil.example")).await.refused(409, "conflict");
    world.name_provider(&app, "acme", &at("https://id.acme.example")).await.ok();
    // And apps vouch for people by these names.
    world.name_provider(&app, "github", &at("https://id.evil.example")).await.refused(400, "invalid_request");
}

async fn attack_28_what_is_no_provider_is_refused(world: &World) {
    let app = world.app("shop").await;
    let with = |name: &str, value: Value| {
        let mut body = google();
        body[name] = value;
        body
    };
    for body in [
        with("kind", json!("facebook")),
        with("kind", json!("oidc")),
        with("issuer", json!("https://evil.example")),
        with("base_url", json!("https://evil.example")),
        with("client_id", json!("")),
        with("client_id", json!("two words")),
        with("client_secret", json!("")),
        with("client_secret", json!("line\nbreak")),
        with("scopes", json!(["two words"])),
    ] {
        world.name_provider(&app, "google", &body).await.refused(400, "invalid_request");
    }
    for name in ["supabase", "Google"] {
        world.name_provider(&app, name, &google()).await.refused(400, "invalid_request");
    }
    for name in ["no%20name", ".", "..", "%2e%2e"] {
        world.name_provider(&app, name, &google()).await.refused(404, "not_found");
    }
    assert_eq!(list(world, &app).await, json!([]));
}

async fn an_app_has_so_many_and_no_more(world: &World) {
    let app = world.app("shop").await;
    for number in 0..20 {
        world.name_provider(&app, &format!("google-{number}"), &google()).await.ok();
    }
    world.name_provider(&app, "one-more", &google()).await.refused(409, "conflict");
    world.name_provider(&app, "google-3", &google()).await.ok();
    // Nor by naming many at once.
    let other = world.set_up("other").await;
    let (names, google) = ((0..60).map(|number| format!("google-{number}")).collect::<Vec<_>>(), google());
    let answers = join_all(names.iter().map(|name| world.name_provider(&other, name, &google))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 20);
    for lost in answers.iter().filter(|answer| !answer.is_success()) {
        lost.refused(409, "conflict");
    }
    assert_eq!(list(world, &other).await.as_array().unwrap().len(), 20);
}

async fn attack_40_providers_are_for_administrators_and_keys_with_the_scope(world: &World) {
    let app = world.app("shop").await;
    let path = format!("/v1/apps/{}/social-providers/google", app.id);
    let put = async |bearer: &str| world.call("PUT", &path).bearer(bearer).json(&google()).send().await;
    let delete = async |bearer: &str| world.delete(&path).bearer(bearer).send().await;
    let key = async |scope: &str| {
        let scopes = vec![scope.to_owned()];
        world.api_key(None, app.organization, &app.owner, |key| ApiKey { scopes, ..key }).await
    };
    for role in [Role::Viewer, Role::Member] {
        let person = world.sign_up(None, &format!("developer-{role}")).await;
        world.enroll(app.organization, &person, role).await;
        put(&person.token).await.refused(403, "forbidden");
        delete(&person.token).await.refused(403, "forbidden");
    }
    for scope in ["apps:write", "users:write"] {
        let key = key(scope).await;
        put(&key).await.refused(403, "insufficient_scope");
        delete(&key).await.refused(403, "insufficient_scope");
    }
    // Nor does an app let in whom it likes by a token of its own.
    let itself = world.app_token(&app).await;
    put(&itself).await.refused(403, "forbidden");
    delete(&itself).await.refused(403, "forbidden");
    let admin = world.sign_up(None, "developer-admin").await;
    world.enroll(app.organization, &admin, Role::Admin).await;
    for bearer in [&admin.token, &app.owner.token, &app.api_key, &key("auth:social").await] {
        put(bearer).await.ok();
        delete(bearer).await.ok();
    }
}

async fn attack_27_a_person_has_signed_in_a_moment_ago(world: &World) {
    let app = world.app("shop").await;
    let path = format!("/v1/apps/{}/social-providers/google", app.id);
    let put = async |bearer: &str| world.call("PUT", &path).bearer(bearer).json(&google()).send().await;
    let delete = async |bearer: &str| world.delete(&path).bearer(bearer).send().await;
    put(&app.owner.token).await.ok();
    world.advance(Duration::from_mins(10));
    put(&app.owner.token).await.refused(403, "reauthentication_required");
    delete(&app.owner.token).await.refused(403, "reauthentication_required");
    // Who may not is told that, and no more.
    let member = world.sign_up(None, "member").await;
    world.enroll(app.organization, &member, Role::Member).await;
    world.advance(Duration::from_mins(10));
    put(&member.token).await.refused(403, "forbidden");
    // A key has no moment at which it signed in.
    put(&app.api_key).await.ok();
    let shown = world.post("/v1/auth/reauthenticate", &json!({ "password": PASSWORD })).by(&app.owner).send().await;
    shown.ok();
    put(&app.owner.token).await.ok();
    delete(&app.owner.token).await.ok();
}

async fn attack_37_providers_are_the_apps_own(world: &World) {
    let (app, other) = (world.app("shop").await, world.set_up("other").await);
    world.name_provider(&app, "google", &google()).await.ok();
    let path = format!("/v1/apps/{}/social-providers", app.id);
    let user = world.sign_up(Some(&app), "user").await;
    for bearer in [&other.api_key, &other.owner.token, &user.token] {
        world.get(&path).bearer(bearer).send().await.refused(404, "not_found");
        let put = world.call("PUT", &format!("{path}/google")).bearer(bearer).json(&google()).send().await;
        put.refused(404, "not_found");
        world.delete(&format!("{path}/google")).bearer(bearer).send().await.refused(404, "not_found");
    }
    assert_eq!(list(world, &app).await.as_array().unwrap().len(), 1);
}
