//! Everything that is no credential, or is none any more.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use identity::ApiKey;
use kernel::Timestamp;
use serde_json::{Value, json};

use crate::support::{App, Call, NEXT_PASSWORD, PASSWORD, Person, World, claims_in, part, sign};

/// What somebody shows who is not let in.
pub struct Bad {
    pub what: &'static str,
    /// What they are told.
    pub code: &'static str,
    headers: Vec<(&'static str, String)>,
    peer: Option<&'static str>,
}

impl Bad {
    fn new(what: &'static str, code: &'static str, headers: Vec<(&'static str, String)>) -> Self {
        Self { what, code, headers, peer: None }
    }

    /// Whether there is a header in which somebody might show who they are.
    pub fn shows_something(&self) -> bool {
        !self.headers.is_empty()
    }

    pub fn show<'a>(&self, call: Call<'a>) -> Call<'a> {
        let call = self.headers.iter().fold(call, |call, (name, value)| call.another(name, value));
        match self.peer {
            Some(peer) => call.from(peer),
            None => call,
        }
    }
}

fn bearer(what: &'static str, code: &'static str, token: &str) -> Bad {
    Bad::new(what, code, vec![("authorization", format!("Bearer {token}"))])
}

pub async fn all(world: &World) -> Vec<Bad> {
    let app = world.app("bad").await;
    let late = world.sign_up(Some(&app), "late").await;
    world.advance(Duration::from_hours(2));
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut bad = vec![bearer("an expired token", "token_expired", &late.token)];
    bad.extend(no_tokens(&alice));
    bad.extend(bent("a bent token", &alice.token));
    bad.extend(bent("a bent key", &app.api_key));
    bad.extend(forged(&alice.token));
    bad.extend(other_kinds(world, &app, &alice).await);
    bad.extend(ended_sessions(world, &app).await);
    bad.extend(ended_accounts(world, &app).await);
    bad.extend(ended_keys(world, &app).await);
    bad.extend(ended_app(world).await);
    // None of that has harmed anybody.
    world.get("/v1/me").by(&alice).send().await.ok();
    world.get("/v1/me").bearer(&app.api_key).send().await.ok();
    bad
}

/// Headers with no token of ours in them.
fn no_tokens(alice: &Person) -> Vec<Bad> {
    let authorization = |what, value: String| Bad::new(what, "unauthorized", vec![("authorization", value)]);
    let good = format!("Bearer {}", alice.token);
    let mut bad = vec![
        Bad::new("nothing", "unauthorized", Vec::new()),
        authorization("an empty header", String::new()),
        authorization("a scheme alone", "Bearer".to_owned()),
        authorization("an empty token", "Bearer ".to_owned()),
        authorization("another scheme", "Basic YWxpY2U6aHVudGVyMg==".to_owned()),
        authorization("the token without a scheme", alice.token.clone()),
        authorization("the token under another scheme", format!("Token {}", alice.token)),
        authorization("two tokens in one", format!("{good}, {good}")),
        bearer("garbage", "unauthorized", "garbage"),
        bearer("a very long token", "unauthorized", &"a".repeat(60_000)),
        bearer("what only looks like a key", "unauthorized", "fab_abcdefgh_abcdefghabcdefghabcdefgh"),
        bearer("the beginning of a key", "unauthorized", "fab_"),
        Bad::new("the header twice", "unauthorized", vec![("authorization", good.clone()), ("authorization", good)]),
    ];
    for (what, peer) in [("the development header", "127.0.0.1:1"), ("the same from elsewhere", "192.0.2.1:1")] {
        let headers = vec![("x-principal-id", alice.id.to_string())];
        bad.push(Bad { peer: Some(peer), ..Bad::new(what, "unauthorized", headers) });
    }
    bad
}

/// Attack 16: a token that was cut, stretched, or written another way.
fn bent(what: &'static str, token: &str) -> Vec<Bad> {
    let cut = &token[..token.len() - 1];
    let last = token.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 32 bytes leave four of the last letter's bits: three more letters would decode to the same bytes.
    let place = alphabet.find(last).unwrap();
    let neighbor = alphabet.as_bytes()[place ^ 1] as char;
    let swapped: String = token
        .chars()
        .map(|letter| if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() })
        .collect();
    let bent = [
        cut.to_owned(),
        token[1..].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}."),
        format!("{token}%00"),
        format!("{cut}{neighbor}"),
        token.to_uppercase(),
        swapped,
        format!("\"{token}\""),
        token.replacen(['.', '_'], "", 1),
    ];
    bent.into_iter().map(|token| bearer(what, "unauthorized", &token)).collect()
}

/// Attack 13: what somebody else signed, or nobody.
fn forged(token: &str) -> Vec<Bad> {
    let parts: Vec<&str> = token.split('.').collect();
    let payload = claims_in(token);
    let sign = |header: &Value| sign("attacker attacker attacker attacker", header, &payload);
    let mut admin = payload.clone();
    admin["sub"] = json!("00000000-0000-4000-8000-000000000001");
    let own_key = json!({ "kty": "oct", "k": BASE64.encode(b"attacker attacker attacker attacker") });
    let forged = [
        sign(&json!({ "alg": "HS256", "typ": "at+jwt" })),
        sign(&json!({ "alg": "HS256", "typ": "at+jwt", "jwk": own_key })),
        sign(&json!({ "alg": "HS256", "typ": "at+jwt", "jku": "https://evil.example/jwks.json" })),
        sign(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": "../../../dev/null" })),
        sign(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": "' OR '1'='1" })),
        sign(&json!({ "alg": "RS256", "typ": "at+jwt" })),
        format!("{}.{}.", part(&json!({ "alg": "none", "typ": "at+jwt" })), parts[1]),
        format!("{}.{}.{}", part(&json!({ "alg": "none", "typ": "at+jwt" })), parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], part(&admin), parts[2]),
    ];
    forged.iter().map(|token| bearer("a forged token", "unauthorized", token)).collect()
}

/// Attack 18: what is good for something else.
async fn other_kinds(world: &World, app: &App, alice: &Person) -> Vec<Bad> {
    world.post("/v1/auth/forgot-password", &json!({ "email": alice.email })).app(&app.client_id).send().await.ok();
    let mut bad = vec![
        bearer("a refresh token", "unauthorized", &alice.refresh),
        bearer("a client secret", "unauthorized", &app.client_secret),
        bearer("a client id", "unauthorized", &app.client_id),
        bearer("a password", "unauthorized", PASSWORD),
    ];
    for mail in world.mails().await.iter().filter(|mail| mail.to == alice.email) {
        bad.push(bearer("a token out of a mail", "unauthorized", &mail.token()));
    }
    assert!(bad.len() > 5, "both kinds of mail came");
    bad
}

async fn ended_sessions(world: &World, app: &App) -> Vec<Bad> {
    let mut bad = Vec::new();
    for (what, name, path) in [
        ("a token that was signed out", "carol", "/v1/auth/logout"),
        ("a token of before a sign-out everywhere", "dave", "/v1/auth/logout-all"),
        ("a token of before a change of password", "erin", "/v1/auth/change-password"),
    ] {
        let person = world.sign_up(Some(app), name).await;
        let body = json!({
            "access_token": person.token, "current_password": PASSWORD, "new_password": NEXT_PASSWORD,
        });
        world.post(path, &body).by(&person).send().await.ok();
        bad.push(bearer(what, "token_revoked", &person.token));
    }
    let frank = world.sign_up(Some(app), "frank").await;
    for token in [world.app_token(app).await, world.exchange(app, frank.id).await.text("access_token")] {
        world.post("/v1/oauth/revoke", &json!({ "token": token })).send().await.ok();
        bad.push(bearer("a token that was revoked", "token_revoked", &token));
    }
    bad
}

/// Attack 29: what belonged to an account that is closed.
async fn ended_accounts(world: &World, app: &App) -> Vec<Bad> {
    let mut bad = Vec::new();
    for (name, method, end, key_code) in
        [("grace", "POST", "/disable", "token_revoked"), ("heidi", "DELETE", "", "unauthorized")]
    {
        let person = world.sign_up(Some(app), name).await;
        let exchanged = world.exchange(app, person.id).await.text("access_token");
        let home = world.home_of(&person).await;
        let key = world.api_key(Some(app.id), home, &person, |key| key).await;
        let path = format!("/v1/admin/users/{}{end}", person.id);
        world.call(method, &path).bearer(&app.api_key).send().await.ok();
        bad.push(bearer("a token of a closed account", "token_revoked", &person.token));
        bad.push(bearer("a token that an app has for a closed account", "token_revoked", &exchanged));
        bad.push(bearer("a key of a closed account", key_code, &key));
    }
    bad
}

async fn ended_keys(world: &World, app: &App) -> Vec<Bad> {
    let now = world.now();
    let key = async |change: fn(ApiKey, Timestamp) -> ApiKey| {
        world.api_key(None, app.organization, &app.owner, |key| change(key, now)).await
    };
    let disabled = key(|key, now| ApiKey { disabled_at: Some(now), ..key }).await;
    let expired = key(|key, now| ApiKey { expires_at: Some(now), ..key }).await;
    vec![
        bearer("a disabled key", "unauthorized", &disabled),
        bearer("an expired key", "unauthorized", &expired),
        bearer("the prefix of a good key", "unauthorized", &app.api_key[..12]),
    ]
}

/// Attack 29: whatever came through an app that is switched off.
async fn ended_app(world: &World) -> Vec<Bad> {
    let app = world.set_up("closed").await;
    let ivan = world.sign_up(Some(&app), "ivan").await;
    let home = world.home_of(&ivan).await;
    let key = world.api_key(Some(app.id), home, &ivan, |key| key).await;
    let tokens =
        [world.app_token(&app).await, world.exchange(&app, ivan.id).await.text("access_token"), ivan.token, key];
    world.call("POST", &format!("/v1/apps/{}/disable", app.id)).bearer(&app.api_key).send().await.ok();
    tokens.iter().map(|token| bearer("what came through a disabled app", "token_revoked", token)).collect()
}
