//! Apps: registered, changed, switched off and on, deleted; and their secrets.

use std::time::Duration;

use futures_util::future::join_all;
use identity::password::Password;
use kernel::{Email, Name, Role, secret::ExposeSecret as _};
use platform::{SetUp, SetUpReport};
use serde_json::{Value, json};

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, World};

on_both!(
    an_app_is_registered_with_a_secret_that_is_shown_once,
    an_app_belongs_to_the_organization_that_is_named,
    a_slug_is_made_of_the_name_and_numbered,
    a_slug_that_was_asked_for_is_had_or_refused,
    apps_registered_at_once_get_slugs_of_their_own,
    an_app_is_changed_field_by_field,
    a_setting_outside_its_range_is_refused_and_changes_nothing,
    an_address_that_makes_no_sense_is_refused,
    a_list_shows_the_apps_that_one_manages,
    an_app_is_used_by_so_many,
    a_secret_is_replaced_at_once_or_with_an_overlap,
    attack_17_overlaps_do_not_add_up,
    an_owner_deletes_and_an_administrator_does_not,
    an_app_switches_itself_off_but_not_on,
    set_up_finds_the_app_of_a_developer_who_is_proven,
    attack_25_set_up_takes_over_no_app_of_a_stranger,
);

async fn register(world: &World, app: &App, body: &Value) -> Answer {
    world.post("/v1/apps", body).by(&app.owner).send().await
}

async fn an_app_is_registered_with_a_secret_that_is_shown_once(world: &World) {
    let developer = world.sign_up(None, "developer").await;
    let body = json!({ "name": "My App", "allowed_origins": ["https://MyApp.com/"], "metadata": { "team": 7 } });
    let made = world.post("/v1/apps", &body).by(&developer).send().await;
    assert_eq!(made.status, 201);
    let data = made.ok();
    assert_eq!((made.text("name"), made.text("slug")), ("My App".to_owned(), "my-app".to_owned()));
    assert!(made.text("client_id").starts_with("foc_") && made.text("client_secret").starts_with("focs_"));
    assert_eq!(data["allowed_origins"], json!(["https://myapp.com"]));
    assert_eq!((&data["auto_create_org"], &data["metadata"]), (&json!(true), &json!({ "team": 7 })));
    assert_eq!(made.text("organization_id"), world.home_of(&developer).await.to_string());
    let path = format!("/v1/apps/{}", made.text("id"));
    for shown in [
        world.get(&path).by(&developer).send().await,
        world.get("/v1/apps").by(&developer).send().await,
        world.patch(&path, &json!({ "name": "Renamed" })).by(&developer).send().await,
    ] {
        assert!(!shown.body.to_string().contains("focs_") && !shown.body.to_string().contains("client_secret"));
    }
    let grant = json!({
        "grant_type": "client_credentials", "client_id": made.text("client_id"),
        "client_secret": made.text("client_secret"),
    });
    world.post("/v1/oauth/token", &grant).send().await.ok();
}

async fn an_app_belongs_to_the_organization_that_is_named(world: &World) {
    let app = world.app("acme").await;
    let mine = world.post("/v1/organizations", &json!({ "name": "Mine" })).by(&app.owner).send().await.text("id");
    let made = register(world, &app, &json!({ "name": "There", "organization_id": mine })).await;
    assert_eq!(made.text("organization_id"), mine);
    // A key makes it in its own organization.
    let by_key = world.post("/v1/apps", &json!({ "name": "Here" })).bearer(&app.api_key).send().await;
    assert_eq!(by_key.text("organization_id"), app.organization.to_string());
    let elsewhere = json!({ "name": "There", "organization_id": mine });
    world.post("/v1/apps", &elsewhere).bearer(&app.api_key).send().await.refused(404, "not_found");
    // Who has nothing to put it in is told so.
    let member = world.sign_up(None, "member").await;
    world.enroll(app.organization, &member, Role::Member).await;
    let theirs = json!({ "name": "Theirs", "organization_id": app.organization });
    world.post("/v1/apps", &theirs).by(&member).send().await.refused(403, "forbidden");
    // An organization of an app's users owns no apps.
    let alice = world.sign_up(Some(&app), "alice").await;
    let tenant = world.home_of(&alice).await;
    let key = world.api_key(Some(app.id), tenant, &alice, |key| key).await;
    for token in [&alice.token, &key] {
        let told =
            world.post("/v1/apps", &json!({ "name": "No", "organization_id": tenant })).bearer(token).send().await;
        assert!([403, 404].contains(&told.status), "{told:?}");
        world.post("/v1/apps", &json!({ "name": "No" })).bearer(token).send().await.refused(403, "forbidden");
    }
}

async fn a_slug_is_made_of_the_name_and_numbered(world: &World) {
    let app = world.app("acme").await;
    for slug in ["my-app", "my-app-2", "my-app-3"] {
        assert_eq!(register(world, &app, &json!({ "name": "My App!" })).await.text("slug"), slug);
    }
    assert_eq!(register(world, &app, &json!({ "name": "株" })).await.text("slug"), "zhu");
    assert_eq!(register(world, &app, &json!({ "name": "!!!" })).await.text("slug"), "app");
    let long = register(world, &app, &json!({ "name": "x".repeat(200) })).await.text("slug");
    assert!(long.len() <= 63, "{long}");
    // Another owner's are another matter.
    let other = world.app("other").await;
    assert_eq!(register(world, &other, &json!({ "name": "My App" })).await.text("slug"), "my-app");
}

async fn a_slug_that_was_asked_for_is_had_or_refused(world: &World) {
    let app = world.app("acme").await;
    let body = json!({ "name": "One", "slug": "mine" });
    assert_eq!(register(world, &app, &body).await.text("slug"), "mine");
    register(world, &app, &body).await.refused(409, "slug_taken");
    for slug in ["", "Mine", "a b", "-a", "a_b", "é", "a/b", "../a", &"a".repeat(64)] {
        register(world, &app, &json!({ "name": "One", "slug": slug })).await.refused(400, "invalid_slug");
    }
}

async fn apps_registered_at_once_get_slugs_of_their_own(world: &World) {
    let app = world.app("acme").await;
    for round in 0..10 {
        let body = json!({ "name": format!("App {round}") });
        let made = join_all((0..6).map(|_| register(world, &app, &body))).await;
        let mut slugs: Vec<_> = made.iter().map(|made| made.text("slug")).collect();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), 6, "{slugs:?}");
    }
}

async fn an_app_is_changed_field_by_field(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    let mut expected = world.get(&path).by(&app.owner).send().await.ok().clone();
    for change in [
        json!({ "name": "Renamed" }),
        json!({ "auto_create_org": false }),
        json!({ "open_sign_up": false }),
        json!({ "require_verified_email": true }),
        json!({ "confirm_links": true }),
        json!({ "fresh_sign_in_for_keys": true }),
        json!({ "magic_links": false, "email_codes": false }),
        json!({ "allowed_origins": ["https://a.example", "http://localhost:3000"] }),
        json!({ "redirect_urls": ["https://a.example/done"] }),
        json!({ "site_url": "https://a.example" }),
        json!({ "lockout_threshold": 3, "lockout_seconds": 60 }),
        json!({ "access_token_seconds": 60, "refresh_token_seconds": 300, "refresh_grace_seconds": 10 }),
        json!({ "metadata": { "a": [1, null, "🦊"] } }),
        json!({ "site_url": null }),
        json!({}),
    ] {
        let changed = world.patch(&path, &change).by(&app.owner).send().await.ok().clone();
        for (name, value) in change.as_object().unwrap() {
            expected[name] = value.clone();
        }
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "{change}");
        assert_eq!(*world.get(&path).bearer(&app.api_key).send().await.ok(), expected);
    }
}

async fn a_setting_outside_its_range_is_refused_and_changes_nothing(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    let before = world.get(&path).by(&app.owner).send().await.ok().clone();
    for (name, least, most) in [
        ("lockout_threshold", 1_u32, 100_u32),
        ("lockout_seconds", 1, 86_400),
        ("access_token_seconds", 60, 86_400),
        ("refresh_token_seconds", 300, 34_560_000),
        ("refresh_grace_seconds", 0, 300),
    ] {
        let change = async |value: Value| {
            let body = Value::from_iter([("name".to_owned(), json!("Renamed")), (name.to_owned(), value)]);
            world.patch(&path, &body).by(&app.owner).send().await
        };
        for beyond in [i64::from(least) - 1, i64::from(most) + 1, i64::from(u32::MAX)].into_iter().filter(|n| *n >= 0) {
            change(json!(beyond)).await.refused(400, "invalid_setting");
        }
        for nonsense in [json!(-1), json!("5"), json!(1.5), json!(1e20), json!([5]), json!(5_000_000_000_u64)] {
            change(nonsense).await.refused(400, "invalid_body");
        }
    }
    assert_eq!(*world.get(&path).by(&app.owner).send().await.ok(), before);
    for (name, least, most) in [("lockout_threshold", 1, 100), ("refresh_grace_seconds", 0, 300)] {
        for value in [least, most] {
            let body = Value::from_iter([(name.to_owned(), json!(value))]);
            assert_eq!(world.patch(&path, &body).by(&app.owner).send().await.ok()[name], value);
        }
    }
}

async fn an_address_that_makes_no_sense_is_refused(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    let refused = async |body: Value, code: &str| {
        world.patch(&path, &body).by(&app.owner).send().await.refused(400, code);
    };
    for origin in ["*", "null", "https://*.a.example", "https://a.example/path", "ftp://a.example", "a.example", ""] {
        refused(json!({ "allowed_origins": ["https://good.example", origin] }), "invalid_origin").await;
    }
    for url in [
        "http://a.example",
        "javascript:alert(1)",
        "//a.example",
        "https://u:p@a.example",
        "https://a.example/#x",
        "https://a.example/\r\nX: y",
        "data:text/html,x",
        "",
    ] {
        refused(json!({ "redirect_urls": [url] }), "invalid_url").await;
        refused(json!({ "site_url": url }), "invalid_url").await;
    }
    refused(json!({ "allowed_origins": vec!["https://a.example"; 51] }), "invalid_setting").await;
    refused(json!({ "redirect_urls": vec!["https://a.example"; 51] }), "invalid_setting").await;
}

async fn a_list_shows_the_apps_that_one_manages(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let administrator = world.administrator().await;
    let second = register(world, &app, &json!({ "name": "Second" })).await.text("id");
    let list = async |token: &str| -> Vec<String> {
        let answer = world.get("/v1/apps").bearer(token).send().await;
        answer.ok().as_array().unwrap().iter().map(|app| app["id"].as_str().unwrap().to_owned()).collect()
    };
    let (mine, theirs) = (vec![app.id.to_string(), second.clone()], vec![other.id.to_string()]);
    assert_eq!(list(&app.owner.token).await, mine);
    assert_eq!(list(&app.api_key).await, mine);
    assert_eq!(list(&other.owner.token).await, theirs);
    assert_eq!(list(&world.app_token(&app).await).await, [app.id.to_string()]);
    let all = [app.id.to_string(), other.id.to_string(), second];
    assert_eq!(list(&administrator.token).await, all);
    assert!(list(&world.sign_up(None, "stranger").await.token).await.is_empty());
    assert!(list(&world.sign_up(Some(&app), "acme-owner").await.token).await.is_empty());

    let first = world.get("/v1/apps?limit=1").by(&app.owner).send().await;
    assert_eq!(first.body["meta"]["pagination"]["has_more"], true);
    let next = first.body["links"]["next"].as_str().unwrap();
    let rest = world.get(next).by(&app.owner).send().await;
    assert_eq!(rest.ok().as_array().unwrap().len(), 1);
    assert!(rest.body["links"].get("next").is_none());
}

async fn an_app_is_used_by_so_many(world: &World) {
    let app = world.app("acme").await;
    for name in ["alice", "bob"] {
        world.sign_up(Some(&app), name).await;
    }
    world.configure(&app, &json!({ "auto_create_org": false })).await;
    world.sign_up(Some(&app), "carol").await;
    let usage = world.get(&format!("/v1/apps/{}/usage", app.id)).bearer(&app.api_key).send().await;
    let expected = json!({ "app_id": app.id, "total_runs": 0, "total_orgs": 2, "total_members": 3 });
    assert_eq!(*usage.ok(), expected);
}

/// The same app with another secret.
async fn rotate(world: &World, app: &App, body: &Value) -> App {
    let path = format!("/v1/apps/{}/rotate-secret", app.id);
    let answer = world.post(&path, body).bearer(&app.api_key).send().await;
    assert_eq!((answer.text("app_id"), answer.text("client_id")), (app.id.to_string(), app.client_id.clone()));
    assert_ne!(answer.text("client_secret"), app.client_secret);
    let overlap = body["overlap_seconds"].as_u64().unwrap_or_default();
    assert_eq!(answer.ok()["previous_secret_expires_at"].is_string(), overlap > 0);
    App { client_secret: answer.text("client_secret"), ..app.clone() }
}

/// Whether the secret still counts.
async fn counts(world: &World, app: &App) -> bool {
    let body = json!({
        "grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret,
    });
    let answer = world.post("/v1/oauth/token", &body).send().await;
    assert!(answer.is_success() || answer.code() == "invalid_client", "{answer:?}");
    answer.is_success()
}

async fn a_secret_is_replaced_at_once_or_with_an_overlap(world: &World) {
    let first = world.app("acme").await;
    let second = rotate(world, &first, &json!({})).await;
    assert!(!counts(world, &first).await && counts(world, &second).await);
    let third = rotate(world, &second, &json!({ "overlap_seconds": 60 })).await;
    assert!(counts(world, &second).await && counts(world, &third).await);
    let bought = world.app_token(&second).await;
    world.advance(Duration::from_secs(59));
    assert!(counts(world, &second).await);
    world.advance(Duration::from_secs(2));
    assert!(!counts(world, &second).await && counts(world, &third).await);
    world.get("/v1/me").bearer(&bought).send().await.refused(401, "token_revoked");
    let path = format!("/v1/apps/{}/rotate-secret", first.id);
    let week = json!({ "overlap_seconds": 604_801 });
    world.post(&path, &week).bearer(&first.api_key).send().await.refused(400, "invalid_setting");
    let much = json!({ "overlap_seconds": u64::MAX });
    world.post(&path, &much).bearer(&first.api_key).send().await.refused(400, "invalid_setting");
    assert!(counts(world, &third).await);
    assert_eq!(world.events("app.secret_rotated"), 2);
}

async fn attack_17_overlaps_do_not_add_up(world: &World) {
    let first = world.app("acme").await;
    let second = rotate(world, &first, &json!({ "overlap_seconds": 60 })).await;
    world.advance(Duration::from_secs(30));
    let third = rotate(world, &second, &json!({ "overlap_seconds": 3600 })).await;
    world.advance(Duration::from_secs(31));
    assert!(!counts(world, &first).await, "its end does not move");
    assert!(counts(world, &second).await && counts(world, &third).await);
    // Whoever has lost a secret ends it now, whatever was granted before.
    let fourth = rotate(world, &third, &json!({})).await;
    assert!(!counts(world, &second).await && !counts(world, &third).await && counts(world, &fourth).await);
}

async fn an_owner_deletes_and_an_administrator_does_not(world: &World) {
    let app = world.app("acme").await;
    let administrator = world.sign_up(None, "admin").await;
    world.enroll(app.organization, &administrator, Role::Admin).await;
    let path = format!("/v1/apps/{}", app.id);
    world.delete(&path).by(&administrator).send().await.refused(403, "forbidden");
    world.patch(&path, &json!({ "name": "Renamed" })).by(&administrator).send().await.ok();
    world.delete(&path).by(&app.owner).send().await.ok();
    world.get(&path).by(&app.owner).send().await.refused(404, "not_found");
    world.delete(&path).by(&app.owner).send().await.refused(404, "not_found");
    assert_eq!(world.events("app.deleted"), 1);
}

/// Whoever finds out that a secret leaked can stop it with that secret alone; whoever stole it cannot start again.
async fn an_app_switches_itself_off_but_not_on(world: &World) {
    let app = world.app("acme").await;
    let token = world.app_token(&app).await;
    let path = format!("/v1/apps/{}", app.id);
    world.call("POST", &format!("{path}/disable")).bearer(&token).send().await.ok();
    world.call("POST", &format!("{path}/enable")).bearer(&token).send().await.refused(401, "token_revoked");
    assert_eq!(world.get(&path).by(&app.owner).send().await.ok()["disabled"], true);
}

/// What `fabric setup` does about a developer with an app of that name; tells whether it made anything.
async fn set_up(world: &World, name: &str, email: &str) -> SetUpReport {
    let wanted = SetUp {
        app_name: Name::parse(name).unwrap(),
        email: Email::parse(email).unwrap(),
        password: Password::choose(&NEXT_PASSWORD.into()).unwrap(),
        webhook_url: None,
    };
    world.platform.set_up(wanted).await.unwrap()
}

async fn set_up_finds_the_app_of_a_developer_who_is_proven(world: &World) {
    world.administrator().await;
    let developer = world.sign_up(None, "developer").await;
    let verify = format!("/v1/admin/users/{}/verify", developer.id);
    let administrator = world.administrator().await;
    world.call("POST", &verify).by(&administrator).send().await.ok();
    let app = world.post("/v1/apps", &json!({ "name": "Shop" })).by(&developer).send().await;
    let (first, second) =
        (set_up(world, "Shop", &developer.email).await, set_up(world, "Shop", &developer.email).await);
    assert!(!first.created && !second.created);
    assert_eq!(first.app.id.to_string(), app.text("id"));
    assert_eq!(first.webhook_secret.expose_secret(), second.webhook_secret.expose_secret());
    world.log_in(None, "developer", PASSWORD).await.ok();
}

async fn attack_25_set_up_takes_over_no_app_of_a_stranger(world: &World) {
    world.administrator().await;
    let stranger = world.sign_up(None, "developer").await;
    let theirs = world.post("/v1/apps", &json!({ "name": "Shop" })).by(&stranger).send().await.text("id");
    let made = set_up(world, "Shop", &stranger.email).await;
    assert!(made.created && made.app.id.to_string() != theirs);
    world.get("/v1/me").by(&stranger).send().await.refused(401, "token_revoked");
    assert_eq!(world.events("auth.email_verified"), 1);
    world.log_in(None, "developer", PASSWORD).await.refused(401, "invalid_credentials");
    world.log_in(None, "developer", NEXT_PASSWORD).await.ok();
}
