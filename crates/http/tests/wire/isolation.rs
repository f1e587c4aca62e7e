//! Two apps never see or influence each other's accounts.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{App, PASSWORD, Person, World};

on_both!(
    one_person_has_one_id_in_every_app,
    one_person_has_one_id_however_many_apps_they_join_at_once,
    one_address_is_signed_up_once_however_many_try_at_once,
    an_account_of_one_app_is_none_of_another,
    each_account_has_a_password_of_its_own,
    each_account_has_a_profile_of_its_own,
    each_account_has_a_lock_of_its_own,
    each_account_is_verified_for_itself,
    deleting_an_account_leaves_the_others,
    signing_out_of_one_app_is_not_signing_out_of_another,
    both_apps_may_have_an_organization_of_the_same_slug,
    nobody_who_comes_with_an_old_address_is_its_former_owner,
    a_token_at_the_door_of_another_app_stays_what_it_is,
);

async fn two_apps(world: &World) -> (App, App) {
    (world.app("one").await, world.app("two").await)
}

async fn one_person_has_one_id_in_every_app(world: &World) {
    let (one, two) = two_apps(world).await;
    let ids = [
        world.sign_up(Some(&one), "alice").await.id,
        world.sign_up(Some(&two), "alice").await.id,
        world.sign_up(None, "alice").await.id,
    ];
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
    assert_ne!(world.sign_up(Some(&one), "bob").await.id, ids[0]);
}

async fn one_person_has_one_id_however_many_apps_they_join_at_once(world: &World) {
    let (one, two) = two_apps(world).await;
    for round in 0..50 {
        let name = format!("alice-{round}");
        let joined = join_all([Some(&one), Some(&two), None].map(|app| world.sign_up(app, &name))).await;
        assert!(joined.iter().all(|person| person.id == joined[0].id), "{joined:?}");
    }
}

async fn one_address_is_signed_up_once_however_many_try_at_once(world: &World) {
    let app = world.app("acme").await;
    for round in 0..50 {
        let body = json!({ "email": format!("alice-{round}@example.com"), "password": PASSWORD });
        let tries = (0..6).map(|_| world.at_door(Some(&app), "/v1/auth/signup", &body).send());
        let answers = join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1, "{answers:?}");
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(409, "email_taken");
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email LIKE 'alice-%'"), 50);
    assert_eq!(world.number("SELECT count(*) FROM principals WHERE email LIKE 'alice-%'"), 50);
}

async fn an_account_of_one_app_is_none_of_another(world: &World) {
    let (one, two) = two_apps(world).await;
    world.sign_up(Some(&one), "alice").await;
    for elsewhere in [Some(&two), None] {
        world.log_in(elsewhere, "alice", PASSWORD).await.refused(401, "invalid_credentials");
    }
    let forgotten = json!({ "email": "alice@example.com" });
    world.mails().await;
    world.at_door(Some(&two), "/v1/auth/forgot-password", &forgotten).send().await.ok();
    assert!(world.mails().await.is_empty(), "nobody to write to in that app");
}

async fn each_account_has_a_password_of_its_own(world: &World) {
    let (one, two) = two_apps(world).await;
    world.sign_up(Some(&one), "alice").await;
    let other = json!({ "email": "alice@example.com", "password": "Another-secret-1" });
    world.at_door(Some(&two), "/v1/auth/signup", &other).send().await.ok();
    world.log_in(Some(&one), "alice", PASSWORD).await.ok();
    world.log_in(Some(&two), "alice", "Another-secret-1").await.ok();
    world.log_in(Some(&one), "alice", "Another-secret-1").await.refused(401, "invalid_credentials");
    world.log_in(Some(&two), "alice", PASSWORD).await.refused(401, "invalid_credentials");
}

async fn each_account_has_a_profile_of_its_own(world: &World) {
    let (one, two) = two_apps(world).await;
    let here = world.sign_up(Some(&one), "alice").await;
    let there = world.sign_up(Some(&two), "alice").await;
    let profile = json!({ "display_name": "Alice", "metadata": { "plan": "pro" } });
    world.patch("/v1/me", &profile).by(&here).send().await.ok();
    assert!(world.get("/v1/me").by(&there).send().await.ok()["display_name"].is_null());
    let seen = world.get(&format!("/v1/admin/users/{}", there.id)).bearer(world.app_token(&two).await).send().await;
    assert_eq!(seen.ok()["metadata"], json!({}));
}

async fn each_account_has_a_lock_of_its_own(world: &World) {
    let (one, two) = two_apps(world).await;
    for app in [&one, &two] {
        world.sign_up(Some(app), "alice").await;
    }
    for _ in 0..5 {
        world.log_in(Some(&one), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    world.log_in(Some(&one), "alice", PASSWORD).await.refused(429, "account_locked");
    world.log_in(Some(&two), "alice", PASSWORD).await.ok();
}

async fn each_account_is_verified_for_itself(world: &World) {
    let (one, two) = two_apps(world).await;
    let here = world.sign_up(Some(&one), "alice").await;
    let token = world.mail().await.token();
    let there = world.sign_up(Some(&two), "alice").await;
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.ok();
    assert_eq!(world.get("/v1/me").by(&here).send().await.ok()["email_verified"], true);
    assert_eq!(world.get("/v1/me").by(&there).send().await.ok()["email_verified"], false);
}

async fn deleting_an_account_leaves_the_others(world: &World) {
    let (one, two) = two_apps(world).await;
    let here = world.sign_up(Some(&one), "alice").await;
    let there = world.sign_up(Some(&two), "alice").await;
    world.delete("/v1/me").json(&json!({ "current_password": PASSWORD })).by(&here).send().await.ok();
    world.get("/v1/me").by(&here).send().await.refused(401, "token_revoked");
    world.get("/v1/me").by(&there).send().await.ok();
    world.log_in(Some(&two), "alice", PASSWORD).await.ok();
    // Whoever comes back is the same person.
    assert_eq!(world.sign_up(Some(&one), "alice").await.id, there.id);
}

async fn signing_out_of_one_app_is_not_signing_out_of_another(world: &World) {
    let (one, two) = two_apps(world).await;
    let here = world.sign_up(Some(&one), "alice").await;
    let there = world.sign_up(Some(&two), "alice").await;
    world.post("/v1/auth/logout-all", &json!({})).by(&here).send().await.ok();
    world.get("/v1/me").by(&here).send().await.refused(401, "token_revoked");
    world.get("/v1/me").by(&there).send().await.ok();
    world.post("/v1/auth/token/refresh", &json!({ "refresh_token": there.refresh })).send().await.ok();
}

async fn both_apps_may_have_an_organization_of_the_same_slug(world: &World) {
    let (one, two) = two_apps(world).await;
    let here = world.sign_up(Some(&one), "alice").await;
    let there = world.sign_up(Some(&two), "alice").await;
    let body = json!({ "name": "Sales", "slug": "sales" });
    for person in [&here, &there] {
        assert_eq!(world.post("/v1/organizations", &body).by(person).send().await.text("slug"), "sales");
        world.post("/v1/organizations", &body).by(person).send().await.refused(409, "slug_taken");
    }
    assert_eq!(world.organizations_of(&here).await.len(), 2, "each sees those of their app");
    assert_eq!(world.organizations_of(&there).await.len(), 2);
}

/// An address is looked up when an account is made, and no account that is there already is handed to its newcomer.
async fn nobody_who_comes_with_an_old_address_is_its_former_owner(world: &World) {
    let one = world.app("one").await;
    let alice = world.sign_up(Some(&one), "alice").await;
    let principal = alice.id;
    // Until there is a way to change an address over the wire.
    world
        .write(move |tx| {
            let account = tx.account_of(Some(one.id), principal)?.unwrap();
            let email = kernel::Email::parse("alice@new.example.com")?;
            tx.update_account(&identity::Account { email, ..account })
        })
        .await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    let newcomer = Person::of(&world.post("/v1/auth/signup", &body).app(&one.client_id).send().await);
    assert_ne!(newcomer.id, alice.id);
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["principal_id"], alice.id.to_string());
}

async fn a_token_at_the_door_of_another_app_stays_what_it_is(world: &World) {
    let (one, two) = two_apps(world).await;
    let alice = world.sign_up(Some(&one), "alice").await;
    world.sign_up(Some(&two), "alice").await;
    for client_id in [&one.client_id, &two.client_id] {
        let me = world.get("/v1/me").by(&alice).app(client_id).send().await;
        assert_eq!(me.ok()["app_id"], one.id.to_string());
        let organizations = world.get("/v1/me/organizations").by(&alice).app(client_id).send().await;
        assert_eq!(organizations.ok()[0]["app_id"], one.id.to_string());
    }
    // A refresh token names its app: at another's door it is none, and is not spent by being shown there.
    let refresh = json!({ "refresh_token": alice.refresh });
    world.at_door(Some(&two), "/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
    world.at_door(Some(&one), "/v1/auth/token/refresh", &refresh).send().await.ok();
}
