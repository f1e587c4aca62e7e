//! Who may add and take away passkeys and second factors, and what it costs to ask.

use std::time::Duration;

use limits::{Category, Limits, Quota, Quotas};
use platform::MailLimits;
use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, Device, PASSWORD, Person, World};

on_both!(
    attack_27_a_password_alone_adds_no_passkey_where_two_factors_are_asked_for,
    attack_34_a_password_alone_removes_no_second_factor_where_it_is_asked_for,
    attack_27_who_takes_an_address_back_loses_the_thiefs_passkeys,
    attack_14_a_challenge_whose_second_factor_is_gone_is_none,
    a_right_code_is_not_spent_where_nothing_comes_of_it,
    whoever_manages_users_sees_and_removes_their_passkeys,
    one_is_told_what_one_has_enrolled,
    challenges_use_up_no_sign_ins,
    a_site_that_moves_takes_no_passkeys_along,
    the_platform_asks_for_a_second_factor_where_its_operator_wants_it,
);

const LONG: Duration = Duration::from_mins(11);

/// An app that asks for a second factor, and somebody who has one.
async fn asking(world: &World) -> (App, Person, Authenticator) {
    let app = world.app_with_passkeys("acme").await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let phone = world.enable_totp(&alice).await;
    (app, alice, phone)
}

async fn begin(world: &World, person: &Person, shown: &Value) -> Answer {
    world.post("/v1/me/passkeys/challenge", shown).by(person).send().await
}

async fn with_both(world: &World, app: Option<&App>, phone: &Authenticator) -> Person {
    let challenge = world.log_in(app, "alice", PASSWORD).await.challenge();
    Person::of(&world.second_step(app, &challenge, &json!({ "code": phone.next(world) })).await)
}

async fn attack_27_a_password_alone_adds_no_passkey_where_two_factors_are_asked_for(world: &World) {
    let (app, alice, phone) = asking(world).await;
    let password = json!({ "password": PASSWORD });
    // She has signed in a moment ago, before she had a second factor.
    for shown in [json!({}), password.clone()] {
        begin(world, &alice, &shown).await.refused(403, "reauthentication_required");
    }
    begin(world, &alice, &json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    begin(world, &alice, &json!({ "recovery_code": phone.recovery_codes[0] })).await.ok();
    begin(world, &alice, &json!({ "password": PASSWORD, "code": phone.next(world) })).await.ok();
    begin(world, &alice, &json!({ "code": phone.next(world) })).await.ok();
    // Who has signed in with both a moment ago has shown them.
    let mut alice = with_both(world, Some(&app), &phone).await;
    let challenge = begin(world, &alice, &json!({})).await;
    let mut device = Device::new();
    let made = device.make(&challenge);
    world.add_passkey(&alice, &challenge, &made).await.ok();
    // Neither a refresh nor the password makes that younger.
    world.advance(LONG);
    let body = json!({ "refresh_token": alice.refresh });
    alice = Person::of(&world.post("/v1/auth/token/refresh", &body).send().await);
    let again = world.post("/v1/auth/reauthenticate", &password).by(&alice).send().await;
    again.refused(403, "reauthentication_required");
    for shown in [json!({}), password] {
        begin(world, &alice, &shown).await.refused(403, "reauthentication_required");
    }
    // A passkey is both.
    let alice = Person::of(&world.sign_in_with(Some(&app), &mut device, None).await);
    begin(world, &alice, &json!({})).await.ok();
    // Where the app asks for none, who has signed in a moment ago needs none.
    world.configure(&app, &json!({ "mfa": "off" })).await;
    let alice = world.sign_in(Some(&app), "alice").await;
    begin(world, &alice, &json!({})).await.ok();
}

async fn attack_34_a_password_alone_removes_no_second_factor_where_it_is_asked_for(world: &World) {
    let (app, alice, phone) = asking(world).await;
    for shown in [json!({}), json!({ "password": PASSWORD })] {
        world.disable_totp(&alice, &shown).await.refused(403, "reauthentication_required");
    }
    world.disable_totp(&alice, &json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    world.disable_totp(&alice, &json!({ "recovery_code": phone.recovery_codes[0] })).await.ok();
    let phone = world.enable_totp(&alice).await;
    let alice = with_both(world, Some(&app), &phone).await;
    world.disable_totp(&alice, &json!({})).await.ok();
}

async fn attack_27_who_takes_an_address_back_loses_the_thiefs_passkeys(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    world.mails().await;
    let mut before = world.device_of(&alice).await;
    world.post("/v1/me/email", &json!({ "email": "thief@example.com" })).by(&alice).send().await.ok();
    let token = world.mail().await.token();
    world.post("/v1/me/email/confirm", &json!({ "token": token })).by(&alice).send().await.ok();
    let undo = world.mail().await.token();
    let mut thiefs = world.device_of(&alice).await;
    world.sign_in_with(Some(&app), &mut thiefs, None).await.ok();
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = thiefs.sign(&challenge);
    world.post("/v1/auth/email-change/undo", &json!({ "token": undo })).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM passkeys"), 0);
    assert_eq!(world.events("auth.passkey_removed"), 2);
    let late = world.answer_with_passkey(Some(&app), &challenge, &signed).await;
    late.refused(401, "passkey_authentication_failed");
    for device in [&mut thiefs, &mut before] {
        let answer = world.sign_in_with(Some(&app), device, None).await;
        answer.refused(401, "passkey_authentication_failed");
    }
}

async fn attack_14_a_challenge_whose_second_factor_is_gone_is_none(world: &World) {
    let (app, alice, phone) = asking(world).await;
    let challenge = world.log_in(Some(&app), "alice", PASSWORD).await.challenge();
    world.disable_totp(&alice, &json!({ "code": phone.next(world) })).await.ok();
    for shown in [json!({ "code": phone.next(world) }), json!({ "recovery_code": phone.recovery_codes[0] })] {
        world.second_step(Some(&app), &challenge, &shown).await.refused(400, "invalid_token");
    }
    // Nor where another one was begun, and does not count yet.
    world.begin_totp(&alice).await.ok();
    let answer = world.second_step(Some(&app), &challenge, &json!({ "code": phone.next(world) })).await;
    answer.refused(400, "invalid_token");
}

async fn a_right_code_is_not_spent_where_nothing_comes_of_it(world: &World) {
    let few = MailLimits { per_recipient: 0, per_ip: 1 };
    let world = &world.restarted_with(|plan| plan.settings.mail_limits = few).await;
    let (app, alice, phone) = asking(world).await;
    world.configure(&app, &json!({ "magic_links": false, "email_codes": false, "mfa": "off" })).await;
    let code = json!({ "recovery_code": phone.recovery_codes[0] });
    let call =
        |method: &'static str, path: String| world.call(method, &path).json(&code).by(&alice).from("192.0.2.1:1");
    let email = |email: &str| {
        let body = json!({ "email": email, "recovery_code": phone.recovery_codes[0] });
        world.post("/v1/me/email", &body).by(&alice).from("192.0.2.1:1")
    };
    // The address that she has; and too many mails.
    email(&alice.email).send().await.refused(400, "invalid_request");
    let forgot = json!({ "email": "nobody@example.com" });
    world.at_door(Some(&app), "/v1/auth/resend-verification", &forgot).from("192.0.2.1:1").send().await.ok();
    email("alice@new.example").send().await.refused(429, "too_many_requests");
    // What is not there.
    call("DELETE", "/v1/me/social-connections/google".to_owned()).send().await.refused(404, "not_found");
    let path = "/v1/me/passkeys/00000000-0000-4000-8000-000000000001".to_owned();
    call("DELETE", path).send().await.refused(404, "not_found");
    // One passkey too many.
    let mut device = Device::new();
    for _ in 0..20 {
        let challenge = world.begin_passkey(&alice).await;
        let made = device.make(&challenge);
        world.add_passkey(&alice, &challenge, &made).await.ok();
    }
    call("POST", "/v1/me/passkeys/challenge".to_owned()).send().await.refused(409, "passkey_limit_reached");
    let left = world.get("/v1/auth/totp").by(&alice).send().await;
    assert_eq!(left.ok()["recovery_codes_left"], 10);
    // It is good for one thing that can be done.
    call("POST", "/v1/auth/reauthenticate".to_owned()).send().await.ok();
    call("POST", "/v1/auth/reauthenticate".to_owned()).send().await.refused(400, "invalid_code");
}

async fn whoever_manages_users_sees_and_removes_their_passkeys(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = world.device_of(&alice).await;
    let path = format!("/v1/admin/users/{}/passkeys", alice.id);
    let seen = world.get(&path).bearer(&app.api_key).send().await;
    assert_eq!(*seen.ok(), json!(world.passkeys(&alice).await), "as she sees it herself");
    let one = format!("{path}/{}", seen.ok()[0]["id"].as_str().unwrap());
    // Of another app nobody, another user no more than she herself, and under another's name nothing.
    let other = world.set_up("other").await;
    for path in [&path, &one] {
        let method = if path == &one { "DELETE" } else { "GET" };
        world.call(method, path).bearer(&other.api_key).send().await.refused(404, "not_found");
        world.call(method, path).by(&alice).send().await.refused(403, "forbidden");
    }
    let bob = world.sign_up(Some(&app), "bob").await;
    let bobs = one.replace(&alice.id.to_string(), &bob.id.to_string());
    world.delete(&bobs).bearer(&app.api_key).send().await.refused(404, "not_found");
    // An app manages its own with a token of its own, too.
    let token = world.app_token(&app).await;
    world.delete(&one).bearer(&token).send().await.ok();
    world.delete(&one).bearer(&token).send().await.refused(404, "not_found");
    assert_eq!(world.events("auth.passkey_removed"), 1);
    assert_eq!(world.passkeys(&alice).await, Vec::<Value>::new());
    let gone = world.sign_in_with(Some(&app), &mut device, None).await;
    gone.refused(401, "passkey_authentication_failed");
    // Whoever runs the platform, those of developers.
    let administrator = world.administrator().await;
    let developer = world.sign_up(None, "dev").await;
    let mut device = Device::new();
    device.goes_to("https://id.example.com");
    let challenge = world.begin_passkey(&developer).await;
    let made = device.make(&challenge);
    world.add_passkey(&developer, &challenge, &made).await.ok();
    let path = format!("/v1/admin/users/{}/passkeys", developer.id);
    let seen = world.get(&path).by(&administrator).send().await;
    let one = format!("{path}/{}", seen.ok()[0]["id"].as_str().unwrap());
    world.delete(&one).by(&administrator).send().await.ok();
    let by = "SELECT count(*) FROM events WHERE kind = 'auth.passkey_removed' AND actor_id IS NOT NULL";
    assert_eq!(world.number(by), 2);
}

async fn one_is_told_what_one_has_enrolled(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let state = async || world.get("/v1/auth/totp").by(&alice).send().await.ok().clone();
    let none = json!({ "enrolled": false, "verified_at": null, "recovery_codes_left": 0 });
    assert_eq!(state().await, none);
    let phone = Authenticator::scan(&world.begin_totp(&alice).await);
    assert_eq!(state().await, json!({ "enrolled": true, "verified_at": null, "recovery_codes_left": 10 }));
    world.verify_totp(&alice, &phone.code(world)).await.ok();
    world.recover(&alice, &phone.recovery_codes[3]).await.ok();
    let told = state().await;
    assert!(told["verified_at"].is_string() && told["recovery_codes_left"] == 9, "{told}");
    world.disable_totp(&alice, &json!({})).await.ok();
    assert_eq!(state().await, none);
}

async fn challenges_use_up_no_sign_ins(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = world.device_of(&alice).await;
    let quota = |limit| Quota::new(limit, Duration::from_hours(1));
    let quotas = Quotas::default().with(Category::SignIn, quota(1)).with(Category::PasskeyChallenge, quota(3));
    let world = &world.restarted_with(|plan| plan.options.limits = Limits::in_memory(quotas.clone())).await;
    let begin = || world.at_door(Some(&app), "/v1/auth/passkey/challenge", &json!({})).from("192.0.2.1:1").send();
    let challenge = begin().await;
    for _ in 0..2 {
        begin().await.ok();
    }
    begin().await.refused(429, "too_many_requests");
    let body = json!({ "challenge_id": challenge.text("challenge_id"), "credential": device.sign(&challenge) });
    let answer = || world.at_door(Some(&app), "/v1/auth/passkey", &body).from("192.0.2.1:1").send();
    answer().await.ok();
    answer().await.refused(429, "too_many_requests");
}

async fn a_site_that_moves_takes_no_passkeys_along(world: &World) {
    let app = world.app("acme").await;
    let site = "https://www.acme.example";
    world.configure(&app, &json!({ "site_url": site, "passkeys": { "enabled": true } })).await;
    let set = |settings: Value| world.patch(&format!("/v1/apps/{}", app.id), &settings).bearer(&app.api_key).send();
    assert_eq!(set(json!({})).await.ok()["passkeys"]["rp_id"], "www.acme.example");
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = Device::new();
    device.goes_to(site);
    let challenge = world.begin_passkey(&alice).await;
    let made = device.make(&challenge);
    world.add_passkey(&alice, &challenge, &made).await.ok();
    // To another domain it does not move without a word.
    set(json!({ "site_url": "https://acme.example.org" })).await.refused(400, "invalid_setting");
    let moved = json!({ "site_url": "https://acme.example.org", "passkeys": { "origins": [site] } });
    assert_eq!(set(moved).await.ok()["passkeys"]["rp_id"], "www.acme.example");
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
    let said = json!({ "passkeys": { "rp_id": null, "origins": [] } });
    assert_eq!(set(said).await.ok()["passkeys"]["rp_id"], "acme.example.org");
}

async fn the_platform_asks_for_a_second_factor_where_its_operator_wants_it(world: &World) {
    let app = world.set_up("acme").await;
    let alice = world.sign_up(None, "alice").await;
    let phone = world.enable_totp(&alice).await;
    world.sign_in(None, "alice").await;
    let world = &world.restarted_with(|plan| plan.settings.mfa = apps::Mfa::Required).await;
    let answer = world.log_in(None, "alice", PASSWORD).await;
    let challenge = answer.refused(403, "mfa_required").challenge();
    world.second_step(None, &challenge, &json!({ "code": phone.next(world) })).await.ok();
    // By mail, too.
    world.mails().await;
    world.post("/v1/auth/magic-link", &json!({ "email": alice.email })).send().await.ok();
    let token = world.mail().await.token();
    let answer = world.post("/v1/auth/magic-link/verify", &json!({ "token": token })).send().await;
    answer.refused(403, "mfa_enrollment_required");
    // Whoever comes without one enrols one first. Apps ask for themselves.
    world.sign_up(Some(&app), "carol").await;
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    world.post("/v1/auth/signup", &body).send().await.refused(403, "mfa_enrollment_required");
}
