//! Sign-in by who somebody is at another provider, for whom an app vouches (contract 1.5).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::future::join_all;
use identity::ApiKey;
use kernel::{Role, id::PrincipalId};
use platform::Environment;
use serde_json::{Value, json};

use crate::support::{Answer, App, CLIENT_SECRET, Call, NEXT_PASSWORD, PASSWORD, Person, Plan, World};

on_both!(
    an_app_vouches_in_every_way_that_shows_it_is_the_app,
    attack_25_nobody_else_vouches,
    people_vouch_for_nobody,
    in_development_nobody_has_to_on_this_machine,
    whoever_is_known_at_a_provider_is_the_same_person,
    a_newcomer_has_what_a_newcomer_has,
    attack_24_an_address_that_is_not_proven_links_nobody,
    attack_25_whoever_was_there_before_the_owner_loses_every_way_in,
    attack_25_who_resets_a_password_is_alone_with_the_account,
    attack_26_odd_subjects_are_nobody_and_two_providers_are_two,
    attack_29_who_is_disabled_stays_out,
    attack_37_an_app_vouches_for_its_own_users_alone,
    a_lock_of_passwords_does_not_keep_the_owner_out,
    attack_6_of_many_who_come_at_once_one_account_is_made,
    attack_27_the_last_way_in_stays,
    attack_27_what_lets_nobody_in_is_no_way_in,
    where_strangers_may_not_sign_up_they_may_not_this_way,
);

const LOGIN: &str = "/v1/auth/social-login";

fn body(subject: &str, email: &str) -> Value {
    json!({ "provider": "google", "provider_user_id": subject, "email": email, "display_name": "Alice" })
}

/// A call that the app proves by HTTP Basic.
fn vouch<'a>(world: &'a World, app: &App, body: &Value) -> Call<'a> {
    let basic = BASE64.encode(format!("{}:{}", app.client_id, app.client_secret));
    world.post(LOGIN, body).header("authorization", format!("Basic {basic}"))
}

async fn social(world: &World, app: &App, subject: &str, email: &str) -> Answer {
    vouch(world, app, &body(subject, email)).send().await
}

async fn an_app_vouches_in_every_way_that_shows_it_is_the_app(world: &World) {
    let app = world.app("acme").await;
    let shown = body("1", "alice@example.com");
    let call = || world.post(LOGIN, &shown);
    let scopes = vec!["auth:social".to_owned()];
    let scoped = |key| ApiKey { role: Some(Role::Admin), scopes, ..key };
    let scoped = world.api_key(None, app.organization, &app.owner, scoped).await;
    let token = world.app_token(&app).await;
    // A program of the app's owner, that is no app, with what a key needs as well.
    let client = json!({
        "name": "Gateway", "organization_id": app.organization, "role": "admin", "redirect_uris": [],
        "scopes": ["auth:social"],
    });
    let client = world.post("/v1/oauth/clients", &client).by(&app.owner).send().await;
    let shown_by_it = json!({
        "grant_type": "client_credentials", "client_id": client.text("client_id"),
        "client_secret": client.text("client_secret"),
    });
    let of_a_client = world.post("/v1/oauth/token", &shown_by_it).send().await.text("access_token");
    let calls = [
        vouch(world, &app, &shown),
        vouch(world, &app, &shown).app(&app.client_id),
        call().app(&app.client_id).header("x-fabric-app-secret", &app.client_secret),
        call().bearer(&token),
        call().bearer(&app.api_key),
        call().bearer(&app.api_key).app(&app.client_id),
        call().bearer(&scoped).app(&app.client_id),
        call().bearer(&of_a_client).app(&app.client_id),
    ];
    let mut who = Vec::<PrincipalId>::new();
    for call in calls {
        let person = Person::of(&call.send().await);
        let me = world.get("/v1/me").by(&person).send().await;
        assert_eq!(me.ok()["app_id"], json!(app.id));
        who.push(person.id);
    }
    assert!(who.windows(2).all(|pair| pair[0] == pair[1]), "{who:?}");
    let told = [("auth.signup", 1), ("auth.social_connected", 1), ("auth.social_login", 8), ("auth.login", 0)];
    for (kind, count) in told {
        // The app's owner has signed up and in, too, with a password.
        let theirs = i64::from(kind == "auth.login") * world.events(kind);
        assert_eq!(world.events(kind) - theirs, count, "{kind}");
    }
}

async fn attack_25_nobody_else_vouches(world: &World) {
    let (app, other) = (world.app("acme").await, world.set_up("other").await);
    let shown = body("1", "alice@example.com");
    let call = || world.post(LOGIN, &shown);
    call().send().await.refused(401, "unauthorized");
    call().app(&app.client_id).send().await.refused(401, "unauthorized");
    call().app(&app.client_id).from("127.0.0.1:1").send().await.refused(401, "unauthorized");
    for wrong in ["", "focs_wrong", &other.client_secret] {
        let told = call().app(&app.client_id).header("x-fabric-app-secret", wrong).send().await;
        told.refused(401, "invalid_client");
    }
    // A secret without an app, two of them, or one of another app than the one that is named.
    call().header("x-fabric-app-secret", &app.client_secret).send().await.refused(401, "invalid_client");
    let twice = vouch(world, &app, &shown).header("x-fabric-app-secret", &app.client_secret).app(&app.client_id);
    twice.send().await.refused(401, "invalid_client");
    vouch(world, &app, &shown).app(&other.client_id).send().await.refused(401, "invalid_client");
    // A key that is too little, or another app's.
    let limited = async |role: Role, scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let change = move |key| ApiKey { role: Some(role), scopes, ..key };
        world.api_key(None, app.organization, &app.owner, change).await
    };
    let member = limited(Role::Member, &[]).await;
    call().bearer(member).app(&app.client_id).send().await.refused(403, "forbidden");
    let unscoped = limited(Role::Owner, &["users:write"]).await;
    call().bearer(unscoped).app(&app.client_id).send().await.refused(403, "insufficient_scope");
    call().bearer(&other.api_key).app(&app.client_id).send().await.refused(404, "not_found");
    call().bearer(world.app_token(&other).await).app(&app.client_id).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM links"), 1, "with its own token an app means itself");
}

async fn people_vouch_for_nobody(world: &World) {
    let app = world.app("acme").await;
    let user = world.sign_up(Some(&app), "user").await;
    let exchanged = world.exchange(&app, user.id).await.text("access_token");
    let shown = body("1", "alice@example.com");
    for token in [&app.owner.token, &world.administrator().await.token, &user.token, &exchanged] {
        let told = world.post(LOGIN, &shown).bearer(token).app(&app.client_id).send().await;
        told.refused(403, "forbidden");
    }
}

async fn in_development_nobody_has_to_on_this_machine(world: &World) {
    let app = world.app("acme").await;
    let here = |plan: &mut Plan| {
        plan.settings.environment = Environment::Development;
        plan.settings.public_base_url = "http://localhost:3001".into();
    };
    let open = &world.restarted_with(here).await;
    let shown = body("1", "alice@example.com");
    let plain = || open.post(LOGIN, &shown).header("host", "localhost:3001");
    let call = || plain().app(&app.client_id);
    let first = Person::of(&call().from("127.0.0.1:1").send().await);
    // As the SDKs do it: with the token of whoever was signed in before.
    let again = call().from("127.0.0.1:1").bearer(&first.token).send().await;
    assert_eq!(Person::of(&again).id, first.id);
    call().from("127.0.0.1:1").bearer("stale").send().await.ok();
    // At the platform's own door as well.
    plain().from("127.0.0.1:1").send().await.ok();
    // What is shown and wrong is wrong here, too; and from elsewhere nothing of it counts.
    let wrong = call().from("127.0.0.1:1").header("x-fabric-app-secret", "focs_wrong").send().await;
    wrong.refused(401, "invalid_client");
    call().from("192.0.2.1:1").send().await.refused(401, "unauthorized");
    let forwarded = call().from("127.0.0.1:1").header("x-forwarded-for", "127.0.0.1").send().await;
    forwarded.refused(401, "unauthorized");
}

async fn whoever_is_known_at_a_provider_is_the_same_person(world: &World) {
    let app = world.app("acme").await;
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    // With another address there, and with another provider and the same address.
    assert_eq!(Person::of(&social(world, &app, "1", "moved@example.com").await).id, alice.id);
    let mut github = body("77", "Alice@Example.com");
    github["provider"] = json!("GitHub");
    assert_eq!(Person::of(&vouch(world, &app, &github).send().await).id, alice.id);
    let connections = world.get("/v1/me/social-connections").by(&alice).send().await;
    let names: Vec<_> = connections.ok().as_array().unwrap().iter().map(|link| link["provider"].clone()).collect();
    assert_eq!(names, ["github", "google"]);
    // Who signed up with a password and proved the address keeps it.
    let bob = world.sign_up(Some(&app), "bob").await;
    let vouched = format!("/v1/admin/users/{}/verify", bob.id);
    world.post(&vouched, &json!({})).bearer(&app.api_key).send().await.ok();
    assert_eq!(Person::of(&social(world, &app, "2", "bob@example.com").await).id, bob.id);
    world.get("/v1/me").by(&bob).send().await.ok();
    world.log_in(Some(&app), "bob", PASSWORD).await.ok();
}

async fn a_newcomer_has_what_a_newcomer_has(world: &World) {
    let app = world.app("acme").await;
    let mut shown = body("1", "alice@example.com");
    shown["avatar_url"] = json!("https://example.com/alice.png");
    let answer = vouch(world, &app, &shown).send().await;
    let alice = Person::of(&answer);
    assert_eq!(
        (&answer.ok()["user"]["email_verified"], &answer.ok()["user"]["display_name"]),
        (&json!(true), &json!("Alice"))
    );
    assert_eq!(world.organizations_of(&alice).await.len(), 1);
    let user = world.get(&format!("/v1/admin/users/{}", alice.id)).bearer(&app.api_key).send().await;
    assert_eq!(user.ok()["metadata"]["avatar_url"], "https://example.com/alice.png");
    world.configure(&app, &json!({ "auto_create_org": false })).await;
    let bob = Person::of(&social(world, &app, "2", "bob@example.com").await);
    assert!(world.organizations_of(&bob).await.is_empty());
    // What a provider does not know it leaves out, or empty.
    let mut odd = body("3", "carol@example.com");
    (odd["display_name"], odd["avatar_url"]) = (json!(" "), json!(""));
    let carol = vouch(world, &app, &odd).send().await;
    assert_eq!(carol.ok()["user"]["display_name"], Value::Null);
    for (field, wrong, code) in [
        ("display_name", "a\u{0}b", "invalid_name"),
        ("avatar_url", "javascript:alert(1)", "invalid_url"),
        ("avatar_url", "https://example.com/\u{0}", "invalid_url"),
    ] {
        let mut odd = body("4", "dave@example.com");
        odd[field] = json!(wrong);
        vouch(world, &app, &odd).send().await.refused(400, code);
    }
}

async fn attack_24_an_address_that_is_not_proven_links_nobody(world: &World) {
    let app = world.app("acme").await;
    let victim = world.sign_up(Some(&app), "victim").await;
    let unproven = |subject: &str, email: &str| {
        let mut shown = body(subject, email);
        shown["email_verified"] = json!(false);
        shown
    };
    let told = vouch(world, &app, &unproven("evil", "victim@example.com")).send().await;
    told.refused(403, "email_not_verified");
    world.get("/v1/me").by(&victim).send().await.ok();
    // A new one is made, and not proven; where that is asked for, it stays out.
    let made = vouch(world, &app, &unproven("new", "new@example.com")).send().await;
    assert_eq!(made.ok()["user"]["email_verified"], false);
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let told = vouch(world, &app, &unproven("next", "next@example.com")).send().await;
    told.refused(403, "email_not_verified");
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email = 'next@example.com'"), 0);
}

/// Somebody who has signed up with a stranger's address, and what they get in with.
async fn squatter(world: &World, app: &App) -> (Person, String) {
    let squatter = world.sign_up(Some(app), "alice").await;
    let home = world.home_of(&squatter).await;
    let key = json!({ "name": "Mine", "organization_id": home });
    let key = world.post("/v1/api-keys", &key).by(&squatter).send().await.text("key");
    let mut shown = body("squatter", "alice@example.com");
    shown["email_verified"] = json!(false);
    vouch(world, app, &shown).send().await.refused(403, "email_not_verified");
    (squatter, key)
}

async fn locked_out(world: &World, app: &App, squatter: &Person, key: &str) {
    world.get("/v1/me").by(squatter).send().await.refused(401, "token_revoked");
    world.get("/v1/me").bearer(key).send().await.refused(401, "unauthorized");
    world.log_in(Some(app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    let refresh = json!({ "refresh_token": squatter.refresh });
    let told = world.at_door(Some(app), "/v1/auth/token/refresh", &refresh).send().await;
    assert_eq!(told.status, 401);
}

async fn attack_25_whoever_was_there_before_the_owner_loses_every_way_in(world: &World) {
    let app = world.app("acme").await;
    let (before, key) = squatter(world, &app).await;
    world.advance(std::time::Duration::from_secs(2));
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    assert_eq!(alice.id, before.id);
    locked_out(world, &app, &before, &key).await;
    // The letter that went out at first proves nothing new, and what belongs to the account stays.
    assert_eq!(world.organizations_of(&alice).await.len(), 1);
    assert_eq!((world.events("auth.email_verified"), world.events("api_key.revoked")), (1, 1));
}

async fn attack_25_who_resets_a_password_is_alone_with_the_account(world: &World) {
    let app = world.app("acme").await;
    let (before, key) = squatter(world, &app).await;
    world.mails().await;
    let forgot = json!({ "email": "alice@example.com" });
    world.at_door(Some(&app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let token = world.mail().await.token();
    let reset = json!({ "access_token": token, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    locked_out(world, &app, &before, &key).await;
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn attack_26_odd_subjects_are_nobody_and_two_providers_are_two(world: &World) {
    let app = world.app("acme").await;
    for (field, odd) in [
        ("provider_user_id", json!("")),
        ("provider_user_id", json!("a\u{0}b")),
        ("provider_user_id", json!("x".repeat(256))),
        ("provider_user_id", Value::Null),
        ("provider_user_id", json!(7)),
        ("provider", json!("")),
        ("provider", json!("goo gle")),
        ("provider", json!("x".repeat(101))),
        ("email", json!("")),
        ("email", json!("alice")),
        ("email", Value::Null),
    ] {
        let mut shown = body("1", "alice@example.com");
        shown[field] = odd.clone();
        let told = vouch(world, &app, &shown).send().await;
        assert_eq!(told.status, 400, "{field} {odd}: {told:?}");
    }
    let one = Person::of(&social(world, &app, "same", "one@example.com").await);
    let mut github = body("same", "two@example.com");
    github["provider"] = json!("github");
    let two = Person::of(&vouch(world, &app, &github).send().await);
    let three = Person::of(&social(world, &app, "SAME", "three@example.com").await);
    assert!(one.id != two.id && one.id != three.id && two.id != three.id);
}

async fn attack_29_who_is_disabled_stays_out(world: &World) {
    let app = world.app("acme").await;
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    let bob = world.sign_up(Some(&app), "bob").await;
    for person in [&alice, &bob] {
        let path = format!("/v1/admin/users/{}/disable", person.id);
        world.post(&path, &json!({})).bearer(&app.api_key).send().await.ok();
    }
    social(world, &app, "1", "alice@example.com").await.refused(403, "account_disabled");
    social(world, &app, "2", "bob@example.com").await.refused(403, "account_disabled");
    assert_eq!(world.number("SELECT count(*) FROM links"), 1);
    world.post(&format!("/v1/apps/{}/disable", app.id), &json!({})).bearer(&app.api_key).send().await.ok();
    social(world, &app, "3", "carol@example.com").await.refused(403, "app_disabled");
    let by_key = world.post(LOGIN, &body("3", "carol@example.com")).bearer(&app.api_key).send().await;
    by_key.refused(403, "app_disabled");
}

async fn attack_37_an_app_vouches_for_its_own_users_alone(world: &World) {
    let (app, other) = (world.app("acme").await, world.set_up("other").await);
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    let there = Person::of(&social(world, &other, "1", "alice@example.com").await);
    // One person, two accounts that know nothing of each other.
    assert_eq!(alice.id, there.id);
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email = 'alice@example.com'"), 2);
    let evil = Person::of(&social(world, &other, "1", "evil@example.com").await);
    assert_eq!(world.get("/v1/me").by(&evil).send().await.ok()["app_id"], json!(other.id));
}

async fn a_lock_of_passwords_does_not_keep_the_owner_out(world: &World) {
    let app = world.app("acme").await;
    social(world, &app, "1", "alice@example.com").await.ok();
    for _ in 0..6 {
        world.log_in(Some(&app), "alice", NEXT_PASSWORD).await;
    }
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.refused(429, "account_locked");
    social(world, &app, "1", "alice@example.com").await.ok();
}

async fn attack_6_of_many_who_come_at_once_one_account_is_made(world: &World) {
    let app = world.app("acme").await;
    for round in 0..4 {
        let email = format!("alice-{round}@example.com");
        let subject = round.to_string();
        let answers = join_all((0..50).map(|_| social(world, &app, &subject, &email))).await;
        let first = Person::of(&answers[0]).id;
        assert!(answers.iter().all(|answer| Person::of(answer).id == first));
    }
    let count =
        |kind: &str| world.number(&format!("SELECT count(*) FROM events WHERE kind = '{kind}' AND app_id IS NOT NULL"));
    assert_eq!((count("auth.signup"), count("auth.social_connected"), count("auth.social_login")), (4, 4, 200));
}

async fn attack_27_the_last_way_in_stays(world: &World) {
    let app = world.app("acme").await;
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    let cut = |provider: &str| world.delete(&format!("/v1/me/social-connections/{provider}")).by(&alice).send();
    world.configure(&app, &json!({ "magic_links": false, "email_codes": false })).await;
    cut("google").await.refused(409, "last_auth_method");
    let mut github = body("77", "alice@example.com");
    github["provider"] = json!("github");
    vouch(world, &app, &github).send().await.ok();
    cut("google").await.ok();
    cut("github").await.refused(409, "last_auth_method");
    // Who comes back is linked anew.
    assert_eq!(Person::of(&social(world, &app, "1", "alice@example.com").await).id, alice.id);
    cut("github").await.ok();
    cut("google").await.refused(409, "last_auth_method");
    // Whoever may come in by mail needs no link.
    world.configure(&app, &json!({ "email_codes": true })).await;
    cut("google").await.ok();
}

/// A provider that was taken away, and mail to an address that is perhaps a stranger's.
async fn attack_27_what_lets_nobody_in_is_no_way_in(world: &World) {
    let app = world.app("acme").await;
    let alice = Person::of(&social(world, &app, "1", "alice@example.com").await);
    let mut github = body("77", "alice@example.com");
    github["provider"] = json!("github");
    vouch(world, &app, &github).send().await.ok();
    world.configure(&app, &json!({ "magic_links": false, "email_codes": false })).await;
    let cut = |person: &Person| world.delete("/v1/me/social-connections/google").by(person).send();
    let named = json!({ "kind": "github", "client_id": "g", "client_secret": CLIENT_SECRET });
    world.name_provider(&app, "github", &named).await.ok();
    let path = format!("/v1/apps/{}/social-providers/github", app.id);
    world.delete(&path).bearer(&app.api_key).send().await.ok();
    cut(&alice).await.refused(409, "last_auth_method");
    world.name_provider(&app, "github", &named).await.ok();
    cut(&alice).await.ok();
    world.configure(&app, &json!({ "email_codes": true })).await;
    let mut unproven = body("9", "bob@example.com");
    unproven["email_verified"] = json!(false);
    let bob = Person::of(&vouch(world, &app, &unproven).send().await);
    cut(&bob).await.refused(409, "last_auth_method");
    let path = format!("/v1/admin/users/{}/verify", bob.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    cut(&bob).await.ok();
}

async fn where_strangers_may_not_sign_up_they_may_not_this_way(world: &World) {
    let app = world.app("acme").await;
    social(world, &app, "1", "alice@example.com").await.ok();
    world.configure(&app, &json!({ "open_sign_up": false })).await;
    social(world, &app, "1", "alice@example.com").await.ok();
    social(world, &app, "2", "bob@example.com").await.refused(403, "sign_up_closed");
}
