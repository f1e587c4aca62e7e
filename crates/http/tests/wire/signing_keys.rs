//! Access tokens that keys sign: found by everybody, rotated, ended.

use std::{collections::HashSet, time::Duration};

use identity::{SigningAlgorithm, signing_key::PUBLISHED_AHEAD};
use openssl::{
    pkey::{Id, PKey},
    sign::Verifier,
};
use serde_json::{Value, json};

use crate::support::{Person, Plan, Raw, World, claims_in, header_in, sign};

on_both!(
    with_a_shared_secret_there_are_no_keys,
    a_token_names_its_key_and_everybody_finds_that,
    attack_17_the_key_set_has_public_parts_alone_and_may_be_kept,
    a_key_that_will_sign_is_published_long_before,
    a_rotation_ends_no_token_and_what_it_signed_goes_in_time,
    attack_17_a_key_that_was_rotated_out_is_believed_no_longer_than_its_grace,
    attack_29_after_a_compromise_every_token_of_the_keys_is_worth_nothing_at_once,
    tokens_go_on_from_the_secret_to_keys_and_back,
    attack_23_what_is_signed_out_ends_whoever_signed_it,
    attack_17_18_a_token_of_another_app_or_kind_is_none_whoever_signed_it,
    what_one_server_rotates_another_knows_and_is_asked_for_once_a_second_at_the_most,
    many_at_once_make_one_key,
    a_key_in_the_database_is_sealed_and_a_retired_one_has_no_private_half,
    the_audit_log_has_every_rotation_and_no_endpoint_hears_of_it,
);

fn keys(algorithm: SigningAlgorithm) -> impl Fn(&mut Plan) {
    move |plan| plan.settings.token_algorithm = Some(algorithm)
}

async fn edwards(world: &World) -> World {
    world.restarted_with(keys(SigningAlgorithm::EdDsa)).await
}

async fn key_set(world: &World) -> Vec<Value> {
    let raw = world.get("/.well-known/jwks.json").raw().await;
    assert_eq!((raw.status, raw.header("content-type")), (200, Some("application/json")));
    let mut set: Value = serde_json::from_str(&raw.text).unwrap();
    assert_eq!(set.as_object().unwrap().len(), 1, "no envelope: {set}");
    serde_json::from_value(set["keys"].take()).unwrap()
}

async fn published(world: &World) -> Vec<String> {
    key_set(world).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(person: &Person) -> String {
    header_in(&person.token)["kid"].as_str().unwrap().to_owned()
}

async fn works(world: &World, person: &Person) {
    assert_eq!(world.get("/v1/me").by(person).send().await.text("email"), person.email);
}

async fn is_refused(world: &World, person: &Person) {
    world.get("/v1/me").by(person).send().await.refused(401, "unauthorized");
}

async fn with_a_shared_secret_there_are_no_keys(world: &World) {
    assert_eq!(key_set(world).await, [json!(null); 0]);
    world.platform.tend_signing_keys().await.unwrap();
    assert_eq!(key_set(world).await, [json!(null); 0]);
    let alice = world.sign_up(None, "alice").await;
    assert_eq!(header_in(&alice.token), json!({ "alg": "HS256", "typ": "at+jwt" }));
    assert!(world.platform.operator_rotate_signing_keys(false).await.is_err());
}

async fn a_token_names_its_key_and_everybody_finds_that(world: &World) {
    for algorithm in SigningAlgorithm::ALL {
        let world = world.restarted_with(keys(algorithm)).await;
        world.platform.operator_rotate_signing_keys(true).await.unwrap();
        let alice = world.sign_up(None, &format!("alice-{}", algorithm.name().to_lowercase())).await;
        let header = header_in(&alice.token);
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm.name()), &json!("at+jwt")));
        assert_eq!(header.as_object().unwrap().len(), 3, "{header}");
        let set = key_set(&world).await;
        assert_eq!(
            (&set[0]["kid"], &set[0]["alg"]),
            (&header["kid"], &header["alg"]),
            "the one that signs comes first"
        );
        works(&world, &alice).await;
    }
    // With nothing but what everybody sees.
    let world = edwards(world).await;
    world.platform.operator_rotate_signing_keys(true).await.unwrap();
    let alice = world.sign_up(None, "alice").await;
    let (message, signature) = alice.token.rsplit_once('.').unwrap();
    let decode = |text: &str| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let x = decode(key_set(&world).await[0]["x"].as_str().unwrap());
    let key = PKey::public_key_from_raw_bytes(&x, Id::ED25519).unwrap();
    let mut verifier = Verifier::new_without_digest(&key).unwrap();
    assert!(verifier.verify_oneshot(&decode(signature), message.as_bytes()).unwrap());
}

async fn attack_17_the_key_set_has_public_parts_alone_and_may_be_kept(world: &World) {
    for (algorithm, members) in [
        (SigningAlgorithm::EdDsa, ["alg", "crv", "kid", "kty", "use", "x"].as_slice()),
        (SigningAlgorithm::Es256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        (SigningAlgorithm::Rs256, &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let world = world.restarted_with(keys(algorithm)).await;
        world.platform.operator_rotate_signing_keys(true).await.unwrap();
        // Next, current and retired.
        world.platform.operator_rotate_signing_keys(false).await.unwrap();
        let set = key_set(&world).await;
        assert_eq!(set.len(), 3);
        for key in &set {
            let names: HashSet<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, members.iter().copied().collect(), "{key}");
        }
    }
    let fetch = |tag: Option<String>| async move {
        let call = world.get("/.well-known/jwks.json");
        let raw: Raw = match tag {
            Some(tag) => call.header("if-none-match", tag).raw().await,
            None => call.raw().await,
        };
        raw
    };
    let first = fetch(None).await;
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    let tag = first.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = fetch(Some(known)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        assert_eq!((again.header("etag"), again.header("cache-control")), (Some(&*tag), Some("public, max-age=300")));
    }
    assert_eq!(fetch(Some("\"x\"".to_owned())).await.status, 200);
    let world = edwards(world).await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    let changed = world.get("/.well-known/jwks.json").header("if-none-match", &tag).raw().await;
    assert_eq!(changed.status, 200, "there are other keys");
}

async fn a_key_that_will_sign_is_published_long_before(world: &World) {
    let world = world.restarted_with(|plan| {
        plan.settings.token_algorithm = Some(SigningAlgorithm::Es256);
        plan.settings.token_key_rotation = Some(Duration::from_hours(24));
    });
    let world = world.await;
    // Nobody remembers for minutes that there are none.
    let first = published(&world).await;
    assert_eq!(first.len(), 2, "the one that signs, and the next");
    let alice = world.sign_up(None, "alice").await;
    assert_eq!(kid(&alice), first[0]);
    world.advance(Duration::from_hours(23));
    world.platform.tend_signing_keys().await.unwrap();
    assert_eq!(published(&world).await, first, "nothing is due");
    world.advance(Duration::from_hours(1));
    world.platform.tend_signing_keys().await.unwrap();
    let bob = world.sign_up(None, "bob").await;
    assert_eq!(kid(&bob), first[1], "everybody has known it for a day");
    let second = published(&world).await;
    assert_eq!((second.len(), &second[0], &second[2]), (3, &first[1], &first[0]));
    world.platform.tend_signing_keys().await.unwrap();
    assert_eq!(published(&world).await, second, "once is enough");

    // Another algorithm is a key like any other, and has its time too.
    let other = world.restarted_with(keys(SigningAlgorithm::EdDsa)).await;
    other.platform.tend_signing_keys().await.unwrap();
    assert_eq!(header_in(&other.sign_up(None, "carol").await.token)["alg"], "ES256");
    other.advance(PUBLISHED_AHEAD);
    other.platform.tend_signing_keys().await.unwrap();
    assert_eq!(header_in(&other.sign_up(None, "dan").await.token)["alg"], "EdDSA");
    works(&other, &bob).await;
}

async fn a_rotation_ends_no_token_and_what_it_signed_goes_in_time(world: &World) {
    let world = edwards(world).await;
    let alice = world.sign_up(None, "alice").await;
    works(&world, &alice).await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    let bob = world.sign_up(None, "bob").await;
    assert_ne!(kid(&alice), kid(&bob));
    for person in [&alice, &bob] {
        works(&world, person).await;
        // Also where nothing was in memory.
        works(&edwards(&world).await, person).await;
    }
    // The longest token of any app, and a moment for servers that sign with it yet.
    world.advance(Duration::from_hours(24));
    assert!(published(&world.restarted().await).await.contains(&kid(&alice)));
    world.advance(Duration::from_mins(11));
    let world = world.restarted().await;
    assert!(!published(&world).await.contains(&kid(&alice)));
    world.platform.tend_signing_keys().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM signing_keys"), 2, "and it is gone for good");
}

async fn attack_17_a_key_that_was_rotated_out_is_believed_no_longer_than_its_grace(world: &World) {
    let world = edwards(world).await;
    let alice = world.sign_up(None, "alice").await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    works(&world, &alice).await;
    assert_eq!(world.tamper("UPDATE signing_keys SET believed_until = created_at WHERE state = 'retired'"), 1);
    let world = world.restarted().await;
    is_refused(&world, &alice).await;
    assert!(!published(&world).await.contains(&kid(&alice)));
    // To end a session it is good for nothing either.
    world.post("/v1/auth/logout", &json!({ "access_token": alice.token })).send().await.ok();
    assert_eq!(world.events("auth.logout"), 0);
}

async fn attack_29_after_a_compromise_every_token_of_the_keys_is_worth_nothing_at_once(world: &World) {
    let world = edwards(world).await;
    let early = world.sign_up(None, "early").await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    let alice = world.sign_up(None, "alice").await;
    for person in [&early, &alice] {
        works(&world, person).await;
    }
    let before = published(&world).await;
    world.platform.operator_rotate_signing_keys(true).await.unwrap();
    for person in [&early, &alice] {
        // What was checked and remembered too.
        is_refused(&world, person).await;
        is_refused(&world, person).await;
    }
    let after = published(&world).await;
    assert!(after.len() == 2 && after.iter().all(|kid| !before.contains(kid)), "{before:?} {after:?}");
    // Sessions go on: whoever holds a refresh token gets an access token of the new key.
    let refreshed = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": alice.refresh })).send().await;
    let alice = Person::of(&refreshed);
    assert_eq!(kid(&alice), after[0]);
    works(&world, &alice).await;
}

async fn tokens_go_on_from_the_secret_to_keys_and_back(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let keyed = edwards(world).await;
    works(&keyed, &alice).await;
    let bob = keyed.sign_up(None, "bob").await;
    works(&keyed, &alice).await;
    works(world, &bob).await;

    // Long after, the secret signs nothing any more, whoever has learnt it by then.
    keyed.advance(Duration::from_hours(26));
    let now = keyed.now().unix_seconds();
    let carol = keyed.sign_up(None, "carol").await;
    let forged = |claims: &Value| {
        use kernel::secret::ExposeSecret as _;
        let header = json!({ "alg": "HS256", "typ": "at+jwt" });
        sign(world.plan.secrets.signing.expose_secret(), &header, claims)
    };
    let mut claims = claims_in(&carol.token);
    (claims["iat"], claims["nbf"], claims["exp"]) = (json!(now), json!(now), json!(now + 60));
    let secret = Person { token: forged(&claims), ..carol.clone() };
    is_refused(&keyed, &secret).await;
    is_refused(&edwards(&keyed).await, &secret).await;
    works(&keyed, &carol).await;

    // And back: what the key signed is believed until it expires, by others too.
    let back = keyed.restarted_with(|plan| plan.settings.token_algorithm = None).await;
    back.platform.tend_signing_keys().await.unwrap();
    works(&back, &secret).await;
    works(&back, &carol).await;
    assert_eq!(published(&back).await, [kid(&carol)]);
    assert_eq!(header_in(&back.sign_in(None, "alice").await.token)["alg"], "HS256");
    assert_eq!(back.events("signing_key.retired"), 1);
    back.advance(Duration::from_hours(25));
    back.platform.tend_signing_keys().await.unwrap();
    assert_eq!(key_set(&back).await, [json!(null); 0]);
    assert_eq!(back.number("SELECT count(*) FROM signing_keys"), 0);
}

async fn attack_23_what_is_signed_out_ends_whoever_signed_it(world: &World) {
    let app = world.app("acme").await;
    let world = edwards(world).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let again = world.sign_in(Some(&app), "alice").await;
    works(&world, &alice).await;
    world.post("/v1/auth/logout", &json!({ "access_token": alice.token })).send().await.ok();
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    works(&world, &again).await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    world.call("POST", "/v1/auth/logout-all").by(&again).send().await.ok();
    world.get("/v1/me").by(&again).send().await.refused(401, "token_revoked");
    let itself = world.app_token(&app).await;
    world.get("/v1/me").bearer(&itself).send().await.ok();
    world.post("/v1/oauth/revoke", &json!({ "token": itself })).send().await.ok();
    world.get("/v1/me").bearer(&itself).send().await.refused(401, "token_revoked");
}

async fn attack_17_18_a_token_of_another_app_or_kind_is_none_whoever_signed_it(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let world = edwards(world).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    // One key signs for all apps: which one a token is for, its claims say, and its app alone is reached with it.
    let token = world.app_token(&app).await;
    world.get(&format!("/v1/apps/{}", app.id)).bearer(&token).send().await.ok();
    world.get(&format!("/v1/apps/{}", other.id)).bearer(&token).send().await.refused(404, "not_found");
    world.get(&format!("/v1/organizations/{}", other.organization)).by(&alice).send().await.refused(404, "not_found");
    for token in [&alice.refresh, &format!("{}.{}", header_in(&alice.token)["kid"], alice.refresh)] {
        world.get("/v1/me").bearer(token).send().await.refused(401, "unauthorized");
    }
    let elsewhere =
        world.restarted_with(|plan| plan.settings.public_base_url = "https://other.example.com".into()).await;
    is_refused(&elsewhere, &alice).await;
}

async fn what_one_server_rotates_another_knows_and_is_asked_for_once_a_second_at_the_most(world: &World) {
    let here = edwards(world).await;
    let there = edwards(world).await;
    let alice = here.sign_up(None, "alice").await;
    works(&there, &alice).await;
    // Nobody tells the other one here, and the key of the new token is not the one that was published.
    here.platform.operator_rotate_signing_keys(true).await.unwrap();
    let bob = here.sign_up(None, "bob").await;
    works(&there, &bob).await;
    is_refused(&there, &alice).await;

    let asked = || there.units().0;
    let before = asked();
    let stranger = format!("{}.{}.AAAA", part_of_stranger(), bob.token.split('.').nth(1).unwrap());
    for _ in 0..50 {
        there.get("/v1/me").bearer(&stranger).send().await.refused(401, "unauthorized");
    }
    assert!(asked() - before <= 2, "asked {} times", asked() - before);
}

/// The header of a token whose key nobody has.
fn part_of_stranger() -> String {
    let kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    crate::support::part(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }))
}

async fn many_at_once_make_one_key(world: &World) {
    let servers = [edwards(world).await, edwards(world).await, edwards(world).await];
    let tends = servers.iter().flat_map(|server| [0; 8].map(|_| server.platform.tend_signing_keys()));
    for done in futures_util::future::join_all(tends).await {
        done.unwrap();
    }
    assert_eq!(world.number("SELECT count(*) FROM signing_keys"), 2);
    assert_eq!(world.events("signing_key.rotated"), 1);
    for server in &servers {
        server.platform.operator_rotate_signing_keys(false).await.unwrap();
    }
    assert_eq!(world.number("SELECT count(*) FROM signing_keys WHERE state <> 'retired'"), 2);
    assert_eq!(world.number("SELECT count(*) FROM signing_keys WHERE state = 'retired'"), 3);
}

async fn a_key_in_the_database_is_sealed_and_a_retired_one_has_no_private_half(world: &World) {
    let keyed = edwards(world).await;
    keyed.sign_up(None, "alice").await;
    let keys = keyed.platform.operator_rotate_signing_keys(false).await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.private.is_none()).count(), 1);
    let set = key_set(&keyed).await;
    for text in ["BEGIN PRIVATE KEY", "BEGIN PUBLIC KEY", set[0]["x"].as_str().unwrap()] {
        assert_eq!(keyed.columns_with(text), [""; 0], "{text}");
    }
    // Whoever can write to the database moves no key into another's place.
    let swap = "UPDATE signing_keys SET public_key = (SELECT public_key FROM signing_keys WHERE state = 'current'),
                private_key = NULL WHERE state = 'next'";
    assert_eq!(keyed.tamper(swap), 1);
    assert_eq!(published(&edwards(&keyed).await).await.len(), 2, "it is left out");
    // Another server that lacks what they are sealed with does not start.
    let refused = keyed.start_refused(|plan| plan.secrets.signing = "other 123456789abcdef0123456789abcdef0".into());
    assert!(refused.await.message.contains("FABRIC_ENCRYPTION_KEY"));
}

async fn the_audit_log_has_every_rotation_and_no_endpoint_hears_of_it(world: &World) {
    let app = world.app("acme").await;
    let world = edwards(world).await;
    let path = format!("/v1/organizations/{}/webhooks", app.organization);
    let endpoint = json!({ "url": "https://hooks.example.com/all" });
    world.post(&path, &endpoint).bearer(&app.api_key).send().await.ok();
    let alice = world.sign_up(None, "alice").await;
    world.platform.operator_rotate_signing_keys(false).await.unwrap();
    world.platform.operator_rotate_signing_keys(true).await.unwrap();
    while world.platform.sequence().await.unwrap() > 0 {}
    while world.platform.fan_out().await.unwrap() > 0 {}
    let administrator = world.administrator().await;
    let log = world.get("/v1/audit-logs?action=signing_key.rotated").by(&administrator).send().await;
    let told: Vec<_> = log.ok().as_array().unwrap().iter().map(|entry| entry["metadata"].clone()).collect();
    let reasons: Vec<_> = told.iter().map(|told| told["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons, ["compromise", "operator", "first"], "{log:?}");
    assert_eq!(told[1]["previous_signing_key_id"], json!(kid(&alice)));
    let heard = "SELECT count(*) FROM webhook_deliveries WHERE event_kind LIKE 'signing_key.%'";
    assert_eq!(world.number(heard), 0);
}
