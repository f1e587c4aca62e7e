//! Showing once more who is signed in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    whoever_shows_it_once_more_has_ten_minutes,
    a_second_factor_shows_it_too,
    it_counts_for_that_session_alone,
    attack_34_where_a_sign_in_takes_a_second_factor_a_password_alone_shows_nothing,
    attack_34_a_password_and_an_account_go_with_both_factors,
    what_is_wrong_is_counted_as_at_a_sign_in,
    a_connection_is_cut_by_who_has_shown_it,
    attack_27_no_key_and_no_exchanged_token_shows_it,
    attack_27_an_app_may_want_it_of_whoever_makes_a_key,
);

const LONG: Duration = Duration::from_mins(10);

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn show(world: &World, person: &Person, shown: &Value) -> Answer {
    world.post("/v1/auth/reauthenticate", shown).by(person).send().await
}

async fn whoever_shows_it_once_more_has_ten_minutes(world: &World) {
    let (_, alice) = user(world).await;
    world.advance(LONG);
    world.begin_totp(&alice).await.refused(403, "reauthentication_required");
    for nothing in [json!({}), json!({ "password": null })] {
        show(world, &alice, &nothing).await.refused(400, "invalid_request");
    }
    let shown = show(world, &alice, &json!({ "password": PASSWORD })).await;
    assert_eq!(*shown.ok(), json!({ "expires_in": 600 }));
    assert_eq!(world.events("auth.reauthenticated"), 1);
    world.begin_totp(&alice).await.ok();
    world.advance(LONG.checked_sub(Duration::from_secs(1)).unwrap());
    world.begin_totp(&alice).await.ok();
    world.advance(Duration::from_secs(1));
    world.begin_totp(&alice).await.refused(403, "reauthentication_required");
}

async fn a_second_factor_shows_it_too(world: &World) {
    let (_, alice) = user(world).await;
    let phone = world.enable_totp(&alice).await;
    world.advance(LONG);
    world.disable_totp(&alice, &json!({})).await.refused(403, "reauthentication_required");
    show(world, &alice, &json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    world.disable_totp(&alice, &json!({})).await.refused(403, "reauthentication_required");
    let code = phone.code(world);
    show(world, &alice, &json!({ "code": code })).await.ok();
    show(world, &alice, &json!({ "code": code })).await.refused(400, "invalid_code");
    world.disable_totp(&alice, &json!({})).await.ok();
}

/// A stolen session and a stolen password: who signs in with that is asked for a code.
async fn attack_34_where_a_sign_in_takes_a_second_factor_a_password_alone_shows_nothing(world: &World) {
    let (app, alice) = user(world).await;
    let phone = world.enable_totp(&alice).await;
    let password = json!({ "password": PASSWORD });
    for mfa in ["optional", "required"] {
        world.configure(&app, &json!({ "mfa": mfa })).await;
        // Not even while the sign-in is fresh: it would stay so for ever.
        show(world, &alice, &password).await.refused(403, "reauthentication_required");
        world.advance(LONG);
        show(world, &alice, &password).await.refused(403, "reauthentication_required");
        world.disable_totp(&alice, &password).await.refused(403, "reauthentication_required");
        let email = json!({ "email": "mallory@example.com", "password": PASSWORD });
        world.post("/v1/me/email", &email).by(&alice).send().await.refused(403, "reauthentication_required");
        let (path, next) =
            ("/v1/auth/change-password", json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD }));
        world.post(path, &next).by(&alice).send().await.refused(403, "reauthentication_required");
        world.delete("/v1/me").json(&password).by(&alice).send().await.refused(403, "reauthentication_required");
        // A guess is counted all the same.
        show(world, &alice, &json!({ "password": NEXT_PASSWORD })).await.refused(401, "invalid_credentials");
        let both = json!({ "password": PASSWORD, "code": phone.next(world) });
        show(world, &alice, &both).await.ok();
    }
    // To remove the factor takes the factor itself, however fresh the rest is; then the password is all there is.
    world.disable_totp(&alice, &password).await.refused(403, "reauthentication_required");
    world.disable_totp(&alice, &json!({ "code": phone.next(world) })).await.ok();
    world.advance(LONG);
    show(world, &alice, &password).await.ok();
}

async fn it_counts_for_that_session_alone(world: &World) {
    let (app, alice) = user(world).await;
    let elsewhere = world.sign_in(Some(&app), "alice").await;
    world.advance(LONG);
    show(world, &elsewhere, &json!({ "password": PASSWORD })).await.ok();
    world.begin_totp(&alice).await.refused(403, "reauthentication_required");
    // The session goes on with the tokens of a refresh.
    let refreshed = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": elsewhere.refresh })).send().await;
    world.begin_totp(&Person::of(&refreshed)).await.ok();
}

async fn what_is_wrong_is_counted_as_at_a_sign_in(world: &World) {
    let (app, alice) = user(world).await;
    for _ in 0..5 {
        show(world, &alice, &json!({ "password": NEXT_PASSWORD })).await.refused(401, "invalid_credentials");
    }
    show(world, &alice, &json!({ "password": PASSWORD })).await.refused(429, "account_locked");
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
    world.get("/v1/me").by(&alice).send().await.ok();
    assert_eq!(world.events("auth.reauthenticated"), 0);
}

async fn a_connection_is_cut_by_who_has_shown_it(world: &World) {
    let (app, alice) = user(world).await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    let google = json!({ "provider": "google", "provider_user_id": "g-1", "email": alice.email });
    let login = world.at_door(Some(&app), "/v1/auth/social-login", &google);
    login.bearer(&app.api_key).send().await.ok();
    world.advance(LONG);
    let cut =
        async |shown: &Value| world.delete("/v1/me/social-connections/google").json(shown).by(&alice).send().await;
    cut(&json!({})).await.refused(403, "reauthentication_required");
    cut(&json!({ "password": NEXT_PASSWORD })).await.refused(401, "invalid_credentials");
    assert_eq!(world.get("/v1/me/social-connections").by(&alice).send().await.ok().as_array().unwrap().len(), 1);
    cut(&json!({ "password": PASSWORD })).await.ok();
    cut(&json!({ "password": PASSWORD })).await.refused(404, "not_found");
}

async fn attack_27_no_key_and_no_exchanged_token_shows_it(world: &World) {
    let (app, alice) = user(world).await;
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    for token in [&app.api_key, &exchanged] {
        let shown = world.post("/v1/auth/reauthenticate", &json!({ "password": PASSWORD })).bearer(token).send().await;
        shown.refused(403, "session_required");
    }
    world.post("/v1/auth/reauthenticate", &json!({ "password": PASSWORD })).send().await.refused(401, "unauthorized");
}

async fn attack_27_an_app_may_want_it_of_whoever_makes_a_key(world: &World) {
    let (app, alice) = user(world).await;
    let home = world.home_of(&alice).await;
    let (own, client) = (
        json!({ "name": "Key", "organization_id": home }),
        json!({ "name": "Client", "organization_id": home, "redirect_uris": [] }),
    );
    let account = json!({ "name": "Service", "organization_id": home, "role": "member" });
    let account = world.post("/v1/service-accounts", &account).by(&alice).send().await.text("id");
    let keys_of = format!("/v1/service-accounts/{account}/api-keys");
    let made = world.post(&keys_of, &json!({ "name": "Key" })).by(&alice).send().await.text("id");
    let key = world.post("/v1/api-keys", &own).by(&alice).send().await;
    let (of_account, id) = (format!("{keys_of}/{made}/rotate"), key.text("id"));
    let (rotate, rotate_from_there) = (format!("/v1/api-keys/{id}/rotate"), format!("/v1/api-keys/{made}/rotate"));
    let nothing = json!({});
    let makes = [
        ("/v1/api-keys", &own),
        ("/v1/oauth/clients", &client),
        (keys_of.as_str(), &json!({ "name": "Next" })),
        (&of_account, &nothing),
        (&rotate, &nothing),
        (&rotate_from_there, &nothing),
    ];
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    world.advance(LONG);
    for wanted in [false, true] {
        world.configure(&app, &json!({ "fresh_sign_in_for_keys": wanted })).await;
        for (path, body) in makes {
            let answer = world.post(path, body).by(&alice).send().await;
            if wanted {
                answer.refused(403, "reauthentication_required");
            } else {
                answer.ok();
            }
        }
    }
    let made = world.number("SELECT count(*) FROM api_keys");
    world.post("/v1/api-keys", &own).bearer(&exchanged).send().await.refused(403, "session_required");
    // What is ended needs nothing; what counts again, or from more places, does.
    let (account, there) = (format!("/v1/service-accounts/{account}"), format!("/v1/api-keys/{id}"));
    for ended in [&account, &there] {
        world.call("POST", &format!("{ended}/disable")).by(&alice).send().await.ok();
        let answer = world.call("POST", &format!("{ended}/enable")).by(&alice).send().await;
        answer.refused(403, "reauthentication_required");
    }
    world.patch(&there, &json!({ "allowed_ips": ["192.0.2.0/24"] })).by(&alice).send().await.ok();
    let anywhere = json!({ "allowed_ips": [] });
    world.patch(&there, &anywhere).by(&alice).send().await.refused(403, "reauthentication_required");
    // Programs go on by what their keys are good for.
    let program = world.api_key(Some(app.id), home, &alice, |key| key).await;
    world.post("/v1/api-keys", &own).bearer(&program).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM api_keys"), made + 2);
    show(world, &alice, &json!({ "password": PASSWORD })).await.ok();
    for ended in [&account, &there] {
        world.call("POST", &format!("{ended}/enable")).by(&alice).send().await.ok();
    }
    world.patch(&there, &anywhere).by(&alice).send().await.ok();
    for (path, body) in makes {
        world.post(path, body).by(&alice).send().await.ok();
    }
}

async fn attack_34_a_password_and_an_account_go_with_both_factors(world: &World) {
    let (app, alice) = user(world).await;
    let phone = world.enable_totp(&alice).await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    world.advance(LONG);
    let change = |more: Value| {
        let mut body = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("/v1/auth/change-password", &body).by(&alice).send()
    };
    change(json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    change(json!({ "recovery_code": phone.recovery_codes[0] })).await.ok();
    let challenge = world.log_in(Some(&app), "alice", NEXT_PASSWORD).await;
    let challenge = challenge.refused(403, "mfa_required").challenge();
    let signed_in = world.second_step(Some(&app), &challenge, &json!({ "code": phone.next(world) })).await;
    let alice = Person::of(&signed_in);
    world.advance(LONG);
    let delete = |shown: Value| world.delete("/v1/me").json(&shown).by(&alice).send();
    delete(json!({ "password": NEXT_PASSWORD, "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    delete(json!({ "code": phone.next(world) })).await.refused(401, "invalid_credentials");
    delete(json!({ "password": NEXT_PASSWORD, "code": phone.next(world) })).await.ok();
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email = 'alice@example.com'"), 0);
}
