//! Attack 15: even under our own signature a token counts only as it was made, and only while the database agrees.

use kernel::secret::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{Answer, World, claims_in, sign};

on_both!(
    a_forged_token_under_our_signature_is_as_good_as_it_is_true,
    no_claim_can_be_another,
    no_claim_can_be_missing,
    a_time_that_makes_no_sense_is_no_time,
    a_token_of_one_kind_becomes_none_of_another,
    a_server_of_another_name_believes_none_of_our_tokens,
);

async fn shown(world: &World, claims: &Value) -> Answer {
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let token = sign(world.plan.secrets.signing.expose_secret(), &header, claims);
    world.get("/v1/me").bearer(token).send().await
}

/// The forger knows the format: what is refused below is refused for what it says.
async fn a_forged_token_under_our_signature_is_as_good_as_it_is_true(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut claims = claims_in(&alice.token);
    assert_eq!(shown(world, &claims).await.text("email"), alice.email);
    claims["unknown"] = json!(true);
    shown(world, &claims).await.ok();
    // None of these is read from a token.
    for (name, value) in [("role", json!("owner")), ("platform_admin", json!(true)), ("email_verified", json!(true))] {
        claims[name] = value;
        let me = shown(world, &claims).await;
        assert_eq!((&me.ok()["platform_admin"], &me.ok()["email_verified"]), (&json!(false), &json!(false)));
    }
}

async fn no_claim_can_be_another(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let alice = world.sign_up(Some(&app), "alice").await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let elsewhere = world.sign_up(Some(&other), "alice").await;
    let itself = world.sign_up(None, "alice").await;
    let nobody = "00000000-0000-4000-8000-000000000001";
    let good = claims_in(&alice.token);
    for stranger in [&bob, &elsewhere, &itself].map(|person| claims_in(&person.token)) {
        for name in ["sub", "aud", "app_id", "account", "sid"] {
            if stranger.get(name) == good.get(name) {
                continue;
            }
            let mut claims = good.clone();
            match stranger.get(name) {
                Some(value) => claims[name] = value.clone(),
                None => drop(claims.as_object_mut().unwrap().remove(name)),
            }
            let told = shown(world, &claims).await;
            assert_eq!(told.status, 401, "{name}: {told:?}");
        }
    }
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://id.example.com/")),
        ("aud", json!("fabric")),
        ("aud", json!([good["aud"]])),
        ("aud", json!("")),
        ("sub", json!(nobody)),
        ("sub", json!(app.id)),
        ("sub", json!("alice@example.com")),
        ("app_id", json!(other.id)),
        ("app_id", json!(nobody)),
        ("account", json!(nobody)),
        ("sid", json!(nobody)),
        ("epoch", json!(1)),
        ("epoch", json!(-1)),
        ("epoch", json!(1e20)),
        ("kind", json!("refresh")),
        ("kind", json!("Session")),
        ("jti", json!("x")),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        let told = shown(world, &claims).await;
        assert_eq!(told.status, 401, "{name} = {value}: {told:?}");
    }
    shown(world, &good).await.ok();
}

async fn no_claim_can_be_missing(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let good = claims_in(&alice.token);
    // How somebody signed in opens nothing here: tokens of before say nothing of it.
    for name in good.as_object().unwrap().keys().filter(|name| *name != "amr") {
        for null in [false, true] {
            let mut claims = good.clone();
            if null {
                claims[name] = Value::Null;
            } else {
                claims.as_object_mut().unwrap().remove(name);
            }
            let told = shown(world, &claims).await;
            assert_eq!(told.status, 401, "{name}: {told:?}");
        }
    }
    for claims in [json!({}), json!([]), json!("x"), json!(null), json!(7)] {
        shown(world, &claims).await.refused(401, "unauthorized");
    }
}

async fn a_time_that_makes_no_sense_is_no_time(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let good = claims_in(&alice.token);
    let now = world.now().unix_seconds();
    for (name, value, code) in [
        ("exp", json!(now), "token_expired"),
        ("exp", json!(0), "token_expired"),
        ("exp", json!(-1), "unauthorized"),
        ("exp", json!(1e20), "unauthorized"),
        ("exp", json!("2100-01-01"), "unauthorized"),
        ("nbf", json!(now + 60), "unauthorized"),
        ("iat", json!(now + 60), "unauthorized"),
        ("iat", json!("now"), "unauthorized"),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        shown(world, &claims).await.refused(401, code);
    }
    // Two clocks may be a little apart.
    let mut claims = good;
    (claims["nbf"], claims["iat"]) = (json!(now + 3), json!(now + 3));
    shown(world, &claims).await.ok();
}

async fn a_token_of_one_kind_becomes_none_of_another(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let session = claims_in(&alice.token);
    let exchanged = claims_in(&world.exchange(&app, alice.id).await.text("access_token"));
    let itself = claims_in(&world.app_token(&app).await);
    for (claims, kind) in [(&exchanged, "session"), (&itself, "session"), (&itself, "exchange"), (&session, "app")] {
        let mut claims = claims.clone();
        claims["kind"] = json!(kind);
        let told = shown(world, &claims).await;
        assert_eq!(told.status, 401, "{kind}: {told:?}");
    }
    // An app is itself alone, with a secret of its own.
    let other = world.app("other").await;
    for (name, value) in [
        ("sub", json!(alice.id)),
        ("sub", json!(other.id)),
        ("app_id", json!(other.id)),
        ("secret", claims_in(&world.app_token(&other).await)["secret"].clone()),
    ] {
        let mut claims = itself.clone();
        claims[name] = value;
        let told = shown(world, &claims).await;
        assert_eq!(told.status, 401, "{name}: {told:?}");
    }
    shown(world, &itself).await.ok();
}

async fn a_server_of_another_name_believes_none_of_our_tokens(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let renamed = world.restarted_with(|plan| plan.settings.public_base_url = "https://other.example.com".into()).await;
    renamed.get("/v1/me").by(&alice).send().await.refused(401, "unauthorized");
    world.get("/v1/me").by(&alice).send().await.ok();
}
