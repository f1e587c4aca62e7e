//! The second step of a sign-in, where the app asks for it of whoever has a second factor.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, NEXT_PASSWORD, PASSWORD, Person, World, claims_in};

on_both!(
    an_app_asks_nobody_unless_it_says_so,
    whoever_has_a_second_factor_is_asked_for_it,
    a_recovery_code_does_as_well,
    a_token_says_how_its_owner_signed_in_and_a_refresh_changes_nothing,
    an_enrolment_that_was_never_verified_is_not_asked_for,
    a_challenge_is_met_once,
    a_challenge_ends_after_five_minutes,
    five_wrong_codes_end_a_challenge_and_lock,
    of_many_who_meet_a_challenge_at_once_one_is_in,
    another_password_is_no_way_past_the_second_factor,
    an_administrator_removes_the_second_factor_of_who_has_lost_it,
    the_setting_is_one_of_three,
    what_happens_is_told,
);

async fn asking(world: &World) -> (App, Person, Authenticator) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let phone = world.enable_totp(&alice).await;
    (app, alice, phone)
}

async fn challenged(world: &World, app: &App) -> Answer {
    let answer = world.log_in(Some(app), "alice", PASSWORD).await;
    answer.refused(403, "mfa_required");
    answer
}

async fn met(world: &World, app: &App, challenge: &str, shown: Value) -> Answer {
    world.second_step(Some(app), challenge, &shown).await
}

async fn an_app_asks_nobody_unless_it_says_so(world: &World) {
    for app in [None, Some(&world.app("acme").await)] {
        let alice = world.sign_up(app, "alice").await;
        world.enable_totp(&alice).await;
        let again = world.sign_in(app, "alice").await;
        assert_eq!(claims_in(&again.token)["amr"], json!(["pwd"]));
    }
    assert_eq!(world.events("auth.mfa_challenged"), 0);
}

async fn whoever_has_a_second_factor_is_asked_for_it(world: &World) {
    let (app, alice, phone) = asking(world).await;
    world.sign_up(Some(&app), "bob").await;
    world.sign_in(Some(&app), "bob").await;
    let answer = challenged(world, &app).await;
    let details = &answer.body["error"]["details"];
    assert_eq!((&details["expires_in"], &details["methods"]), (&json!(300), &json!(["totp", "recovery_code"])));
    assert_eq!(details.as_object().unwrap().len(), 3, "{details}");
    let sessions = world.number("SELECT count(*) FROM sessions");
    let signed_in = met(world, &app, &answer.challenge(), json!({ "code": phone.next(world) })).await;
    let person = Person::of(&signed_in);
    assert_eq!((signed_in.status, person.id), (200, alice.id));
    assert_eq!(world.number("SELECT count(*) FROM sessions"), sessions + 1);
    world.get("/v1/me").by(&person).send().await.ok();
    // The password alone has to be right first.
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.refused(401, "invalid_credentials");
    // A setting counts from the next sign-in on.
    world.configure(&app, &json!({ "mfa": "off" })).await;
    world.sign_in(Some(&app), "alice").await;
}

async fn a_recovery_code_does_as_well(world: &World) {
    let (app, _, phone) = asking(world).await;
    let code = json!({ "recovery_code": phone.recovery_codes[2] });
    let challenge = challenged(world, &app).await.challenge();
    let person = Person::of(&met(world, &app, &challenge, code.clone()).await);
    assert_eq!(claims_in(&person.token)["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(world.number("SELECT count(*) FROM sessions WHERE second_factor = 'recovery_code'"), 1);
    let challenge = challenged(world, &app).await.challenge();
    met(world, &app, &challenge, code).await.refused(400, "invalid_code");
    for neither in [json!({}), json!({ "code": "1", "recovery_code": "2" })] {
        met(world, &app, &challenge, neither).await.refused(400, "invalid_request");
    }
}

/// Attack 34: a refresh raises nothing, and lowers nothing.
async fn a_token_says_how_its_owner_signed_in_and_a_refresh_changes_nothing(world: &World) {
    let (app, alice, phone) = asking(world).await;
    let challenge = challenged(world, &app).await.challenge();
    let mut second = Person::of(&met(world, &app, &challenge, json!({ "code": phone.next(world) })).await);
    let mut first = alice;
    for _ in 0..3 {
        assert_eq!(claims_in(&first.token)["amr"], json!(["pwd"]));
        assert_eq!(claims_in(&second.token)["amr"], json!(["pwd", "otp", "mfa"]));
        for person in [&mut first, &mut second] {
            let body = json!({ "refresh_token": person.refresh });
            *person = Person::of(&world.post("/v1/auth/token/refresh", &body).send().await);
        }
    }
    // What an app has for her says nothing of how she signed in.
    let exchanged = world.exchange(&app, first.id).await.text("access_token");
    assert_eq!(claims_in(&exchanged).get("amr"), None);
}

async fn an_enrolment_that_was_never_verified_is_not_asked_for(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.begin_totp(&alice).await.ok();
    world.sign_in(Some(&app), "alice").await;
}

async fn a_challenge_is_met_once(world: &World) {
    let (app, _, phone) = asking(world).await;
    let challenge = challenged(world, &app).await.challenge();
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.ok();
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.refused(400, "invalid_token");
    // A code that was used is good for no other challenge.
    let [one, other] = [challenged(world, &app).await.challenge(), challenged(world, &app).await.challenge()];
    let code = json!({ "code": phone.next(world) });
    met(world, &app, &one, code.clone()).await.ok();
    met(world, &app, &other, code).await.refused(400, "invalid_code");
    met(world, &app, &other, json!({ "code": phone.next(world) })).await.ok();
}

async fn a_challenge_ends_after_five_minutes(world: &World) {
    let (app, _, phone) = asking(world).await;
    let [late, later] = [challenged(world, &app).await.challenge(), challenged(world, &app).await.challenge()];
    world.advance(Duration::from_secs(299));
    met(world, &app, &late, json!({ "code": phone.code(world) })).await.ok();
    world.advance(Duration::from_secs(1));
    met(world, &app, &later, json!({ "recovery_code": phone.recovery_codes[0] })).await.refused(400, "invalid_token");
    world.advance(Duration::from_hours(24));
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM mfa_challenges"), 0);
}

async fn five_wrong_codes_end_a_challenge_and_lock(world: &World) {
    let (app, alice, phone) = asking(world).await;
    let challenge = challenged(world, &app).await.challenge();
    for _ in 0..4 {
        met(world, &app, &challenge, json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    }
    // A right one elsewhere clears the account's counter, and not the challenge's.
    world.verify_totp(&alice, &phone.next(world)).await.ok();
    met(world, &app, &challenge, json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.refused(400, "invalid_token");
    // Another challenge starts anew with itself, not with the account.
    let challenge = challenged(world, &app).await.challenge();
    for _ in 0..4 {
        met(world, &app, &challenge, json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    }
    let challenge = challenged(world, &app).await.challenge();
    let locked = met(world, &app, &challenge, json!({ "code": phone.next(world) })).await;
    assert!(locked.refused(429, "mfa_locked").retry_after() > 800);
    // Whoever is in stays in.
    world.get("/v1/me").by(&alice).send().await.ok();
    world.advance(Duration::from_mins(15));
    let challenge = challenged(world, &app).await.challenge();
    met(world, &app, &challenge, json!({ "code": phone.code(world) })).await.ok();
}

/// Attack 5: one session comes of one code, whatever is tried at once.
async fn of_many_who_meet_a_challenge_at_once_one_is_in(world: &World) {
    let (app, _, phone) = asking(world).await;
    let challenge = challenged(world, &app).await.challenge();
    let code = json!({ "code": phone.next(world) });
    let sessions = world.number("SELECT count(*) FROM sessions");
    let answers = join_all((0..200).map(|_| met(world, &app, &challenge, code.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    assert_eq!(world.number("SELECT count(*) FROM sessions"), sessions + 1);
    for late in answers.iter().filter(|answer| !answer.is_success()) {
        late.refused(400, "invalid_token");
    }
}

async fn another_password_is_no_way_past_the_second_factor(world: &World) {
    let (app, alice, phone) = asking(world).await;
    // Of an address that nobody had proven, the reset would be the owner's first coming: a stranger's factor goes then.
    let verify = format!("/v1/admin/users/{}/verify", alice.id);
    world.post(&verify, &json!({})).bearer(&app.api_key).send().await.ok();
    let challenge = challenged(world, &app).await.challenge();
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    // Attack 30: what the old password began is over.
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.refused(400, "invalid_token");
    let answer = world.log_in(Some(&app), "alice", NEXT_PASSWORD).await;
    let challenge = answer.refused(403, "mfa_required").challenge();
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.ok();
}

async fn an_administrator_removes_the_second_factor_of_who_has_lost_it(world: &World) {
    let (app, alice, phone) = asking(world).await;
    let path = format!("/v1/admin/users/{}", alice.id);
    let seen = world.get(&path).bearer(&app.api_key).send().await;
    assert_eq!(seen.ok()["totp_enabled"], true);
    let challenge = challenged(world, &app).await.challenge();
    for _ in 0..5 {
        met(world, &app, &challenge, json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    }
    // Of another app nobody, and herself neither.
    let other = world.set_up("other").await;
    let totp = format!("{path}/totp");
    world.delete(&totp).bearer(&other.api_key).send().await.refused(404, "not_found");
    world.delete(&totp).by(&alice).send().await.refused(403, "forbidden");
    assert_eq!(world.delete(&totp).bearer(&app.api_key).send().await.text("email"), alice.email);
    assert_eq!(world.get(&path).bearer(&app.api_key).send().await.ok()["totp_enabled"], false);
    // Once more there is nothing to remove, and nothing to tell.
    world.delete(&totp).bearer(&app.api_key).send().await.ok();
    assert_eq!(world.events("auth.totp_disabled"), 1);
    let again = world.sign_in(Some(&app), "alice").await;
    // The lock went with it.
    world.enable_totp(&again).await;
    assert_eq!(world.events("auth.totp_disabled"), 1);
}

async fn the_setting_is_one_of_three(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    let seen = || world.get(&path).bearer(&app.api_key).send();
    assert_eq!(seen().await.ok()["mfa"], "off");
    for mfa in ["optional", "required", "off"] {
        world.configure(&app, &json!({ "mfa": mfa })).await;
        assert_eq!(seen().await.ok()["mfa"], mfa);
    }
    for other in ["on", "", "Required"] {
        let told = world.patch(&path, &json!({ "mfa": other })).bearer(&app.api_key).send().await;
        told.refused(400, "invalid_setting");
    }
}

async fn what_happens_is_told(world: &World) {
    let (app, _, phone) = asking(world).await;
    let logins = world.events("auth.login");
    let challenge = challenged(world, &app).await.challenge();
    assert_eq!((world.events("auth.mfa_challenged"), world.events("auth.login")), (1, logins));
    met(world, &app, &challenge, json!({ "code": phone.next(world) })).await.ok();
    assert_eq!(world.events("auth.login"), logins + 1);
    let second = "SELECT count(*) FROM events WHERE kind = 'auth.login' AND payload LIKE '%totp%'";
    assert_eq!(world.number(second), 1);
    assert_eq!(world.columns_with(&challenge), Vec::<String>::new());
}
