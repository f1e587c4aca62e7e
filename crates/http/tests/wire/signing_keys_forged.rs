//! Tokens that somebody made: of a key that is ours, of one that is not, and of none.

use identity::{
    SigningAlgorithm, StoredKey,
    signing_key::{KeyPair, KeyState},
};
use kernel::{Secret, secret::ExposeSecret as _};
use platform::keys::Keys;
use serde_json::{Value, json};

use crate::support::{Answer, World, claims_in, header_of, part, sign, sign_with};

on_both!(
    attack_13_a_token_does_not_choose_how_it_is_verified,
    attack_13_nobody_brings_a_key_along_or_says_where_there_is_one,
    attack_15_claims_count_as_they_are_whoever_signed_them,
);

/// A server whose current key the story has, too.
async fn with_key(world: &World, algorithm: SigningAlgorithm) -> (World, KeyPair) {
    let pair = KeyPair::generate(algorithm, 2048).unwrap();
    let sealing = Keys::new(&world.plan.secrets, "https://id.example.com".to_owned()).unwrap().sealing;
    let (id, now) = (pair.public().id(), world.now());
    let public = Secret::from(pair.public().to_pem());
    let key = StoredKey {
        id,
        algorithm,
        state: KeyState::Current,
        public: sealing.seal(&public, &StoredKey::public_place(id)).unwrap(),
        private: Some(sealing.seal(pair.to_pem(), &StoredKey::private_place(id)).unwrap()),
        created_at: now,
        current_since: Some(now),
        believed_until: None,
        secret_until: Some(now.after(std::time::Duration::from_hours(24))),
    };
    world
        .write(move |tx| {
            let all: Vec<_> = tx.signing_keys()?.iter().map(|key| key.id).collect();
            tx.delete_signing_keys(&all)?;
            tx.insert_signing_key(&key)
        })
        .await;
    (world.restarted_with(|plan| plan.settings.token_algorithm = Some(algorithm)).await, pair)
}

async fn shown(world: &World, token: String) -> Answer {
    world.get("/v1/me").bearer(token).send().await
}

async fn is_refused(world: &World, token: String, why: &str) {
    let told = shown(world, token).await;
    assert_eq!((told.status, told.code()), (401, "unauthorized"), "{why}: {told:?}");
}

async fn attack_13_a_token_does_not_choose_how_it_is_verified(world: &World) {
    let app = world.app("acme").await;
    for algorithm in SigningAlgorithm::ALL {
        let (world, pair) = with_key(world, algorithm).await;
        let name = algorithm.name();
        let alice = world.sign_up(Some(&app), &format!("alice-{}", name.to_lowercase())).await;
        let claims = claims_in(&alice.token);
        shown(&world, sign_with(&pair, &header_of(&pair), &claims)).await.ok();
        for other in ["none", "NONE", "HS256", "HS512", "RS256", "PS256", "ES256", "ES512", "EdDSA"] {
            if other != name {
                let header = json!({ "alg": other, "typ": "at+jwt", "kid": pair.public().id() });
                is_refused(&world, sign_with(&pair, &header, &claims), &format!("{name} as {other}")).await;
            }
        }
        let unsigned = json!({ "alg": "none", "typ": "at+jwt", "kid": pair.public().id() });
        is_refused(&world, format!("{}.{}.", part(&unsigned), part(&claims)), "no signature").await;
        let jwk = world.get("/.well-known/jwks.json").raw().await.text;
        let one = serde_json::to_string(&serde_json::from_str::<Value>(&jwk).unwrap()["keys"][0]).unwrap();
        for secret in [pair.public().to_pem(), pair.public().to_pem().trim_end(), &jwk, &one] {
            for header in [
                json!({ "alg": "HS256", "typ": "at+jwt" }),
                json!({ "alg": "HS256", "typ": "at+jwt", "kid": pair.public().id() }),
            ] {
                is_refused(&world, sign(secret, &header, &claims), "what is public is no secret").await;
            }
        }
        // Our own secret verifies no token that names a key.
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": pair.public().id() });
        is_refused(&world, sign(world.plan.secrets.signing.expose_secret(), &header, &claims), "the secret").await;
    }
}

async fn attack_13_nobody_brings_a_key_along_or_says_where_there_is_one(world: &World) {
    let (world, pair) = with_key(world, SigningAlgorithm::EdDsa).await;
    let attackers = KeyPair::generate(SigningAlgorithm::EdDsa, 2048).unwrap();
    let alice = world.sign_up(None, "alice").await;
    let claims = claims_in(&alice.token);
    is_refused(&world, sign_with(&attackers, &header_of(&attackers), &claims), "a key of the attacker's").await;
    for (name, value) in [
        ("jwk", serde_json::to_value(attackers.public().jwk()).unwrap()),
        ("jku", json!("http://127.0.0.1:9/jwks.json")),
        ("x5u", json!("http://127.0.0.1:9/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("typ", json!("JWT")),
        ("typ", json!("AT+JWT")),
        ("kid", json!("../../../../../../etc/passwd")),
        ("kid", json!("/proc/self/environ")),
        ("kid", json!("' UNION SELECT public_key FROM signing_keys --")),
        ("kid", json!("x'; DROP TABLE signing_keys; --")),
        ("kid", json!("\u{0}")),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("kid", json!([pair.public().id()])),
        ("kid", json!("A".repeat(5_000))),
    ] {
        let mut header = header_of(&pair);
        header[name] = value.clone();
        for by in [&pair, &attackers] {
            is_refused(&world, sign_with(by, &header, &claims), &format!("{name}: {value}")).await;
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM signing_keys"), 1);
    shown(&world, alice.token).await.ok();
}

async fn attack_15_claims_count_as_they_are_whoever_signed_them(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    for algorithm in SigningAlgorithm::ALL {
        let (world, pair) = with_key(world, algorithm).await;
        let alice = world.sign_up(Some(&app), &format!("alice-{}", algorithm.name().to_lowercase())).await;
        let (good, now) = (claims_in(&alice.token), world.now().unix_seconds());
        let token = |claims: &Value| sign_with(&pair, &header_of(&pair), claims);
        for (name, value, code) in [
            ("iss", json!("https://evil.example"), "unauthorized"),
            ("iss", json!("https://id.example.com/"), "unauthorized"),
            ("aud", json!("fabric"), "unauthorized"),
            ("aud", json!(other.client_id), "unauthorized"),
            ("aud", json!([good["aud"]]), "unauthorized"),
            ("aud", json!(""), "unauthorized"),
            ("app_id", json!(other.id), "unauthorized"),
            ("exp", json!(now), "token_expired"),
            ("exp", json!(1e20), "unauthorized"),
            ("exp", json!(null), "unauthorized"),
            ("nbf", json!(now + 60), "unauthorized"),
            ("iat", json!(now + 60), "unauthorized"),
            ("kind", json!("refresh"), "unauthorized"),
        ] {
            let mut claims = good.clone();
            claims[name] = value.clone();
            let told = shown(&world, token(&claims)).await;
            assert_eq!((told.status, told.code()), (401, code), "{}: {name} = {value}", algorithm.name());
        }
        for name in ["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "sid", "epoch", "kind", "account"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            is_refused(&world, token(&claims), &format!("{} without {name}", algorithm.name())).await;
        }
        let mut claims = good;
        (claims["nbf"], claims["iat"]) = (json!(now + 3), json!(now + 3));
        shown(&world, token(&claims)).await.ok();
    }
}
