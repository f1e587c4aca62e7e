//! The secret that an organization's endpoints share, where some of them are bound to an app.

use kernel::{Email, Name, Role, secret::ExposeSecret as _};
use platform::SetUp;
use serde_json::{Value, json};
use webhooks::EndpointUrl;

use crate::support::{App, Company, PASSWORD, Person, World};

on_both!(
    attack_40_who_could_not_be_the_app_gets_no_secret_of_its_endpoints,
    what_setup_binds_is_kept_from_others_too,
    what_nothing_bound_is_signed_with_is_for_everybody_who_manages_endpoints,
    attack_22_an_app_takes_no_signing_secret_along_in_its_users_name,
);

const URL: &str = "https://hooks.example.com/fabric";

/// Somebody who manages the endpoints of an organization that owns an app, and not the app.
async fn helper(world: &World, app: &App) -> Person {
    let helper = world.sign_up(None, "helper").await;
    world.enroll(app.organization, &helper, Role::Member).await;
    for action in ["webhook.*", "webhook_secret.*"] {
        let grant = json!({
            "organization_id": app.organization, "principal_id": helper.id, "action": action, "effect": "allow",
        });
        world.post("/v1/permissions", &grant).by(&app.owner).send().await.ok();
    }
    helper
}

fn path(app: &App, rest: &str) -> String {
    format!("/v1/organizations/{}/{rest}", app.organization)
}

/// Makes an endpoint; hands back its id and its secret.
async fn make(world: &World, app: &App, by: &Person, more: Value) -> (String, String) {
    let mut body = json!({ "url": URL });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = world.post(&path(app, "webhooks"), &body).by(by).send().await;
    (made.text("id"), made.text("secret"))
}

async fn refused_to(world: &World, app: &App, helper: &Person, shared: &str) {
    let replace = path(app, "webhook-secret/rotate");
    world.post(&replace, &json!({})).by(helper).send().await.refused(403, "forbidden");
    // An endpoint they may have, and its secret is its own.
    let (first, secret) = make(world, app, helper, json!({})).await;
    assert!(secret.starts_with("whsec_") && secret != shared);
    let (second, other) = make(world, app, helper, json!({})).await;
    assert!(other != secret && other != shared);
    for id in [first, second] {
        let rotated = world.post(&format!("/v1/webhooks/{id}/rotate-secret"), &json!({ "overlap_seconds": 60 }));
        assert_ne!(rotated.by(helper).send().await.text("secret"), shared);
    }
    let settings = json!({ "webhook_url": URL });
    let set = world.patch(&path(app, "settings"), &settings).by(&app.owner).send().await;
    assert!(!set.ok().to_string().contains("whsec_"));
}

async fn attack_40_who_could_not_be_the_app_gets_no_secret_of_its_endpoints(world: &World) {
    let app = world.app("acme").await;
    let helper = helper(world, &app).await;
    let (_, shared) = make(world, &app, &app.owner, json!({ "app_id": app.id })).await;
    refused_to(world, &app, &helper, &shared).await;
    let key = |scopes: &'static [&'static str]| {
        let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        world.api_key(None, app.organization, &app.owner, move |key| identity::ApiKey { scopes, ..key })
    };
    let replace = path(&app, "webhook-secret/rotate");
    let narrow = key(&["webhooks:write"]).await;
    world.post(&replace, &json!({})).bearer(&narrow).send().await.refused(403, "insufficient_scope");
    let made = world.post(&path(&app, "webhooks"), &json!({ "url": URL })).bearer(&narrow).send().await;
    assert_ne!(made.text("secret"), shared);
    // Who could, may.
    assert_eq!(make(world, &app, &app.owner, json!({})).await.1, shared);
    let wide = key(&["webhooks:write", "apps:write"]).await;
    let rotated = world.post(&replace, &json!({})).bearer(&wide).send().await.text("secret");
    assert_ne!(rotated, shared);
    assert_eq!(make(world, &app, &app.owner, json!({})).await.1, rotated);
}

async fn what_setup_binds_is_kept_from_others_too(world: &World) {
    world.administrator().await;
    let made = world.platform.set_up(SetUp {
        app_name: Name::parse("acme").unwrap(),
        email: Email::parse("acme-owner@example.com").unwrap(),
        password: identity::password::Password::choose(&PASSWORD.into()).unwrap(),
        webhook_url: Some(EndpointUrl::parse(URL).unwrap()),
    });
    let made = made.await.unwrap();
    let app = App {
        id: made.app.id,
        client_id: made.app.client_id.as_str().to_owned(),
        client_secret: made.client_secret.unwrap().expose_secret().to_owned(),
        owner: world.sign_in(None, "acme-owner").await,
        organization: made.organization.id,
        api_key: made.api_key.unwrap().expose_secret().to_owned(),
    };
    let helper = helper(world, &app).await;
    refused_to(world, &app, &helper, made.webhook_secret.expose_secret()).await;
}

async fn what_nothing_bound_is_signed_with_is_for_everybody_who_manages_endpoints(world: &World) {
    let app = world.app("acme").await;
    let helper = helper(world, &app).await;
    let (_, shared) = make(world, &app, &app.owner, json!({})).await;
    assert_eq!(make(world, &app, &helper, json!({})).await.1, shared);
    // One that is bound and has a secret of its own is none of those that share.
    let own = json!({ "app_id": app.id, "secret": "known-to-the-receiver" });
    make(world, &app, &app.owner, own).await;
    assert_eq!(make(world, &app, &helper, json!({})).await.1, shared);
    world.post(&path(&app, "webhook-secret/rotate"), &json!({})).by(&helper).send().await.ok();
}

async fn attack_22_an_app_takes_no_signing_secret_along_in_its_users_name(world: &World) {
    let company = Company::new(world).await;
    let id = world.post(&company.path("webhooks"), &json!({ "url": URL })).by(&company.owner).send().await.text("id");
    let exchanged = world.exchange(&company.app, company.owner.id).await.text("access_token");
    for (path, body) in [
        (company.path("webhooks"), json!({ "url": URL })),
        ("/v1/webhooks".to_owned(), json!({ "url": URL, "organization_id": company.id })),
        (format!("/v1/webhooks/{id}/rotate-secret"), json!({})),
        (company.path("webhook-secret/rotate"), json!({})),
    ] {
        world.post(&path, &body).bearer(&exchanged).send().await.refused(403, "session_required");
    }
    // What shows no secret, it may.
    let change = world.patch(&format!("/v1/webhooks/{id}"), &json!({ "max_retries": 1 })).bearer(&exchanged);
    change.send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints"), 1);
}
