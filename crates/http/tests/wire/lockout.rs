//! Lockout: guessing ends after five tries, for known and unknown addresses alike, and is no weapon against the owner.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, World};

on_both!(
    five_failures_lock_and_say_for_how_long,
    an_unknown_address_is_locked_alike,
    a_lock_ends_and_never_extends,
    four_failures_are_forgotten_by_a_success,
    failures_of_long_ago_are_forgotten,
    a_lock_survives_a_restart,
    a_lock_touches_nothing_but_password_sign_in,
    a_reset_lifts_the_lock,
    an_administrator_lifts_the_lock,
    guesses_side_by_side_are_worth_no_more_than_guesses_in_a_row,
    the_right_password_among_many_guesses_is_no_way_past_the_lock,
    attack_33_no_header_makes_a_guesser_somebody_else,
    an_app_says_how_many_failures_lock_and_for_how_long,
    a_wrong_present_password_counts_too,
    an_address_is_counted_however_it_is_written,
);

const WRONG: &str = "Wrong-horse-1";

async fn acme(world: &World) -> App {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    app
}

async fn guess(world: &World, app: &App, name: &str, times: usize) {
    for _ in 0..times {
        world.log_in(Some(app), name, WRONG).await.refused(401, "invalid_credentials");
    }
}

async fn five_failures_lock_and_say_for_how_long(world: &World) {
    let app = acme(world).await;
    guess(world, &app, "alice", 5).await;
    let locked = world.log_in(Some(&app), "alice", WRONG).await;
    assert_eq!(locked.refused(429, "account_locked").retry_after(), 900);
    world.advance(Duration::from_secs(100));
    // The right one is refused like any other.
    let locked = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!(locked.refused(429, "account_locked").retry_after(), 800);
    assert_eq!(world.events("auth.account_locked"), 1);
}

async fn an_unknown_address_is_locked_alike(world: &World) {
    let app = acme(world).await;
    for tries in 0..7 {
        let [known, unknown] = ["alice", "nobody"].map(|name| world.log_in(Some(&app), name, WRONG));
        let (known, unknown) = (known.await, unknown.await);
        assert_eq!(known.told(), unknown.told());
        assert_eq!(known.header("retry-after"), unknown.header("retry-after"));
        assert_eq!(known.status, if tries < 5 { 401 } else { 429 });
    }
}

async fn a_lock_ends_and_never_extends(world: &World) {
    let app = acme(world).await;
    guess(world, &app, "alice", 5).await;
    for _ in 0..14 {
        world.advance(Duration::from_mins(1));
        for password in [WRONG, PASSWORD] {
            world.log_in(Some(&app), "alice", password).await.refused(429, "account_locked");
        }
    }
    world.advance(Duration::from_mins(1));
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    // And everything begins anew.
    guess(world, &app, "alice", 4).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn four_failures_are_forgotten_by_a_success(world: &World) {
    let app = acme(world).await;
    for _ in 0..3 {
        guess(world, &app, "alice", 4).await;
        world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    }
}

async fn failures_of_long_ago_are_forgotten(world: &World) {
    let app = acme(world).await;
    guess(world, &app, "alice", 4).await;
    world.advance(Duration::from_mins(15));
    guess(world, &app, "alice", 4).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    // Without the pause they add up.
    guess(world, &app, "alice", 4).await;
    world.advance(Duration::from_mins(14));
    guess(world, &app, "alice", 1).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
}

async fn a_lock_survives_a_restart(world: &World) {
    let app = acme(world).await;
    guess(world, &app, "alice", 3).await;
    let world = &world.restarted().await;
    guess(world, &app, "alice", 2).await;
    let world = &world.restarted().await;
    let locked = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!(locked.refused(429, "account_locked").retry_after(), 900);
}

async fn a_lock_touches_nothing_but_password_sign_in(world: &World) {
    let app = acme(world).await;
    let session = world.sign_in(Some(&app), "alice").await;
    guess(world, &app, "alice", 5).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
    world.get("/v1/me").by(&session).send().await.ok();
    world.patch("/v1/me", &json!({ "display_name": "Alice" })).by(&session).send().await.ok();
    world.post("/v1/auth/token/refresh", &json!({ "refresh_token": session.refresh })).send().await.ok();
    world.exchange(&app, session.id).await.ok();
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": session.email })).send().await.ok();
    assert_eq!(world.mails().await.len(), 1);
}

async fn a_reset_lifts_the_lock(world: &World) {
    let app = acme(world).await;
    world.mails().await;
    guess(world, &app, "alice", 5).await;
    let forgotten = json!({ "email": "alice@example.com" });
    world.at_door(Some(&app), "/v1/auth/forgot-password", &forgotten).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn an_administrator_lifts_the_lock(world: &World) {
    let app = acme(world).await;
    let alice = world.sign_in(Some(&app), "alice").await;
    guess(world, &app, "alice", 5).await;
    let path = format!("/v1/admin/users/{}", alice.id);
    let seen = world.get(&path).bearer(&app.api_key).send().await;
    assert_eq!(seen.ok()["locked"], true);
    assert!(seen.ok()["locked_until"].as_str().unwrap().ends_with('Z'));
    world.call("POST", &format!("{path}/unlock")).bearer(&app.api_key).send().await.ok();
    let seen = world.get(&path).bearer(&app.api_key).send().await;
    assert_eq!((&seen.ok()["locked"], &seen.ok()["locked_until"]), (&json!(false), &json!(null)));
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn guesses_side_by_side_are_worth_no_more_than_guesses_in_a_row(world: &World) {
    let app = world.app("acme").await;
    for round in 0..20 {
        // Both an account and an address that has none.
        let name = format!("alice-{round}");
        if round % 2 == 0 {
            world.sign_up(Some(&app), &name).await;
        }
        let answers = join_all((0..20).map(|_| world.log_in(Some(&app), &name, WRONG))).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(401), count(429)), (5, 15), "round {round}");
    }
}

async fn the_right_password_among_many_guesses_is_no_way_past_the_lock(world: &World) {
    let app = acme(world).await;
    guess(world, &app, "alice", 5).await;
    let passwords = (0..30).map(|number| if number % 3 == 0 { PASSWORD } else { WRONG });
    let answers: Vec<Answer> = join_all(passwords.map(|password| world.log_in(Some(&app), "alice", password))).await;
    for answer in answers {
        answer.refused(429, "account_locked");
    }
}

async fn attack_33_no_header_makes_a_guesser_somebody_else(world: &World) {
    let app = acme(world).await;
    let body = json!({ "email": "alice@example.com", "password": WRONG });
    for guess in 0..8 {
        let told = world.at_door(Some(&app), "/v1/auth/login", &body).from(&format!("192.0.2.{guess}:1"));
        let told = told.header("x-forwarded-for", format!("198.51.100.{guess}")).header("x-real-ip", "203.0.113.9");
        let told = told.header("user-agent", format!("agent {guess}")).send().await;
        assert_eq!(told.status, if guess < 5 { 401 } else { 429 });
    }
}

async fn an_app_says_how_many_failures_lock_and_for_how_long(world: &World) {
    let app = acme(world).await;
    world.configure(&app, &json!({ "lockout_threshold": 2, "lockout_seconds": 3600 })).await;
    guess(world, &app, "alice", 2).await;
    let locked = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!(locked.refused(429, "account_locked").retry_after(), 3600);
    world.advance(Duration::from_secs(3599));
    let locked = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!(locked.refused(429, "account_locked").retry_after(), 1);
    world.advance(Duration::from_secs(1));
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn a_wrong_present_password_counts_too(world: &World) {
    let app = acme(world).await;
    let alice = world.sign_in(Some(&app), "alice").await;
    let change = |password| json!({ "current_password": password, "new_password": NEXT_PASSWORD });
    for _ in 0..3 {
        let told = world.post("/v1/auth/change-password", &change(WRONG)).by(&alice).send().await;
        told.refused(401, "invalid_credentials");
    }
    for _ in 0..2 {
        let meant = json!({ "current_password": WRONG });
        world.delete("/v1/me").json(&meant).by(&alice).send().await.refused(401, "invalid_credentials");
    }
    world.post("/v1/auth/change-password", &change(PASSWORD)).by(&alice).send().await.refused(429, "account_locked");
    let meant = json!({ "current_password": PASSWORD });
    world.delete("/v1/me").json(&meant).by(&alice).send().await.refused(429, "account_locked");
    world.get("/v1/me").by(&alice).send().await.ok();
}

async fn an_address_is_counted_however_it_is_written(world: &World) {
    let app = acme(world).await;
    for email in
        ["alice@example.com", "ALICE@example.com", " alice@example.com", "alice@EXAMPLE.com ", "Alice@Example.com"]
    {
        let body = json!({ "email": email, "password": WRONG });
        let told = world.at_door(Some(&app), "/v1/auth/login", &body).send().await;
        told.refused(401, "invalid_credentials");
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
}
