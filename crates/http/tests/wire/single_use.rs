//! What is good once, two hundred times over, from the outside: each time several requests bring it together, and one of
//! them is believed. Refresh tokens and links in mails are beside their stories.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, Company, Device, PASSWORD, Person, Provider, World};

on_both!(
    attack_5_a_one_time_password_counts_once_every_time,
    attack_6_a_recovery_code_counts_once_every_time,
    attack_6_a_magic_link_signs_in_once_every_time,
    attack_6_an_email_code_signs_in_once_every_time,
    attack_6_an_invitation_is_accepted_once_every_time,
    attack_7_a_passkeys_challenge_signs_in_once_every_time,
    attack_7_a_passkeys_challenge_adds_one_every_time,
    attack_14_a_challenge_is_met_once_every_time,
    attack_19_a_state_and_a_code_are_good_once_every_time,
);

/// How often a race is run.
const ROUNDS: usize = 200;
/// How many bring the same. Fewer than wrong codes would lock a second factor.
const AT_ONCE: usize = 4;

/// One of the answers says yes, and all others this.
fn one_won(round: usize, answers: &[Answer], lost: (u16, &str)) {
    let winners = answers.iter().filter(|answer| answer.is_success()).count();
    assert_eq!(winners, 1, "round {round}: {answers:?}");
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        answer.refused(lost.0, lost.1);
    }
}

/// An app with somebody who has proven their address.
async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    prove(world, &app, &alice).await;
    (app, alice)
}

async fn prove(world: &World, app: &App, person: &Person) {
    let path = format!("/v1/admin/users/{}/verify", person.id);
    world.post(&path, &json!({})).bearer(&app.api_key).send().await.ok();
    world.mails().await;
}

/// That so many sign-ins have begun as many sessions, and no more.
fn each_began_one_session(world: &World, before: i64) {
    let sessions = world.number("SELECT count(*) FROM sessions") - before;
    assert_eq!(sessions, i64::try_from(ROUNDS).unwrap());
}

async fn attack_5_a_one_time_password_counts_once_every_time(world: &World) {
    let (_, alice) = user(world).await;
    let phone = world.enable_totp(&alice).await;
    for round in 0..ROUNDS {
        let code = phone.next(world);
        let answers = join_all((0..AT_ONCE).map(|_| world.verify_totp(&alice, &code))).await;
        one_won(round, &answers, (400, "invalid_code"));
    }
}

async fn attack_6_a_recovery_code_counts_once_every_time(world: &World) {
    let (_, alice) = user(world).await;
    let mut codes = Vec::new();
    for round in 0..ROUNDS {
        let code: String = match codes.pop() {
            Some(code) => code,
            None => {
                // A sheet has ten.
                world.disable_totp(&alice, &json!({ "password": PASSWORD })).await;
                codes = world.enable_totp(&alice).await.recovery_codes;
                codes.pop().unwrap()
            }
        };
        let answers = join_all((0..AT_ONCE).map(|_| world.recover(&alice, &code))).await;
        one_won(round, &answers, (400, "invalid_code"));
    }
    assert_eq!(world.events("auth.recovery_code_used"), i64::try_from(ROUNDS).unwrap());
}

async fn attack_6_a_magic_link_signs_in_once_every_time(world: &World) {
    let (app, alice) = user(world).await;
    let before = world.number("SELECT count(*) FROM sessions");
    for round in 0..ROUNDS {
        world.at_door(Some(&app), "/v1/auth/magic-link", &json!({ "email": alice.email })).send().await.ok();
        let body = json!({ "token": world.mail().await.token() });
        let tries = (0..AT_ONCE).map(|_| world.post("/v1/auth/magic-link/verify", &body).send());
        one_won(round, &join_all(tries).await, (400, "invalid_token"));
    }
    each_began_one_session(world, before);
}

async fn attack_6_an_email_code_signs_in_once_every_time(world: &World) {
    let (app, alice) = user(world).await;
    let before = world.number("SELECT count(*) FROM sessions");
    for round in 0..ROUNDS {
        world.at_door(Some(&app), "/v1/auth/email-code", &json!({ "email": alice.email })).send().await.ok();
        let code = world.mail().await.letter.code().unwrap().to_owned();
        let body = json!({ "email": alice.email, "code": code });
        let tries = (0..AT_ONCE).map(|_| world.at_door(Some(&app), "/v1/auth/email-code/verify", &body).send());
        one_won(round, &join_all(tries).await, (401, "invalid_credentials"));
        // Whoever lost has guessed, and may do so ten times in an hour.
        world.advance(Duration::from_hours(1));
    }
    each_began_one_session(world, before);
}

async fn attack_6_an_invitation_is_accepted_once_every_time(world: &World) {
    let company = Company::new(world).await;
    let newcomer = world.sign_up(Some(&company.app), "newcomer").await;
    prove(world, &company.app, &newcomer).await;
    let many = json!({ "max_invitations_per_hour": 1000 });
    world.patch(&company.path("settings"), &many).by(&company.owner).send().await.ok();
    let joined = world.events("membership.created");
    for round in 0..ROUNDS {
        let body = json!({ "email": newcomer.email, "role": "member" });
        let invited = world.post(&company.path("invitations"), &body).by(&company.owner).send().await;
        let path = format!("/v1/invitations/{}/accept", invited.text("id"));
        let body = json!({ "token": world.mail().await.token() });
        // By the mail, and by who is signed in.
        let tries = (0..AT_ONCE).map(|number| {
            let call = world.post(&path, &body);
            if number % 2 == 0 { call.by(&newcomer).send() } else { call.send() }
        });
        one_won(round, &join_all(tries).await, (409, "invitation_closed"));
        company.remove(world, &company.owner, &newcomer).await.ok();
    }
    assert_eq!(world.events("membership.created") - joined, i64::try_from(ROUNDS).unwrap());
}

async fn attack_7_a_passkeys_challenge_signs_in_once_every_time(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mut device = world.device_of(&alice).await;
    let before = world.number("SELECT count(*) FROM sessions");
    for round in 0..ROUNDS {
        let challenge = world.passkey_challenge(Some(&app), None).await;
        let signed = device.sign(&challenge);
        let tries = (0..AT_ONCE).map(|_| world.answer_with_passkey(Some(&app), &challenge, &signed));
        one_won(round, &join_all(tries).await, (401, "passkey_authentication_failed"));
    }
    each_began_one_session(world, before);
}

async fn attack_7_a_passkeys_challenge_adds_one_every_time(world: &World) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    for round in 0..ROUNDS {
        let challenge = world.begin_passkey(&alice).await;
        let made = Device::new().make(&challenge);
        let answers = join_all((0..AT_ONCE).map(|_| world.add_passkey(&alice, &challenge, &made))).await;
        one_won(round, &answers, (400, "invalid_passkey_challenge"));
        let there = world.passkeys(&alice).await;
        assert_eq!(there.len(), 1, "round {round}");
        world.remove_passkey(&alice, &there[0]["id"]).await.ok();
    }
}

async fn attack_14_a_challenge_is_met_once_every_time(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    let phone: Authenticator = world.enable_totp(&alice).await;
    let before = world.number("SELECT count(*) FROM sessions");
    for round in 0..ROUNDS {
        let challenge = world.log_in(Some(&app), "alice", PASSWORD).await.challenge();
        let shown: Value = json!({ "code": phone.next(world) });
        let answers = join_all((0..AT_ONCE).map(|_| world.second_step(Some(&app), &challenge, &shown))).await;
        one_won(round, &answers, (400, "invalid_token"));
    }
    each_began_one_session(world, before);
}

async fn attack_19_a_state_and_a_code_are_good_once_every_time(world: &World) {
    let (world, provider) = (&world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    let before = world.number("SELECT count(*) FROM sessions");
    for round in 0..ROUNDS {
        let trip = world.away(Some(&app), "acme").await;
        provider.identifies(&trip, &json!({}));
        let back = join_all((0..AT_ONCE).map(|_| world.come_back(&trip))).await;
        let (known, late): (Vec<_>, Vec<_>) = back.into_iter().partition(|raw| raw.status == 303);
        assert_eq!(known.len(), 1, "round {round}: {known:?}");
        assert!(late.iter().all(|raw| raw.status == 400), "round {round}: {late:?}");
        let code = known[0].code();
        let answers = join_all((0..AT_ONCE).map(|_| world.redeem(Some(&app), &code))).await;
        one_won(round, &answers, (400, "invalid_grant"));
    }
    each_began_one_session(world, before);
    assert_eq!(provider.asked("/token").len(), ROUNDS, "no code of the provider's was asked for twice");
}
