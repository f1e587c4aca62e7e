//! Passkeys against those who replay, mix up, copy and guess.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Device, PAGE, PASSWORD, Person, World};

on_both!(
    attack_7_of_200_who_answer_one_challenge_at_once_one_wins,
    attack_7_of_200_who_add_one_passkey_at_once_one_does,
    attack_7_a_used_challenge_stays_used_after_a_restart,
    attack_7_a_wrong_answer_spends_the_challenge_too,
    attack_7_a_challenge_of_one_ceremony_is_none_of_the_other,
    attack_7_a_challenge_is_answered_by_whom_it_was_made_for_alone,
    attack_7_a_counter_that_goes_back_is_refused_and_told_of,
    attack_7_a_passkey_stays_in_its_app,
    attack_7_other_pages_and_other_domains_are_refused,
    attack_7_who_was_not_verified_is_refused,
    attack_7_a_passkey_says_whose_it_is_where_nobody_was_named,
    attack_7_nobody_adds_a_passkey_that_is_anothers,
    attack_16_what_is_no_answer_at_all_is_refused_alike,
    attack_25_whoever_pre_registered_an_address_loses_their_passkeys,
    attack_27_a_token_that_is_old_adds_and_removes_no_passkey,
    attack_30_what_ends_sessions_voids_challenges_to_add_a_passkey,
    attack_27_the_last_way_in_stays,
    attack_29_a_closed_account_has_no_passkeys,
    attack_31_naming_an_address_tells_nothing,
    attack_31_nobody_learns_which_passkeys_there_are_not,
);

const FAILED: (u16, &str) = (401, "passkey_authentication_failed");

#[track_caller]
fn failed(answer: &Answer) {
    answer.refused(FAILED.0, FAILED.1);
}

async fn user(world: &World) -> (App, Person, Device) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let device = world.device_of(&alice).await;
    (app, alice, device)
}

async fn attack_7_of_200_who_answer_one_challenge_at_once_one_wins(world: &World) {
    let (app, _, mut device) = user(world).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    let logins = world.events("auth.login");
    let answers = join_all((0..200).map(|_| world.answer_with_passkey(Some(&app), &challenge, &signed))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        failed(answer);
    }
    assert_eq!(world.events("auth.login"), logins + 1);
    assert_eq!(world.events("auth.passkey_suspect"), 0, "the challenge was spent first");
}

async fn attack_7_of_200_who_add_one_passkey_at_once_one_does(world: &World) {
    let (_, alice, mut device) = user(world).await;
    let challenge = world.begin_passkey(&alice).await;
    let made = device.make(&challenge);
    let answers = join_all((0..200).map(|_| world.add_passkey(&alice, &challenge, &made))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        answer.refused(400, "invalid_passkey_challenge");
    }
    assert_eq!(world.passkeys(&alice).await.len(), 2);
}

async fn attack_7_a_used_challenge_stays_used_after_a_restart(world: &World) {
    let (app, _, mut device) = user(world).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
    failed(&world.restarted().await.answer_with_passkey(Some(&app), &challenge, &signed).await);
}

async fn attack_7_a_wrong_answer_spends_the_challenge_too(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    let mut bent = signed.clone();
    bent["response"]["authenticatorData"] = device.sign(&challenge)["response"]["authenticatorData"].clone();
    failed(&world.answer_with_passkey(Some(&app), &challenge, &bent).await);
    failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    let begun = world.begin_passkey(&alice).await;
    let made = device.make(&begun);
    let other = world.begin_passkey(&alice).await;
    world.add_passkey(&alice, &other, &made).await.refused(400, "passkey_registration_failed");
    let made = device.make(&other);
    world.add_passkey(&alice, &other, &made).await.refused(400, "invalid_passkey_challenge");
}

async fn attack_7_a_challenge_of_one_ceremony_is_none_of_the_other(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let (begun, challenge) = (world.begin_passkey(&alice).await, world.passkey_challenge(Some(&app), None).await);
    let (signed, made) = (device.sign(&challenge), device.make(&begun));
    failed(&world.answer_with_passkey(Some(&app), &begun, &signed).await);
    failed(&world.answer_with_passkey(Some(&app), &begun, &made).await);
    world.add_passkey(&alice, &challenge, &made).await.refused(400, "invalid_passkey_challenge");
    world.add_passkey(&alice, &challenge, &signed).await.refused(400, "invalid_passkey_challenge");
    // Neither was spent by that.
    world.add_passkey(&alice, &begun, &made).await.ok();
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
    // What was signed for the one is no answer to the other, whatever it is sent with.
    let (begun, challenge) = (world.begin_passkey(&alice).await, world.passkey_challenge(Some(&app), None).await);
    let signed = device.sign(&challenge);
    world.add_passkey(&alice, &begun, &signed).await.refused(400, "passkey_registration_failed");
}

async fn attack_7_a_challenge_is_answered_by_whom_it_was_made_for_alone(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let mut bobs = world.device_of(&bob).await;
    // To add a passkey.
    let begun = world.begin_passkey(&alice).await;
    let made = Device::new().make(&begun);
    world.add_passkey(&bob, &begun, &made).await.refused(400, "invalid_passkey_challenge");
    // To sign in as somebody who was named, or whom nobody knows.
    for email in ["alice@example.com", "nobody@example.com"] {
        let challenge = world.passkey_challenge(Some(&app), Some(email)).await;
        let signed = bobs.sign_with(&challenge, |options| options.allow_credentials.clear());
        failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    }
    // At another door.
    let other = world.set_up("other").await;
    world
        .configure(&other, &json!({ "passkeys": { "enabled": true, "rp_id": "acme.example", "origins": [PAGE] } }))
        .await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    failed(&world.answer_with_passkey(Some(&other), &challenge, &signed).await);
    failed(&world.answer_with_passkey(None, &challenge, &signed).await);
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
}

async fn attack_7_a_counter_that_goes_back_is_refused_and_told_of(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let first = world.passkey_challenge(Some(&app), None).await;
    let by_the_copy = device.sign(&first);
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
    failed(&world.answer_with_passkey(Some(&app), &first, &by_the_copy).await);
    assert_eq!(world.events("auth.passkey_suspect"), 1);
    // Two at once with one count, as a copy has it: one is let in.
    let challenges = [world.passkey_challenge(Some(&app), None).await, world.passkey_challenge(Some(&app), None).await];
    let signed = [device.sign(&challenges[0]), device.sign(&challenges[1])];
    world.tamper("UPDATE passkeys SET counter = 0");
    let [first, second] = [0, 1].map(|at| world.answer_with_passkey(Some(&app), &challenges[at], &signed[at]));
    second.await.ok();
    failed(&first.await);
    assert_eq!(world.events("auth.passkey_suspect"), 2);
    // Its owner is not locked out by that.
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
    assert_eq!(world.passkeys(&alice).await.len(), 1);
}

async fn attack_7_a_passkey_stays_in_its_app(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let other = world.set_up("other").await;
    world
        .configure(&other, &json!({ "passkeys": { "enabled": true, "rp_id": "acme.example", "origins": [PAGE] } }))
        .await;
    let namesake = world.sign_up(Some(&other), "alice").await;
    assert_eq!(namesake.id, alice.id, "the same person");
    for email in [None, Some("alice@example.com")] {
        let challenge = world.passkey_challenge(Some(&other), email).await;
        let signed = device.sign_with(&challenge, |options| options.allow_credentials.clear());
        failed(&world.answer_with_passkey(Some(&other), &challenge, &signed).await);
    }
    assert!(world.passkeys(&namesake).await.is_empty());
    let id = &world.passkeys(&alice).await[0]["id"];
    world.remove_passkey(&namesake, id).await.refused(404, "not_found");
    // The same one may be used in both.
    let challenge = world.begin_passkey(&namesake).await;
    let made = Device::new().make_as(&challenge, &device.credential_id());
    world.add_passkey(&namesake, &challenge, &made).await.ok();
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn attack_7_other_pages_and_other_domains_are_refused(world: &World) {
    let (app, alice, mut device) = user(world).await;
    // A page of the domain that is not the app's.
    for page in ["https://evil.acme.example", "https://acme.example:8443"] {
        device.goes_to(page);
        failed(&world.sign_in_with(Some(&app), &mut device, None).await);
        let challenge = world.begin_passkey(&alice).await;
        let mut other = Device::new();
        other.goes_to(page);
        let made = other.make(&challenge);
        world.add_passkey(&alice, &challenge, &made).await.refused(400, "passkey_registration_failed");
    }
    // The app's own page, for another domain.
    device.goes_to("https://login.acme.example");
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign_with(&challenge, |options| "login.acme.example".clone_into(&mut options.rp_id));
    failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn attack_7_who_was_not_verified_is_refused(world: &World) {
    let (app, _, mut device) = user(world).await;
    for email in [None, Some("alice@example.com")] {
        let challenge = world.passkey_challenge(Some(&app), email).await;
        let unasked = device.sign_unasked(&challenge);
        failed(&world.answer_with_passkey(Some(&app), &challenge, &unasked).await);
    }
    assert_eq!(world.events("auth.passkey_suspect"), 0);
}

async fn attack_7_a_passkey_says_whose_it_is_where_nobody_was_named(world: &World) {
    let (app, _, mut device) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let mut bobs = world.device_of(&bob).await;
    let of_bob = bobs.sign(&world.passkey_challenge(Some(&app), None).await)["response"]["userHandle"].clone();
    for handle in [json!(null), json!(""), json!("AAAA"), of_bob] {
        let challenge = world.passkey_challenge(Some(&app), None).await;
        let mut signed = device.sign(&challenge);
        signed["response"]["userHandle"] = handle;
        failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    }
}

async fn attack_7_nobody_adds_a_passkey_that_is_anothers(world: &World) {
    let (app, _, mut device) = user(world).await;
    let mallory = world.sign_up(Some(&app), "mallory").await;
    let challenge = world.begin_passkey(&mallory).await;
    let made = Device::new().make_as(&challenge, &device.credential_id());
    world.add_passkey(&mallory, &challenge, &made).await.refused(400, "passkey_registration_failed");
    assert!(world.passkeys(&mallory).await.is_empty());
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn attack_16_what_is_no_answer_at_all_is_refused_alike(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let signed = device.sign(&world.passkey_challenge(Some(&app), None).await);
    let mut wrong = vec![json!({}), json!({ "id": "x" }), json!({ "response": null }), signed.clone()];
    for field in ["authenticatorData", "clientDataJSON", "signature"] {
        for value in [json!(""), json!("AAAA"), json!("not base64!"), json!(7)] {
            let mut bent = signed.clone();
            bent["response"][field] = value;
            wrong.push(bent);
        }
    }
    for credential in &wrong {
        let challenge = world.passkey_challenge(Some(&app), None).await;
        failed(&world.answer_with_passkey(Some(&app), &challenge, credential).await);
        let begun = world.begin_passkey(&alice).await;
        let told = world.add_passkey(&alice, &begun, credential).await;
        told.refused(400, "passkey_registration_failed");
    }
    for id in ["", "x", "null"] {
        let body = json!({ "challenge_id": id, "credential": signed });
        failed(&world.at_door(Some(&app), "/v1/auth/passkey", &body).send().await);
        let told = world.post("/v1/me/passkeys", &body).by(&alice).send().await;
        told.refused(400, "invalid_passkey_challenge");
    }
    let big = "A".repeat(100_000);
    for body in
        [json!({ "challenge_id": big, "credential": {} }), json!({ "challenge_id": "x", "credential": { "id": big } })]
    {
        failed(&world.at_door(Some(&app), "/v1/auth/passkey", &body).send().await);
    }
}

async fn attack_25_whoever_pre_registered_an_address_loses_their_passkeys(world: &World) {
    let (app, _, mut mallorys) = user(world).await;
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/magic-link", &json!({ "email": "alice@example.com" })).send().await.ok();
    let token = world.mail().await.token();
    let alice = world.post("/v1/auth/magic-link/verify", &json!({ "token": token })).send().await;
    let alice = Person::of(&alice);
    assert!(world.passkeys(&alice).await.is_empty());
    assert_eq!(world.events("auth.passkey_removed"), 1);
    failed(&world.sign_in_with(Some(&app), &mut mallorys, None).await);
    let challenge = world.passkey_challenge(Some(&app), Some("alice@example.com")).await;
    let signed = mallorys.sign_with(&challenge, |options| options.allow_credentials.clear());
    failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
}

/// Another server believes a session for some seconds after it has ended.
async fn attack_30_what_ends_sessions_voids_challenges_to_add_a_passkey(world: &World) {
    let (app, alice, _) = user(world).await;
    let mut device = Device::new();
    let challenge = world.begin_passkey(&alice).await;
    let made = device.make(&challenge);
    world.call("POST", "/v1/auth/logout-all").by(&alice).send().await.ok();
    let alice = world.sign_in(Some(&app), "alice").await;
    world.add_passkey(&alice, &challenge, &made).await.refused(400, "invalid_passkey_challenge");
    assert_eq!(world.passkeys(&alice).await.len(), 1);
}

async fn attack_27_a_token_that_is_old_adds_and_removes_no_passkey(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let id = world.passkeys(&alice).await[0]["id"].clone();
    world.advance(std::time::Duration::from_mins(11));
    world.begin_passkey(&alice).await.refused(403, "reauthentication_required");
    world.remove_passkey(&alice, &id).await.refused(403, "reauthentication_required");
    let challenge = world.call("POST", "/v1/me/passkeys/challenge").by(&alice);
    challenge.json(&json!({ "password": "Wrong-horse-1" })).send().await.refused(401, "invalid_credentials");
    let challenge = world.call("POST", "/v1/me/passkeys/challenge").by(&alice);
    let challenge = challenge.json(&json!({ "password": PASSWORD })).send().await;
    let made = device.make(&challenge);
    world.add_passkey(&alice, &challenge, &made).await.ok();
    // Whoever has no password signs in once more.
    let fresh = Person::of(&world.sign_in_with(Some(&app), &mut device, None).await);
    world.remove_passkey(&fresh, &id).await.ok();
    // Only the person does any of it.
    for call in [world.get("/v1/me/passkeys"), world.call("POST", "/v1/me/passkeys/challenge")] {
        call.bearer(&app.api_key).send().await.refused(403, "session_required");
    }
}

async fn attack_27_the_last_way_in_stays(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    world.configure(&app, &json!({ "magic_links": false, "email_codes": false })).await;
    let social = json!({
        "provider": "google", "provider_user_id": "1", "email": "alice@example.com", "email_verified": true,
    });
    let alice = || async {
        let call = world.at_door(Some(&app), "/v1/auth/social-login", &social);
        Person::of(&call.header("x-fabric-app-secret", &app.client_secret).send().await)
    };
    let alice = alice().await;
    let cut = || world.delete("/v1/me/social-connections/google").by(&alice).send();
    cut().await.refused(409, "last_auth_method");
    world.device_of(&alice).await;
    // A passkey is a way in, as long as the app takes it.
    for passkeys in [
        json!({ "enabled": false }),
        json!({ "enabled": true, "rp_id": "login.acme.example", "origins": ["https://login.acme.example"] }),
    ] {
        world.configure(&app, &json!({ "passkeys": passkeys })).await;
        cut().await.refused(409, "last_auth_method");
    }
    let again = json!({ "enabled": true, "rp_id": "acme.example", "origins": [PAGE] });
    world.configure(&app, &json!({ "passkeys": again })).await;
    cut().await.ok();
    let id = world.passkeys(&alice).await[0]["id"].clone();
    world.remove_passkey(&alice, &id).await.refused(409, "last_auth_method");
    // Of two who are removed at once, one stays.
    world.device_of(&alice).await;
    let held = world.passkeys(&alice).await;
    let answers = join_all(held.iter().map(|one| world.remove_passkey(&alice, &one["id"]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    let id = world.passkeys(&alice).await[0]["id"].clone();
    // What the app mails is a way in, too.
    world.configure(&app, &json!({ "magic_links": true })).await;
    world.remove_passkey(&alice, &id).await.ok();
}

async fn attack_29_a_closed_account_has_no_passkeys(world: &World) {
    let (app, alice, mut device) = user(world).await;
    let act = |path: String| world.call("POST", &path).bearer(&app.api_key).send();
    let user = format!("/v1/admin/users/{}", alice.id);
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    act(format!("{user}/disable")).await.ok();
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.refused(403, "account_disabled");
    act(format!("{user}/enable")).await.ok();
    failed(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    world.sign_in_with(Some(&app), &mut device, None).await.refused(403, "email_not_verified");
    world.configure(&app, &json!({ "require_verified_email": false })).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    act(format!("/v1/apps/{}/disable", app.id)).await.ok();
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.refused(403, "app_disabled");
    act(format!("/v1/apps/{}/enable", app.id)).await.ok();
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
}

fn told(challenge: &Answer) -> Vec<String> {
    let allowed = challenge.ok()["public_key"]["allowCredentials"].as_array().unwrap().clone();
    allowed.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn attack_31_naming_an_address_tells_nothing(world: &World) {
    let (app, alice, _) = user(world).await;
    world.device_of(&alice).await;
    world.sign_up(Some(&app), "bob").await;
    // Everything that all look at is warm.
    world.passkey_challenge(Some(&app), Some("warm@example.com")).await.ok();
    let mut seen = BTreeSet::new();
    let mut forms = Vec::new();
    // Somebody with two passkeys, somebody with none, and nobody.
    for name in ["alice", "bob", "nobody"] {
        let email = format!("{name}@example.com");
        let before = world.units();
        let challenge = world.passkey_challenge(Some(&app), Some(&email)).await;
        let after = world.units();
        assert_eq!((after.0 - before.0, after.1 - before.1), (0, 1));
        let mut form = challenge.told();
        let data = &mut form.1["data"];
        data["challenge_id"] = json!(data["challenge_id"].as_str().unwrap().len());
        data["public_key"]["challenge"] = json!(data["public_key"]["challenge"].as_str().unwrap().len());
        for one in data["public_key"]["allowCredentials"].as_array_mut().unwrap() {
            one["id"] = json!("…");
        }
        forms.push(form);
        let ids = told(&challenge);
        assert_eq!(ids.len(), 20);
        assert_eq!(told(&world.passkey_challenge(Some(&app), Some(&email)).await), ids, "the same each time");
        assert_eq!(told(&world.restarted().await.passkey_challenge(Some(&app), Some(&email)).await), ids);
        assert!(ids.into_iter().all(|id| seen.insert(id)), "nobody's are another's");
    }
    assert!(forms.iter().all(|form| *form == forms[0]), "{forms:?}");
    // Whoever signs up has the same as before.
    let before = told(&world.passkey_challenge(Some(&app), Some("nobody@example.com")).await);
    world.sign_up(Some(&app), "nobody").await;
    assert_eq!(told(&world.passkey_challenge(Some(&app), Some("nobody@example.com")).await), before);
    // An answer for nobody is as wrong as one for somebody, and as much work.
    let mut work = Vec::new();
    for name in ["alice", "stranger"] {
        let challenge = world.passkey_challenge(Some(&app), Some(&format!("{name}@example.com"))).await;
        let before = world.units();
        let credential = json!({
            "id": told(&challenge)[0], "rawId": told(&challenge)[0], "type": "public-key", "clientExtensionResults": {},
            "response": { "authenticatorData": "AAAA", "clientDataJSON": "AAAA", "signature": "AAAA" },
        });
        let answer = world.answer_with_passkey(Some(&app), &challenge, &credential).await;
        let after = world.units();
        work.push((answer.told(), after.0 - before.0, after.1 - before.1));
    }
    assert_eq!(work[0], work[1]);
}

async fn attack_31_nobody_learns_which_passkeys_there_are_not(world: &World) {
    let (app, _, device) = user(world).await;
    let mallory = world.sign_up(Some(&app), "mallory").await;
    let challenge = world.passkey_challenge(Some(&app), Some("nobody@example.com")).await;
    // Of 32 bytes, as the device makes them.
    let decoys: Vec<_> = told(&challenge).into_iter().filter(|id| id.len() == device.credential_id().len()).collect();
    assert!(!decoys.is_empty());
    let mut answers: Vec<(u16, Value)> = Vec::new();
    for id in decoys.iter().chain([&device.credential_id()]) {
        let challenge = world.begin_passkey(&mallory).await;
        let made = Device::new().make_as(&challenge, id);
        answers.push(world.add_passkey(&mallory, &challenge, &made).await.told());
    }
    assert!(answers.iter().all(|answer| answer.0 == 400 && *answer == answers[0]), "{answers:?}");
}
