//! Where somebody is signed in, and signing out elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, PASSWORD, Person, World, claims_in};

on_both!(
    sessions_are_listed_with_their_devices,
    one_session_is_ended_and_the_others_go_on,
    all_other_sessions_end,
    attack_37_nobody_ends_the_session_of_another,
    when_a_session_was_seen_is_known_to_within_a_minute,
    a_new_device_is_told_of,
    a_device_is_new_to_an_account_that_nobody_has_used_for_long,
    attack_30_sessions_of_before_are_neither_listed_nor_ended,
);

async fn sign_in(world: &World, app: &App, agent: &str, peer: &str) -> Person {
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    let call = world.at_door(Some(app), "/v1/auth/login", &body).header("user-agent", agent).from(peer);
    Person::of(&call.send().await)
}

async fn listed(world: &World, person: &Person) -> Vec<Value> {
    world.get("/v1/me/sessions").by(person).send().await.ok().as_array().unwrap().clone()
}

fn session(person: &Person) -> String {
    claims_in(&person.token)["sid"].as_str().unwrap().to_owned()
}

async fn end(world: &World, by: &Person, id: &str) -> crate::support::Answer {
    world.delete(&format!("/v1/me/sessions/{id}")).by(by).send().await
}

async fn sessions_are_listed_with_their_devices(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    world.mails().await;
    let phone = sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    let body = json!({ "email": "alice@example.com" });
    world.at_door(Some(&app), "/v1/auth/magic-link", &body).send().await.ok();
    let token = world.mail().await.token();
    let by_link =
        world.post("/v1/auth/magic-link/verify", &json!({ "token": token })).from("[2001:db8::1]:1").send().await;
    let by_link = Person::of(&by_link);
    let sessions = listed(world, &phone).await;
    let told: Vec<_> = sessions
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), &one["device"], &one["ip"], &one["method"], &one["current"]))
        .collect();
    assert_eq!(
        told,
        [
            (session(&by_link).as_str(), &json!(null), &json!("2001:db8::1"), &json!("magic_link"), &json!(false)),
            (&session(&phone), &json!("a phone"), &json!("203.0.113.9"), &json!("password"), &json!(true)),
            (&session(&alice), &json!(null), &json!(null), &json!("password"), &json!(false)),
        ]
    );
    for one in &sessions {
        assert!(
            ["created_at", "last_seen_at", "expires_at"].iter().all(|name| one[*name].as_str().unwrap().ends_with('Z'))
        );
    }
    let page = world.get("/v1/me/sessions?limit=2&include_total=true").by(&phone).send().await;
    let paging = &page.body["meta"]["pagination"];
    assert_eq!((page.ok().as_array().unwrap().len(), &paging["total"]), (2, &json!(3)), "{page:?}");
    let next = format!("/v1/me/sessions?limit=2&cursor={}", paging["next_cursor"].as_str().unwrap());
    assert_eq!(world.get(&next).by(&phone).send().await.ok()[0]["id"], session(&alice));
}

async fn one_session_is_ended_and_the_others_go_on(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let phone = sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    let logouts = world.events("auth.logout");
    end(world, &alice, &session(&phone)).await.ok();
    world.get("/v1/me").by(&phone).send().await.refused(401, "token_revoked");
    let refresh = json!({ "refresh_token": phone.refresh });
    world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "token_revoked");
    end(world, &alice, &session(&phone)).await.refused(404, "not_found");
    assert_eq!(world.events("auth.logout"), logouts + 1);
    assert_eq!(listed(world, &alice).await.len(), 1);
    end(world, &alice, &session(&alice)).await.ok();
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
}

async fn all_other_sessions_end(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let mut others = Vec::new();
    for number in 0..3 {
        others.push(sign_in(world, &app, &format!("device {number}"), "203.0.113.9:1").await);
    }
    for ended in [3, 0] {
        let answer = world.post("/v1/me/sessions/revoke-others", &json!({})).by(&alice).send().await;
        assert_eq!(*answer.ok(), json!({ "ended": ended }));
    }
    assert_eq!(world.events("auth.other_sessions_ended"), 1);
    for other in &others {
        world.get("/v1/me").by(other).send().await.refused(401, "token_revoked");
    }
    for person in [&alice, &bob] {
        world.get("/v1/me").by(person).send().await.ok();
    }
}

async fn attack_37_nobody_ends_the_session_of_another(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let alice = world.sign_up(Some(&app), "alice").await;
    let namesake = world.sign_up(Some(&other), "alice").await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let never = "01890a5d-ac96-774b-bcce-b302099a8057";
    let told = end(world, &bob, never).await;
    told.refused(404, "not_found");
    for id in [session(&alice), session(&namesake), "revoke".to_owned(), "%00".to_owned()] {
        for by in [&bob, &namesake] {
            if session(by) != id {
                assert_eq!(end(world, by, &id).await.told().0, 404);
            }
        }
    }
    // The same person in another app is somebody else.
    assert_eq!(alice.id, namesake.id);
    assert_eq!(listed(world, &namesake).await.len(), 1);
    for person in [&alice, &namesake] {
        world.get("/v1/me").by(person).send().await.ok();
    }
}

async fn when_a_session_was_seen_is_known_to_within_a_minute(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let seen = async |person: &Person| listed(world, person).await[0]["last_seen_at"].as_str().unwrap().to_owned();
    let first = seen(&alice).await;
    world.advance(Duration::from_secs(30));
    world.get("/v1/me").by(&alice).send().await.ok();
    assert_eq!(world.platform.write_session_uses().await.unwrap(), 0);
    world.advance(Duration::from_secs(31));
    for _ in 0..5 {
        world.get("/v1/me").by(&alice).send().await.ok();
    }
    assert_eq!(world.platform.write_session_uses().await.unwrap(), 1);
    let second = seen(&alice).await;
    assert!(second > first, "{first} {second}");
    // A refresh writes it itself.
    world.advance(Duration::from_secs(10));
    let refresh = json!({ "refresh_token": alice.refresh });
    let alice = Person::of(&world.post("/v1/auth/token/refresh", &refresh).send().await);
    let third = seen(&alice).await;
    assert!(third > second, "{second} {third}");
}

async fn a_new_device_is_told_of(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let told = || world.events("auth.new_device");
    let before = told();
    for (agent, peer, new) in [
        ("a phone", "203.0.113.9:1", 1),
        ("a phone", "203.0.113.200:1", 0),
        ("a phone", "203.0.114.9:1", 1),
        ("a laptop", "203.0.113.9:1", 1),
        ("a laptop", "[2001:db8::1]:1", 1),
        ("a laptop", "[2001:db8::2]:1", 0),
        ("a phone", "203.0.113.9:1", 0),
    ] {
        let count = told();
        let person = sign_in(world, &app, agent, peer).await;
        assert_eq!(told() - count, new, "{agent} {peer}");
        // Whoever has signed out is known all the same.
        end(world, &person, &session(&person)).await.ok();
    }
    // Nobody is told of the first one.
    world.sign_up(Some(&app), "bob").await;
    assert_eq!(told() - before, 4);
}

/// Sessions are forgotten a day after they would have ended. Whoever gets in after that is told of all the same, and so is
/// who comes first to an account that has been there for a day and that nobody has used.
async fn a_device_is_new_to_an_account_that_nobody_has_used_for_long(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let told = || world.events("auth.new_device");
    assert_eq!(told(), 0);
    sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    assert_eq!(told(), 1);
    world.advance(Duration::from_hours(24 * 60));
    let now = world.now();
    world.write(move |tx| tx.sweep_sessions(now)).await;
    assert_eq!(world.number("SELECT count(*) FROM sessions"), 0);
    sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    assert_eq!(told(), 2);
    sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    assert_eq!(told(), 2);
    for (name, hours, more) in [("carol", 23, 0), ("dave", 25, 1)] {
        let email = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        world.post("/v1/admin/users", &email).bearer(&app.api_key).send().await.ok();
        world.advance(Duration::from_hours(hours));
        let before = told();
        world.log_in(Some(&app), name, PASSWORD).await.ok();
        assert_eq!(told() - before, more, "{name}");
    }
}

async fn attack_30_sessions_of_before_are_neither_listed_nor_ended(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.post("/v1/auth/logout-all", &json!({})).by(&alice).send().await.ok();
    let fresh = sign_in(world, &app, "a phone", "203.0.113.9:1").await;
    assert_eq!(listed(world, &fresh).await.len(), 1);
    end(world, &fresh, &session(&alice)).await.refused(404, "not_found");
    let answer = world.post("/v1/me/sessions/revoke-others", &json!({})).by(&fresh).send().await;
    assert_eq!(*answer.ok(), json!({ "ended": 0 }));
}
