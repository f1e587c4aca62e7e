//! Managing accounts: by the app, by those who own it, by administrators of the platform.

use kernel::Role;
use serde_json::{Value, json};

use crate::support::{App, PASSWORD, Person, World};

on_both!(
    an_app_manages_its_accounts_with_its_own_token,
    the_app_is_meant_that_the_caller_names,
    whoever_manages_several_apps_says_which,
    an_administrator_of_the_platform_manages_developers,
    nobody_else_manages_developers,
    accounts_are_listed_in_pages,
    accounts_are_found_by_the_beginning_of_their_address,
    attack_43_a_list_shows_nobody_elses,
    an_account_is_made_with_a_password_or_without,
    an_account_is_shown_without_its_secrets,
    an_address_is_vouched_for,
    deleting_somebody_whom_others_depend_on_is_refused,
    doing_it_twice_changes_nothing_more,
    attack_31_a_made_account_without_a_password_is_no_way_in,
);

fn users(app: &App) -> String {
    format!("/v1/admin/users?app_id={}", app.id)
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["email"].as_str().unwrap().split('@').next().unwrap()).collect()
}

async fn an_app_manages_its_accounts_with_its_own_token(world: &World) {
    let app = world.app("acme").await;
    let token = world.app_token(&app).await;
    let made = world.post("/v1/admin/users", &json!({ "email": "alice@example.com" })).bearer(&token).send().await;
    assert_eq!(made.status, 201);
    let path = format!("/v1/admin/users/{}", made.text("id"));
    for (method, path, disabled) in [
        ("POST", format!("{path}/disable"), true),
        ("POST", format!("{path}/enable"), false),
        ("POST", format!("{path}/unlock"), false),
        ("POST", format!("{path}/verify"), false),
        ("POST", format!("{path}/logout-all"), false),
        ("GET", path.clone(), false),
    ] {
        let answer = world.call(method, &path).bearer(&token).send().await;
        assert_eq!(answer.ok()["disabled"], disabled, "{path}");
    }
    world.delete(&path).bearer(&token).send().await.ok();
    world.get(&path).bearer(&token).send().await.refused(404, "not_found");
    let kinds = [
        "user.created",
        "user.disabled",
        "user.enabled",
        "auth.account_unlocked",
        "auth.email_verified",
        "auth.logout_all",
        "user.deleted",
    ];
    for kind in kinds {
        assert!(world.events(kind) >= 1, "{kind}");
    }
}

async fn the_app_is_meant_that_the_caller_names(world: &World) {
    let app = world.app("acme").await;
    let other = world.app("other").await;
    world.sign_up(Some(&app), "alice").await;
    // By its id or its client id, in the query or in the header.
    for (path, header) in [
        (format!("/v1/admin/users?app_id={}", app.id), None),
        (format!("/v1/admin/users?app_id={}", app.client_id), None),
        ("/v1/admin/users".to_owned(), Some(&app.client_id)),
        ("/v1/admin/users".to_owned(), None),
    ] {
        for token in [&app.api_key, &app.owner.token] {
            let call = world.get(&path).bearer(token);
            let call = if let Some(client_id) = header { call.app(client_id) } else { call };
            assert_eq!(names(call.send().await.ok()), ["alice"], "{path}");
        }
    }
    // The query is nearer than the header.
    let nearer = world.get(&users(&app)).by(&app.owner).app(&other.client_id).send().await;
    assert_eq!(names(nearer.ok()), ["alice"]);
    world.get(&users(&other)).by(&app.owner).send().await.refused(404, "not_found");
    world.get("/v1/admin/users").by(&app.owner).app(&other.client_id).send().await.refused(404, "not_found");
    world.get("/v1/admin/users?app_id=nonsense").by(&app.owner).send().await.refused(400, "unknown_app");
    let unknown = "foc_aaaaaaaaaaaaaaaaaaaaaaaa";
    world.get("/v1/admin/users").by(&app.owner).app(unknown).send().await.refused(400, "unknown_app");
    // An app means itself, whatever else is said.
    let token = world.app_token(&app).await;
    for path in ["/v1/admin/users".to_owned(), users(&other)] {
        let answer = world.get(&path).bearer(&token).app(&other.client_id).send().await;
        assert_eq!(names(answer.ok()), ["alice"]);
    }
}

async fn whoever_manages_several_apps_says_which(world: &World) {
    let app = world.app("acme").await;
    let second = world.post("/v1/apps", &json!({ "name": "Second" })).by(&app.owner).send().await;
    for token in [&app.api_key, &app.owner.token] {
        world.get("/v1/admin/users").bearer(token).send().await.refused(400, "app_required");
        world
            .post("/v1/admin/users", &json!({ "email": "a@example.com" }))
            .bearer(token)
            .send()
            .await
            .refused(400, "app_required");
        world.get(&users(&app)).bearer(token).send().await.ok();
        let path = format!("/v1/admin/users?app_id={}", second.text("client_id"));
        world.get(&path).bearer(token).send().await.ok();
    }
}

async fn an_administrator_of_the_platform_manages_developers(world: &World) {
    let app = world.app("acme").await;
    let administrator = world.administrator().await;
    world.sign_up(Some(&app), "alice").await;
    let developers = world.get("/v1/admin/users").by(&administrator).send().await;
    assert_eq!(names(developers.ok()), ["administrator", "acme-owner"]);
    let path = format!("/v1/admin/users/{}", app.owner.id);
    assert_eq!(world.get(&path).by(&administrator).send().await.text("email"), "acme-owner@example.com");
    // And every app's users, who says which.
    assert_eq!(names(world.get(&users(&app)).by(&administrator).send().await.ok()), ["alice"]);
    world.call("POST", &format!("{path}/disable")).by(&administrator).send().await.ok();
    world.get("/v1/me").by(&app.owner).send().await.refused(401, "token_revoked");
}

async fn nobody_else_manages_developers(world: &World) {
    let app = world.app("acme").await;
    let administrator = world.administrator().await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let bystander = world.sign_up(None, "bystander").await;
    let path = format!("/v1/admin/users/{}", bystander.id);
    // The administrator's own self in an app is a user like any other.
    let self_in_app = world.sign_up(Some(&app), "administrator").await;
    assert_eq!(self_in_app.id, administrator.id);
    for person in [&alice, &self_in_app, &bystander] {
        world.get("/v1/admin/users").by(person).send().await.refused(403, "forbidden");
        world.get(&path).by(person).send().await.refused(403, "forbidden");
    }
    // Who owns an app finds no developers in it.
    world.get(&path).by(&app.owner).send().await.refused(404, "not_found");
    world.get(&path).bearer(world.app_token(&app).await).send().await.refused(404, "not_found");
    // A key is no person: not even an administrator's.
    let home = world.home_of(&administrator).await;
    let key = world.api_key(None, home, &administrator, |key| key).await;
    world.get("/v1/admin/users").bearer(&key).send().await.refused(403, "forbidden");
    world.get(&path).bearer(&key).send().await.refused(403, "forbidden");
    world.get(&users(&app)).bearer(&key).send().await.refused(404, "not_found");
}

async fn accounts_are_listed_in_pages(world: &World) {
    let app = world.app("acme").await;
    for number in 0..5 {
        world.sign_up(Some(&app), &format!("user-{number}")).await;
    }
    let list = async |query: &str| {
        let path = format!("/v1/admin/users?{query}");
        world.get(&path).bearer(&app.api_key).send().await.ok().clone()
    };
    let all = list("").await;
    assert_eq!(names(&all), ["user-0", "user-1", "user-2", "user-3", "user-4"]);
    assert_eq!(all["pagination"], json!({ "limit": 20, "has_more": false }));
    let first = list("limit=2").await;
    assert_eq!((names(&first), &first["pagination"]["has_more"]), (vec!["user-0", "user-1"], &json!(true)));
    let next = first["pagination"]["next_cursor"].as_str().unwrap();
    let second = list(&format!("limit=2&cursor={next}")).await;
    assert_eq!(names(&second), ["user-2", "user-3"]);
    assert_eq!(names(&list("limit=2&offset=4").await), ["user-4"]);
    assert_eq!(list("limit=5").await["pagination"]["has_more"], false);
    assert!(names(&list("offset=10000").await).is_empty());
    assert_eq!(list("limit=2&include_total=true").await["pagination"]["total"], 5);
    assert_eq!(list("email=user-3&include_total=true").await["pagination"]["total"], 1);
    assert_eq!(list("limit=4000000000").await["pagination"]["limit"], 200);
    // What is new does not move what was seen.
    world.sign_up(Some(&app), "newcomer").await;
    assert_eq!(names(&list(&format!("limit=2&cursor={next}")).await), ["user-2", "user-3"]);
}

async fn accounts_are_found_by_the_beginning_of_their_address(world: &World) {
    let app = world.app("acme").await;
    for name in ["alice", "alina", "bob", "al_ice"] {
        world.sign_up(Some(&app), name).await;
    }
    for (query, found) in [
        ("email=ali", vec!["alice", "alina"]),
        ("search=ALI", vec!["alice", "alina"]),
        ("q=alice@example.com", vec!["alice"]),
        ("email=%20bob%20", vec!["bob"]),
        ("email=", vec!["alice", "alina", "bob", "al_ice"]),
        // Attack 43: none of these is a pattern or a query.
        ("email=%25", vec![]),
        ("email=al_", vec!["al_ice"]),
        ("email=a*", vec![]),
        ("email=%27%20OR%201=1--", vec![]),
        ("email=%5C", vec![]),
        ("email=%C3%A9", vec![]),
        ("email=ice", vec![]),
    ] {
        let answer = world.get(&format!("/v1/admin/users?{query}")).bearer(&app.api_key).send().await;
        assert_eq!(names(answer.ok()), found, "{query}");
    }
}

async fn attack_43_a_list_shows_nobody_elses(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    world.sign_up(Some(&app), "alice").await;
    let bob = world.sign_up(Some(&other), "bob").await;
    let carol = world.sign_up(Some(&other), "carol").await;
    // A cursor out of another app's list leads nowhere else.
    let path = format!("/v1/admin/users?app_id={}&limit=1", other.id);
    let list = world.get(&path).bearer(&other.api_key).send().await;
    let cursor = list.ok()["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    for cursor in [cursor, "00000000-0000-0000-0000-000000000000".to_owned(), bob.id.to_string(), carol.id.to_string()]
    {
        let path = format!("/v1/admin/users?limit=200&cursor={cursor}");
        let answer = world.get(&path).bearer(&app.api_key).send().await;
        assert!(names(answer.ok()).iter().all(|name| *name == "alice"), "{answer:?}");
    }
    for query in ["email=bob", "search=carol", "email=other-owner"] {
        let answer = world.get(&format!("/v1/admin/users?{query}")).bearer(&app.api_key).send().await;
        assert!(names(answer.ok()).is_empty(), "{answer:?}");
    }
}

async fn an_account_is_made_with_a_password_or_without(world: &World) {
    let app = world.app("acme").await;
    let make = async |body: Value| world.post("/v1/admin/users", &body).bearer(&app.api_key).send().await;
    let with = json!({
        "email": "Alice@Example.com", "password": PASSWORD, "display_name": "Alice", "email_verified": true,
        "metadata": { "plan": "pro" },
    });
    let made = make(with.clone()).await;
    let data = made.ok();
    assert_eq!((made.text("email").as_str(), &data["email_verified"]), ("alice@example.com", &json!(true)));
    assert_eq!((&data["has_password"], &data["metadata"]), (&json!(true), &json!({ "plan": "pro" })));
    let alice = world.sign_in(Some(&app), "alice").await;
    assert_eq!(alice.id.to_string(), made.text("id"));
    assert_eq!(world.organizations_of(&alice).await.len(), 1, "as one who signs up");
    make(with).await.refused(409, "email_taken");

    let without = make(json!({ "email": "bob@example.com" })).await;
    assert_eq!((&without.ok()["has_password"], &without.ok()["email_verified"]), (&json!(false), &json!(false)));
    world.log_in(Some(&app), "bob", PASSWORD).await.refused(401, "invalid_credentials");
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": "bob@example.com" })).send().await.ok();
    let body = json!({ "token": world.mail().await.token(), "new_password": PASSWORD });
    world.post("/v1/auth/reset-password", &body).send().await.ok();
    world.log_in(Some(&app), "bob", PASSWORD).await.ok();

    world.configure(&app, &json!({ "open_sign_up": false, "auto_create_org": false })).await;
    make(json!({ "email": "carol@example.com", "password": PASSWORD })).await.ok();
    let carol = world.sign_in(Some(&app), "carol").await;
    assert!(world.organizations_of(&carol).await.is_empty());
}

async fn an_account_is_shown_without_its_secrets(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}", alice.id);
    for path in [path.as_str(), "/v1/admin/users"] {
        let shown = world.get(path).bearer(&app.api_key).send().await;
        let text = shown.ok().to_string();
        for secret in ["argon2", "password_hash", "epoch", "account_id", "$"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

async fn an_address_is_vouched_for(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.ok();
    world.mails().await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "email_not_verified");
    let list = world.get("/v1/admin/users").bearer(&app.api_key).send().await;
    let path = format!("/v1/admin/users/{}/verify", list.ok()["items"][0]["id"].as_str().unwrap());
    let answer = world.call("POST", &path).bearer(&app.api_key).send().await;
    assert_eq!(answer.ok()["email_verified"], true);
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn deleting_somebody_whom_others_depend_on_is_refused(world: &World) {
    let app = world.app("acme").await;
    let (alice, bob) = (world.sign_up(Some(&app), "alice").await, world.sign_up(Some(&app), "bob").await);
    let home = world.home_of(&alice).await;
    world.enroll(home, &bob, Role::Admin).await;
    let path = |person: &Person| format!("/v1/admin/users/{}", person.id);
    world.delete(&path(&alice)).bearer(&app.api_key).send().await.refused(409, "last_owner");
    world.get("/v1/me").by(&alice).send().await.ok();
    world.delete(&path(&bob)).bearer(&app.api_key).send().await.ok();
    world.delete(&path(&alice)).bearer(&app.api_key).send().await.ok();

    // A developer whose organization owns an app.
    let administrator = world.administrator().await;
    world.delete(&path(&app.owner)).by(&administrator).send().await.refused(409, "conflict");
    world.get(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    // Nor is there ever nobody who runs the platform.
    world.delete(&path(&administrator)).by(&administrator).send().await.refused(409, "conflict");
}

async fn doing_it_twice_changes_nothing_more(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    for verb in ["disable", "disable", "enable", "enable", "verify", "verify", "unlock", "logout-all", "logout-all"] {
        let path = format!("/v1/admin/users/{}/{verb}", alice.id);
        world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    }
    world.sign_in(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}", alice.id);
    world.delete(&path).bearer(&app.api_key).send().await.ok();
    world.delete(&path).bearer(&app.api_key).send().await.refused(404, "not_found");
}

async fn attack_31_a_made_account_without_a_password_is_no_way_in(world: &World) {
    let app = world.app("acme").await;
    let body = json!({ "email": "bob@example.com" });
    world.post("/v1/admin/users", &body).bearer(&app.api_key).send().await.ok();
    for password in ["", " ", "null", "\0", PASSWORD] {
        let told = world.log_in(Some(&app), "bob", password).await;
        assert_eq!(told.told(), world.log_in(Some(&app), "nobody", password).await.told());
    }
    world.log_in(Some(&app), "bob", "").await.refused(429, "account_locked");
}
