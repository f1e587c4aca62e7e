//! Attack 31: neither an answer nor the work behind it tells whether somebody is there. The work is counted, not timed:
//! password hashes, signatures of passkeys, and units of work and queries in the database.

use serde_json::{Value, json};

use crate::{
    counted,
    support::{App, Call, NEXT_PASSWORD, PASSWORD, World},
};

on_both!(
    signing_in_tells_nobody_who_has_an_account,
    a_lock_tells_nobody_who_has_an_account,
    asking_for_a_link_tells_nobody_who_has_an_account,
    signing_up_tells_nobody_who_has_an_account_where_proof_is_required,
    a_link_tells_nothing_but_that_it_is_not_good,
    a_magic_link_tells_nothing_but_that_it_is_not_good,
    a_wrong_code_tells_nobody_who_has_an_account,
    a_client_is_wrong_however_it_is_wrong,
    a_key_is_wrong_however_it_is_wrong,
    a_user_of_another_app_is_a_user_of_none,
    an_answer_in_the_name_of_a_passkey_tells_nobody_whether_it_is_there,
);

/// What somebody on the outside could learn of a call.
#[derive(Debug, PartialEq)]
struct Told {
    status: u16,
    body: Value,
    retry_after: Option<String>,
    hashes: u64,
    signatures: u64,
    units: (usize, usize),
    queries: usize,
}

async fn told(world: &World, call: Call<'_>) -> Told {
    let (hashes, units, queries) = (counted("fabric_password_hashes_total"), world.units(), world.queries());
    let signatures = counted("fabric_passkey_verifications_total");
    let answer = call.send().await;
    let (status, body) = answer.told();
    let after = world.units();
    Told {
        status,
        body,
        retry_after: answer.header("retry-after").map(str::to_owned),
        hashes: counted("fabric_password_hashes_total") - hashes,
        signatures: counted("fabric_passkey_verifications_total") - signatures,
        units: (after.0 - units.0, after.1 - units.1),
        queries: world.queries() - queries,
    }
}

/// An app with somebody of every kind.
async fn acme(world: &World) -> App {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "known").await;
    let disabled = world.sign_up(Some(&app), "disabled").await;
    let path = format!("/v1/admin/users/{}/disable", disabled.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    let verified = world.sign_up(Some(&app), "verified").await;
    let path = format!("/v1/admin/users/{}/verify", verified.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    let without = json!({ "email": "passwordless@example.com" });
    world.post("/v1/admin/users", &without).bearer(&app.api_key).send().await.ok();
    world.sign_up(None, "developer").await;
    world.mails().await;
    // Whoever is asked first is not asked for more.
    world.log_in(Some(&app), "warm", PASSWORD).await;
    app
}

const EVERYBODY: [&str; 6] = ["known", "disabled", "verified", "passwordless", "developer", "nobody"];

async fn signing_in_tells_nobody_who_has_an_account(world: &World) {
    let app = acme(world).await;
    let mut seen = Vec::new();
    for name in EVERYBODY {
        let body = json!({ "email": format!("{name}@example.com"), "password": "Wrong-horse-1" });
        seen.push(told(world, world.at_door(Some(&app), "/v1/auth/login", &body)).await);
    }
    assert_eq!((seen[0].status, seen[0].hashes), (401, 1), "{:?}", seen[0]);
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

async fn a_lock_tells_nobody_who_has_an_account(world: &World) {
    let app = acme(world).await;
    let mut seen: Vec<Vec<Told>> = Vec::new();
    for name in EVERYBODY {
        let body = json!({ "email": format!("{name}@example.com"), "password": "Wrong-horse-1" });
        let mut tries = Vec::new();
        for _ in 0..7 {
            tries.push(told(world, world.at_door(Some(&app), "/v1/auth/login", &body)).await);
        }
        seen.push(tries);
    }
    let statuses: Vec<_> = seen[0].iter().map(|told| (told.status, told.hashes)).collect();
    // Who is locked costs no hash.
    assert_eq!(statuses, [(401, 1), (401, 1), (401, 1), (401, 1), (401, 1), (429, 0), (429, 0)]);
    assert!(seen.iter().all(|tries| *tries == seen[0]), "{seen:#?}");
    let locked = i64::try_from(EVERYBODY.len()).unwrap();
    assert_eq!(world.events("auth.account_locked"), locked, "the one that locks costs no less for nobody");
}

async fn asking_for_a_link_tells_nobody_who_has_an_account(world: &World) {
    let app = acme(world).await;
    for path in
        ["/v1/auth/forgot-password", "/v1/auth/resend-verification", "/v1/auth/magic-link", "/v1/auth/email-code"]
    {
        // Twice: who has asked before is told the same.
        for _ in 0..2 {
            let mut seen = Vec::new();
            for name in EVERYBODY {
                let body = json!({ "email": format!("{name}@example.com") });
                seen.push(told(world, world.at_door(Some(&app), path, &body)).await);
            }
            assert_eq!((seen[0].status, seen[0].hashes), (200, 0));
            assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
        }
    }
}

async fn signing_up_tells_nobody_who_has_an_account_where_proof_is_required(world: &World) {
    let app = acme(world).await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    // The setting is read once.
    world.log_in(Some(&app), "warm", PASSWORD).await;
    for _ in 0..2 {
        let mut seen = Vec::new();
        for name in EVERYBODY {
            let body = json!({ "email": format!("{name}@example.com"), "password": NEXT_PASSWORD });
            let mut told = told(world, world.at_door(Some(&app), "/v1/auth/signup", &body)).await;
            assert_eq!(told.body["data"]["email"].take(), format!("{name}@example.com"));
            seen.push(told);
        }
        assert_eq!((seen[0].status, seen[0].hashes), (201, 1));
        assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
    }
    // Nor does the first try to sign in afterwards.
    let mut seen = Vec::new();
    for name in EVERYBODY {
        let body = json!({ "email": format!("{name}@example.com"), "password": "Wrong-horse-1" });
        seen.push(told(world, world.at_door(Some(&app), "/v1/auth/login", &body)).await);
    }
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

async fn a_link_tells_nothing_but_that_it_is_not_good(world: &World) {
    let app = acme(world).await;
    let link = async || {
        let body = json!({ "email": "known@example.com" });
        world.at_door(Some(&app), "/v1/auth/forgot-password", &body).send().await.ok();
        world.mail().await.token()
    };
    let expired = link().await;
    world.advance(std::time::Duration::from_hours(1));
    let used = link().await;
    let reset = |token: &str, password: &str| {
        world.post("/v1/auth/reset-password", &json!({ "token": token, "new_password": password }))
    };
    reset(&used, NEXT_PASSWORD).send().await.ok();
    let mut seen = Vec::new();
    for token in [&expired, &used, &"0".repeat(64), "nonsense", ""] {
        seen.push(told(world, reset(token, PASSWORD)).await);
    }
    assert_eq!(seen[0].status, 400);
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

async fn a_magic_link_tells_nothing_but_that_it_is_not_good(world: &World) {
    let app = acme(world).await;
    let link = async || {
        let body = json!({ "email": "verified@example.com" });
        world.at_door(Some(&app), "/v1/auth/magic-link", &body).send().await.ok();
        world.mail().await.token()
    };
    let expired = link().await;
    world.advance(std::time::Duration::from_mins(15));
    let used = link().await;
    let follow = |token: &str| world.post("/v1/auth/magic-link/verify", &json!({ "token": token }));
    follow(&used).send().await.ok();
    let mut seen = Vec::new();
    for token in [&expired, &used, &"0".repeat(64), "nonsense", ""] {
        seen.push(told(world, follow(token)).await);
    }
    assert_eq!(seen[0].status, 400);
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

/// Whether a code is out, was used, has expired, or never was; after too many of them; and a long one.
async fn a_wrong_code_tells_nobody_who_has_an_account(world: &World) {
    let app = acme(world).await;
    for name in ["known", "disabled"] {
        let body = json!({ "email": format!("{name}@example.com") });
        world.at_door(Some(&app), "/v1/auth/email-code", &body).send().await.ok();
    }
    let mail = world.mail().await;
    assert_eq!(mail.to, "known@example.com");
    let out = mail.letter.code().unwrap();
    let wrong = if out == "000000" { "000001" } else { "000000" };
    let mut seen: Vec<Vec<Told>> = Vec::new();
    for name in EVERYBODY {
        let mut tries = Vec::new();
        for guess in [[wrong; 7].as_slice(), &["0000000000000000"; 2]].concat() {
            let body = json!({ "email": format!("{name}@example.com"), "code": guess });
            tries.push(told(world, world.at_door(Some(&app), "/v1/auth/email-code/verify", &body)).await);
        }
        seen.push(tries);
    }
    let statuses: Vec<_> = seen[0].iter().map(|told| (told.status, told.units)).collect();
    let long = [(401, (0, 1)); 2];
    assert_eq!(statuses, [[(401, (0, 1)); 5].as_slice(), &[(429, (0, 1)); 2], &long].concat());
    assert!(seen.iter().all(|tries| *tries == seen[0]), "{seen:#?}");
}

async fn a_client_is_wrong_however_it_is_wrong(world: &World) {
    let app = acme(world).await;
    let other = world.app("other").await;
    let mut seen = Vec::new();
    for (client_id, client_secret) in [
        (app.client_id.as_str(), "focs_wrong"),
        (&app.client_id, &other.client_secret),
        ("foc_aaaaaaaaaaaaaaaaaaaaaaaa", &app.client_secret),
        ("nonsense", &app.client_secret),
    ] {
        let body = json!({
            "grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret,
        });
        seen.push(told(world, world.post("/v1/oauth/token", &body)).await);
    }
    assert_eq!((seen[0].status, seen[0].units), (401, (1, 0)));
    // What is no client id at all is looked up nowhere, which tells nothing of those that there are.
    let look_ups = seen[0].queries;
    assert_eq!(std::mem::replace(&mut seen[3].queries, look_ups), 0);
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

/// Attack 41: finding a key by its prefix tells nothing of how much was right.
async fn a_key_is_wrong_however_it_is_wrong(world: &World) {
    let app = acme(world).await;
    let (prefix, secret) = app.api_key.split_at(13);
    let (most, last) = secret.split_at(secret.len() - 1);
    let other = if last == "A" { "Q" } else { "A" };
    let mut seen = Vec::new();
    for key in [
        format!("fab_aaaaaaaa_{secret}"),
        format!("{prefix}{}", "A".repeat(secret.len())),
        format!("{prefix}{most}{other}"),
        format!("{prefix}x"),
    ] {
        seen.push(told(world, world.get("/v1/me").bearer(key)).await);
    }
    assert_eq!((seen[0].status, seen[0].units), (401, (1, 0)));
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

async fn a_user_of_another_app_is_a_user_of_none(world: &World) {
    let app = acme(world).await;
    let other = world.app("other").await;
    let stranger = world.sign_up(Some(&other), "stranger").await;
    let exchange = |subject: String| {
        let body = json!({
            "grant_type": "token_exchange", "client_id": app.client_id, "client_secret": app.client_secret,
            "subject_token": subject, "subject_token_type": "urn:fabric:user_id",
        });
        world.post("/v1/oauth/token", &body)
    };
    let nobody = "00000000-0000-4000-8000-000000000001".to_owned();
    let mut seen = Vec::new();
    for subject in [stranger.id.to_string(), app.owner.id.to_string(), nobody] {
        seen.push(told(world, exchange(subject)).await);
    }
    assert_eq!(seen[0].status, 404);
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}

/// Somebody's passkey, somebody's who has none of that name, and nobody's at all.
async fn an_answer_in_the_name_of_a_passkey_tells_nobody_whether_it_is_there(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.sign_up(Some(&app), "bob").await;
    let mut device = world.device_of(&alice).await;
    world.passkey_challenge(Some(&app), None).await.ok();
    let there = device.credential_id();
    let mut seen = Vec::new();
    for email in [None, Some("alice@example.com"), Some("bob@example.com"), Some("nobody@example.com")] {
        let told_of = world.passkey_challenge(Some(&app), email).await.ok()["public_key"]["allowCredentials"].clone();
        let made_up = told_of.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        let made_up = made_up.filter(|id| *id != there).take(3);
        for id in made_up.chain([there.clone(), "BwcHBwcHBwcHBwcHBwcHBw".to_owned()]) {
            let challenge = world.passkey_challenge(Some(&app), email).await;
            let mut signed = device.sign_with(&challenge, |options| options.allow_credentials.clear());
            // Right in all but who has signed: another challenge's signature.
            let other = world.passkey_challenge(Some(&app), email).await;
            let other = device.sign_with(&other, |options| options.allow_credentials.clear());
            signed["response"]["signature"] = other["response"]["signature"].clone();
            (signed["id"], signed["rawId"]) = (json!(id), json!(id));
            let body = json!({ "challenge_id": challenge.text("challenge_id"), "credential": signed });
            seen.push(told(world, world.at_door(Some(&app), "/v1/auth/passkey", &body)).await);
        }
    }
    assert_eq!((seen.len(), seen[0].status, seen[0].signatures), (17, 401, 1));
    assert!(seen.iter().all(|told| *told == seen[0]), "{seen:#?}");
}
