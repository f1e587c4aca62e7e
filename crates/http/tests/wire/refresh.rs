//! Refresh tokens: single use, rotated in a family, and the family ends when one comes back.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, App, PASSWORD, Person, World};

on_both!(
    a_refresh_token_buys_a_new_pair_once,
    attack_3_a_spent_token_that_comes_back_ends_its_family_and_no_other,
    attack_2_of_many_who_spend_one_token_at_once_one_gets_a_successor,
    attack_2_within_the_grace_everybody_gets_the_same_successor,
    the_grace_ends,
    the_grace_is_for_the_last_token_alone,
    attack_4_a_spent_token_stays_spent_after_a_restart,
    an_ended_session_refreshes_nothing,
    a_refresh_token_expires,
    a_rotated_signing_secret_still_reads_the_tokens_of_before,
    attack_16_a_bent_refresh_token_is_none,
    a_switched_off_app_costs_nobody_their_session,
);

/// How often a race is run.
const ROUNDS: usize = 200;

async fn refresh(world: &World, token: &str) -> Answer {
    world.post("/v1/auth/token/refresh", &json!({ "refresh_token": token })).send().await
}

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn a_refresh_token_buys_a_new_pair_once(world: &World) {
    let (_, alice) = user(world).await;
    let answer = refresh(world, &alice.refresh).await;
    assert_eq!((answer.status, &answer.ok()["token_type"]), (200, &json!("bearer")));
    let next = Person::of(&answer);
    assert_eq!(next.id, alice.id);
    assert_ne!(next.refresh, alice.refresh);
    assert_ne!(next.token, alice.token);
    world.get("/v1/me").by(&next).send().await.ok();
    world.get("/v1/me").by(&alice).send().await.ok();

    // The same over OAuth, by the book.
    let by_the_book = json!({ "grant_type": "refresh_token", "refresh_token": next.refresh });
    let third = world.post("/v1/oauth/token", &by_the_book).send().await;
    assert!(third.ok()["refresh_token"].is_string() && third.ok()["access_token"].is_string());
    world.post("/v1/oauth/token", &by_the_book).send().await.refused(400, "invalid_grant");
}

async fn attack_3_a_spent_token_that_comes_back_ends_its_family_and_no_other(world: &World) {
    let (app, stolen) = user(world).await;
    let elsewhere = world.sign_in(Some(&app), "alice").await;
    let mut newest = stolen.clone();
    for _ in 0..3 {
        newest = Person::of(&refresh(world, &newest.refresh).await);
    }
    refresh(world, &stolen.refresh).await.refused(401, "token_revoked");
    // Whoever holds the newest is out as well: one of the two is a thief.
    refresh(world, &newest.refresh).await.refused(401, "token_revoked");
    world.get("/v1/me").by(&newest).send().await.refused(401, "token_revoked");
    world.get("/v1/me").by(&stolen).send().await.refused(401, "token_revoked");
    assert_eq!(world.events("auth.refresh_token_reused"), 1);
    // The other session knows nothing of it.
    world.get("/v1/me").by(&elsewhere).send().await.ok();
    refresh(world, &elsewhere.refresh).await.ok();
    refresh(world, &stolen.refresh).await.refused(401, "token_revoked");
    assert_eq!(world.events("auth.refresh_token_reused"), 1, "a family ends once");
}

async fn attack_2_of_many_who_spend_one_token_at_once_one_gets_a_successor(world: &World) {
    let (app, _) = user(world).await;
    for round in 0..ROUNDS {
        let session = world.sign_in(Some(&app), "alice").await;
        let answers = join_all((0..5).map(|_| refresh(world, &session.refresh))).await;
        let winners = answers.iter().filter(|answer| answer.is_success()).count();
        assert_eq!(winners, 1, "round {round}: {answers:?}");
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(401, "token_revoked");
        }
    }
    let tokens = world.number("SELECT count(*) FROM refresh_tokens WHERE spent_at IS NOT NULL");
    assert_eq!(tokens, i64::try_from(ROUNDS).unwrap(), "each was spent once, and so has one successor");
}

async fn attack_2_within_the_grace_everybody_gets_the_same_successor(world: &World) {
    let (app, mut alice) = user(world).await;
    world.configure(&app, &json!({ "refresh_grace_seconds": 30 })).await;
    for round in 0..ROUNDS {
        let answers = join_all((0..5).map(|_| refresh(world, &alice.refresh))).await;
        let next: Vec<Person> = answers.iter().map(Person::of).collect();
        assert!(next.iter().all(|person| person.refresh == next[0].refresh), "round {round}: {next:?}");
        alice = next[0].clone();
    }
    world.get("/v1/me").by(&alice).send().await.ok();
    assert_eq!(world.events("auth.refresh_token_reused"), 0);
}

async fn the_grace_ends(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "refresh_grace_seconds": 30 })).await;
    let next = Person::of(&refresh(world, &alice.refresh).await);
    world.advance(Duration::from_secs(29));
    assert_eq!(Person::of(&refresh(world, &alice.refresh).await).refresh, next.refresh);
    world.advance(Duration::from_secs(2));
    refresh(world, &alice.refresh).await.refused(401, "token_revoked");
    refresh(world, &next.refresh).await.refused(401, "token_revoked");
}

/// A token whose successor was used already did arrive: whoever shows it now is not the client that lost the answer.
async fn the_grace_is_for_the_last_token_alone(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "refresh_grace_seconds": 30 })).await;
    let second = Person::of(&refresh(world, &alice.refresh).await);
    let third = Person::of(&refresh(world, &second.refresh).await);
    refresh(world, &alice.refresh).await.refused(401, "token_revoked");
    refresh(world, &third.refresh).await.refused(401, "token_revoked");
}

async fn attack_4_a_spent_token_stays_spent_after_a_restart(world: &World) {
    let (app, alice) = user(world).await;
    let next = Person::of(&refresh(world, &alice.refresh).await);
    let gone = world.sign_in(Some(&app), "alice").await;
    world.post("/v1/auth/logout", &json!({ "refresh_token": gone.refresh })).send().await.ok();

    let world = &world.restarted().await;
    world.get("/v1/me").by(&next).send().await.ok();
    refresh(world, &gone.refresh).await.refused(401, "token_revoked");
    world.get("/v1/me").by(&gone).send().await.refused(401, "token_revoked");
    refresh(world, &alice.refresh).await.refused(401, "token_revoked");
    world.get("/v1/me").by(&next).send().await.refused(401, "token_revoked");

    let world = &world.restarted().await;
    refresh(world, &next.refresh).await.refused(401, "token_revoked");
    world.get("/v1/me").by(&next).send().await.refused(401, "token_revoked");
}

async fn an_ended_session_refreshes_nothing(world: &World) {
    let (app, alice) = user(world).await;
    for path in ["/v1/auth/logout", "/v1/auth/logout-all"] {
        let session = world.sign_in(Some(&app), "alice").await;
        world.post(path, &json!({ "access_token": session.token })).by(&session).send().await.ok();
        refresh(world, &session.refresh).await.refused(401, "token_revoked");
    }
    refresh(world, &alice.refresh).await.refused(401, "token_revoked");
}

async fn a_refresh_token_expires(world: &World) {
    let (_, alice) = user(world).await;
    world.advance(Duration::from_secs(30 * 24 * 3600 - 5));
    let next = Person::of(&refresh(world, &alice.refresh).await);
    world.advance(Duration::from_secs(30 * 24 * 3600 + 1));
    refresh(world, &next.refresh).await.refused(401, "token_expired");
}

async fn a_rotated_signing_secret_still_reads_the_tokens_of_before(world: &World) {
    let (_, alice) = user(world).await;
    let rotated = world.restarted_with(|plan| {
        let secrets = plan.secrets.clone();
        plan.secrets.signing_previous = Some(secrets.signing);
        plan.secrets.signing = "next 0123456789abcdef0123456789abcdef".into();
    });
    let rotated = rotated.await;
    rotated.get("/v1/me").by(&alice).send().await.ok();
    let next = Person::of(&refresh(&rotated, &alice.refresh).await);

    // Attack 17: once more, and what the first one signed is nobody's.
    let twice = rotated.restarted_with(|plan| {
        plan.secrets.signing_previous = Some(plan.secrets.signing.clone());
        plan.secrets.encryption = None;
        plan.secrets.encryption_previous = Some("sign 0123456789abcdef0123456789abcdef".into());
        plan.secrets.signing = "last 0123456789abcdef0123456789abcdef".into();
    });
    let twice = twice.await;
    twice.get("/v1/me").by(&alice).send().await.refused(401, "unauthorized");
    refresh(&twice, &alice.refresh).await.refused(401, "unauthorized");
    twice.get("/v1/me").by(&next).send().await.ok();
    refresh(&twice, &next.refresh).await.ok();
}

async fn attack_16_a_bent_refresh_token_is_none(world: &World) {
    let (_, alice) = user(world).await;
    let token = &alice.refresh;
    for bent in [
        String::new(),
        ".".to_owned(),
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\0"),
        token.to_uppercase(),
        token.replace('.', ""),
        token.replace('.', ".."),
        token.split('.').next().unwrap().to_owned(),
        "a".repeat(10_000),
    ] {
        refresh(world, &bent).await.refused(401, "unauthorized");
    }
    refresh(world, token).await.ok();
}

async fn a_switched_off_app_costs_nobody_their_session(world: &World) {
    let (app, alice) = user(world).await;
    let switch = async |verb| {
        world.call("POST", &format!("/v1/apps/{}/{verb}", app.id)).bearer(&app.api_key).send().await.ok();
    };
    switch("disable").await;
    refresh(world, &alice.refresh).await.refused(401, "token_revoked");
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "app_disabled");
    switch("enable").await;
    world.get("/v1/me").by(&alice).send().await.ok();
    refresh(world, &alice.refresh).await.ok();
}
