//! Signing up and signing in.

use serde_json::json;

use crate::support::{PASSWORD, Person, World};

on_both!(
    whoever_signs_up_is_in_and_owns_an_organization,
    an_app_may_have_no_organizations_for_newcomers,
    the_platform_signs_developers_up_as_an_app_does,
    whoever_has_an_account_signs_in,
    an_address_is_the_same_however_it_is_written,
    an_address_is_taken_once,
    a_closed_door_lets_nobody_sign_up,
    an_app_that_requires_proof_lets_nobody_in_before,
    a_weak_password_is_refused_with_a_reason,
    tokens_live_as_long_as_the_app_says,
    the_ids_of_people_tell_no_dates,
);

async fn whoever_signs_up_is_in_and_owns_an_organization(world: &World) {
    let app = world.app("acme").await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD, "display_name": " Alice  A. " });
    let answer = world.post("/v1/auth/signup", &body).app(&app.client_id).send().await;
    assert_eq!(answer.status, 201);
    let data = answer.ok();
    assert_eq!((&data["token_type"], &data["expires_in"]), (&json!("bearer"), &json!(7200)));
    assert_eq!(data["user"]["email"], "alice@example.com");
    assert_eq!(data["user"]["display_name"], "Alice  A.");
    assert_eq!(data["user"]["email_verified"], false);
    let alice = Person::of(&answer);

    let me = world.get("/v1/me").by(&alice).send().await;
    let expected = json!({
        "principal_id": alice.id, "authenticated": true, "app_id": app.id, "email": "alice@example.com",
        "email_verified": false, "display_name": "Alice  A.", "platform_admin": false,
    });
    assert_eq!(*me.ok(), expected);
    assert_eq!(me.body["context"]["principal_id"], alice.id.to_string());

    let organizations = world.organizations_of(&alice).await;
    assert_eq!(organizations.len(), 1);
    assert_eq!(organizations[0]["role"], "owner");
    assert_eq!(organizations[0]["app_id"], app.id.to_string());
    assert_eq!(organizations[0]["name"], "alice's organization");
    assert_eq!(world.events("auth.signup"), 1);
}

async fn an_app_may_have_no_organizations_for_newcomers(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "auto_create_org": false })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    assert!(world.organizations_of(&alice).await.is_empty());
}

async fn the_platform_signs_developers_up_as_an_app_does(world: &World) {
    let developer = world.sign_up(None, "developer").await;
    let me = world.get("/v1/me").by(&developer).send().await;
    assert!(me.ok()["app_id"].is_null());
    let organization = &world.organizations_of(&developer).await[0];
    assert!(organization["app_id"].is_null() && organization["role"] == "owner");
}

async fn whoever_has_an_account_signs_in(world: &World) {
    let app = world.app("acme").await;
    let first = world.sign_up(Some(&app), "alice").await;
    let answer = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!((answer.status, &answer.ok()["expires_in"]), (200, &json!(7200)));
    let second = Person::of(&answer);
    assert_eq!(second.id, first.id);
    assert_ne!((&second.token, &second.refresh), (&first.token, &first.refresh));
    for session in [&first, &second] {
        world.get("/v1/me").by(session).send().await.ok();
    }
}

async fn an_address_is_the_same_however_it_is_written(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    for email in ["ALICE@EXAMPLE.COM", " alice@example.com ", "Alice@Example.com\n"] {
        let body = json!({ "email": email, "password": PASSWORD });
        let again = world.post("/v1/auth/login", &body).send().await;
        assert_eq!(Person::of(&again).id, alice.id, "{email}");
        world.post("/v1/auth/signup", &body).send().await.refused(409, "email_taken");
    }
    // Attack 26: what only looks the same is another's, or nobody's.
    for email in ["аlice@example.com", "alice＠example.com", "alice@ехample.com\u{200b}", "alice@exam\u{ad}ple.com."]
    {
        let body = json!({ "email": email, "password": PASSWORD });
        let told = world.post("/v1/auth/login", &body).send().await;
        assert!(!told.is_success(), "{email}: {told:?}");
    }
}

async fn an_address_is_taken_once(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let again = json!({ "email": "alice@example.com", "password": "Another-secret-1" });
    world.at_door(Some(&app), "/v1/auth/signup", &again).send().await.refused(409, "email_taken");
    // And nothing has changed.
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    world.log_in(Some(&app), "alice", "Another-secret-1").await.refused(401, "invalid_credentials");
}

async fn a_closed_door_lets_nobody_sign_up(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.configure(&app, &json!({ "open_sign_up": false })).await;
    for name in ["alice", "bob"] {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.refused(403, "sign_up_closed");
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();

    let closed = world.restarted_with(|plan| plan.settings.developer_sign_up = false).await;
    let body = json!({ "email": "carol@example.com", "password": PASSWORD });
    closed.post("/v1/auth/signup", &body).send().await.refused(403, "sign_up_closed");
}

async fn an_app_that_requires_proof_lets_nobody_in_before(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    let answer = world.at_door(Some(&app), "/v1/auth/signup", &body).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(*answer.ok(), json!({ "verification_required": true, "email": "alice@example.com" }));
    let token = world.mail().await.token();
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "email_not_verified");
    world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.ok();
    let alice = Person::of(&world.log_in(Some(&app), "alice", PASSWORD).await);
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["email_verified"], true);
}

async fn a_weak_password_is_refused_with_a_reason(world: &World) {
    for (password, code) in [
        ("", "weak_password"),
        ("Aa1!", "weak_password"),
        ("correct-horse-1", "weak_password"),
        ("CORRECT-HORSE-1", "weak_password"),
        ("Correct-horse-x", "weak_password"),
        ("Correcthorse1", "weak_password"),
        (&format!("Aa1!{}", "x".repeat(1021)), "password_too_long"),
    ] {
        let body = json!({ "email": "alice@example.com", "password": password });
        world.post("/v1/auth/signup", &body).send().await.refused(400, code);
    }
    let longest = format!("Aa1!{}", "x".repeat(1020));
    let odd = [longest.as_str(), "Ünïcödé-Pass-1", "Has a space 1", "Nul\0-inside-1", "Correct-horse-1 "];
    for (number, password) in odd.iter().enumerate() {
        let email = format!("user-{number}@example.com");
        let body = json!({ "email": email, "password": password });
        world.post("/v1/auth/signup", &body).send().await.ok();
        world.post("/v1/auth/login", &body).send().await.ok();
        // Attack 32: not a byte of it is left out.
        let cut = &password[..password.len() - 1];
        let body = json!({ "email": email, "password": cut });
        world.post("/v1/auth/login", &body).send().await.refused(401, "invalid_credentials");
    }
}

async fn tokens_live_as_long_as_the_app_says(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "access_token_seconds": 60, "refresh_token_seconds": 300 })).await;
    let answer = world.log_in(Some(&app), "nobody", PASSWORD).await;
    answer.refused(401, "invalid_credentials");
    let alice = world.sign_up(Some(&app), "alice").await;
    world.advance(std::time::Duration::from_secs(59));
    world.get("/v1/me").by(&alice).send().await.ok();
    world.advance(std::time::Duration::from_secs(2));
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_expired");

    let fresh = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": alice.refresh })).send().await;
    assert_eq!(fresh.ok()["expires_in"], 60);
    world.advance(std::time::Duration::from_secs(301));
    let late = json!({ "refresh_token": fresh.text("refresh_token") });
    world.post("/v1/auth/token/refresh", &late).send().await.refused(401, "token_expired");
}

async fn the_ids_of_people_tell_no_dates(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    assert_eq!(alice.id.0.get_version_num(), 4);
    assert_eq!(world.home_of(&alice).await.0.get_version_num(), 7);
}
