//! Whoever attacks a sign-in, whichever way in it is: what holds for one has to hold for all.

use std::{collections::BTreeSet, sync::Arc};

use outbound::Networks;
use serde_json::{Value, json};

use crate::support::{
    Answer, App, BACK, CLIENT_SECRET, Call, NEXT_PASSWORD, PAGE, PASSWORD, Person, Provider, VERIFIER, World,
    claims_in, header_of, sign_with,
};

on_both!(
    attack_18_an_id_token_of_a_provider_opens_nothing_here,
    attack_21_a_refresh_gains_nothing,
    attack_22_an_exchange_gains_nothing,
    attack_22_an_exchange_ends_with_its_app_and_its_user,
    attack_27_a_first_password_needs_the_mailbox,
    attack_34_every_way_in_asks_for_the_second_factor,
    attack_35_every_way_in_begins_a_session_of_its_own,
    attack_35_the_only_cookie_stays_with_this_host,
    attack_36_a_cookie_is_nobody,
    every_way_in_stands_in_the_audit_log,
    attack_49_every_page_behind_a_mail_is_text_alone,
    attack_49_every_mail_leads_where_the_operator_said,
);

/// Alice, who has proven her address, in an app with every way in.
async fn place(world: &World) -> (World, App, Provider, Person) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.post(&path, &json!({})).bearer(&app.api_key).send().await.ok();
    (world, app, provider, alice)
}

/// A mail that alice has asked for.
async fn mailed(world: &World, app: &App, path: &str) -> crate::support::Mail {
    world.mails().await;
    world.at_door(Some(app), path, &json!({ "email": "alice@example.com" })).send().await.ok();
    world.mail().await
}

/// Alice by every way in but a passkey, each with what somebody else brings along.
async fn by_every_way(world: &World, app: &App, provider: &Provider, eve: &Person) -> Vec<(&'static str, Answer)> {
    let sid = claims_in(&eve.token)["sid"].as_str().unwrap().to_owned();
    let cookie = format!("session={sid}; sid={sid}; access_token={}; fabric_session={sid}", eve.token);
    let bring = |path: &str, shown: Value| {
        let mut body = json!({ "session_id": sid, "sid": sid, "access_token": eve.token, "mfa": "off" });
        body.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
        world.at_door(Some(app), path, &body).header("cookie", &cookie)
    };
    let email = "alice@example.com";
    let mut answers = Vec::new();
    let login = bring("/v1/auth/login", json!({ "email": email, "password": PASSWORD }));
    answers.push(("password", login.by(eve).send().await));
    let token = mailed(world, app, "/v1/auth/magic-link").await.token();
    let link = bring("/v1/auth/magic-link/verify", json!({ "token": token }));
    answers.push(("magic link", link.by(eve).send().await));
    let mail = mailed(world, app, "/v1/auth/email-code").await;
    let code = mail.letter.code().unwrap();
    let code = bring("/v1/auth/email-code/verify", json!({ "email": email, "code": code }));
    answers.push(("e-mail code", code.by(eve).send().await));
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    let code = world.come_back(&trip).await.code();
    let redeemed = json!({ "code": code, "code_verifier": VERIFIER, "redirect_uri": BACK });
    answers.push(("provider, by Fabric", bring("/v1/auth/social/token", redeemed).by(eve).send().await));
    let vouched = json!({ "provider": "google", "provider_user_id": "109", "email": email });
    let vouched = bring("/v1/auth/social-login", vouched).bearer(&app.api_key);
    answers.push(("provider, by the app", vouched.send().await));
    answers
}

async fn attack_18_an_id_token_of_a_provider_opens_nothing_here(world: &World) {
    let (world, app, provider, alice) = &place(world).await;
    let trip = world.away(Some(app), "acme").await;
    let header = header_of(&provider.pair);
    let mut claims = provider.claims(&trip, &json!({ "sub": alice.id, "aud": app.client_id }));
    for issuer in [provider.issuer(), world.plan.settings.public_base_url.clone()] {
        claims["iss"] = json!(issuer);
        let token = sign_with(&provider.pair, &header, &claims);
        world.get("/v1/me").bearer(&token).send().await.refused(401, "unauthorized");
        let refresh = json!({ "refresh_token": token });
        world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
        let exchange = json!({
            "grant_type": "token_exchange", "client_id": app.client_id, "client_secret": app.client_secret,
            "subject_token": token, "subject_token_type": "urn:fabric:user_id",
        });
        world.post("/v1/oauth/token", &exchange).send().await.refused(404, "not_found");
    }
}

async fn attack_21_a_refresh_gains_nothing(world: &World) {
    let (world, app, _, alice) = &place(world).await;
    let other = world.app("other").await;
    let more = json!({
        "scope": "apps:write users:write admin", "audience": other.client_id, "resource": "https://evil.example",
        "client_id": other.client_id, "app_id": other.id, "role": "owner", "amr": ["mfa"], "kind": "app",
        "requested_token_type": "urn:ietf:params:oauth:token-type:id_token",
    });
    let asked = |token: &str, path: &str| {
        let mut body = more.clone();
        body["grant_type"] = json!("refresh_token");
        body["refresh_token"] = json!(token);
        world.post(path, &body).send()
    };
    let kept = |token: &str| {
        let claims = claims_in(token);
        ["iss", "sub", "aud", "app_id", "kind", "sid", "account", "epoch", "amr", "act", "scope"]
            .map(|name| claims.get(name).cloned())
    };
    let before = kept(&alice.token);
    let by_path = asked(&alice.refresh, "/v1/auth/token/refresh").await;
    let by_the_book = asked(&by_path.text("refresh_token"), "/v1/oauth/token").await;
    for answer in [&by_path, &by_the_book] {
        assert_eq!(kept(&answer.text("access_token")), before);
    }
    let token = by_the_book.text("access_token");
    world.get(&format!("/v1/apps/{}", app.id)).bearer(&token).send().await.refused(404, "not_found");
    world.get("/v1/admin/users").bearer(&token).send().await.refused(403, "forbidden");
}

/// Asks for a token with which an app acts for somebody, and for more.
async fn exchanged(world: &World, app: &App, whom: &Person, more: &Value) -> Answer {
    let mut body = json!({
        "grant_type": "token_exchange", "client_id": app.client_id, "client_secret": app.client_secret,
        "subject_token": whom.id, "subject_token_type": "urn:fabric:user_id",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/v1/oauth/token", &body).send().await
}

async fn attack_22_an_exchange_gains_nothing(world: &World) {
    let (world, app, _, alice) = &place(world).await;
    let other = world.app("other").await;
    let plain = exchanged(world, app, alice, &json!({})).await.text("access_token");
    let told = |token: &str| {
        let claims = claims_in(token);
        ["iss", "sub", "aud", "app_id", "kind", "account", "epoch", "amr", "act", "scope"]
            .map(|name| claims.get(name).cloned())
    };
    assert_eq!(claims_in(&plain)["act"], json!({ "sub": app.client_id }));
    for more in [
        json!({ "scope": "apps:write users:write" }),
        json!({ "audience": other.client_id, "resource": "https://evil.example" }),
        json!({ "actor_token": other.client_secret, "actor_token_type": "urn:ietf:params:oauth:token-type:jwt" }),
        json!({ "act": { "sub": "somebody" }, "may_act": { "sub": "somebody" }, "kind": "session", "sid": "x" }),
        json!({ "requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token" }),
        json!({ "app_id": other.id, "role": "owner", "expires_in": 86_400, "amr": ["mfa"] }),
    ] {
        let answer = exchanged(world, app, alice, &more).await;
        if answer.is_success() {
            assert_eq!(told(&answer.text("access_token")), told(&plain), "{more}");
            assert_eq!((&answer.ok()["expires_in"], answer.ok().get("refresh_token")), (&json!(900), None), "{more}");
        } else {
            answer.refused(400, "invalid_request");
        }
    }
    // Nor does it reach into another app, whatever the headers say.
    let bearer = || world.get(&format!("/v1/apps/{}", other.id)).bearer(&plain);
    bearer().send().await.refused(404, "not_found");
    bearer().app(&other.client_id).send().await.refused(404, "not_found");
}

async fn attack_22_an_exchange_ends_with_its_app_and_its_user(world: &World) {
    let (world, app, _, alice) = &place(world).await;
    let act = |path: String| world.call("POST", &path).bearer(&app.api_key).send();
    let token = exchanged(world, app, alice, &json!({})).await.text("access_token");
    let shown = || world.get("/v1/me").bearer(&token).send();
    shown().await.ok();
    let (user, path) = (format!("/v1/admin/users/{}", alice.id), format!("/v1/apps/{}", app.id));
    act(format!("{path}/disable")).await.ok();
    shown().await.refused(401, "token_revoked");
    exchanged(world, app, alice, &json!({})).await.refused(403, "app_disabled");
    act(format!("{path}/enable")).await.ok();
    act(format!("{user}/disable")).await.ok();
    shown().await.refused(401, "token_revoked");
    let refused = exchanged(world, app, alice, &json!({})).await;
    assert!(!refused.is_success(), "{refused:?}");
    act(format!("{user}/enable")).await.ok();
    world.delete(&user).bearer(&app.api_key).send().await.ok();
    shown().await.refused(401, "token_revoked");
    exchanged(world, app, alice, &json!({})).await.refused(404, "not_found");
}

/// Who has stolen a token of somebody without a password gives them none.
async fn attack_27_a_first_password_needs_the_mailbox(world: &World) {
    let (world, app, provider, _) = &place(world).await;
    let said = json!({ "sub": "bob-there", "email": "bob@example.com" });
    let bob = Person::of(&world.sign_in_at(app, provider, &said).await);
    for current in ["", PASSWORD, NEXT_PASSWORD] {
        let body = json!({ "current_password": current, "new_password": NEXT_PASSWORD });
        let told = world.post("/v1/auth/change-password", &body).by(&bob).send().await;
        assert!(!told.is_success(), "{told:?}");
    }
    for body in [json!({ "new_password": NEXT_PASSWORD }), json!({ "password": NEXT_PASSWORD })] {
        let told = world.post("/v1/auth/change-password", &body).by(&bob).send().await;
        told.refused(400, "invalid_body");
        world.patch("/v1/me", &body).by(&bob).send().await;
    }
    world.log_in(Some(app), "bob", NEXT_PASSWORD).await.refused(401, "invalid_credentials");
    world.mails().await;
    let forgot = json!({ "email": bob.email });
    world.at_door(Some(app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    world.log_in(Some(app), "bob", NEXT_PASSWORD).await.ok();
}

async fn attack_34_every_way_in_asks_for_the_second_factor(world: &World) {
    let (world, app, provider, alice) = &place(world).await;
    let eve = world.sign_up(Some(app), "eve").await;
    let sessions = || world.number("SELECT count(*) FROM sessions");
    world.configure(app, &json!({ "mfa": "required" })).await;
    let before = sessions();
    for (way, answer) in by_every_way(world, app, provider, &eve).await {
        assert_eq!((answer.status, answer.code()), (403, "mfa_enrollment_required"), "{way}");
    }
    let phone = world.enable_totp(alice).await;
    for mfa in ["required", "optional"] {
        world.configure(app, &json!({ "mfa": mfa })).await;
        for (way, answer) in by_every_way(world, app, provider, &eve).await {
            assert_eq!((answer.status, answer.code()), (403, "mfa_required"), "{way}");
        }
    }
    assert_eq!(sessions(), before, "nothing has begun by all that");
    let (_, answer) = by_every_way(world, app, provider, &eve).await.remove(1);
    let met = world.second_step(Some(app), &answer.challenge(), &json!({ "code": phone.next(world) })).await;
    assert_eq!((Person::of(&met).id, sessions()), (alice.id, before + 1));
}

async fn attack_35_every_way_in_begins_a_session_of_its_own(world: &World) {
    let (world, app, provider, alice) = &place(world).await;
    let eve = world.sign_up(Some(app), "eve").await;
    let passkeys = json!({ "passkeys": { "enabled": true, "rp_id": "acme.example", "origins": [PAGE] } });
    world.configure(app, &passkeys).await;
    let mut device = world.device_of(alice).await;
    let mut answers = by_every_way(world, app, provider, &eve).await;
    answers.push(("passkey", world.sign_in_with(Some(app), &mut device, None).await));
    let session = |person: &Person| claims_in(&person.token)["sid"].as_str().unwrap().to_owned();
    let mut seen = BTreeSet::from([session(alice), session(&eve)]);
    for (way, answer) in &answers {
        let person = Person::of(answer);
        assert_eq!((person.id, answer.header("set-cookie")), (alice.id, None), "{way}");
        assert!(seen.insert(session(&person)), "{way}: a session that was there before");
        assert!(person.refresh != eve.refresh && person.token != eve.token, "{way}");
    }
    let me = world.get("/v1/me").by(&eve).send().await;
    assert_eq!(me.text("principal_id"), eve.id.to_string(), "and nobody's has become another's");
}

async fn every_way_in_stands_in_the_audit_log(world: &World) {
    let (world, app, provider, alice) = &place(world).await;
    let eve = world.sign_up(Some(app), "eve").await;
    let passkeys = json!({ "passkeys": { "enabled": true, "rp_id": "acme.example", "origins": [PAGE] } });
    world.configure(app, &passkeys).await;
    let mut device = world.device_of(alice).await;
    by_every_way(world, app, provider, &eve).await;
    world.sign_in_with(Some(app), &mut device, None).await.ok();
    world.configure(app, &json!({ "mfa": "optional" })).await;
    let phone = world.enable_totp(alice).await;
    let ways = by_every_way(world, app, provider, &eve).await;
    for (_, answer) in &ways {
        let shown = json!({ "code": phone.next(world) });
        world.second_step(Some(app), &answer.challenge(), &shown).await.ok();
    }
    let path = format!("/v1/audit-logs?app_id={}&action=auth.*&limit=200", app.id);
    let listed = world.get(&path).bearer(&app.api_key).send().await;
    let entries: Vec<_> = listed.ok().as_array().unwrap().iter().collect();
    let hers: Vec<_> = entries.iter().filter(|entry| entry["metadata"]["principal_id"] == json!(alice.id)).collect();
    let told = |action: &str, way: &str| {
        let of_way = |entry: &Value| {
            let said = &entry["metadata"];
            entry["action"] == action && (said["method"] == way || said["provider"] == way)
        };
        hers.iter().filter(|entry| of_way(entry)).count()
    };
    for way in ["password", "magic_link", "email_code"] {
        assert_eq!((told("auth.login", way), told("auth.mfa_challenged", way)), (2, 1), "{way}");
    }
    assert_eq!((told("auth.login", "passkey"), told("auth.mfa_challenged", "passkey")), (1, 0));
    // Of the two ways by a provider each has said so once; with a second step it is a sign-in like any other.
    assert_eq!((told("auth.social_login", "acme"), told("auth.social_login", "google")), (1, 1));
    assert_eq!((told("auth.login", "social"), told("auth.mfa_challenged", "social")), (2, 2));
    for entry in hers.iter().filter(|entry| entry["action"] == "auth.login") {
        assert!(entry["outcome"] == "success" && entry["request_id"].is_string(), "{entry}");
    }
}

/// As in production, where people come by https.
async fn encrypted(world: &World) -> (World, App) {
    let providers = || oidc::Providers::new(Networks::default(), false).unwrap();
    let world = world.restarted_with(|plan| plan.providers = Some(Arc::new(providers()))).await;
    let app = world.app_with_pages("shop").await;
    let github = json!({ "kind": "github", "client_id": "there", "client_secret": CLIENT_SECRET });
    world.name_provider(&app, "github", &github).await.ok();
    (world, app)
}

async fn attack_35_the_only_cookie_stays_with_this_host(world: &World) {
    let (world, app) = &encrypted(world).await;
    let mut values = BTreeSet::new();
    for _ in 0..3 {
        let sent = world.send_to(Some(app), "github", &[]).await;
        let cookie = sent.header("set-cookie").unwrap();
        let parts: Vec<_> = cookie.split("; ").collect();
        assert!(parts[0].starts_with("__Host-fabric_social_"), "{cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"] {
            assert!(parts.contains(&part), "{part}: {cookie}");
        }
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
        assert!(values.insert(parts[0].to_owned()), "each way there has one of its own");
    }
}

async fn attack_36_a_cookie_is_nobody(world: &World) {
    let (world, app) = &encrypted(world).await;
    let alice = world.sign_up(Some(app), "alice").await;
    let there = world.away(Some(app), "github").await.cookie;
    let cookie =
        format!("{there}; session={}; access_token={}; authorization=Bearer {}", alice.token, alice.token, alice.token);
    for (method, path, body) in [
        ("GET", "/v1/me", json!({})),
        ("PATCH", "/v1/me", json!({ "display_name": "Eve" })),
        ("DELETE", "/v1/me", json!({ "password": PASSWORD })),
        ("POST", "/v1/auth/logout-all", json!({})),
        ("POST", "/v1/auth/change-password", json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD })),
        ("POST", "/v1/me/email", json!({ "email": "eve@example.com" })),
        ("POST", "/v1/auth/totp/enroll", json!({})),
        ("POST", "/v1/me/passkeys/challenge", json!({})),
        ("DELETE", "/v1/me/social-connections/github", json!({})),
        ("POST", "/v1/me/sessions/revoke-others", json!({})),
        ("POST", "/v1/organizations", json!({ "name": "Eve's" })),
    ] {
        let call = world.call(method, path).app(&app.client_id).json(&body);
        let told = call.header("cookie", &cookie).header("origin", "https://evil.example").send().await;
        told.refused(401, "unauthorized");
    }
    world.get("/v1/me").by(&alice).send().await.ok();
}

async fn attack_49_every_page_behind_a_mail_is_text_alone(world: &World) {
    let (world, app, _, alice) = &place(world).await;
    let own = |link: &str| link.strip_prefix(world.plan.settings.public_base_url.as_str()).unwrap().to_owned();
    world.configure(app, &json!({ "name": "<script>alert(1)</script>", "confirm_links": true })).await;
    let magic = mailed(world, app, "/v1/auth/magic-link").await;
    let reset = mailed(world, app, "/v1/auth/forgot-password").await;
    world.post("/v1/me/email", &json!({ "email": "alice@new.example" })).by(alice).send().await.ok();
    let confirm = json!({ "token": world.mail().await.token() });
    world.post("/v1/me/email/confirm", &confirm).by(alice).send().await.ok();
    let undo = world.mail().await;
    let markup = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let mut pages: Vec<_> = [&magic, &reset, &undo].map(|mail| own(mail.link())).to_vec();
    pages.extend(
        ["magic-link", "reset-password", "email-change/undo"].map(|page| format!("/v1/auth/{page}?token={markup}")),
    );
    for path in pages {
        let raw = world.get(&path).raw().await;
        assert_eq!(raw.header("content-type"), Some("text/html; charset=utf-8"), "{raw:?}");
        let policy = raw.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
            assert!(policy.contains(rule) && !policy.contains("script-src"), "{path}: {policy}");
        }
        assert_eq!(raw.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(raw.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(raw.header("cache-control"), Some("no-store"), "{path}");
        assert!(!raw.text.contains("<script") && !raw.text.contains("src="), "{path}: {}", raw.text);
    }
    // What is no page of ours is no page.
    for path in [format!("/v1/auth/callback?state={markup}&code=x"), format!("/v1/auth/social/{markup}")] {
        let raw = world.get(&path).raw().await;
        assert_eq!(raw.header("content-type"), Some("application/json"), "{path}: {raw:?}");
        assert_eq!(raw.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

async fn attack_49_every_mail_leads_where_the_operator_said(world: &World) {
    let (world, app, _, alice) = &place(world).await;
    let base = world.plan.settings.public_base_url.clone();
    let evil = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "javascript"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "//evil.example/"),
        ("referer", "https://evil.example/"),
        ("origin", "https://evil.example"),
    ];
    world.mails().await;
    for (path, person) in
        [("/v1/auth/magic-link", None), ("/v1/auth/forgot-password", None), ("/v1/me/email", Some(alice))]
    {
        let email = if person.is_some() { "alice@new.example" } else { "alice@example.com" };
        let call = world.at_door(Some(app), path, &json!({ "email": email, "site_url": "https://evil.example" }));
        let call = person.into_iter().fold(call, Call::by);
        evil.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await.ok();
        let link = world.mail().await.link().to_owned();
        assert!(link.starts_with(&base) && !link.contains("evil"), "{path}: {link}");
    }
}
