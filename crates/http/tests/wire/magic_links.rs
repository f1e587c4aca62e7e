//! Sign-in by a link in a mail.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, Person, World, claims_in};

on_both!(
    a_magic_link_signs_in_once,
    following_a_magic_link_spends_nothing,
    the_button_leads_to_the_site_with_the_token_in_the_fragment,
    without_a_site_there_is_nowhere_to_go_on_to,
    nobody_is_mailed_who_has_no_account_and_none_is_made,
    an_app_switches_magic_links_off,
    a_magic_link_proves_the_address,
    a_magic_link_of_another_app_is_none,
    who_runs_the_platform_needs_a_proven_address_for_magic_links,
    attack_4_a_used_magic_link_stays_used_after_a_restart,
    attack_6_of_many_who_use_one_magic_link_at_once_one_wins,
    attack_14_a_magic_link_is_good_for_nothing_else,
    attack_25_whoever_pre_registered_an_address_loses_every_way_in,
    attack_29_a_closed_account_has_no_magic_links,
    attack_30_what_ends_sessions_voids_magic_links,
    attack_30_a_changed_address_voids_magic_links,
    attack_33_a_lock_stops_no_magic_link,
    attack_35_each_magic_link_begins_a_session_of_its_own,
);

const BASE: &str = "https://id.example.com";

async fn ask(world: &World, app: Option<&App>, email: &str) -> Answer {
    world.at_door(app, "/v1/auth/magic-link", &json!({ "email": email })).send().await
}

/// The token of a link that alice is mailed.
async fn token(world: &World, app: &App) -> String {
    world.mails().await;
    ask(world, Some(app), "alice@example.com").await.ok();
    world.mail().await.token()
}

async fn verify(world: &World, token: &str) -> Answer {
    world.post("/v1/auth/magic-link/verify", &json!({ "token": token })).send().await
}

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

/// Vouches for alice's address, so that she is known to have made the account.
async fn vouch(world: &World, app: &App, alice: &Person) {
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
}

async fn a_magic_link_signs_in_once(world: &World) {
    let (app, alice) = user(world).await;
    vouch(world, &app, &alice).await;
    world.mails().await;
    ask(world, Some(&app), " Alice@EXAMPLE.com").await.ok();
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), ("alice@example.com", "magic_link"));
    assert_eq!(mail.link(), format!("{BASE}/v1/auth/magic-link?token={}", mail.token()));
    let logins = world.events("auth.login");
    let signed_in = verify(world, &mail.token()).await;
    let fields: Vec<_> = signed_in.ok().as_object().unwrap().keys().map(String::as_str).collect();
    let login = world.log_in(Some(&app), "alice", PASSWORD).await;
    assert_eq!(fields, login.ok().as_object().unwrap().keys().collect::<Vec<_>>(), "exactly as login answers");
    let person = Person::of(&signed_in);
    assert_eq!(person.id, alice.id);
    world.get("/v1/me").by(&person).send().await.ok();
    world.get("/v1/me").by(&alice).send().await.ok();
    verify(world, &mail.token()).await.refused(400, "invalid_token");
    assert_eq!(world.events("auth.login"), logins + 2);
    let how = "SELECT count(*) FROM events WHERE kind = 'auth.login' AND payload LIKE '%magic_link%'";
    assert_eq!(world.number(how), 1);
}

async fn following_a_magic_link_spends_nothing(world: &World) {
    let (app, _) = user(world).await;
    let token = token(world, &app).await;
    let path = format!("/v1/auth/magic-link?token={token}");
    let events = world.number("SELECT count(*) FROM events");
    for _ in 0..3 {
        let page = world.get(&path).raw().await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
        let field = format!("name=\"token\" value=\"{token}\"");
        assert!(page.text.contains("action=\"/v1/auth/magic-link/verify\"") && page.text.contains(&field), "{page:?}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        for method in ["HEAD", "OPTIONS", "PUT"] {
            let looked = world.call(method, &path).raw().await;
            assert!((400..500).contains(&looked.status), "{looked:?}");
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM events"), events);
    verify(world, &token).await.ok();
    let page = world.get(&path).raw().await;
    assert!(page.status == 400 && page.text.contains("not valid any more"), "{page:?}");
}

async fn the_button_leads_to_the_site_with_the_token_in_the_fragment(world: &World) {
    let (app, _) = user(world).await;
    world.configure(&app, &json!({ "site_url": "https://acme.example/app/" })).await;
    let token = token(world, &app).await;
    let page = world.get(&format!("/v1/auth/magic-link?token={token}&site=https://evil.example")).raw().await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://acme.example;"), "{policy}");
    for _ in 0..2 {
        let pressed = world.call("POST", "/v1/auth/magic-link/verify").form([("token", &token)]).raw().await;
        let leads = format!("https://acme.example/app/magic-link#token={token}");
        assert_eq!((pressed.status, pressed.header("location")), (303, Some(leads.as_str())), "{pressed:?}");
        assert_eq!((pressed.header("referrer-policy"), pressed.text.as_str()), (Some("no-referrer"), ""));
        assert!(pressed.header("cache-control").unwrap().contains("no-store"));
    }
    // The site's page sends the token on, and the session is its own.
    verify(world, &token).await.ok();
    let pressed = world.call("POST", "/v1/auth/magic-link/verify").form([("token", &token)]).raw().await;
    assert!(pressed.status == 400 && pressed.text.contains("not valid any more"), "{pressed:?}");
}

async fn without_a_site_there_is_nowhere_to_go_on_to(world: &World) {
    let (app, _) = user(world).await;
    let token = token(world, &app).await;
    let pressed = world.call("POST", "/v1/auth/magic-link/verify").form([("token", &token)]).raw().await;
    assert!(pressed.status == 409 && !pressed.text.contains(&token), "{pressed:?}");
    verify(world, &token).await.ok();
}

async fn nobody_is_mailed_who_has_no_account_and_none_is_made(world: &World) {
    let (app, alice) = user(world).await;
    let other = world.app("other").await;
    world.mails().await;
    let before = world.number("SELECT count(*) FROM accounts");
    ask(world, Some(&app), "nobody@example.com").await.ok();
    ask(world, Some(&other), &alice.email).await.ok();
    ask(world, None, &alice.email).await.ok();
    assert!(world.mails().await.is_empty());
    assert_eq!(world.number("SELECT count(*) FROM accounts"), before);
    assert_eq!(world.events("auth.magic_link_requested"), 0);
}

async fn an_app_switches_magic_links_off(world: &World) {
    let (app, _) = user(world).await;
    let early = token(world, &app).await;
    ask(world, Some(&app), "alice@example.com").await.ok();
    world.configure(&app, &json!({ "magic_links": false })).await;
    assert!(world.mails().await.is_empty(), "what was asked for before is not written any more");
    for email in ["alice@example.com", "nobody@example.com"] {
        ask(world, Some(&app), email).await.refused(403, "sign_in_method_disabled");
    }
    verify(world, &early).await.refused(400, "invalid_token");
    world.configure(&app, &json!({ "magic_links": true })).await;
    verify(world, &early).await.ok();
}

async fn a_magic_link_proves_the_address(world: &World) {
    let app = world.app("acme").await;
    let body = json!({ "email": "alice@example.com" });
    world.post("/v1/admin/users", &body).bearer(&app.api_key).send().await.ok();
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let token = token(world, &app).await;
    let signed_in = verify(world, &token).await;
    assert_eq!(signed_in.ok()["user"]["email_verified"], true);
    assert_eq!(world.events("auth.email_verified"), 1);
}

async fn a_magic_link_of_another_app_is_none(world: &World) {
    let (app, _) = user(world).await;
    let other = world.app("other").await;
    let token = token(world, &app).await;
    let at = |app| world.at_door(Some(app), "/v1/auth/magic-link/verify", &json!({ "token": token }));
    at(&other).send().await.refused(400, "invalid_token");
    let alice = Person::of(&at(&app).send().await);
    assert_eq!(claims_in(&alice.token)["aud"], app.client_id);
}

/// Attack 25: the mailbox of a mistyped address does not run the platform.
async fn who_runs_the_platform_needs_a_proven_address_for_magic_links(world: &World) {
    let app = world.set_up("acme").await;
    let address = app.owner.email.clone();
    world.tamper("UPDATE accounts SET email_proof = NULL WHERE platform_admin");
    ask(world, None, &address).await.ok();
    assert!(world.mails().await.is_empty());
    world.tamper("UPDATE accounts SET email_proof = 'operator' WHERE platform_admin");
    ask(world, None, &address).await.ok();
    let token = world.mail().await.token();
    let page = format!("/v1/auth/magic-link?token={token}");
    world.tamper("UPDATE accounts SET email_proof = 'link' WHERE platform_admin");
    assert_eq!(world.get(&page).raw().await.status, 400);
    verify(world, &token).await.refused(400, "invalid_token");
    world.tamper("UPDATE accounts SET email_proof = 'confirmed' WHERE platform_admin");
    verify(world, &token).await.ok();
}

async fn attack_4_a_used_magic_link_stays_used_after_a_restart(world: &World) {
    let (app, _) = user(world).await;
    let used = token(world, &app).await;
    verify(world, &used).await.ok();
    let fresh = token(world, &app).await;
    let world = &world.restarted().await;
    verify(world, &used).await.refused(400, "invalid_token");
    verify(world, &fresh).await.ok();
    let world = &world.restarted().await;
    verify(world, &fresh).await.refused(400, "invalid_token");
}

async fn attack_6_of_many_who_use_one_magic_link_at_once_one_wins(world: &World) {
    let (app, alice) = user(world).await;
    vouch(world, &app, &alice).await;
    for tries in [200, 20, 20, 20, 20] {
        let token = token(world, &app).await;
        let sessions = world.number("SELECT count(*) FROM sessions");
        let answers = join_all((0..tries).map(|_| verify(world, &token))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(400, "invalid_token");
        }
        assert_eq!(world.number("SELECT count(*) FROM sessions"), sessions + 1);
    }
}

async fn attack_14_a_magic_link_is_good_for_nothing_else(world: &World) {
    let (app, alice) = user(world).await;
    let verifying = world.mail().await.token();
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    let resetting = world.mail().await.token();
    let token = token(world, &app).await;
    for other in
        [verifying.as_str(), &resetting, &alice.token, &alice.refresh, &app.client_secret, "", "%", &token[1..]]
    {
        verify(world, other).await.refused(400, "invalid_token");
    }
    let reset = json!({ "token": token, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.refused(400, "invalid_token");
    world.get("/v1/me").bearer(&token).send().await.refused(401, "unauthorized");
    verify(world, &token).await.ok();
}

/// Attack 25: and a proof that a scanner may have left is none.
async fn attack_25_whoever_pre_registered_an_address_loses_every_way_in(world: &World) {
    let app = world.app("acme").await;
    for proof in ["never", "by a fetched link"] {
        let name = proof.replace(' ', "-");
        let squatter = world.sign_up(Some(&app), &name).await;
        let mail = world.mail().await;
        if proof != "never" {
            world.get(mail.link().strip_prefix(BASE).unwrap()).send().await.ok();
        }
        let home = world.home_of(&squatter).await;
        let key = world.api_key(Some(app.id), home, &squatter, |key| key).await;
        world.get("/v1/me").bearer(&key).send().await.ok();
        let forgot = json!({ "email": squatter.email });
        world.at_door(Some(&app), "/v1/auth/forgot-password", &forgot).send().await.ok();
        let resetting = world.mail().await.token();
        ask(world, Some(&app), &squatter.email).await.ok();
        let owner = Person::of(&verify(world, &world.mail().await.token()).await);
        assert_eq!(owner.id, squatter.id);
        world.get("/v1/me").by(&owner).send().await.ok();
        world.get("/v1/me").by(&squatter).send().await.refused(401, "token_revoked");
        world.get("/v1/me").bearer(&key).send().await.refused(401, "unauthorized");
        let refresh = json!({ "refresh_token": squatter.refresh });
        world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "token_revoked");
        world.log_in(Some(&app), &name, PASSWORD).await.refused(401, "invalid_credentials");
        let reset = json!({ "token": resetting, "new_password": NEXT_PASSWORD });
        world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
        // What the owner has from now on stays theirs.
        ask(world, Some(&app), &owner.email).await.ok();
        verify(world, &world.mail().await.token()).await.ok();
        world.get("/v1/me").by(&owner).send().await.ok();
    }
}

async fn attack_29_a_closed_account_has_no_magic_links(world: &World) {
    let (app, alice) = user(world).await;
    let token = token(world, &app).await;
    let user = format!("/v1/admin/users/{}", alice.id);
    let switch = async |path: &str| world.call("POST", path).bearer(&app.api_key).send().await.ok().clone();
    switch(&format!("/v1/apps/{}/disable", app.id)).await;
    verify(world, &token).await.refused(400, "invalid_token");
    switch(&format!("/v1/apps/{}/enable", app.id)).await;
    switch(&format!("{user}/disable")).await;
    verify(world, &token).await.refused(400, "invalid_token");
    ask(world, Some(&app), &alice.email).await.ok();
    assert!(world.mails().await.is_empty());
    switch(&format!("{user}/enable")).await;
    verify(world, &token).await.refused(400, "invalid_token");
    ask(world, Some(&app), &alice.email).await.ok();
    let token = world.mail().await.token();
    world.delete(&user).bearer(&app.api_key).send().await.ok();
    verify(world, &token).await.refused(400, "invalid_token");
    world.sign_up(Some(&app), "alice").await;
    verify(world, &token).await.refused(400, "invalid_token");
}

async fn attack_30_what_ends_sessions_voids_magic_links(world: &World) {
    let (app, mut alice) = user(world).await;
    vouch(world, &app, &alice).await;
    let mut password = PASSWORD.to_owned();
    for (round, path) in ["/v1/auth/change-password", "/v1/auth/logout-all", "logout-all by others"].iter().enumerate()
    {
        let token = token(world, &app).await;
        let next = format!("{NEXT_PASSWORD}-{round}");
        let body = json!({ "current_password": password, "new_password": next });
        match path.strip_suffix(" by others") {
            Some(deed) => {
                let path = format!("/v1/admin/users/{}/{deed}", alice.id);
                world.call("POST", &path).bearer(&app.api_key).send().await.ok();
            }
            None => {
                world.post(path, &body).by(&alice).send().await.ok();
            }
        }
        verify(world, &token).await.refused(400, "invalid_token");
        if path.ends_with("password") {
            password = next;
        }
        alice = Person::of(&world.log_in(Some(&app), "alice", &password).await);
    }
    let late = token(world, &app).await;
    world.advance(Duration::from_mins(15));
    verify(world, &late).await.refused(400, "invalid_token");
}

async fn attack_30_a_changed_address_voids_magic_links(world: &World) {
    let (app, alice) = user(world).await;
    let token = token(world, &app).await;
    let (id, principal) = (app.id, alice.id);
    world
        .write(move |tx| {
            let account = tx.account_of(Some(id), principal)?.unwrap();
            let email = kernel::Email::parse("alice@new.example.com")?;
            tx.update_account(&identity::Account { email, ..account })
        })
        .await;
    verify(world, &token).await.refused(400, "invalid_token");
}

async fn attack_33_a_lock_stops_no_magic_link(world: &World) {
    let (app, alice) = user(world).await;
    vouch(world, &app, &alice).await;
    let token = token(world, &app).await;
    for _ in 0..5 {
        world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    verify(world, &token).await.ok();
    // Nor does it help whoever guesses.
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
}

async fn attack_35_each_magic_link_begins_a_session_of_its_own(world: &World) {
    let (app, alice) = user(world).await;
    vouch(world, &app, &alice).await;
    let session = |person: &Person| -> Value { claims_in(&person.token)["sid"].clone() };
    let token = token(world, &app).await;
    // Whatever somebody brings along is not what they go on with.
    let shown = world.post("/v1/auth/magic-link/verify", &json!({ "token": token, "session_id": session(&alice) }));
    let shown = shown.by(&alice).header("cookie", "session=chosen").send().await;
    assert_eq!(shown.header("set-cookie"), None);
    let person = Person::of(&shown);
    assert_ne!(session(&person), session(&alice));
    world.post("/v1/auth/logout", &json!({ "access_token": person.token })).send().await.ok();
    world.get("/v1/me").by(&alice).send().await.ok();
}
