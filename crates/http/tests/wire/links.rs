//! Links in mails: for one account, one address and one purpose, once, and not for long.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Mail, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    a_link_proves_an_address,
    a_link_sets_another_password,
    a_link_that_was_used_is_void,
    attack_6_of_many_who_use_one_link_at_once_one_wins,
    attack_14_a_link_for_one_thing_is_none_for_another,
    a_link_expires,
    a_link_that_was_used_voids_those_sent_before,
    asking_again_takes_nothing_away,
    attack_30_a_changed_password_voids_the_links_to_reset_it,
    attack_30_a_changed_address_voids_what_was_sent_to_the_old_one,
    attack_29_a_closed_account_has_no_links,
    attack_16_a_bent_link_is_none,
    links_survive_a_restart,
    a_refused_password_leaves_the_link_good,
);

const ROUNDS: usize = 200;

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

/// A mail that somebody asked for.
async fn asked(world: &World, app: &App, path: &str) -> Mail {
    world.mails().await;
    world.at_door(Some(app), path, &json!({ "email": "alice@example.com" })).send().await.ok();
    world.mail().await
}

async fn reset_token(world: &World, app: &App) -> String {
    asked(world, app, "/v1/auth/forgot-password").await.token()
}

async fn verify_token(world: &World, app: &App) -> String {
    asked(world, app, "/v1/auth/resend-verification").await.token()
}

async fn reset(world: &World, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    world.post("/v1/auth/reset-password", &body).send().await
}

async fn verify(world: &World, token: &str) -> Answer {
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await
}

async fn a_link_proves_an_address(world: &World) {
    let (app, alice) = user(world).await;
    let token = world.mail().await.token();
    assert_eq!(*verify(world, &token).await.ok(), json!({ "email_verified": true }));
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["email_verified"], true);
    assert_eq!(world.events("auth.email_verified"), 1);
    // Whoever is known needs no more links.
    world.at_door(Some(&app), "/v1/auth/resend-verification", &json!({ "email": alice.email })).send().await.ok();
    assert!(world.mails().await.is_empty());
}

async fn a_link_sets_another_password(world: &World) {
    let (app, alice) = user(world).await;
    // The token goes by many names.
    for (number, name) in ["token", "access_token", "reset_token"].iter().enumerate() {
        let token = reset_token(world, &app).await;
        let password = format!("{NEXT_PASSWORD}{number}");
        let body = Value::from_iter([(*name, token.as_str()), ("new_password", &password)]);
        world.post("/v1/auth/reset-password", &body).send().await.ok();
        world.log_in(Some(&app), "alice", &password).await.ok();
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    // Whoever reads the mail owns the address.
    let token = Person::of(&world.log_in(Some(&app), "alice", &format!("{NEXT_PASSWORD}2")).await);
    assert_eq!(world.get("/v1/me").by(&token).send().await.ok()["email_verified"], true);
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    assert_eq!((world.events("auth.password_reset"), world.events("auth.password_changed")), (3, 3));
}

async fn a_link_that_was_used_is_void(world: &World) {
    let (app, _) = user(world).await;
    let token = verify_token(world, &app).await;
    verify(world, &token).await.ok();
    verify(world, &token).await.refused(400, "invalid_token");
    world.get(&format!("/v1/auth/verify?token={token}&type=signup")).send().await.refused(400, "invalid_token");
    let token = reset_token(world, &app).await;
    reset(world, &token, NEXT_PASSWORD).await.ok();
    reset(world, &token, PASSWORD).await.refused(400, "invalid_token");
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn attack_6_of_many_who_use_one_link_at_once_one_wins(world: &World) {
    let (app, _) = user(world).await;
    for round in 0..ROUNDS {
        let token = reset_token(world, &app).await;
        let passwords: Vec<_> = (0..4).map(|number| format!("{NEXT_PASSWORD}-{round}-{number}")).collect();
        let answers = join_all(passwords.iter().map(|password| reset(world, &token, password))).await;
        let won: Vec<_> = answers.iter().zip(&passwords).filter(|(answer, _)| answer.is_success()).collect();
        assert_eq!(won.len(), 1, "round {round}: {answers:?}");
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(400, "invalid_token");
        }
        // And it is the winner's password that counts.
        world.log_in(Some(&app), "alice", won[0].1).await.ok();
    }
    for round in 0..ROUNDS {
        let name = format!("bob-{round}");
        world.sign_up(Some(&app), &name).await;
        let token = world.mail().await.token();
        let answers = join_all((0..4).map(|_| verify(world, &token))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1, "round {round}: {answers:?}");
    }
}

async fn attack_14_a_link_for_one_thing_is_none_for_another(world: &World) {
    let (app, alice) = user(world).await;
    let verifying = world.mail().await.token();
    let resetting = reset_token(world, &app).await;
    reset(world, &verifying, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &resetting).await.refused(400, "invalid_token");
    world.get(&format!("/v1/auth/verify?token={resetting}")).send().await.refused(400, "invalid_token");
    for token in [&verifying, &resetting] {
        let refresh = json!({ "refresh_token": token });
        world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
        world.get("/v1/me").bearer(token).send().await.refused(401, "unauthorized");
        // Nothing is there to be revoked, and nothing is told.
        world.post("/v1/auth/logout", &json!({ "access_token": token })).send().await.ok();
        world.post("/v1/oauth/revoke", &json!({ "token": token })).send().await.ok();
    }
    for token in [&alice.token, &alice.refresh, &app.api_key, &app.client_secret] {
        reset(world, token, NEXT_PASSWORD).await.refused(400, "invalid_token");
        verify(world, token).await.refused(400, "invalid_token");
    }
    // All that has used neither of them up.
    verify(world, &verifying).await.ok();
    reset(world, &resetting, NEXT_PASSWORD).await.ok();
}

async fn a_link_expires(world: &World) {
    let (app, _) = user(world).await;
    for (path, life) in [("/v1/auth/forgot-password", 3600), ("/v1/auth/resend-verification", 24 * 3600)] {
        let late = asked(world, &app, path).await.token();
        world.advance(Duration::from_secs(life));
        reset(world, &late, NEXT_PASSWORD).await.refused(400, "invalid_token");
        verify(world, &late).await.refused(400, "invalid_token");
        let token = asked(world, &app, path).await.token();
        world.advance(Duration::from_secs(life - 5));
        let used = [reset(world, &token, NEXT_PASSWORD).await, verify(world, &token).await];
        assert_eq!(used.iter().filter(|answer| answer.is_success()).count(), 1, "{path}: {used:?}");
        // Once it is verified, no more links are sent to verify it.
        unverify(world).await;
    }
}

async fn unverify(world: &World) {
    let app = world.number("SELECT count(*) FROM apps WHERE name = 'acme'");
    assert_eq!(app, 1);
    let email = kernel::Email::parse("alice@example.com").unwrap();
    world
        .write(move |tx| {
            let apps = tx.all_apps(&kernel::Page::new(None, 0, 10)?)?.items;
            let account = tx.account_by_email(Some(apps[0].id), &email)?.unwrap();
            tx.update_account(&identity::Account { proof: None, ..account })
        })
        .await;
}

async fn a_link_that_was_used_voids_those_sent_before(world: &World) {
    let (app, _) = user(world).await;
    let first = reset_token(world, &app).await;
    let second = reset_token(world, &app).await;
    reset(world, &second, NEXT_PASSWORD).await.ok();
    reset(world, &first, PASSWORD).await.refused(400, "invalid_token");
}

/// Anybody can ask for a link to anybody's mailbox: that must not take away what is in there already.
async fn asking_again_takes_nothing_away(world: &World) {
    let (app, _) = user(world).await;
    let first = reset_token(world, &app).await;
    reset_token(world, &app).await;
    reset(world, &first, NEXT_PASSWORD).await.ok();
}

async fn attack_30_a_changed_password_voids_the_links_to_reset_it(world: &World) {
    let (app, alice) = user(world).await;
    let token = reset_token(world, &app).await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/change-password", &change).by(&alice).send().await.ok();
    reset(world, &token, "Third-secret-3").await.refused(400, "invalid_token");
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn attack_30_a_changed_address_voids_what_was_sent_to_the_old_one(world: &World) {
    let (app, alice) = user(world).await;
    let (verifying, resetting) = (world.mail().await.token(), reset_token(world, &app).await);
    // Until there is a way to change an address over the wire.
    let (id, principal) = (app.id, alice.id);
    world
        .write(move |tx| {
            let account = tx.account_of(Some(id), principal)?.unwrap();
            let email = kernel::Email::parse("alice@new.example.com")?;
            tx.update_account(&identity::Account { email, ..account })
        })
        .await;
    reset(world, &resetting, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &verifying).await.refused(400, "invalid_token");
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["email_verified"], false);
}

async fn attack_29_a_closed_account_has_no_links(world: &World) {
    let (app, alice) = user(world).await;
    let verifying = world.mail().await.token();
    let resetting = reset_token(world, &app).await;
    let user = format!("/v1/admin/users/{}", alice.id);
    let switch = async |what: &str| {
        world.call("POST", &format!("/v1/apps/{}/{what}", app.id)).bearer(&app.api_key).send().await.ok();
    };
    switch("disable").await;
    reset(world, &resetting, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &verifying).await.refused(400, "invalid_token");
    switch("enable").await;
    world.call("POST", &format!("{user}/disable")).bearer(&app.api_key).send().await.ok();
    reset(world, &resetting, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &verifying).await.refused(400, "invalid_token");
    for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
        world.at_door(Some(&app), path, &json!({ "email": alice.email })).send().await.ok();
    }
    assert!(world.mails().await.is_empty(), "nobody writes to a disabled account");

    world.delete(&user).bearer(&app.api_key).send().await.ok();
    reset(world, &resetting, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &verifying).await.refused(400, "invalid_token");
    // Nor is a link of before good for whoever has the address next.
    world.sign_up(Some(&app), "alice").await;
    reset(world, &resetting, NEXT_PASSWORD).await.refused(400, "invalid_token");
    verify(world, &verifying).await.refused(400, "invalid_token");
}

async fn attack_16_a_bent_link_is_none(world: &World) {
    let (app, _) = user(world).await;
    let token = reset_token(world, &app).await;
    for bent in [
        String::new(),
        token[1..].to_owned(),
        format!("{token}0"),
        format!(" {token}"),
        format!("{token}\0"),
        token.to_uppercase(),
        "%".to_owned(),
        "' OR '1'='1".to_owned(),
        "a".repeat(100_000),
    ] {
        reset(world, &bent, NEXT_PASSWORD).await.refused(400, "invalid_token");
        verify(world, &bent).await.refused(400, "invalid_token");
    }
    reset(world, &token, NEXT_PASSWORD).await.ok();
}

async fn links_survive_a_restart(world: &World) {
    let (app, _) = user(world).await;
    let token = reset_token(world, &app).await;
    let world = &world.restarted().await;
    reset(world, &token, NEXT_PASSWORD).await.ok();
    let world = &world.restarted().await;
    reset(world, &token, PASSWORD).await.refused(400, "invalid_token");
}

async fn a_refused_password_leaves_the_link_good(world: &World) {
    let (app, _) = user(world).await;
    let token = reset_token(world, &app).await;
    reset(world, &token, "weak").await.refused(400, "weak_password");
    reset(world, &token, NEXT_PASSWORD).await.ok();
}
