//! Tokens for apps.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use crate::support::{Answer, App, Person, World, claims_in};

on_both!(
    an_app_gets_a_token_for_itself,
    an_app_gets_a_token_for_its_user,
    a_client_shows_its_secret_in_json_in_a_form_or_by_basic,
    a_client_that_is_not_proven_gets_nothing,
    attack_22_an_exchange_is_for_the_apps_own_users,
    an_exchanged_token_touches_no_credentials,
    an_exchanged_token_gets_no_other,
    an_exchanged_token_lives_for_a_quarter_of_an_hour,
    attack_21_an_app_token_does_nothing_beyond_its_app,
    a_grant_that_makes_no_sense_is_refused_by_the_book,
    revoking_ends_one_token,
);

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

async fn token(world: &World, body: &Value) -> Answer {
    world.post("/v1/oauth/token", body).send().await
}

fn credentials(app: &App) -> Value {
    json!({ "client_id": app.client_id, "client_secret": app.client_secret })
}

/// A request with the app's credentials in it.
fn granting(app: &App, grant: &Value) -> Value {
    let mut body = credentials(app);
    for (name, value) in grant.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn exchanging(app: &App, subject: &str) -> Value {
    let grant = json!({
        "grant_type": "token_exchange", "subject_token": subject, "subject_token_type": "urn:fabric:user_id",
    });
    granting(app, &grant)
}

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn an_app_gets_a_token_for_itself(world: &World) {
    let app = world.app("acme").await;
    let answer = token(world, &granting(&app, &json!({ "grant_type": "client_credentials" }))).await;
    let data = answer.ok();
    assert_eq!(
        (&data["token_type"], &data["expires_in"], &data["scope"]),
        (&json!("bearer"), &json!(7200), &json!(""))
    );
    assert!(data.get("refresh_token").is_none() && data.get("issued_token_type").is_none());
    let me = world.get("/v1/me").bearer(answer.text("access_token")).send().await;
    let expected = json!({
        "principal_id": app.id, "authenticated": true, "app_id": app.id, "email": null, "email_verified": false,
        "display_name": null, "platform_admin": false,
    });
    assert_eq!(*me.ok(), expected);
    world.configure(&app, &json!({ "access_token_seconds": 60 })).await;
    let brief = token(world, &granting(&app, &json!({ "grant_type": "client_credentials" }))).await;
    assert_eq!(brief.ok()["expires_in"], 60);
}

async fn an_app_gets_a_token_for_its_user(world: &World) {
    let (app, alice) = user(world).await;
    for grant_type in ["token_exchange", EXCHANGE] {
        let mut body = exchanging(&app, &alice.id.to_string());
        body["grant_type"] = json!(grant_type);
        let answer = token(world, &body).await;
        let data = answer.ok();
        assert_eq!((&data["expires_in"], &data["token_type"]), (&json!(900), &json!("bearer")));
        assert_eq!(data["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        assert!(data.get("refresh_token").is_none());
        let bearer = answer.text("access_token");
        let me = world.get("/v1/me").bearer(&bearer).send().await;
        assert_eq!((me.text("principal_id"), me.text("app_id")), (alice.id.to_string(), app.id.to_string()));
        let organizations = world.get("/v1/me/organizations").bearer(&bearer).send().await;
        assert_eq!(organizations.ok(), &json!(world.organizations_of(&alice).await));
        let home = world.home_of(&alice).await;
        let rename = world.patch(&format!("/v1/organizations/{home}"), &json!({ "name": "Acme" }));
        rename.bearer(&bearer).send().await.ok();
        // Who acts is written in it (RFC 8693, 4.1).
        assert_eq!(claims_in(&bearer)["act"], json!({ "sub": app.client_id }));
    }
}

async fn a_client_shows_its_secret_in_json_in_a_form_or_by_basic(world: &World) {
    let (app, alice) = user(world).await;
    let basic = format!("Basic {}", BASE64.encode(format!("{}:{}", app.client_id, app.client_secret)));
    let subject = alice.id.to_string();
    let fields = [("grant_type", EXCHANGE), ("subject_token", &subject), ("subject_token_type", "urn:fabric:user_id")];
    let secret = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret)];
    let plain = Value::from_iter(fields.map(|(name, value)| (name, value)));
    let with_id = {
        let mut body = plain.clone();
        body["client_id"] = json!(app.client_id);
        body
    };
    let calls = [
        world.post("/v1/oauth/token", &exchanging(&app, &subject)),
        world.call("POST", "/v1/oauth/token").form([fields.as_slice(), &secret].concat()),
        world.call("POST", "/v1/oauth/token").form(fields).header("authorization", &basic),
        world.post("/v1/oauth/token", &plain).header("authorization", &basic),
        world.post("/v1/oauth/token", &with_id).header("authorization", &basic),
        world.post("/v1/oauth/token", &plain).header("authorization", basic.replace("Basic", "basic")),
    ];
    for call in calls {
        let answer = call.send().await;
        world.get("/v1/me").bearer(answer.text("access_token")).send().await.ok();
    }
    // RFC 6749, 2.3: not two ways at once.
    let twice = world.post("/v1/oauth/token", &exchanging(&app, &subject)).header("authorization", &basic);
    twice.send().await.refused(400, "invalid_request");
    let mut other = plain;
    other["client_id"] = json!("foc_aaaaaaaaaaaaaaaaaaaaaaaa");
    let other = world.post("/v1/oauth/token", &other).header("authorization", &basic);
    other.send().await.refused(401, "invalid_client");
}

async fn a_client_that_is_not_proven_gets_nothing(world: &World) {
    let (app, alice) = user(world).await;
    let other = world.app("other").await;
    let subject = alice.id.to_string();
    let id = |client_id: &str| App { client_id: client_id.to_owned(), ..app.clone() };
    let secret = |client_secret: &str| App { client_secret: client_secret.to_owned(), ..app.clone() };
    let cut = &app.client_secret[..app.client_secret.len() - 1];
    for wrong in [
        id(&other.client_id),
        id("foc_aaaaaaaaaaaaaaaaaaaaaaaa"),
        id(""),
        id("\0"),
        id(&app.id.to_string()),
        id(&format!("{} ", app.client_id)),
        id(&app.client_id.to_uppercase()),
        secret(&other.client_secret),
        secret(""),
        secret(cut),
        secret(&format!("{}0", app.client_secret)),
        secret(&app.client_secret.to_uppercase()),
        secret(&app.client_id),
        secret(&app.api_key),
        secret("\0"),
    ] {
        token(world, &exchanging(&wrong, &subject)).await.refused(401, "invalid_client");
        let itself = granting(&wrong, &json!({ "grant_type": "client_credentials" }));
        token(world, &itself).await.refused(401, "invalid_client");
    }
    for grant_type in ["client_credentials", "token_exchange"] {
        let nobody = json!({
            "grant_type": grant_type, "subject_token": subject, "subject_token_type": "urn:fabric:user_id",
        });
        token(world, &nobody).await.refused(401, "invalid_client");
        // Not even somebody who owns the app is the app.
        let owner = world.post("/v1/oauth/token", &nobody).by(&app.owner).send().await;
        owner.refused(401, "invalid_client");
        let named = world.post("/v1/oauth/token", &nobody).app(&app.client_id).send().await;
        named.refused(401, "invalid_client");
        for basic in ["Basic", "Basic ", "Basic !!!", "Basic Zm9v", "Basic /w=="] {
            let told = world.post("/v1/oauth/token", &nobody).header("authorization", basic).send().await;
            told.refused(401, "invalid_client");
        }
    }
}

async fn attack_22_an_exchange_is_for_the_apps_own_users(world: &World) {
    let (app, alice) = user(world).await;
    let other = world.app("other").await;
    let bob = world.sign_up(Some(&other), "bob").await;
    let unknown = token(world, &exchanging(&app, "00000000-0000-4000-8000-000000000001")).await;
    unknown.refused(404, "not_found");
    let [bob, owner, itself, organization] =
        [bob.id.to_string(), app.owner.id.to_string(), app.id.to_string(), app.organization.to_string()];
    for nobody in [&bob, &owner, &itself, &organization, "", "alice@example.com", "\0", &alice.token, &alice.refresh] {
        assert_eq!(token(world, &exchanging(&app, nobody)).await.told(), unknown.told(), "{nobody}");
    }
    // Nor for the same person's account elsewhere.
    let same = world.sign_up(Some(&other), "alice").await;
    let there = world.exchange(&other, same.id).await.text("access_token");
    assert_eq!(world.get("/v1/me").bearer(&there).send().await.text("app_id"), other.id.to_string());
}

async fn an_exchanged_token_touches_no_credentials(world: &World) {
    let (app, alice) = user(world).await;
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    let change = json!({ "current_password": "Correct-horse-1", "new_password": "Battery-staple-2" });
    for (method, path) in [
        ("POST", "/v1/auth/change-password"),
        ("POST", "/v1/auth/logout-all"),
        ("PATCH", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("POST", "/v1/admin/bootstrap"),
    ] {
        let told = world.call(method, path).json(&change).bearer(&exchanged).send().await;
        told.refused(403, "session_required");
    }
    world.get("/v1/me").by(&alice).send().await.ok();
}

async fn an_exchanged_token_gets_no_other(world: &World) {
    let (app, alice) = user(world).await;
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    // Attack 44: it is no credential of the app, and no subject either.
    let as_secret = App { client_secret: exchanged.clone(), ..app.clone() };
    token(world, &exchanging(&as_secret, &alice.id.to_string())).await.refused(401, "invalid_client");
    token(world, &exchanging(&app, &exchanged)).await.refused(404, "not_found");
    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": exchanged });
    token(world, &refresh).await.refused(400, "invalid_grant");
    let refresh = json!({ "refresh_token": exchanged });
    world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
}

async fn an_exchanged_token_lives_for_a_quarter_of_an_hour(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "access_token_seconds": 86_400 })).await;
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    world.advance(std::time::Duration::from_secs(899));
    world.get("/v1/me").bearer(&exchanged).send().await.ok();
    world.advance(std::time::Duration::from_secs(2));
    world.get("/v1/me").bearer(&exchanged).send().await.refused(401, "token_expired");
}

async fn attack_21_an_app_token_does_nothing_beyond_its_app(world: &World) {
    let (app, alice) = user(world).await;
    let (other, home) = (world.app("other").await, world.home_of(&alice).await);
    let bearer = world.app_token(&app).await;
    let (mine, theirs) = (format!("/v1/apps/{}", app.id), format!("/v1/apps/{}", other.id));
    for (method, path, status) in [
        ("GET", mine.clone(), 200),
        ("PATCH", mine.clone(), 200),
        ("GET", format!("{mine}/usage"), 200),
        ("POST", format!("{mine}/rotate-secret"), 403),
        ("DELETE", mine.clone(), 403),
        ("POST", "/v1/apps".to_owned(), 403),
        ("GET", theirs.clone(), 404),
        ("PATCH", theirs.clone(), 404),
        ("DELETE", theirs.clone(), 404),
        ("POST", format!("{theirs}/rotate-secret"), 404),
        ("POST", format!("{theirs}/disable"), 404),
        ("GET", format!("{theirs}/usage"), 404),
        // Its users' organizations are theirs, and its owner's are its owner's.
        ("GET", format!("/v1/organizations/{home}"), 404),
        ("PATCH", format!("/v1/organizations/{home}"), 404),
        ("GET", format!("/v1/organizations/{}", app.organization), 404),
        ("POST", "/v1/organizations".to_owned(), 403),
        ("GET", format!("/v1/admin/users/{}", app.owner.id), 404),
        ("DELETE", format!("/v1/admin/users/{}", app.owner.id), 404),
        ("POST", "/v1/auth/logout-all".to_owned(), 403),
        ("PATCH", "/v1/me".to_owned(), 403),
        ("DELETE", "/v1/me".to_owned(), 403),
        ("POST", "/v1/admin/bootstrap".to_owned(), 403),
    ] {
        let body = json!({ "name": "Renamed", "organization_id": app.organization });
        let answer = world.call(method, &path).json(&body).bearer(&bearer).send().await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(world.get("/v1/organizations").bearer(&bearer).send().await.ok(), &json!([]));
}

async fn a_grant_that_makes_no_sense_is_refused_by_the_book(world: &World) {
    let (app, alice) = user(world).await;
    for grant_type in ["password", "authorization_code", "", "CLIENT_CREDENTIALS", "urn:x"] {
        let told = token(world, &granting(&app, &json!({ "grant_type": grant_type }))).await;
        told.refused(400, "unsupported_grant_type");
    }
    token(world, &credentials(&app)).await.refused(400, "invalid_body");
    token(world, &json!({ "grant_type": "refresh_token" })).await.refused(400, "invalid_request");
    for garbage in ["", "garbage", &alice.token, &app.api_key] {
        let told = token(world, &json!({ "grant_type": "refresh_token", "refresh_token": garbage })).await;
        told.refused(400, "invalid_grant");
    }
    for subject_token_type in [json!(null), json!("urn:ietf:params:oauth:token-type:access_token"), json!("")] {
        let mut body = exchanging(&app, &alice.id.to_string());
        body["subject_token_type"] = subject_token_type;
        token(world, &body).await.refused(400, "invalid_request");
    }
    let mut body = exchanging(&app, "x");
    body.as_object_mut().unwrap().remove("subject_token");
    token(world, &body).await.refused(400, "invalid_request");
}

async fn revoking_ends_one_token(world: &World) {
    let (app, alice) = user(world).await;
    let [one, two] = [world.app_token(&app).await, world.app_token(&app).await];
    let revoke =
        async |token: &str| world.call("POST", "/v1/oauth/revoke").form([("token", token)]).send().await.told();
    let told = revoke("garbage").await;
    assert_eq!(told.0, 200);
    assert_eq!(revoke(&one).await, told);
    world.get("/v1/me").bearer(&one).send().await.refused(401, "token_revoked");
    world.get("/v1/me").bearer(&two).send().await.ok();
    assert_eq!(revoke(&alice.refresh).await, told);
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    assert_eq!(revoke(&app.api_key).await, told, "keys have ways of their own to end");
    world.get("/v1/me").bearer(&app.api_key).send().await.ok();
    // What was revoked stays so where nobody remembers.
    let world = &world.restarted().await;
    world.get("/v1/me").bearer(&one).send().await.refused(401, "token_revoked");
    world.get("/v1/me").bearer(&two).send().await.ok();
}
