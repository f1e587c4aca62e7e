//! Attacks 23, 29 and 30: whatever ends, ends at once, with everything that hangs on it. Every credential is used just
//! before, so that whoever keeps something in memory keeps it then.

use serde_json::{Value, json};

use crate::support::{App, Call, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    signing_out_ends_that_session_alone,
    signing_out_takes_any_token_and_tells_nothing,
    an_ending_is_told_once_and_only_if_there_is_one,
    signing_out_everywhere_ends_every_session,
    a_changed_password_ends_every_session,
    a_reset_password_ends_every_session,
    a_session_that_was_ended_by_an_administrator_ends,
    a_disabled_account_is_out_at_once_and_back_in_only_with_a_password,
    a_deleted_account_takes_everything_along,
    a_disabled_app_lets_nobody_through,
    a_deleted_app_leaves_nothing,
    a_replaced_client_secret_ends_what_the_old_one_bought,
    a_member_who_was_removed_sees_nothing_at_once,
    a_key_does_what_its_principal_may_do_now,
);

/// Somebody with all that one can have.
struct Holder {
    person: Person,
    elsewhere: Person,
    exchanged: String,
    key: String,
}

impl Holder {
    async fn new(world: &World, app: &App, name: &str) -> Self {
        let person = world.sign_up(Some(app), name).await;
        let home = world.home_of(&person).await;
        let holder = Self {
            elsewhere: world.sign_in(Some(app), name).await,
            exchanged: world.exchange(app, person.id).await.text("access_token"),
            key: world.api_key(Some(app.id), home, &person, |key| key).await,
            person,
        };
        holder.has(world, [true; 4]).await;
        holder
    }

    /// Whether they are let in with: this session, the other one, the exchanged token, the key.
    #[track_caller]
    fn has<'a>(&'a self, world: &'a World, expected: [bool; 4]) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let tokens = [&self.person.token, &self.elsewhere.token, &self.exchanged, &self.key];
            for ((token, expected), what) in tokens.iter().zip(expected).zip(["session", "other", "exchanged", "key"]) {
                let answer = world.get("/v1/me").bearer(token).send().await;
                assert_eq!(answer.is_success(), expected, "{what} at {at}: {answer:?}");
            }
            for (person, expected) in [&self.person, &self.elsewhere].iter().zip(expected) {
                // A refresh token is as good as its session.
                let body = json!({ "refresh_token": person.refresh });
                if !expected {
                    let told = world.post("/v1/auth/token/refresh", &body).send().await;
                    assert_eq!(told.status, 401, "at {at}: {told:?}");
                }
            }
        }
    }
}

async fn acme(world: &World) -> (App, Holder) {
    let app = world.app("acme").await;
    let alice = Holder::new(world, &app, "alice").await;
    (app, alice)
}

async fn manage(world: &World, app: &App, person: &Person, method: &str, verb: &str) {
    let path = format!("/v1/admin/users/{}{verb}", person.id);
    world.call(method, &path).bearer(&app.api_key).send().await.ok();
}

async fn signing_out_ends_that_session_alone(world: &World) {
    let (_, alice) = acme(world).await;
    world.post("/v1/auth/logout", &json!({ "access_token": alice.person.token })).send().await.ok();
    alice.has(world, [false, true, true, true]).await;
    // By its refresh token too.
    world.post("/v1/auth/logout", &json!({ "refresh_token": alice.elsewhere.refresh })).send().await.ok();
    alice.has(world, [false, false, true, true]).await;
    world.post("/v1/oauth/revoke", &json!({ "token": alice.exchanged })).send().await.ok();
    alice.has(world, [false, false, false, true]).await;
}

async fn signing_out_takes_any_token_and_tells_nothing(world: &World) {
    let (app, alice) = acme(world).await;
    let app_token = world.app_token(&app).await;
    let expired = world.sign_in(Some(&app), "alice").await;
    let told = world.post("/v1/auth/logout", &json!({})).send().await.told();
    for token in ["", "garbage", "a.b.c", &alice.key, &app.client_secret, &app_token, &alice.person.token] {
        for _ in 0..2 {
            let body = json!({ "access_token": token });
            assert_eq!(world.post("/v1/auth/logout", &body).send().await.told(), told, "{token}");
        }
    }
    alice.has(world, [false, true, true, true]).await;
    world.get("/v1/me").bearer(&app_token).send().await.refused(401, "token_revoked");
    // Without a body at all, as some SDKs send it.
    assert_eq!(world.call("POST", "/v1/auth/logout").send().await.told(), told);

    // One that has expired still says which session to end.
    world.advance(std::time::Duration::from_hours(3));
    let body = json!({ "access_token": expired.token });
    assert_eq!(world.post("/v1/auth/logout", &body).send().await.told(), told);
    let refresh = json!({ "refresh_token": expired.refresh });
    world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "token_revoked");
}

async fn an_ending_is_told_once_and_only_if_there_is_one(world: &World) {
    let (app, alice) = acme(world).await;
    let app_token = world.app_token(&app).await;
    let tokens = json!({ "access_token": alice.person.token, "refresh_token": alice.person.refresh });
    for _ in 0..2 {
        world.post("/v1/auth/logout", &tokens).header("user-agent", "Mine/1").send().await.ok();
        for token in [&alice.elsewhere.refresh, &alice.exchanged, &app_token, "garbage", &alice.key] {
            world.post("/v1/oauth/revoke", &json!({ "token": token })).send().await.ok();
        }
    }
    assert_eq!((world.events("auth.logout"), world.events("auth.token_revoked")), (2, 2));
    let path = "/v1/audit-logs?action=auth.*&limit=200";
    let listed = world.get(path).bearer(&app.api_key).send().await.ok().as_array().unwrap().clone();
    let of = |kind: &str| listed.iter().filter(|entry| entry["action"] == kind).collect::<Vec<_>>();
    let first = *of("auth.logout").last().unwrap();
    assert_eq!((&first["actor_type"], &first["actor_principal_id"]), (&json!("user"), &json!(alice.person.id)));
    assert_eq!((&first["credential_id"], &first["user_agent"]), (&first["metadata"]["session_id"], &json!("Mine/1")));
    let revoked = of("auth.token_revoked");
    assert!(revoked.iter().all(|entry| entry["actor_type"] == "app" && entry["resource_type"] == "user"));
    assert_eq!(revoked[1]["on_behalf_of"], json!(alice.person.id));
    // What was over before ends no more.
    let again = Holder::new(world, &app, "alan").await;
    world.post("/v1/auth/logout-all", &json!({})).by(&again.person).send().await.ok();
    world.post("/v1/auth/logout", &json!({ "access_token": again.person.token })).send().await.ok();
    world.post("/v1/oauth/revoke", &json!({ "token": again.exchanged })).send().await.ok();
    assert_eq!((world.events("auth.logout"), world.events("auth.token_revoked")), (2, 2));
    assert_eq!(world.events("auth.logout_all"), 1);
}

async fn signing_out_everywhere_ends_every_session(world: &World) {
    let (_, alice) = acme(world).await;
    world.post("/v1/auth/logout-all", &json!({})).by(&alice.person).send().await.ok();
    alice.has(world, [false, false, false, true]).await;
    assert_eq!(world.events("auth.logout_all"), 1);
}

async fn a_changed_password_ends_every_session(world: &World) {
    let (app, alice) = acme(world).await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/change-password", &body).by(&alice.person).send().await.ok();
    alice.has(world, [false, false, false, true]).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
    assert_eq!(world.events("auth.password_changed"), 1);
}

async fn a_reset_password_ends_every_session(world: &World) {
    let (app, alice) = acme(world).await;
    manage(world, &app, &alice.person, "POST", "/verify").await;
    world.mails().await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.person.email })).send().await.ok();
    alice.has(world, [true; 4]).await;
    let body = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &body).send().await.ok();
    alice.has(world, [false, false, false, true]).await;
}

async fn a_session_that_was_ended_by_an_administrator_ends(world: &World) {
    let (app, alice) = acme(world).await;
    manage(world, &app, &alice.person, "POST", "/logout-all").await;
    alice.has(world, [false, false, false, true]).await;
}

async fn a_disabled_account_is_out_at_once_and_back_in_only_with_a_password(world: &World) {
    let (app, alice) = acme(world).await;
    manage(world, &app, &alice.person, "POST", "/disable").await;
    alice.has(world, [false; 4]).await;
    // Only who knows the password is told.
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "account_disabled");
    world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    world.exchange(&app, alice.person.id).await.refused(403, "account_disabled");
    let again = json!({ "email": alice.person.email, "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &again).send().await.refused(409, "email_taken");

    manage(world, &app, &alice.person, "POST", "/enable").await;
    alice.has(world, [false, false, false, true]).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn a_deleted_account_takes_everything_along(world: &World) {
    let (app, alice) = acme(world).await;
    let home = world.home_of(&alice.person).await;
    manage(world, &app, &alice.person, "DELETE", "").await;
    alice.has(world, [false; 4]).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    world.exchange(&app, alice.person.id).await.refused(404, "not_found");
    for table in ["sessions", "api_keys"] {
        let left = world.number(&format!("SELECT count(*) FROM {table}"));
        let of_owner = world.number(&format!(
            "SELECT count(*) FROM {table} t JOIN accounts a ON a.id = t.account_id WHERE a.email LIKE '%owner%' OR \
             a.email LIKE 'administrator%'"
        ));
        assert_eq!(left, of_owner, "{table}");
    }
    // The next one with that address is nobody's heir.
    let next = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/organizations/{home}");
    world.get(&path).by(&next).send().await.refused(404, "not_found");
    alice.has(world, [false; 4]).await;
}

async fn a_disabled_app_lets_nobody_through(world: &World) {
    let (app, alice) = acme(world).await;
    let app_token = world.app_token(&app).await;
    world.get("/v1/me").bearer(&app_token).send().await.ok();
    let switch = async |verb: &str| {
        world.call("POST", &format!("/v1/apps/{}/{verb}", app.id)).bearer(&app.api_key).send().await.ok();
    };
    switch("disable").await;
    alice.has(world, [false; 4]).await;
    world.get("/v1/me").bearer(&app_token).send().await.refused(401, "token_revoked");
    world.exchange(&app, alice.person.id).await.refused(403, "app_disabled");
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    for path in ["signup", "login", "forgot-password", "resend-verification"] {
        let told = world.at_door(Some(&app), &format!("/v1/auth/{path}"), &body).send().await;
        told.refused(403, "app_disabled");
    }
    // Its owners are still in, to switch it on again.
    world.get(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    switch("enable").await;
    alice.has(world, [true; 4]).await;
    world.get("/v1/me").bearer(&app_token).send().await.ok();
}

async fn a_deleted_app_leaves_nothing(world: &World) {
    let (app, alice) = acme(world).await;
    let app_token = world.app_token(&app).await;
    world.delete(&format!("/v1/apps/{}", app.id)).bearer(&app.api_key).send().await.ok();
    alice.has(world, [false; 4]).await;
    world.get("/v1/me").bearer(&app_token).send().await.refused(401, "token_revoked");
    world.exchange(&app, alice.person.id).await.refused(401, "invalid_client");
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(400, "unknown_app");
    let path = format!("/v1/apps/{}", app.id);
    world.get(&path).by(&app.owner).send().await.refused(404, "not_found");
    for table in ["accounts", "organizations"] {
        let of_apps = format!("SELECT count(*) FROM {table} WHERE app_id IS NOT NULL");
        assert_eq!(world.number(&of_apps), 0, "{table}");
    }
    for table in ["memberships", "api_keys"] {
        let orphans =
            format!("SELECT count(*) FROM {table} WHERE organization_id NOT IN (SELECT id FROM organizations)");
        assert_eq!(world.number(&orphans), 0, "{table}");
    }
    for table in ["apps", "client_secrets", "one_time_tokens"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    // Nor is anything sent in its name.
    assert!(world.mails().await.iter().all(|mail| mail.to != alice.person.email));
}

async fn a_replaced_client_secret_ends_what_the_old_one_bought(world: &World) {
    let (app, alice) = acme(world).await;
    let token = world.app_token(&app).await;
    world.get("/v1/me").bearer(&token).send().await.ok();
    let path = format!("/v1/apps/{}/rotate-secret", app.id);
    let next = world.post(&path, &json!({})).bearer(&app.api_key).send().await;
    world.get("/v1/me").bearer(&token).send().await.refused(401, "token_revoked");
    world.exchange(&app, alice.person.id).await.refused(401, "invalid_client");
    let app = App { client_secret: next.text("client_secret"), ..app };
    world.get("/v1/me").bearer(world.app_token(&app).await).send().await.ok();
    world.exchange(&app, alice.person.id).await.ok();
}

/// What somebody reads, and whether they may.
async fn reads(call: Call<'_>) -> (u16, Value) {
    let answer = call.send().await;
    (answer.status, answer.body["error"]["code"].clone())
}

async fn a_member_who_was_removed_sees_nothing_at_once(world: &World) {
    let (app, alice) = acme(world).await;
    let home = world.home_of(&alice.person).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    world.enroll(home, &bob, kernel::Role::Admin).await;
    let key = world.api_key(Some(app.id), home, &bob, |key| key).await;
    let path = format!("/v1/organizations/{home}");
    for token in [&bob.token, &key] {
        assert_eq!(reads(world.get(&path).bearer(token)).await.0, 200);
    }
    world.expel(home, &bob).await;
    for token in [&bob.token, &key] {
        assert_eq!(reads(world.get(&path).bearer(token)).await, (404, json!("not_found")));
        let rename = world.patch(&path, &json!({ "name": "Mine" })).bearer(token);
        assert_eq!(reads(rename).await, (404, json!("not_found")));
    }
    assert!(world.organizations_of(&bob).await.iter().all(|one| one["id"] != home.to_string()));
}

async fn a_key_does_what_its_principal_may_do_now(world: &World) {
    let (app, alice) = acme(world).await;
    let home = world.home_of(&alice.person).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    world.enroll(home, &bob, kernel::Role::Owner).await;
    let key = world.api_key(Some(app.id), home, &bob, |key| key).await;
    let rename = || world.patch(&format!("/v1/organizations/{home}"), &json!({ "name": "Mine" })).bearer(&key);
    rename().send().await.ok();
    world.expel(home, &bob).await;
    world.enroll(home, &bob, kernel::Role::Viewer).await;
    rename().send().await.refused(403, "forbidden");
}
