//! The second step of a sign-in against those who would pass it by.

use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    attack_14_a_challenge_is_good_for_what_it_was_made_for_alone,
    attack_14_nothing_else_is_a_challenge,
    attack_14_a_challenge_stays_at_its_door_and_with_its_program,
    attack_29_a_closed_account_meets_no_challenge,
    attack_31_only_the_right_password_tells_of_a_second_factor,
    attack_34_no_other_way_in_passes_the_second_factor_by,
    attack_16_a_bent_challenge_is_none,
);

async fn asking(world: &World, mfa: &str) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.configure(&app, &json!({ "mfa": mfa })).await;
    (app, alice)
}

async fn challenge(world: &World, app: &App, name: &str) -> String {
    world.log_in(Some(app), name, PASSWORD).await.challenge()
}

async fn enroll(world: &World, app: &App, challenge: &str) -> Answer {
    world.at_door(Some(app), "/v1/auth/totp/enroll", &json!({ "challenge_token": challenge })).send().await
}

async fn verify(world: &World, app: &App, challenge: &str, code: &str) -> Answer {
    let body = json!({ "challenge_token": challenge, "code": code });
    world.at_door(Some(app), "/v1/auth/totp/verify", &body).send().await
}

async fn attack_14_a_challenge_is_good_for_what_it_was_made_for_alone(world: &World) {
    let (app, alice) = asking(world, "required").await;
    let phone = world.enable_totp(&alice).await;
    let second = challenge(world, &app, "alice").await;
    // To show a second factor is not to enrol one.
    enroll(world, &app, &second).await.refused(400, "invalid_token");
    verify(world, &app, &second, &phone.next(world)).await.refused(400, "invalid_token");
    // And the other way round.
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    let enrolling = world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.challenge();
    let bobs = Authenticator::scan(&enroll(world, &app, &enrolling).await);
    for shown in [json!({ "code": bobs.code(world) }), json!({ "recovery_code": bobs.recovery_codes[0] })] {
        world.second_step(Some(&app), &enrolling, &shown).await.refused(400, "invalid_token");
    }
    // Nor is it a token of any other kind.
    for token in [&second, &enrolling] {
        world.get("/v1/me").bearer(token).send().await.refused(401, "unauthorized");
        let told = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": token })).send().await;
        told.refused(401, "unauthorized");
        let reset = json!({ "token": token, "new_password": NEXT_PASSWORD });
        world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
        world.post("/v1/auth/verify", &json!({ "token": token })).send().await.refused(400, "invalid_token");
    }
    world.second_step(Some(&app), &second, &json!({ "code": phone.next(world) })).await.ok();
}

async fn attack_14_nothing_else_is_a_challenge(world: &World) {
    let (app, alice) = asking(world, "optional").await;
    let phone = world.enable_totp(&alice).await;
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    let mailed = world.mail().await.token();
    let others = [alice.token.clone(), alice.refresh.clone(), mailed, app.client_secret.clone(), app.api_key.clone()];
    for token in others.iter().map(String::as_str).chain(["", "x", "null"]) {
        let code = phone.next(world);
        let told = world.second_step(Some(&app), token, &json!({ "code": code })).await;
        told.refused(400, "invalid_token");
        enroll(world, &app, token).await.refused(400, "invalid_token");
        verify(world, &app, token, &code).await.refused(400, "invalid_token");
    }
    // Nothing was tried by that.
    assert_eq!(world.events("auth.mfa_failed"), 0);
    for path in ["enroll", "verify"] {
        let told = world.at_door(Some(&app), &format!("/v1/auth/totp/{path}"), &json!({ "code": "123456" }));
        told.send().await.refused(401, "unauthorized");
    }
}

async fn attack_14_a_challenge_stays_at_its_door_and_with_its_program(world: &World) {
    let (app, alice) = asking(world, "optional").await;
    let other = world.set_up("other").await;
    let phone = world.enable_totp(&alice).await;
    let body = json!({ "email": alice.email, "password": PASSWORD });
    let log_in = world.at_door(Some(&app), "/v1/auth/login", &body).header("user-agent", "browser/1");
    let token = log_in.send().await.challenge();
    let code = phone.next(world);
    let step = |app: Option<&App>, agent: &'static str| {
        let body = json!({ "challenge_token": token, "code": code });
        world.at_door(app, "/v1/auth/mfa", &body).header("user-agent", agent).send()
    };
    step(None, "browser/1").await.refused(400, "invalid_token");
    step(Some(&other), "browser/1").await.refused(400, "invalid_token");
    step(Some(&app), "browser/2").await.refused(400, "invalid_token");
    step(Some(&app), "").await.refused(400, "invalid_token");
    assert_eq!(world.events("auth.mfa_failed"), 0);
    // Wherever the telephone is by now.
    let body = json!({ "challenge_token": token, "code": code });
    let step = world.at_door(Some(&app), "/v1/auth/mfa", &body).header("user-agent", "browser/1");
    step.from("198.51.100.7:1").send().await.ok();
}

async fn attack_29_a_closed_account_meets_no_challenge(world: &World) {
    let (app, alice) = asking(world, "optional").await;
    let phone = world.enable_totp(&alice).await;
    let user = format!("/v1/admin/users/{}", alice.id);
    let act = |path: String| world.call("POST", &path).bearer(&app.api_key).send();
    let shown = |world: &World| json!({ "code": phone.next(world) });
    for (path, undo) in
        [(format!("{user}/disable"), Some(format!("{user}/enable"))), (format!("{user}/logout-all"), None)]
    {
        let token = challenge(world, &app, "alice").await;
        act(path).await.ok();
        world.second_step(Some(&app), &token, &shown(world)).await.refused(400, "invalid_token");
        if let Some(undo) = undo {
            act(undo).await.ok();
        }
        world.second_step(Some(&app), &token, &shown(world)).await.refused(400, "invalid_token");
    }
    let token = challenge(world, &app, "alice").await;
    act(format!("/v1/apps/{}/disable", app.id)).await.ok();
    world.second_step(Some(&app), &token, &shown(world)).await.refused(403, "app_disabled");
    act(format!("/v1/apps/{}/enable", app.id)).await.ok();
    let token = challenge(world, &app, "alice").await;
    world.delete(&user).bearer(&app.api_key).send().await.ok();
    world.second_step(Some(&app), &token, &shown(world)).await.refused(400, "invalid_token");
}

async fn attack_31_only_the_right_password_tells_of_a_second_factor(world: &World) {
    let (app, alice) = asking(world, "required").await;
    let phone = world.enable_totp(&alice).await;
    let failed = async |name: &str| {
        let before = world.units();
        let told = world.log_in(Some(&app), name, NEXT_PASSWORD).await.told();
        let after = world.units();
        (told, (after.0 - before.0, after.1 - before.1))
    };
    // So that the settings are read.
    failed("somebody").await;
    let unknown = failed("nobody").await;
    assert_eq!(unknown.0.0, 401);
    assert_eq!(failed("alice").await, unknown);
    // A wrong code, one that was used and a recovery code of somebody else are told alike.
    let token = challenge(world, &app, "alice").await;
    let used = phone.next(world);
    world.verify_totp(&alice, &used).await.ok();
    let mut told = Vec::new();
    for shown in
        [json!({ "code": phone.wrong(world) }), json!({ "code": used }), json!({ "recovery_code": "aaaa-bbbb" })]
    {
        told.push(world.second_step(Some(&app), &token, &shown).await.told());
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
}

/// Whatever there is to begin a session with, or to go on with: it ends at the second factor, or begins none.
async fn attack_34_no_other_way_in_passes_the_second_factor_by(world: &World) {
    let (app, alice) = asking(world, "optional").await;
    let phone = world.enable_totp(&alice).await;
    let sessions = || world.number("SELECT count(*) FROM sessions");
    let before = sessions();
    // Begun anew as often as you like.
    let tokens = [challenge(world, &app, "alice").await, challenge(world, &app, "alice").await];
    let answers: Vec<(&str, Value)> = vec![
        ("/v1/auth/mfa", json!({ "challenge_token": tokens[0] })),
        ("/v1/auth/mfa", json!({ "challenge_token": tokens[0], "code": null, "recovery_code": null })),
        ("/v1/auth/mfa", json!({ "challenge_token": tokens[0], "code": "" })),
        ("/v1/auth/mfa", json!({ "challenge_token": tokens[1], "recovery_code": "" })),
        ("/v1/auth/signup", json!({ "email": alice.email, "password": PASSWORD })),
        ("/v1/auth/login", json!({ "email": alice.email, "password": PASSWORD, "mfa": "off", "amr": ["mfa"] })),
        ("/v1/oauth/token", json!({ "grant_type": "refresh_token", "refresh_token": tokens[0] })),
        ("/v1/auth/token/refresh", json!({ "refresh_token": tokens[0] })),
    ];
    for (path, body) in answers {
        let told = world.at_door(Some(&app), path, &body).send().await;
        assert!(!told.is_success(), "{told:?}");
    }
    // To prove an address or to set a password begins no session.
    world.mails().await;
    for path in ["/v1/auth/resend-verification", "/v1/auth/forgot-password"] {
        world.at_door(Some(&app), path, &json!({ "email": alice.email })).send().await.ok();
        let token = world.mail().await.token();
        let body = json!({ "token": token, "new_password": PASSWORD });
        let target = if path.ends_with("password") { "/v1/auth/reset-password" } else { "/v1/auth/verify" };
        let told = world.post(target, &body).send().await;
        assert!(told.is_success() && told.ok().get("access_token").is_none(), "{told:?}");
    }
    assert_eq!(sessions(), before);
    // The reset has ended what was there; the way back in is the second factor.
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    let token = challenge(world, &app, "alice").await;
    let person = Person::of(&world.second_step(Some(&app), &token, &json!({ "code": phone.next(world) })).await);
    assert_eq!((person.id, sessions()), (alice.id, before + 1));
    assert_ne!(person.token, alice.token);
}

async fn attack_16_a_bent_challenge_is_none(world: &World) {
    let (app, alice) = asking(world, "optional").await;
    let phone = world.enable_totp(&alice).await;
    let token = challenge(world, &app, "alice").await;
    let bent = [
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}a"),
        format!("{token}\0"),
        format!(" {token}"),
        token.to_uppercase(),
        format!("\"{token}\""),
    ];
    for bent in bent {
        let told = world.second_step(Some(&app), &bent, &json!({ "code": phone.next(world) })).await;
        told.refused(400, "invalid_token");
    }
    world.second_step(Some(&app), &token, &json!({ "code": phone.code(world) })).await.ok();
}
