//! API keys of people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    a_person_makes_a_key_that_acts_as_them,
    attack_43_nothing_shows_a_secret_again,
    attack_43_a_list_is_of_ones_own_unless_one_may_see_all,
    attack_41_what_is_over_is_over_at_once,
    attack_41_a_key_goes_when_its_owner_leaves,
    attack_41_a_key_in_a_url_is_nobody,
    attack_16_a_key_is_exactly_itself,
    a_rotation_ends_the_secret_before_it,
    a_rotation_may_overlap_with_the_secret_before_it_and_no_earlier_one,
    a_key_comes_from_where_it_may,
    a_use_is_seen_within_a_minute,
    what_makes_no_sense_is_refused,
    somebody_has_so_many_keys,
);

/// Makes a key in the company.
pub async fn make(world: &World, company: &Company, bearer: &str, wishes: &Value) -> Answer {
    let mut body = json!({ "name": "Deploys", "organization_id": company.id });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    world.post("/v1/api-keys", &body).bearer(bearer).send().await
}

pub async fn key(world: &World, company: &Company, person: &Person, wishes: &Value) -> (String, String) {
    let made = make(world, company, &person.token, wishes).await;
    (made.text("id"), made.text("key"))
}

pub async fn me(world: &World, key: &str) -> Answer {
    world.get("/v1/me").bearer(key).send().await
}

async fn a_person_makes_a_key_that_acts_as_them(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({ "description": "For the pipeline", "scopes": ["members:read"], "expires_in_days": 30 });
    let made = make(world, &company, &company.member.token, &wishes).await;
    assert_eq!((made.status, made.text("key").len()), (201, 12 + 1 + 43));
    for name in ["raw_key", "secret"] {
        assert_eq!(made.text(name), made.text("key"));
    }
    assert!(made.text("key").starts_with(&format!("{}_", made.text("prefix"))));
    for (field, value) in [
        ("organization_id", json!(company.id)),
        ("principal_id", json!(company.member.id)),
        ("created_by", json!(company.member.id)),
        ("service_account_id", Value::Null),
        ("name", json!("Deploys")),
        ("description", json!("For the pipeline")),
        ("role", json!("member")),
        ("scopes", json!(["members:read"])),
        ("allowed_ips", json!([])),
        ("disabled", json!(false)),
        ("last_used_at", Value::Null),
    ] {
        assert_eq!(made.ok()[field], value, "{field}");
    }
    let me = me(world, &made.text("key")).await;
    assert_eq!(me.ok()["principal_id"], json!(company.member.id));
    assert_eq!(me.body["context"]["organization_id"], json!(company.id));
    world.get(&company.path("members")).bearer(made.text("key")).send().await.ok();
    world.get(&company.path("roles")).bearer(made.text("key")).send().await.refused(403, "insufficient_scope");
    assert_eq!(world.events("api_key.created"), 1 + 1, "and the one of the set-up");

    // What it acts in is that one organization.
    let home = world.organizations_of(&company.member).await;
    let elsewhere = home.iter().find(|home| home["id"] != json!(company.id)).unwrap()["id"].as_str().unwrap();
    let path = format!("/v1/organizations/{elsewhere}/members");
    world.get(&path).bearer(made.text("key")).send().await.refused(404, "not_found");
}

async fn attack_43_nothing_shows_a_secret_again(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = key(world, &company, &company.owner, &json!({})).await;
    let secret = &key[13..];
    let path = format!("/v1/api-keys/{id}");
    for answer in [
        world.get(&path).by(&company.owner).send().await,
        world.get("/v1/api-keys").by(&company.owner).send().await,
        world.get(&format!("/v1/api-keys?organization_id={}", company.id)).by(&company.owner).send().await,
        world.patch(&path, &json!({ "name": "Renamed", "description": null })).by(&company.owner).send().await,
        world.call("POST", &format!("{path}/disable")).by(&company.owner).send().await,
        world.call("POST", &format!("{path}/enable")).by(&company.owner).send().await,
    ] {
        answer.ok();
        let text = answer.body.to_string();
        assert!(text.contains(&id) && !text.contains(secret) && !text.contains("hash"), "{text}");
    }
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%\"hash%'"), 0);
    assert_eq!(world.number(&format!("SELECT count(*) FROM events WHERE payload LIKE '%{secret}%'")), 0);
}

async fn ids(world: &World, path: &str, by: &Person) -> Vec<String> {
    let list = world.get(path).by(by).send().await;
    let rows = list.ok().as_array().unwrap().clone();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn attack_43_a_list_is_of_ones_own_unless_one_may_see_all(world: &World) {
    let company = Company::new(world).await;
    let (owners, _) = key(world, &company, &company.owner, &json!({})).await;
    let (members, _) = key(world, &company, &company.member, &json!({})).await;
    let elsewhere = world.home_of(&company.outsider).await;
    let body = json!({ "name": "Elsewhere", "organization_id": elsewhere });
    world.post("/v1/api-keys", &body).by(&company.outsider).send().await.ok();
    let here = format!("/v1/api-keys?organization_id={}&include_total=true", company.id);
    for (who, in_all, own) in [
        (&company.owner, vec![&owners, &members], vec![&owners]),
        (&company.admin, vec![&owners, &members], vec![]),
        (&company.member, vec![&members], vec![&members]),
        (&company.viewer, vec![], vec![]),
    ] {
        assert_eq!(ids(world, &here, who).await.iter().collect::<Vec<_>>(), in_all);
        assert_eq!(ids(world, "/v1/api-keys", who).await.iter().collect::<Vec<_>>(), own);
        let total = world.get(&here).by(who).send().await.body["meta"]["pagination"]["total"].clone();
        assert_eq!(total, json!(in_all.len()));
    }
    world.get(&here).by(&company.outsider).send().await.refused(404, "not_found");
    world.get(&format!("/v1/api-keys/{owners}")).by(&company.outsider).send().await.refused(404, "not_found");
    world.get(&format!("/v1/api-keys/{owners}")).by(&company.member).send().await.refused(403, "forbidden");
    world.get(&format!("/v1/api-keys/{members}")).by(&company.admin).send().await.ok();
    let page = format!("/v1/api-keys?organization_id={}&limit=1&cursor={owners}", company.id);
    assert_eq!(ids(world, &page, &company.owner).await, [members]);
}

async fn attack_41_what_is_over_is_over_at_once(world: &World) {
    let company = Company::new(world).await;
    let (disabled, disabled_key) = key(world, &company, &company.member, &json!({})).await;
    let (deleted, deleted_key) = key(world, &company, &company.member, &json!({})).await;
    let (expired, expiring_key) = key(world, &company, &company.member, &json!({ "expires_in_days": 1 })).await;
    for key in [&disabled_key, &deleted_key, &expiring_key] {
        me(world, key).await.ok();
    }
    let post = async |id: &str, rest: &str| {
        world.call("POST", &format!("/v1/api-keys/{id}/{rest}")).by(&company.member).send().await
    };
    for _ in 0..2 {
        assert_eq!(post(&disabled, "disable").await.ok()["disabled"], true);
    }
    me(world, &disabled_key).await.refused(401, "unauthorized");
    post(&disabled, "rotate").await.refused(409, "conflict");
    assert_eq!(post(&disabled, "enable").await.ok()["disabled"], false);
    me(world, &disabled_key).await.ok();
    assert_eq!((world.events("api_key.disabled"), world.events("api_key.enabled")), (1, 1));

    world.delete(&format!("/v1/api-keys/{deleted}")).by(&company.member).send().await.ok();
    me(world, &deleted_key).await.refused(401, "unauthorized");
    world.get(&format!("/v1/api-keys/{deleted}")).by(&company.member).send().await.refused(404, "not_found");
    assert_eq!(world.events("api_key.revoked"), 1);

    world.advance(Duration::from_hours(24));
    me(world, &expiring_key).await.refused(401, "unauthorized");
    let member = world.sign_in(Some(&company.app), "member").await;
    let rotate = world.call("POST", &format!("/v1/api-keys/{expired}/rotate")).by(&member);
    rotate.send().await.refused(409, "conflict");
}

async fn attack_41_a_key_goes_when_its_owner_leaves(world: &World) {
    let company = Company::new(world).await;
    let (removed, removed_key) = key(world, &company, &company.member, &json!({})).await;
    let (_, left_key) = key(world, &company, &company.admin, &json!({})).await;
    let elsewhere = world.organizations_of(&company.member).await;
    let elsewhere = elsewhere.iter().find(|home| home["id"] != json!(company.id)).unwrap();
    let body = json!({ "name": "Home", "organization_id": elsewhere["id"] });
    let kept = world.post("/v1/api-keys", &body).by(&company.member).send().await.text("key");
    for key in [&removed_key, &left_key] {
        me(world, key).await.ok();
    }
    company.remove(world, &company.owner, &company.member).await.ok();
    world.call("POST", &company.path("leave")).by(&company.admin).send().await.ok();
    for key in [&removed_key, &left_key] {
        me(world, key).await.refused(401, "unauthorized");
    }
    world.get(&format!("/v1/api-keys/{removed}")).by(&company.owner).send().await.refused(404, "not_found");
    me(world, &kept).await.ok();
    // Who comes back finds none.
    world.enroll(company.id, &company.member, kernel::Role::Member).await;
    me(world, &removed_key).await.refused(401, "unauthorized");
}

async fn attack_41_a_key_in_a_url_is_nobody(world: &World) {
    let company = Company::new(world).await;
    let (_, key) = key(world, &company, &company.owner, &json!({})).await;
    for name in ["api_key", "key", "access_token", "token", "authorization", "Authorization"] {
        world.get(&format!("/v1/me?{name}={key}")).send().await.refused(401, "unauthorized");
    }
    for header in ["x-api-key", "api-key", "cookie"] {
        world.get("/v1/me").header(header, &key).send().await.refused(401, "unauthorized");
    }
}

async fn attack_16_a_key_is_exactly_itself(world: &World) {
    let company = Company::new(world).await;
    let (_, key) = key(world, &company, &company.owner, &json!({})).await;
    let (_, other) = super::api_keys::key(world, &company, &company.owner, &json!({})).await;
    me(world, &key).await.ok();
    let swap = |letter: char| {
        if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    for bent in [
        key[..key.len() - 1].to_owned(),
        key[..12].to_owned(),
        format!("{}_", &key[..12]),
        format!("{key}A"),
        format!("{key}="),
        format!("{key}%20"),
        key.chars().map(swap).collect(),
        format!("{}{}", key[..12].to_uppercase(), &key[12..]),
        key.replace('_', "-"),
        format!("{}{}", &key[..12], &other[12..]),
        format!("{}{}", &other[..12], &key[12..]),
        key.chars().rev().collect(),
    ] {
        if bent != key {
            me(world, &bent).await.refused(401, "unauthorized");
        }
    }
    me(world, &key).await.ok();
}

async fn rotate(world: &World, company: &Company, id: &str, how: &Value) -> Answer {
    world.post(&format!("/v1/api-keys/{id}/rotate"), how).by(&company.member).send().await
}

async fn a_rotation_ends_the_secret_before_it(world: &World) {
    let company = Company::new(world).await;
    let (id, first) = key(world, &company, &company.member, &json!({})).await;
    me(world, &first).await.ok();
    let rotated = world.call("POST", &format!("/v1/api-keys/{id}/rotate")).by(&company.member).send().await;
    let second = rotated.text("key");
    assert_eq!(
        (rotated.text("id"), rotated.text("raw_key"), rotated.text("secret")),
        (id, second.clone(), second.clone())
    );
    assert!(second != first && second[..13] == first[..13]);
    assert_eq!(rotated.ok()["previous_secret_expires_at"], Value::Null);
    me(world, &first).await.refused(401, "unauthorized");
    assert_eq!(me(world, &second).await.ok()["principal_id"], json!(company.member.id));
    assert_eq!(world.events("api_key.rotated"), 1);
}

async fn a_rotation_may_overlap_with_the_secret_before_it_and_no_earlier_one(world: &World) {
    let company = Company::new(world).await;
    let (id, first) = key(world, &company, &company.member, &json!({})).await;
    let second = rotate(world, &company, &id, &json!({ "overlap_seconds": 600 })).await;
    assert!(second.ok()["previous_secret_expires_at"].is_string());
    for key in [&first, &second.text("key")] {
        me(world, key).await.ok();
    }
    let third = rotate(world, &company, &id, &json!({ "overlap_seconds": 600 })).await.text("key");
    me(world, &first).await.refused(401, "unauthorized");
    for key in [&second.text("key"), &third] {
        me(world, key).await.ok();
    }
    world.advance(Duration::from_mins(10));
    me(world, &second.text("key")).await.refused(401, "unauthorized");
    me(world, &third).await.ok();
    // Who has the old secret in the overlap keeps it no longer than that.
    let fourth = rotate(world, &company, &id, &json!({ "overlap_seconds": 600 })).await.text("key");
    let path = format!("/v1/api-keys/{id}");
    world.call("POST", &format!("{path}/disable")).by(&company.member).send().await.ok();
    for key in [&third, &fourth] {
        me(world, key).await.refused(401, "unauthorized");
    }
    world.call("POST", &format!("{path}/enable")).by(&company.member).send().await.ok();
    rotate(world, &company, &id, &json!({ "overlap_seconds": 604_801 })).await.refused(400, "invalid_setting");
    rotate(world, &company, &id, &json!({ "overlap_seconds": 604_800 })).await.ok();
}

async fn a_key_comes_from_where_it_may(world: &World) {
    let company = Company::new(world).await;
    let allowed = json!({ "allowed_ips": ["203.0.113.9/24", "2001:db8::/32", "::ffff:198.51.100.7"] });
    let made = make(world, &company, &company.member.token, &allowed).await;
    assert_eq!(made.ok()["allowed_ips"], json!(["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32"]));
    let key = made.text("key");
    let from = async |peer: &str| world.get("/v1/me").bearer(&key).from(peer).send().await;
    for peer in ["203.0.113.200:1", "[::ffff:203.0.113.200]:1", "[2001:db8:1::1]:1", "198.51.100.7:1"] {
        from(peer).await.ok();
    }
    for peer in ["203.0.114.1:1", "[::1]:1", "127.0.0.1:1", "[2001:db9::1]:1", "198.51.100.8:1"] {
        from(peer).await.refused(401, "unauthorized");
    }
    // What somebody writes into a header is no address.
    let spoofed = world.get("/v1/me").bearer(&key).from("198.51.100.8:1").header("x-forwarded-for", "203.0.113.1");
    spoofed.send().await.refused(401, "unauthorized");
    me(world, &key).await.refused(401, "unauthorized");
    let body = json!({ "allowed_ips": [] });
    world.patch(&format!("/v1/api-keys/{}", made.text("id")), &body).by(&company.member).send().await.ok();
    me(world, &key).await.ok();
}

async fn a_use_is_seen_within_a_minute(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = key(world, &company, &company.member, &json!({})).await;
    let last = async || {
        while world.platform.write_key_uses().await.unwrap() > 0 {}
        let read = world.get(&format!("/v1/api-keys/{id}")).by(&company.member).send().await;
        read.ok()["last_used_at"].clone()
    };
    assert_eq!(last().await, Value::Null);
    me(world, &format!("{}x", &key[..key.len() - 1])).await.refused(401, "unauthorized");
    assert_eq!(last().await, Value::Null, "nobody used it");
    let before = world.now().to_string();
    me(world, &key).await.ok();
    let first = last().await;
    assert!(first.as_str().unwrap() > before.as_str(), "{first} > {before}");
    world.advance(Duration::from_secs(50));
    me(world, &key).await.ok();
    assert_eq!(last().await, first, "that is close enough");
    world.advance(Duration::from_secs(20));
    me(world, &key).await.ok();
    assert!(last().await.as_str() > first.as_str());
}

async fn what_makes_no_sense_is_refused(world: &World) {
    let company = Company::new(world).await;
    for (wishes, code) in [
        (json!({ "scopes": ["everything"] }), "invalid_request"),
        (json!({ "scopes": ["members:*"] }), "invalid_request"),
        (json!({ "scopes": "members:read" }), "invalid_body"),
        (json!({ "expires_in_days": 0 }), "invalid_request"),
        (json!({ "expires_in_days": 3651 }), "invalid_request"),
        (json!({ "expires_in_days": -1 }), "invalid_body"),
        (json!({ "expires_at": "2001-01-01T00:00:00Z" }), "invalid_request"),
        (json!({ "expires_at": "tomorrow" }), "invalid_body"),
        (json!({ "expires_at": "2100-01-01T00:00:00Z", "expires_in_days": 1 }), "invalid_request"),
        (json!({ "allowed_ips": ["everywhere"] }), "invalid_request"),
        (json!({ "allowed_ips": vec!["192.0.2.1"; 51] }), "invalid_request"),
        (json!({ "name": "" }), "invalid_name"),
        (json!({ "name": null }), "invalid_body"),
        (json!({ "description": "x".repeat(1001) }), "invalid_request"),
        (json!({ "organization_id": "acme" }), "invalid_body"),
    ] {
        make(world, &company, &company.owner.token, &wishes).await.refused(400, code);
    }
    let once = json!({ "scopes": ["members:read", "members:read"], "expires_at": "2100-01-01T00:00:00Z" });
    let made = make(world, &company, &company.owner.token, &once).await;
    assert_eq!(
        (&made.ok()["scopes"], made.text("expires_at")),
        (&json!(["members:read"]), "2100-01-01T00:00:00Z".into())
    );
}

async fn somebody_has_so_many_keys(world: &World) {
    let company = Company::new(world).await;
    let principal = company.member.id;
    for _ in 0..99 {
        world.insert_key(company.id, |key| identity::ApiKey { principal, ..key }).await;
    }
    let (id, _) = key(world, &company, &company.member, &json!({})).await;
    make(world, &company, &company.member.token, &json!({})).await.refused(409, "conflict");
    make(world, &company, &company.admin.token, &json!({})).await.ok();
    world.delete(&format!("/v1/api-keys/{id}")).by(&company.member).send().await.ok();
    make(world, &company, &company.member.token, &json!({})).await.ok();
}
