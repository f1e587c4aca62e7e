//! Providers that an app lets people sign in at: who names them, and what is told of them.

use serde_json::{Value, json};

use crate::support::{App, CLIENT_SECRET, World};

on_both!(
    an_app_names_its_providers,
    attack_52_a_name_stands_for_one_place,
    attack_28_what_is_no_provider_is_refused,
    an_app_has_so_many_and_no_more,
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
    let updates = world.events("app.updated");
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
    assert_eq!(world.events("app.updated"), updates + 5);
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
    world.name_provider(&app, "no%20name", &google()).await.refused(404, "not_found");
    assert_eq!(list(world, &app).await, json!([]));
}

async fn an_app_has_so_many_and_no_more(world: &World) {
    let app = world.app("shop").await;
    for number in 0..20 {
        world.name_provider(&app, &format!("google-{number}"), &google()).await.ok();
    }
    world.name_provider(&app, "one-more", &google()).await.refused(409, "conflict");
    world.name_provider(&app, "google-3", &google()).await.ok();
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
