//! Sign-in by a code in a mail.

use std::time::Duration;

use futures_util::future::join_all;
use platform::MailLimits;
use serde_json::json;

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    a_code_signs_in_once,
    nobody_is_mailed_a_code_who_has_no_account,
    an_app_switches_codes_off,
    after_five_wrong_tries_codes_are_long,
    the_owners_slips_are_forgotten_once_a_code_was_right,
    attack_6_of_many_who_use_one_code_at_once_one_wins,
    guesses_side_by_side_are_worth_no_more_than_guesses_in_a_row,
    asking_for_many_codes_brings_no_more_tries,
    a_guess_is_compared_with_three_codes_at_the_most,
    a_code_is_told_of_until_it_is_used,
    attack_4_a_used_code_and_a_spent_budget_stay_so_after_a_restart,
    attack_14_a_code_is_good_for_one_account_and_nothing_else,
    attack_25_whoever_pre_registered_an_address_loses_it_to_a_code,
    attack_29_a_closed_account_has_no_codes,
    attack_30_what_ends_sessions_voids_codes,
    attack_33_a_lock_stops_no_code_and_wrong_codes_lock_no_password,
    attack_33_nobody_keeps_an_owner_from_codes,
);

async fn ask(world: &World, app: Option<&App>, name: &str) {
    let body = json!({ "email": format!("{name}@example.com") });
    world.at_door(app, "/v1/auth/email-code", &body).send().await.ok();
}

/// The code that somebody is mailed.
async fn code(world: &World, app: &App, name: &str) -> String {
    world.mails().await;
    ask(world, Some(app), name).await;
    world.mail().await.letter.code().unwrap().to_owned()
}

async fn enter(world: &World, app: &App, name: &str, code: &str) -> Answer {
    let body = json!({ "email": format!("{name}@example.com"), "code": code });
    world.at_door(Some(app), "/v1/auth/email-code/verify", &body).send().await
}

/// One that was not mailed.
fn another(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

/// An app with somebody who has proven their address.
async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    (app, alice)
}

async fn a_code_signs_in_once(world: &World) {
    let (app, alice) = user(world).await;
    world.mails().await;
    ask(world, Some(&app), "alice").await;
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about(), mail.letter.link()), ("alice@example.com", "email_code", None));
    let code = mail.letter.code().unwrap().to_owned();
    assert!(code.len() == 6 && !format!("{mail:?}").contains(&code));
    // As people copy it.
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let body = json!({ "email": " Alice@EXAMPLE.com", "code": spaced });
    let signed_in = world.at_door(Some(&app), "/v1/auth/email-code/verify", &body).send().await;
    let person = Person::of(&signed_in);
    assert_eq!(person.id, alice.id);
    world.get("/v1/me").by(&person).send().await.ok();
    enter(world, &app, "alice", &code).await.refused(401, "invalid_credentials");
    let how = "SELECT count(*) FROM events WHERE kind = 'auth.login' AND payload LIKE '%email_code%'";
    assert_eq!(world.number(how), 1);
}

async fn nobody_is_mailed_a_code_who_has_no_account(world: &World) {
    let (app, _) = user(world).await;
    world.mails().await;
    let accounts = world.number("SELECT count(*) FROM accounts");
    ask(world, Some(&app), "nobody").await;
    ask(world, None, "alice").await;
    assert!(world.mails().await.is_empty());
    enter(world, &app, "nobody", "123456").await.refused(401, "invalid_credentials");
    assert_eq!(world.number("SELECT count(*) FROM accounts"), accounts);
}

async fn an_app_switches_codes_off(world: &World) {
    let (app, _) = user(world).await;
    let early = code(world, &app, "alice").await;
    ask(world, Some(&app), "alice").await;
    world.configure(&app, &json!({ "email_codes": false })).await;
    assert!(world.mails().await.is_empty());
    for name in ["alice", "nobody"] {
        let body = json!({ "email": format!("{name}@example.com") });
        let asked = world.at_door(Some(&app), "/v1/auth/email-code", &body).send().await;
        asked.refused(403, "sign_in_method_disabled");
        enter(world, &app, name, &early).await.refused(403, "sign_in_method_disabled");
    }
    world.configure(&app, &json!({ "email_codes": true })).await;
    enter(world, &app, "alice", &early).await.ok();
}

/// Wrong ones, as often as it takes until none of six digits is taken any more; how often that is.
async fn guess(world: &World, app: &App, name: &str) -> usize {
    for tried in 0..20 {
        let told = enter(world, app, name, "000000").await;
        if told.status == 429 {
            told.refused(429, "too_many_requests");
            return tried;
        }
        told.refused(401, "invalid_credentials");
    }
    panic!("nothing stops them")
}

async fn after_five_wrong_tries_codes_are_long(world: &World) {
    let (app, alice) = user(world).await;
    let short = code(world, &app, "alice").await;
    assert_eq!(guess(world, &app, "alice").await, 5);
    let refused = enter(world, &app, "alice", &short).await;
    assert_eq!(refused.refused(429, "too_many_requests").retry_after(), 3600);
    let long = code(world, &app, "alice").await;
    assert!(long.len() == 16 && long.bytes().all(|byte| byte.is_ascii_digit()), "{long}");
    // Neither is part of it, nor does trying it void it.
    enter(world, &app, "alice", &long[..6]).await.refused(429, "too_many_requests");
    for _ in 0..30 {
        enter(world, &app, "alice", "0000000000000000").await.refused(401, "invalid_credentials");
    }
    let spaced = format!("{} {} {}", &long[..4], &long[4..8], &long[8..]);
    assert_eq!(Person::of(&enter(world, &app, "alice", &spaced).await).id, alice.id);
    enter(world, &app, "alice", &long).await.refused(401, "invalid_credentials");
    // One that was mailed meanwhile is good for its quarter of an hour, whatever is mailed by then.
    world.advance(Duration::from_mins(59));
    let long = code(world, &app, "alice").await;
    world.advance(Duration::from_mins(1));
    assert_eq!(code(world, &app, "alice").await.len(), 6);
    enter(world, &app, "alice", &long).await.ok();
}

async fn the_owners_slips_are_forgotten_once_a_code_was_right(world: &World) {
    let (app, _) = user(world).await;
    for _ in 0..3 {
        let right = code(world, &app, "alice").await;
        for _ in 0..4 {
            enter(world, &app, "alice", &another(&right)).await.refused(401, "invalid_credentials");
        }
        enter(world, &app, "alice", &right).await.ok();
    }
    // Not so a lock, or whoever guesses had another one for each time that the owner comes.
    assert_eq!(guess(world, &app, "alice").await, 5);
    world.advance(Duration::from_hours(1));
    let right = code(world, &app, "alice").await;
    enter(world, &app, "alice", &right).await.ok();
    assert_eq!(guess(world, &app, "alice").await, 5);
    world.advance(Duration::from_hours(1));
    enter(world, &app, "alice", "000000").await.refused(429, "too_many_requests");
}

/// Attack 6: whatever is tried beside it.
async fn attack_6_of_many_who_use_one_code_at_once_one_wins(world: &World) {
    let (app, _) = user(world).await;
    let code = code(world, &app, "alice").await;
    let sessions = world.number("SELECT count(*) FROM sessions");
    let answers = join_all((0..200).map(|_| enter(world, &app, "alice", &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    assert_eq!(world.number("SELECT count(*) FROM sessions"), sessions + 1);
    // The others were as good as guesses.
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(401), count(429)), (5, 194));
}

async fn guesses_side_by_side_are_worth_no_more_than_guesses_in_a_row(world: &World) {
    let (app, _) = user(world).await;
    let right = code(world, &app, "alice").await;
    for name in ["alice", "nobody"] {
        let guesses: Vec<_> = (0..200).map(|number| format!("{number:06}")).filter(|guess| *guess != right).collect();
        let answers = join_all(guesses.iter().map(|guess| enter(world, &app, name, guess))).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(401), count(429)), (5, guesses.len() - 5), "{name}");
    }
    assert_eq!(world.events("auth.email_codes_locked"), 2);
}

async fn asking_for_many_codes_brings_no_more_tries(world: &World) {
    let (app, _) = user(world).await;
    for hours in [1, 2, 4, 8, 16, 32, 64, 128, 168, 168] {
        for name in ["alice", "nobody"] {
            for _ in 0..5 {
                ask(world, Some(&app), name).await;
                world.mails().await;
                enter(world, &app, name, "000000").await.refused(401, "invalid_credentials");
            }
            let told = enter(world, &app, name, "000000").await;
            assert_eq!(told.refused(429, "too_many_requests").retry_after(), hours * 3600);
        }
        world.advance(Duration::from_hours(hours));
    }
    // A pause of some days changes nothing; a month without any is one that is over.
    world.advance(Duration::from_hours(29 * 24));
    assert_eq!(guess(world, &app, "alice").await, 5);
    assert_eq!(enter(world, &app, "alice", "000000").await.refused(429, "too_many_requests").retry_after(), 168 * 3600);
    world.advance(Duration::from_hours((7 + 30) * 24));
    assert_eq!(guess(world, &app, "alice").await, 5);
    assert_eq!(enter(world, &app, "alice", "000000").await.refused(429, "too_many_requests").retry_after(), 3600);
}

async fn a_code_is_told_of_until_it_is_used(world: &World) {
    let (app, alice) = user(world).await;
    let code = code(world, &app, "alice").await;
    let id = app.id;
    let page = kernel::Page::new(None, 0, 200).unwrap();
    let entries =
        world.read(move |tx| tx.entries_of(&kernel::Unchecked(Some(id)), &audit::Filter::default(), &page)).await.items;
    let entry = entries.iter().find(|entry| entry.kind == "auth.email_code_requested").unwrap();
    let told = json!({ "principal_id": alice.id, "email": "alice@example.com" });
    assert_eq!(serde_json::Value::Object(entry.details()), told);
    let told = world.platform.payload_with_token(entry).await.unwrap().unwrap();
    assert_eq!(told["code"], code);
    enter(world, &app, "alice", &code).await.ok();
    assert_eq!(world.platform.payload_with_token(entry).await.unwrap(), None);
}

async fn attack_4_a_used_code_and_a_spent_budget_stay_so_after_a_restart(world: &World) {
    let (app, _) = user(world).await;
    let used = code(world, &app, "alice").await;
    enter(world, &app, "alice", &used).await.ok();
    let world = &world.restarted().await;
    for _ in 0..5 {
        enter(world, &app, "alice", &used).await.refused(401, "invalid_credentials");
    }
    let world = &world.restarted().await;
    enter(world, &app, "alice", &used).await.refused(429, "too_many_requests");
}

async fn attack_14_a_code_is_good_for_one_account_and_nothing_else(world: &World) {
    let (app, _) = user(world).await;
    let other = world.app("other").await;
    for app in [&app, &other] {
        world.sign_up(Some(app), "bob").await;
    }
    let code = code(world, &app, "alice").await;
    enter(world, &app, "bob", &code).await.refused(401, "invalid_credentials");
    enter(world, &other, "bob", &code).await.refused(401, "invalid_credentials");
    let body = json!({ "email": "alice@example.com", "code": code });
    world.post("/v1/auth/email-code/verify", &body).send().await.refused(401, "invalid_credentials");
    for path in ["/v1/auth/magic-link/verify", "/v1/auth/verify", "/v1/auth/reset-password"] {
        let body = json!({ "token": code, "new_password": NEXT_PASSWORD });
        world.post(path, &body).send().await.refused(400, "invalid_token");
    }
    for odd in ["", "1", "0000000", "٠١٢٣٤٥", "' OR 1=1", "\0"] {
        let told = enter(world, &other, "alice", odd).await;
        assert!([401, 429].contains(&told.status), "{told:?}");
    }
    enter(world, &app, "alice", &code).await.ok();
}

async fn attack_25_whoever_pre_registered_an_address_loses_it_to_a_code(world: &World) {
    let app = world.app("acme").await;
    let squatter = world.sign_up(Some(&app), "alice").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let code = code(world, &app, "alice").await;
    let owner = enter(world, &app, "alice", &code).await;
    assert_eq!(owner.ok()["user"]["email_verified"], true);
    world.get("/v1/me").by(&squatter).send().await.refused(401, "token_revoked");
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
}

async fn attack_29_a_closed_account_has_no_codes(world: &World) {
    let (app, alice) = user(world).await;
    let out = code(world, &app, "alice").await;
    let path = format!("/v1/admin/users/{}", alice.id);
    world.call("POST", &format!("{path}/disable")).bearer(&app.api_key).send().await.ok();
    enter(world, &app, "alice", &out).await.refused(401, "invalid_credentials");
    ask(world, Some(&app), "alice").await;
    assert!(world.mails().await.is_empty());
    world.call("POST", &format!("{path}/enable")).bearer(&app.api_key).send().await.ok();
    enter(world, &app, "alice", &out).await.refused(401, "invalid_credentials");
    let out = code(world, &app, "alice").await;
    world.delete(&path).bearer(&app.api_key).send().await.ok();
    world.sign_up(Some(&app), "alice").await;
    enter(world, &app, "alice", &out).await.refused(401, "invalid_credentials");
}

async fn attack_30_what_ends_sessions_voids_codes(world: &World) {
    let (app, alice) = user(world).await;
    let out = code(world, &app, "alice").await;
    world.post("/v1/auth/logout-all", &json!({})).by(&alice).send().await.ok();
    enter(world, &app, "alice", &out).await.refused(401, "invalid_credentials");
    let late = code(world, &app, "alice").await;
    world.advance(Duration::from_mins(15));
    enter(world, &app, "alice", &late).await.refused(401, "invalid_credentials");
}

async fn attack_33_a_lock_stops_no_code_and_wrong_codes_lock_no_password(world: &World) {
    let (app, _) = user(world).await;
    let out = code(world, &app, "alice").await;
    for _ in 0..5 {
        enter(world, &app, "alice", &another(&out)).await.refused(401, "invalid_credentials");
    }
    enter(world, &app, "alice", &out).await.refused(429, "too_many_requests");
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    // Nor do they stop a link.
    world.at_door(Some(&app), "/v1/auth/magic-link", &json!({ "email": "alice@example.com" })).send().await.ok();
    let token = world.mail().await.token();
    world.post("/v1/auth/magic-link/verify", &json!({ "token": token })).send().await.ok();
    world.advance(Duration::from_hours(1));
    let out = code(world, &app, "alice").await;
    for _ in 0..5 {
        world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    enter(world, &app, "alice", &out).await.ok();
}

/// Somebody asks and guesses all the time. The owner asks, and gets in with what is mailed; it costs them sixteen digits.
async fn attack_33_nobody_keeps_an_owner_from_codes(world: &World) {
    let (app, _) = user(world).await;
    world.mails().await;
    let world =
        &world.restarted_with(|plan| plan.settings.mail_limits = MailLimits { per_recipient: 3, per_ip: 0 }).await;
    for _ in 0..3 {
        ask(world, Some(&app), "alice").await;
        assert_eq!(world.mails().await.len(), 1);
        world.advance(Duration::from_mins(1));
    }
    for hours in [1, 2, 4] {
        assert_eq!(guess(world, &app, "alice").await, 5);
        // No three mails of before hold this one back.
        let long = code(world, &app, "alice").await;
        assert_eq!(long.len(), 16);
        ask(world, Some(&app), "alice").await;
        assert!(world.mails().await.is_empty(), "a minute between two is kept");
        for _ in 0..10 {
            enter(world, &app, "alice", &another(&long[..6])).await.refused(429, "too_many_requests");
            enter(world, &app, "alice", "0000000000000000").await.refused(401, "invalid_credentials");
        }
        enter(world, &app, "alice", &long).await.ok();
        world.advance(Duration::from_hours(hours));
    }
    // For whoever has no account it is the same.
    assert_eq!(guess(world, &app, "nobody").await, 5);
    ask(world, Some(&app), "nobody").await;
    assert!(world.mails().await.is_empty());
    enter(world, &app, "nobody", "0000000000000000").await.refused(401, "invalid_credentials");
}

/// However many an operator lets out.
async fn a_guess_is_compared_with_three_codes_at_the_most(world: &World) {
    let (app, _) = user(world).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(code(world, &app, "alice").await);
    }
    enter(world, &app, "alice", &codes[0]).await.refused(401, "invalid_credentials");
    enter(world, &app, "alice", &codes[1]).await.ok();
}
