//! Passkeys: added, listed, renamed, removed, and signed in with.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, App, Device, NEXT_PASSWORD, PAGE, PASSWORD, Person, World, claims_in};

on_both!(
    a_passkey_is_added_listed_renamed_and_removed,
    the_options_ask_for_what_is_needed,
    a_passkey_signs_in_without_a_name,
    a_passkey_signs_in_for_an_address,
    a_passkey_is_two_factors,
    an_app_without_passkeys_has_none,
    developers_have_passkeys_where_the_platform_has_a_domain,
    whom_passkeys_are_made_for_is_a_setting,
    a_passkey_of_another_domain_signs_in_nowhere,
    an_account_has_twenty_passkeys_at_the_most,
    a_lock_of_passwords_stops_no_passkey,
    passkeys_stay_when_the_password_changes,
    passkeys_go_with_their_account,
    a_challenge_has_five_minutes,
);

async fn user(world: &World) -> (App, Person) {
    let app = world.app_with_passkeys("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn a_passkey_is_added_listed_renamed_and_removed(world: &World) {
    let (_, alice) = user(world).await;
    assert_eq!(world.passkeys(&alice).await, Vec::<Value>::new());
    let mut device = Device::new();
    let challenge = world.begin_passkey(&alice).await;
    assert_eq!(challenge.ok()["expires_in"], 300);
    let mut made = device.make(&challenge);
    made["response"]["transports"] = json!(["internal", "hybrid", "telepathy"]);
    let added = world.add_passkey(&alice, &challenge, &made).await;
    assert_eq!(added.status, 201);
    let passkey = added.ok().clone();
    let fields: Vec<_> = passkey.as_object().unwrap().keys().map(String::as_str).collect();
    let all = ["id", "name", "created_at", "last_used_at", "synced", "aaguid", "transports", "rp_id"];
    assert!(fields.len() == all.len() && all.iter().all(|field| fields.contains(field)), "{passkey}");
    let told = [&passkey["name"], &passkey["rp_id"], &passkey["synced"], &passkey["last_used_at"]];
    assert_eq!(told, [&json!("Phone"), &json!("acme.example"), &json!(false), &json!(null)]);
    assert_eq!(passkey["transports"], json!(["internal", "hybrid"]));
    assert_eq!(world.passkeys(&alice).await, std::slice::from_ref(&passkey));

    let path = format!("/v1/me/passkeys/{}", passkey["id"].as_str().unwrap());
    let rename = |name: &'static str| world.patch(&path, &json!({ "name": name })).by(&alice).send();
    rename("").await.refused(400, "invalid_name");
    assert_eq!(rename("Red key").await.ok()["name"], "Red key");
    assert_eq!(world.passkeys(&alice).await[0]["name"], "Red key");

    let bob = world.sign_up(None, "bob").await;
    world.patch(&path, &json!({ "name": "Mine" })).by(&bob).send().await.refused(404, "not_found");
    world.delete(&path).by(&bob).send().await.refused(404, "not_found");
    world.delete(&path).by(&alice).send().await.ok();
    world.delete(&path).by(&alice).send().await.refused(404, "not_found");
    assert_eq!(world.passkeys(&alice).await, Vec::<Value>::new());
    let count = |kind: &str| world.events(&format!("auth.passkey_{kind}"));
    assert_eq!((count("added"), count("renamed"), count("removed")), (1, 1, 1));
}

async fn the_options_ask_for_what_is_needed(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "passkeys": { "rp_name": "Acme & Co" } })).await;
    let device = world.device_of(&alice).await;
    let options = world.begin_passkey(&alice).await.ok()["public_key"].clone();
    assert_eq!(options["rp"], json!({ "id": "acme.example", "name": "Acme & Co" }));
    assert_eq!(options["user"]["name"], "alice@example.com");
    let selection = &options["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("required"), &json!("required")));
    assert_eq!((&selection["requireResidentKey"], &options["attestation"]), (&json!(true), &json!("none")));
    let excluded = [json!({ "type": "public-key", "id": device.credential_id() })];
    assert_eq!(options["excludeCredentials"], json!(excluded), "nobody makes a second one on a device");
    // No address, no name: nothing that an authenticator should not keep.
    assert!(!options["user"]["id"].as_str().unwrap().is_empty());

    let options = world.passkey_challenge(Some(&app), None).await.ok()["public_key"].clone();
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("acme.example"), &json!("required")));
    assert_eq!(options["allowCredentials"], json!([]));
    for options in [options, world.begin_passkey(&alice).await.ok()["public_key"].clone()] {
        assert!(!options.to_string().contains("null"), "browsers take no null: {options}");
    }
}

async fn a_passkey_signs_in_without_a_name(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let logins = world.events("auth.login");
    let signed_in = world.sign_in_with(Some(&app), &mut device, None).await;
    let login = world.log_in(Some(&app), "alice", PASSWORD).await;
    let fields = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(signed_in.ok()), fields(login.ok()), "exactly as login answers");
    let person = Person::of(&signed_in);
    assert_eq!(person.id, alice.id);
    world.get("/v1/me").by(&person).send().await.ok();
    assert_eq!(world.events("auth.login"), logins + 2);
    let how = "SELECT count(*) FROM events WHERE kind = 'auth.login' AND payload LIKE '%\"passkey\"%'";
    assert_eq!(world.number(how), 1);
    let sessions = world.get("/v1/me/sessions").by(&person).send().await;
    let own = sessions.ok().as_array().unwrap().iter().find(|session| session["current"] == true).unwrap().clone();
    assert_eq!(own["method"], "passkey");
    assert!(world.passkeys(&alice).await[0]["last_used_at"].is_string());
    // Refreshed, it is the same sign-in.
    let refreshed = world.post("/v1/auth/token/refresh", &json!({ "refresh_token": person.refresh })).send().await;
    for token in [&person.token, &refreshed.text("access_token")] {
        assert_eq!(claims_in(token)["amr"], json!(["pop", "user", "mfa"]));
    }
}

async fn a_passkey_signs_in_for_an_address(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let challenge = world.passkey_challenge(Some(&app), Some(" Alice@EXAMPLE.com")).await;
    let told = challenge.ok()["public_key"]["allowCredentials"].as_array().unwrap().clone();
    assert!(told.iter().any(|one| one["id"] == device.credential_id()), "{told:?}");
    let mut signed = device.sign(&challenge);
    // Security keys say whose it is only where nobody was named.
    signed["response"]["userHandle"] = json!(null);
    let signed_in = world.answer_with_passkey(Some(&app), &challenge, &signed).await;
    assert_eq!(Person::of(&signed_in).id, alice.id);
    // Of several, any.
    let mut other = world.device_of(&alice).await;
    for device in [&mut device, &mut other] {
        world.sign_in_with(Some(&app), device, Some("alice@example.com")).await.ok();
    }
}

async fn a_passkey_is_two_factors(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    for mfa in ["optional", "required"] {
        world.configure(&app, &json!({ "mfa": mfa })).await;
        world.sign_in_with(Some(&app), &mut device, None).await.ok();
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "mfa_enrollment_required");
    world.enable_totp(&alice).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "mfa_required");
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn an_app_without_passkeys_has_none(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let begun = world.begin_passkey(&alice).await;
    let made = Device::new().make(&begun);
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    world.configure(&app, &json!({ "passkeys": { "enabled": false } })).await;
    let disabled = |answer: &Answer| {
        answer.refused(403, "sign_in_method_disabled");
    };
    disabled(&world.passkey_challenge(Some(&app), None).await);
    disabled(&world.passkey_challenge(Some(&app), Some("alice@example.com")).await);
    disabled(&world.answer_with_passkey(Some(&app), &challenge, &signed).await);
    disabled(&world.begin_passkey(&alice).await);
    disabled(&world.add_passkey(&alice, &begun, &made).await);
    assert_eq!(world.passkeys(&alice).await.len(), 1, "they are there, for when it has them again");
    world.configure(&app, &json!({ "passkeys": { "enabled": true } })).await;
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.ok();
    // A new app has none.
    let other = world.set_up("other").await;
    disabled(&world.passkey_challenge(Some(&other), None).await);
}

async fn developers_have_passkeys_where_the_platform_has_a_domain(world: &World) {
    let developer = world.sign_up(None, "dev").await;
    let mut device = Device::new();
    device.goes_to("https://id.example.com");
    let challenge = world.begin_passkey(&developer).await;
    assert_eq!(challenge.ok()["public_key"]["rp"], json!({ "id": "id.example.com", "name": "Fabric" }));
    let made = device.make(&challenge);
    world.add_passkey(&developer, &challenge, &made).await.ok();
    let signed_in = world.sign_in_with(None, &mut device, None).await;
    assert_eq!(Person::of(&signed_in).id, developer.id);
    let nameless =
        world.restarted_with(|plan| "http://127.0.0.1:3001".clone_into(&mut plan.settings.public_base_url)).await;
    nameless.passkey_challenge(None, None).await.refused(403, "sign_in_method_disabled");
    let site = "https://console.example.com/start".to_owned();
    let elsewhere = world.restarted_with(|plan| plan.settings.site_url = Some(site.clone())).await;
    let challenge = elsewhere.passkey_challenge(None, None).await;
    assert_eq!(challenge.ok()["public_key"]["rpId"], "console.example.com");
}

async fn whom_passkeys_are_made_for_is_a_setting(world: &World) {
    let app = world.app("acme").await;
    let set = |passkeys: Value| {
        let body = json!({ "passkeys": passkeys });
        world.patch(&format!("/v1/apps/{}", app.id), &body).bearer(&app.api_key).send()
    };
    let none = json!({ "enabled": false, "rp_id": null, "rp_name": null, "origins": [] });
    assert_eq!(set(json!({})).await.ok()["passkeys"], none);
    for (wrong, code) in [
        (json!({ "enabled": true }), "invalid_setting"),
        (json!({ "enabled": true, "rp_id": "acme.example" }), "invalid_setting"),
        (json!({ "enabled": true, "rp_id": "acme.example", "origins": ["http://acme.example"] }), "invalid_setting"),
        (
            json!({ "enabled": true, "rp_id": "acme.example", "origins": ["https://notacme.example"] }),
            "invalid_setting",
        ),
        (json!({ "rp_id": "https://acme.example" }), "invalid_setting"),
        (json!({ "rp_id": "example" }), "invalid_setting"),
        (json!({ "rp_name": "" }), "invalid_name"),
        (json!({ "origins": ["https://acme.example/path"] }), "invalid_origin"),
    ] {
        set(wrong).await.refused(400, code);
    }
    let said = json!({ "enabled": true, "rp_id": "acme.example", "rp_name": "Acme", "origins": [PAGE] });
    assert_eq!(set(said.clone()).await.ok()["passkeys"], said);
    assert_eq!(set(json!({ "rp_name": null })).await.ok()["passkeys"]["rp_name"], json!(null));
    set(json!({ "rp_id": null, "origins": [] })).await.refused(400, "invalid_setting");
    // The app's own site says the same.
    world.configure(&app, &json!({ "site_url": "https://www.acme.example/app" })).await;
    set(json!({ "rp_id": null, "origins": [] })).await.ok();
    let challenge = world.passkey_challenge(Some(&app), None).await;
    assert_eq!(challenge.ok()["public_key"]["rpId"], "www.acme.example");
    let clear = world.patch(&format!("/v1/apps/{}", app.id), &json!({ "site_url": null })).bearer(&app.api_key);
    clear.send().await.refused(400, "invalid_setting");
}

async fn a_passkey_of_another_domain_signs_in_nowhere(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let pages = ["https://login.acme.example"];
    world.configure(&app, &json!({ "passkeys": { "rp_id": "login.acme.example", "origins": pages } })).await;
    device.goes_to("https://login.acme.example");
    let challenge = world.passkey_challenge(Some(&app), Some("alice@example.com")).await;
    let told = challenge.ok()["public_key"]["allowCredentials"].to_string();
    assert!(!told.contains(&device.credential_id()), "nobody is told of it");
    let signed = device.sign_with(&challenge, |options| options.allow_credentials.clear());
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.refused(401, "passkey_authentication_failed");
    assert_eq!(world.passkeys(&alice).await[0]["rp_id"], "acme.example");
    // Another one can be made beside it.
    let challenge = world.begin_passkey(&alice).await;
    let made = device.make(&challenge);
    world.add_passkey(&alice, &challenge, &made).await.ok();
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn an_account_has_twenty_passkeys_at_the_most(world: &World) {
    let (_, alice) = user(world).await;
    let mut device = Device::new();
    let late = world.begin_passkey(&alice).await;
    let one_too_many = device.make(&late);
    for _ in 0..20 {
        let challenge = world.begin_passkey(&alice).await;
        let made = device.make(&challenge);
        world.add_passkey(&alice, &challenge, &made).await.ok();
    }
    world.begin_passkey(&alice).await.refused(409, "passkey_limit_reached");
    world.add_passkey(&alice, &late, &one_too_many).await.refused(409, "passkey_limit_reached");
    let held = world.passkeys(&alice).await;
    assert_eq!(held.len(), 20);
    world.remove_passkey(&alice, &held[0]["id"]).await.ok();
    world.begin_passkey(&alice).await.ok();
}

async fn a_lock_of_passwords_stops_no_passkey(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    for _ in 0..6 {
        world.log_in(Some(&app), "alice", NEXT_PASSWORD).await;
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
    world.sign_in_with(Some(&app), &mut device, Some("alice@example.com")).await.ok();
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
}

async fn passkeys_stay_when_the_password_changes(world: &World) {
    let (app, alice) = user(world).await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    let mut device = world.device_of(&alice).await;
    let before = Person::of(&world.sign_in_with(Some(&app), &mut device, None).await);
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    world.get("/v1/me").by(&before).send().await.refused(401, "token_revoked");
    world.sign_in_with(Some(&app), &mut device, None).await.ok();
}

async fn passkeys_go_with_their_account(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let signed = device.sign(&challenge);
    world.passkey_challenge(Some(&app), Some("alice@example.com")).await.ok();
    world.delete("/v1/me").json(&json!({ "current_password": PASSWORD })).by(&alice).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM passkeys"), 0);
    assert_eq!(world.number("SELECT count(*) FROM passkey_challenges WHERE account_id IS NOT NULL"), 0);
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.refused(401, "passkey_authentication_failed");
}

async fn a_challenge_has_five_minutes(world: &World) {
    let (app, alice) = user(world).await;
    let mut device = world.device_of(&alice).await;
    let challenge = world.passkey_challenge(Some(&app), None).await;
    let begun = world.begin_passkey(&alice).await;
    let (signed, made) = (device.sign(&challenge), device.make(&begun));
    world.advance(Duration::from_secs(301));
    world.answer_with_passkey(Some(&app), &challenge, &signed).await.refused(401, "passkey_authentication_failed");
    world.add_passkey(&alice, &begun, &made).await.refused(400, "invalid_passkey_challenge");
    // They are forgotten a day later.
    world.advance(Duration::from_hours(25));
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM passkey_challenges"), 0);
}
