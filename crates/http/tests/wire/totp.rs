//! Authenticator apps: enrolled, verified, used and removed; a code counts once, and guessing ends.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, Authenticator, NEXT_PASSWORD, PASSWORD, Person, STEP, World};

on_both!(
    an_authenticator_app_is_enrolled_verified_used_and_removed,
    an_app_with_a_name_for_its_users_is_called_so,
    what_is_no_present_code_is_wrong,
    attack_05_a_code_counts_once_in_its_step_and_beside_it,
    attack_05_of_many_who_show_one_code_at_once_one_is_believed,
    attack_06_a_recovery_code_counts_once_however_many_show_it,
    wrong_codes_lock_the_second_factor_and_nothing_else,
    attack_33_guesses_side_by_side_are_worth_no_more,
    an_enrolment_is_replaced_until_it_counts,
    attack_27_enrolling_and_removing_need_a_sign_in_of_a_moment_ago,
    attack_44_no_app_and_no_key_touches_a_second_factor,
    attack_53_neither_seed_nor_codes_lie_in_the_database,
    a_seed_survives_the_rotation_of_its_key,
    a_seed_opens_for_its_own_account_alone,
    what_happens_is_told_and_shown_in_the_audit_log,
    with_the_account_goes_its_second_factor,
);

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn enrolled(world: &World) -> (App, Person, Authenticator) {
    let (app, alice) = user(world).await;
    let phone = world.enable_totp(&alice).await;
    (app, alice, phone)
}

async fn an_authenticator_app_is_enrolled_verified_used_and_removed(world: &World) {
    let (_, alice) = user(world).await;
    let begun = world.begin_totp(&alice).await;
    let uri = begun.text("otpauth_uri");
    assert!(uri.starts_with("otpauth://totp/Fabric:alice"), "{uri}");
    let phone = Authenticator::scan(&begun);
    assert_eq!((phone.secret.len(), phone.recovery_codes.len()), (32, 10));
    // Nothing counts yet.
    world.recover(&alice, &phone.recovery_codes[0]).await.refused(404, "not_found");
    let verified = world.verify_totp(&alice, &phone.code(world)).await;
    let enrolled = json!({ "enrolled": true, "message": "TOTP enrollment verified and activated" });
    assert_eq!((verified.status, verified.ok()), (200, &enrolled));
    let valid = world.verify_totp(&alice, &phone.next(world)).await;
    assert_eq!(*valid.ok(), json!({ "valid": true }));
    let grouped = phone.next(world);
    world.verify_totp(&alice, &format!("{} {}", &grouped[..3], &grouped[3..])).await.ok();
    let recovered = world.recover(&alice, &phone.recovery_codes[0].to_uppercase()).await;
    assert_eq!((&recovered.ok()["valid"], recovered.text("message").is_empty()), (&json!(true), false));
    // As the SDK does: without a body.
    let gone = world.delete("/v1/auth/totp").by(&alice).send().await;
    assert!(gone.is_success(), "{gone:?}");
    world.verify_totp(&alice, &phone.next(world)).await.refused(404, "not_found");
    world.recover(&alice, &phone.recovery_codes[1]).await.refused(404, "not_found");
    world.delete("/v1/auth/totp").by(&alice).send().await.refused(404, "not_found");
}

async fn an_app_with_a_name_for_its_users_is_called_so(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "branding": { "from_name": "Acme: Tools" } })).await;
    let uri = world.begin_totp(&alice).await.text("otpauth_uri");
    assert!(uri.starts_with("otpauth://totp/Acme%20%20Tools:alice"), "{uri}");
}

async fn what_is_no_present_code_is_wrong(world: &World) {
    let (_, alice, phone) = enrolled(world).await;
    let old = phone.next(world);
    world.advance(2 * STEP);
    for code in [old.as_str(), "", "12345", "1234567", "+12345", &phone.recovery_codes[0]] {
        world.verify_totp(&alice, code).await.refused(400, "invalid_code");
        // So that nothing is locked.
        let clear = phone.next(world);
        world.verify_totp(&alice, &clear).await.ok();
    }
    world.recover(&alice, &phone.next(world)).await.refused(400, "invalid_code");
    world.post("/v1/auth/totp/verify", &json!({})).by(&alice).send().await.refused(400, "invalid_body");
}

async fn attack_05_a_code_counts_once_in_its_step_and_beside_it(world: &World) {
    let (_, alice) = user(world).await;
    let phone = Authenticator::scan(&world.begin_totp(&alice).await);
    let first = phone.code(world);
    world.verify_totp(&alice, &first).await.ok();
    world.verify_totp(&alice, &first).await.refused(400, "invalid_code");
    // In the step after it is still of the window, and used.
    world.advance(STEP);
    world.verify_totp(&alice, &first).await.refused(400, "invalid_code");
    let ahead = phone.next(world);
    world.verify_totp(&alice, &ahead).await.ok();
    // The one before is of the window too; but a newer one was used.
    world.advance(STEP);
    world.verify_totp(&alice, &ahead).await.refused(400, "invalid_code");
    // And as long as its owner's other sessions and a restart may live.
    let code = phone.next(world);
    world.verify_totp(&alice, &code).await.ok();
    let world = &world.restarted().await;
    world.verify_totp(&alice, &code).await.refused(400, "invalid_code");
}

async fn attack_05_of_many_who_show_one_code_at_once_one_is_believed(world: &World) {
    let (app, alice, phone) = enrolled(world).await;
    let other = world.sign_in(Some(&app), "alice").await;
    let code = phone.next(world);
    let sessions = [&alice, &other];
    let tries = (0..200).map(|number| world.verify_totp(sessions[number % 2], &code));
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    for late in answers.iter().filter(|answer| !answer.is_success()) {
        assert!([(400, "invalid_code"), (429, "mfa_locked")].contains(&(late.status, late.code())), "{late:?}");
    }
}

async fn attack_06_a_recovery_code_counts_once_however_many_show_it(world: &World) {
    let (_, alice, phone) = enrolled(world).await;
    let code = &phone.recovery_codes[3];
    let answers = join_all((0..200).map(|_| world.recover(&alice, code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    world.advance(Duration::from_mins(15));
    world.recover(&alice, code).await.refused(400, "invalid_code");
    world.recover(&alice, &phone.recovery_codes[4]).await.ok();
    assert_eq!(world.events("auth.recovery_code_used"), 2);
    assert_eq!(world.number("SELECT count(*) FROM recovery_codes WHERE used_at IS NULL"), 8);
}

async fn wrong_codes_lock_the_second_factor_and_nothing_else(world: &World) {
    let (app, alice, phone) = enrolled(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let bobs = world.enable_totp(&bob).await;
    for number in 0..5 {
        let wrong = if number % 2 == 0 {
            world.verify_totp(&alice, &phone.wrong(world)).await
        } else {
            world.recover(&alice, "aaaa-bbbb-cccc-dddd").await
        };
        wrong.refused(400, "invalid_code");
    }
    let code = phone.next(world);
    let locked = world.verify_totp(&alice, &code).await;
    let waits = locked.refused(429, "mfa_locked").retry_after();
    assert!((800..=900).contains(&waits), "{waits}");
    world.recover(&alice, &phone.recovery_codes[0]).await.refused(429, "mfa_locked");
    world.disable_totp(&alice, &json!({ "code": code })).await.refused(429, "mfa_locked");
    // Whoever else there is, and whatever else she does.
    world.verify_totp(&bob, &bobs.next(world)).await.ok();
    world.get("/v1/me").by(&alice).send().await.ok();
    world.sign_in(Some(&app), "alice").await;
    world.post("/v1/auth/token/refresh", &json!({ "refresh_token": alice.refresh })).send().await.ok();
    // It ends, and never extends.
    for _ in 0..6 {
        world.advance(Duration::from_mins(2));
        world.verify_totp(&alice, &phone.code(world)).await.refused(429, "mfa_locked");
    }
    world.advance(Duration::from_mins(3));
    world.verify_totp(&alice, &phone.code(world)).await.ok();
    assert_eq!((world.events("auth.mfa_failed"), world.events("auth.mfa_locked")), (5, 1));
}

async fn attack_33_guesses_side_by_side_are_worth_no_more(world: &World) {
    let (_, alice, phone) = enrolled(world).await;
    let wrong = phone.wrong(world);
    let answers = join_all((0..200).map(|_| world.verify_totp(&alice, &wrong))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(400), count(429)), (5, 195));
    assert_eq!((world.events("auth.mfa_failed"), world.events("auth.mfa_locked")), (5, 1));
}

async fn an_enrolment_is_replaced_until_it_counts(world: &World) {
    let (_, alice) = user(world).await;
    let lost = Authenticator::scan(&world.begin_totp(&alice).await);
    let phone = Authenticator::scan(&world.begin_totp(&alice).await);
    assert_ne!(lost.secret, phone.secret);
    assert!(lost.recovery_codes.iter().all(|code| !phone.recovery_codes.contains(code)));
    world.verify_totp(&alice, &lost.code(world)).await.refused(400, "invalid_code");
    world.verify_totp(&alice, &phone.code(world)).await.ok();
    world.recover(&alice, &lost.recovery_codes[0]).await.refused(400, "invalid_code");
    world.begin_totp(&alice).await.refused(409, "totp_already_enabled");
    world.verify_totp(&alice, &phone.next(world)).await.ok();
    // Of many who begin at once, one is there in the end, and works.
    world.delete("/v1/auth/totp").by(&alice).send().await.ok();
    let answers = join_all((0..6).map(|_| world.begin_totp(&alice))).await;
    let phones: Vec<_> = answers.iter().filter(|answer| answer.is_success()).map(Authenticator::scan).collect();
    assert_eq!(world.number("SELECT count(*) FROM totp_enrollments"), 1);
    assert_eq!(world.number("SELECT count(*) FROM recovery_codes"), 10);
    let mut works = 0;
    for phone in &phones {
        works += usize::from(world.verify_totp(&alice, &phone.code(world)).await.is_success());
        world.advance(Duration::from_mins(15));
    }
    assert_eq!(works, 1);
}

async fn attack_27_enrolling_and_removing_need_a_sign_in_of_a_moment_ago(world: &World) {
    let (app, alice) = user(world).await;
    world.advance(Duration::from_mins(10));
    world.begin_totp(&alice).await.refused(403, "reauthentication_required");
    // A refresh does not make a sign-in younger.
    let refreshed = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": alice.refresh })).send().await;
    let alice = Person::of(&refreshed);
    world.begin_totp(&alice).await.refused(403, "reauthentication_required");
    let enroll =
        |password: &str| world.post("/v1/auth/totp/enroll", &json!({ "password": password })).by(&alice).send();
    enroll(NEXT_PASSWORD).await.refused(401, "invalid_credentials");
    let phone = Authenticator::scan(&enroll(PASSWORD).await);
    world.verify_totp(&alice, &phone.code(world)).await.ok();

    let disable = async |shown: Value| world.disable_totp(&alice, &shown).await;
    world.advance(Duration::from_mins(10));
    disable(json!({})).await.refused(403, "reauthentication_required");
    disable(json!({ "password": NEXT_PASSWORD })).await.refused(401, "invalid_credentials");
    disable(json!({ "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    disable(json!({ "recovery_code": "aaaa-bbbb-cccc-dddd" })).await.refused(400, "invalid_code");
    disable(json!({ "code": "000000", "recovery_code": "x" })).await.refused(400, "invalid_request");
    // Both that are shown have to be right.
    disable(json!({ "password": PASSWORD, "code": phone.wrong(world) })).await.refused(400, "invalid_code");
    disable(json!({ "password": PASSWORD })).await.ok();
    // A wrong password counts as it does at a sign-in.
    let bob = world.sign_up(Some(&app), "bob").await;
    for _ in 0..5 {
        let told = world.post("/v1/auth/totp/enroll", &json!({ "password": NEXT_PASSWORD })).by(&bob).send().await;
        told.refused(401, "invalid_credentials");
    }
    world.log_in(Some(&app), "bob", PASSWORD).await.refused(429, "account_locked");
    for way in ["code", "recovery_code"] {
        let name = format!("carol-{way}");
        let carol = world.sign_up(Some(&app), &name).await;
        let phone = world.enable_totp(&carol).await;
        world.advance(Duration::from_mins(11));
        let shown = if way == "code" { phone.code(world) } else { phone.recovery_codes[0].clone() };
        world.disable_totp(&carol, &json!({ way: shown })).await.ok();
    }
}

async fn attack_44_no_app_and_no_key_touches_a_second_factor(world: &World) {
    let (app, alice, phone) = enrolled(world).await;
    let home = world.home_of(&alice).await;
    let bearers = [
        world.exchange(&app, alice.id).await.text("access_token"),
        world.app_token(&app).await,
        world.api_key(Some(app.id), home, &alice, |key| key).await,
        app.api_key.clone(),
    ];
    let code = phone.next(world);
    for bearer in bearers {
        for (method, path) in
            [("POST", "totp/enroll"), ("POST", "totp/verify"), ("POST", "totp/recovery"), ("DELETE", "totp")]
        {
            let body = json!({ "code": code, "password": PASSWORD, "challenge_token": "x" });
            let told = world.call(method, &format!("/v1/auth/{path}")).json(&body).bearer(&bearer).send().await;
            told.refused(403, "session_required");
        }
    }
    world.verify_totp(&alice, &code).await.ok();
}

async fn attack_53_neither_seed_nor_codes_lie_in_the_database(world: &World) {
    let (_, alice, phone) = enrolled(world).await;
    world.recover(&alice, &phone.recovery_codes[0]).await.ok();
    let code = &phone.recovery_codes[1];
    for secret in [phone.secret.as_str(), code, &code.replace('-', "")] {
        assert_eq!(world.columns_with(secret), Vec::<String>::new(), "{secret}");
        let bytes = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(world.columns_with(&bytes), Vec::<String>::new(), "{secret}");
    }
}

async fn a_seed_survives_the_rotation_of_its_key(world: &World) {
    let (_, alice, phone) = enrolled(world).await;
    let rotated = world
        .restarted_with(|plan| plan.secrets.encryption = Some("seal 0123456789abcdef0123456789abcdef".into()))
        .await;
    rotated.verify_totp(&alice, &phone.next(&rotated)).await.ok();
    rotated.recover(&alice, &phone.recovery_codes[0]).await.ok();
    let refused =
        world.start_refused(|plan| plan.secrets.signing = "other 0123456789abcdef0123456789abcdef".into()).await;
    assert!(refused.message.contains("FABRIC_ENCRYPTION_KEY"), "{refused}");
}

async fn a_seed_opens_for_its_own_account_alone(world: &World) {
    let (app, _, phone) = enrolled(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    world.enable_totp(&bob).await;
    let moved = "UPDATE totp_enrollments SET seed =
        (SELECT seed FROM totp_enrollments AS first ORDER BY created_at LIMIT 1)";
    assert_eq!(world.tamper(moved), 2);
    let body = json!({ "code": phone.next(world) });
    let told = world.post("/v1/auth/totp/verify", &body).by(&bob).raw().await;
    assert_eq!(told.status, 500);
}

async fn what_happens_is_told_and_shown_in_the_audit_log(world: &World) {
    let (app, alice, phone) = enrolled(world).await;
    world.verify_totp(&alice, &phone.wrong(world)).await.refused(400, "invalid_code");
    world.recover(&alice, &phone.recovery_codes[0]).await.ok();
    world.disable_totp(&alice, &json!({})).await.ok();
    // What never counted is no event.
    world.begin_totp(&alice).await.ok();
    world.disable_totp(&alice, &json!({})).await.ok();
    let listed: Answer = world.get(&format!("/v1/audit-logs?app_id={}", app.id)).bearer(&app.api_key).send().await;
    let entries = listed.ok().as_array().unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).take(4).collect();
    assert_eq!(
        kinds,
        ["auth.totp_disabled", "auth.recovery_code_used", "auth.mfa_failed", "auth.totp_enabled"],
        "{entries:#?}"
    );
    assert_eq!(entries[1]["metadata"]["remaining"], 9, "{:#?}", entries[1]);
    assert_eq!(entries[2]["metadata"]["second_factor"], "totp", "{:#?}", entries[2]);
}

async fn with_the_account_goes_its_second_factor(world: &World) {
    let (_, alice, _) = enrolled(world).await;
    world.delete("/v1/me").json(&json!({ "password": PASSWORD })).by(&alice).send().await.ok();
    for table in ["totp_enrollments", "recovery_codes", "mfa_challenges"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}
