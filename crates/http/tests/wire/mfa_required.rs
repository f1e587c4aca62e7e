//! Where an app requires a second factor: whoever has none enrols one before they are in.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, PASSWORD, Person, World, claims_in};

on_both!(
    whoever_has_none_enrols_one_and_is_in,
    signing_up_waits_for_a_second_factor_too,
    a_challenge_to_enrol_expires,
    wrong_codes_end_a_challenge_to_enrol,
    of_many_who_complete_an_enrolment_at_once_one_is_in,
    who_was_enrolled_meanwhile_is_not_enrolled_anew,
    whoever_is_in_already_stays_in,
);

async fn requiring(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.configure(&app, &json!({ "mfa": "required" })).await;
    (app, alice)
}

async fn challenge(world: &World, app: &App) -> String {
    let answer = world.log_in(Some(app), "alice", PASSWORD).await;
    answer.refused(403, "mfa_enrollment_required").challenge()
}

async fn enroll(world: &World, app: &App, challenge: &str) -> Answer {
    world.at_door(Some(app), "/v1/auth/totp/enroll", &json!({ "challenge_token": challenge })).send().await
}

async fn verify(world: &World, app: &App, challenge: &str, code: &str) -> Answer {
    let body = json!({ "challenge_token": challenge, "code": code });
    world.at_door(Some(app), "/v1/auth/totp/verify", &body).send().await
}

async fn whoever_has_none_enrols_one_and_is_in(world: &World) {
    let (app, alice) = requiring(world).await;
    let logins = world.events("auth.login");
    let answer = world.log_in(Some(&app), "alice", PASSWORD).await;
    let challenge = answer.refused(403, "mfa_enrollment_required").challenge();
    let details = &answer.body["error"]["details"];
    assert_eq!((&details["expires_in"], &details["methods"]), (&json!(300), &json!(["totp"])));
    // As often as it takes to scan it.
    enroll(world, &app, &challenge).await.ok();
    let phone = Authenticator::scan(&enroll(world, &app, &challenge).await);
    verify(world, &app, &challenge, &phone.wrong(world)).await.refused(400, "invalid_code");
    let complete = verify(world, &app, &challenge, &phone.code(world)).await;
    assert_eq!(complete.ok()["enrolled"], true);
    assert_eq!(complete.text("message"), "TOTP enrollment verified and activated");
    let person = Person::of(&complete);
    assert_eq!((person.id, &claims_in(&person.token)["amr"]), (alice.id, &json!(["pwd", "otp", "mfa"])));
    world.get("/v1/me").by(&person).send().await.ok();
    verify(world, &app, &challenge, &phone.next(world)).await.refused(400, "invalid_token");
    enroll(world, &app, &challenge).await.refused(400, "invalid_token");
    // From now on she is asked for it.
    let answer = world.log_in(Some(&app), "alice", PASSWORD).await;
    let challenge = answer.refused(403, "mfa_required").challenge();
    world.second_step(Some(&app), &challenge, &json!({ "code": phone.next(world) })).await.ok();
    assert_eq!((world.events("auth.totp_enabled"), world.events("auth.login")), (1, logins + 2));
}

async fn signing_up_waits_for_a_second_factor_too(world: &World) {
    let (app, _) = requiring(world).await;
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    let answer = world.at_door(Some(&app), "/v1/auth/signup", &body).send().await;
    let challenge = answer.refused(403, "mfa_enrollment_required").challenge();
    let phone = Authenticator::scan(&enroll(world, &app, &challenge).await);
    let bob = Person::of(&verify(world, &app, &challenge, &phone.code(world)).await);
    assert_eq!(bob.email, "bob@example.com");
    world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.refused(409, "email_taken");
}

async fn a_challenge_to_enrol_expires(world: &World) {
    let (app, _) = requiring(world).await;
    let challenge = challenge(world, &app).await;
    let phone = Authenticator::scan(&enroll(world, &app, &challenge).await);
    world.advance(Duration::from_mins(5));
    enroll(world, &app, &challenge).await.refused(400, "invalid_token");
    verify(world, &app, &challenge, &phone.code(world)).await.refused(400, "invalid_token");
    assert_eq!(world.events("auth.totp_enabled"), 0);
}

async fn wrong_codes_end_a_challenge_to_enrol(world: &World) {
    let (app, _) = requiring(world).await;
    let challenge = challenge(world, &app).await;
    let phone = Authenticator::scan(&enroll(world, &app, &challenge).await);
    for _ in 0..5 {
        verify(world, &app, &challenge, &phone.wrong(world)).await.refused(400, "invalid_code");
    }
    verify(world, &app, &challenge, &phone.code(world)).await.refused(400, "invalid_token");
    enroll(world, &app, &challenge).await.refused(400, "invalid_token");
}

async fn of_many_who_complete_an_enrolment_at_once_one_is_in(world: &World) {
    let (app, _) = requiring(world).await;
    let challenge = challenge(world, &app).await;
    let phone = Authenticator::scan(&enroll(world, &app, &challenge).await);
    let code = phone.code(world);
    let answers = join_all((0..200).map(|_| verify(world, &app, &challenge, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    assert_eq!(world.events("auth.totp_enabled"), 1);
}

async fn who_was_enrolled_meanwhile_is_not_enrolled_anew(world: &World) {
    let (app, alice) = requiring(world).await;
    let challenge = challenge(world, &app).await;
    let phone = world.enable_totp(&alice).await;
    enroll(world, &app, &challenge).await.refused(409, "totp_already_enabled");
    verify(world, &app, &challenge, &phone.next(world)).await.refused(409, "totp_already_enabled");
    // Nothing was used up by that.
    world.verify_totp(&alice, &phone.code(world)).await.ok();
}

async fn whoever_is_in_already_stays_in(world: &World) {
    let (_, alice) = requiring(world).await;
    world.get("/v1/me").by(&alice).send().await.ok();
    let body: Value = json!({ "refresh_token": alice.refresh });
    world.post("/v1/auth/token/refresh", &body).send().await.ok();
}
