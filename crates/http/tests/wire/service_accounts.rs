//! Service accounts and their keys.

use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    an_organization_makes_a_service_account,
    a_key_acts_as_its_service_account,
    a_service_account_of_a_team_has_its_role_there,
    a_service_account_survives_who_made_it,
    a_disabled_one_is_nobody,
    a_deleted_one_takes_its_keys_and_grants_along,
    a_key_of_one_is_rotated_and_revoked,
    attack_40_nobody_makes_one_above_themselves,
    attack_40_nobody_gets_the_key_of_one_that_may_more_than_they,
    a_service_account_has_grants,
    an_owner_is_denied_nothing,
    a_service_account_makes_keys_as_itself,
    a_service_account_belongs_to_no_list_of_members,
    attack_37_anothers_service_account_does_not_exist,
    an_organization_has_so_many,
);

async fn make(world: &World, company: &Company, by: &Person, wishes: &Value) -> Answer {
    let mut body = json!({ "name": "Deploys", "organization_id": company.id });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    world.post("/v1/service-accounts", &body).by(by).send().await
}

/// A service account and a key of it.
async fn with_key(world: &World, company: &Company, wishes: &Value) -> (String, String) {
    let id = make(world, company, &company.owner, wishes).await.text("id");
    let key = key(world, &company.owner, &id, &json!({})).await.text("secret");
    (id, key)
}

async fn key(world: &World, by: &Person, id: &str, wishes: &Value) -> Answer {
    world.post(&format!("/v1/service-accounts/{id}/api-keys"), wishes).by(by).send().await
}

async fn post(world: &World, by: &Person, id: &str, what: &str) -> Answer {
    world.post(&format!("/v1/service-accounts/{id}/{what}"), &json!({})).by(by).send().await
}

async fn me(world: &World, key: &str) -> Answer {
    world.get("/v1/me").bearer(key).send().await
}

async fn an_organization_makes_a_service_account(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({ "description": "Nightly", "principal_id": company.owner.id, "disabled": true });
    let made = make(world, &company, &company.admin, &wishes).await;
    assert_eq!(made.status, 201);
    for (field, value) in [
        ("organization_id", json!(company.id)),
        ("principal_id", made.ok()["id"].clone()),
        ("created_by", json!(company.admin.id)),
        ("team_id", Value::Null),
        ("name", json!("Deploys")),
        ("description", json!("Nightly")),
        ("role", json!("member")),
        ("disabled", json!(false)),
    ] {
        assert_eq!(made.ok()[field], value, "{field}");
    }
    let path = format!("/v1/service-accounts/{}", made.text("id"));
    let list = format!("/v1/service-accounts?organization_id={}", company.id);
    for who in [&company.owner, &company.member] {
        assert_eq!(world.get(&path).by(who).send().await.ok(), made.ok());
        assert_eq!(*world.get(&list).by(who).send().await.ok(), json!([made.ok()]));
    }
    for (who, status, code) in [(&company.viewer, 403, "forbidden"), (&company.outsider, 404, "not_found")] {
        world.get(&path).by(who).send().await.refused(status, code);
        world.get(&list).by(who).send().await.refused(status, code);
    }
    make(world, &company, &company.member, &json!({})).await.refused(403, "forbidden");
    let body = json!({ "name": "Renamed", "description": null, "role": "viewer", "team_id": company.id });
    let changed = world.patch(&path, &body).by(&company.admin).send().await;
    let changed = changed.ok();
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["role"], &changed["team_id"]),
        (&json!("Renamed"), &Value::Null, &json!("viewer"), &Value::Null)
    );
    for kind in ["service_account.created", "service_account.updated"] {
        assert_eq!(world.events(kind), 1);
    }
    for (wishes, code) in [
        (json!({ "role": "boss" }), "invalid_request"),
        (json!({ "name": "" }), "invalid_name"),
        (json!({ "team_id": "x" }), "invalid_body"),
    ] {
        make(world, &company, &company.owner, &wishes).await.refused(400, code);
    }
}

async fn a_key_acts_as_its_service_account(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = with_key(world, &company, &json!({ "role": "admin" })).await;
    let told = me(world, &key).await;
    assert_eq!((&told.ok()["principal_id"], &told.ok()["email"]), (&json!(id), &Value::Null));
    assert_eq!(told.body["context"]["organization_id"], json!(company.id));
    let rename = json!({ "name": "Renamed by a program" });
    world.patch(&format!("/v1/organizations/{}", company.id), &rename).bearer(&key).send().await.ok();
    let archive = world.call("POST", &company.path("archive")).bearer(&key).send().await;
    archive.refused(403, "forbidden");
    let organizations = world.get("/v1/me/organizations").bearer(&key).send().await;
    assert_eq!(organizations.ok()[0]["role"], "admin");
    let roles = world.get("/v1/me/permissions").bearer(&key).send().await;
    assert_eq!(*roles.ok(), json!([{ "organization_id": company.id, "team_id": null, "role": "admin" }]));
    let path = format!("/v1/permissions/resolve/org?organization_id={}&principal_id={id}", company.id);
    for bearer in [&key, &company.owner.token] {
        assert_eq!(world.get(&path).bearer(bearer).send().await.ok()["role"], "admin");
    }
    let check = json!({ "action": "team.create" });
    assert_eq!(world.post("/v1/authz/check", &check).bearer(&key).send().await.ok()["allowed"], true);
    // What is a person's is not its.
    for (method, path) in [("POST", "/v1/organizations"), ("POST", &company.path("leave"))] {
        let body = json!({ "name": "Mine" });
        world.call(method, path).json(&body).bearer(&key).send().await.refused(403, "user_required");
    }
    // It counts at once when it is made less.
    let path = format!("/v1/service-accounts/{id}");
    world.patch(&path, &json!({ "role": "viewer" })).by(&company.owner).send().await.ok();
    world
        .patch(&format!("/v1/organizations/{}", company.id), &rename)
        .bearer(&key)
        .send()
        .await
        .refused(403, "forbidden");
    assert_eq!(world.post("/v1/authz/check", &check).bearer(&key).send().await.ok()["allowed"], false);
}

async fn a_service_account_of_a_team_has_its_role_there(world: &World) {
    let company = Company::new(world).await;
    let (mine, other) = (company.team(world, "Mine").await, company.team(world, "Other").await);
    let (id, key) = with_key(world, &company, &json!({ "team_id": mine, "role": "admin" })).await;
    let rename = |team: &str| world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Renamed" })).bearer(&key);
    rename(&mine).send().await.ok();
    rename(&other).send().await.refused(403, "forbidden");
    world
        .patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "X" }))
        .bearer(&key)
        .send()
        .await
        .refused(403, "forbidden");
    let keys = world.get(&format!("/v1/service-accounts/{id}/api-keys")).by(&company.owner).send().await;
    assert_eq!(keys.ok()[0]["team_id"], json!(mine));
    let teams = world.get("/v1/me/teams").bearer(&key).send().await;
    assert_eq!((&teams.ok()[0]["id"], &teams.ok()[0]["role"]), (&json!(mine), &json!("admin")));
    let roles = world.get("/v1/me/permissions").bearer(&key).send().await;
    assert_eq!(roles.ok()[1], json!({ "organization_id": company.id, "team_id": mine, "role": "admin" }));
    // In an archived team it is no more than a viewer.
    world.call("POST", &format!("/v1/teams/{mine}/archive")).by(&company.owner).send().await.ok();
    rename(&mine).send().await.refused(403, "forbidden");
    make(world, &company, &company.owner, &json!({ "team_id": mine })).await.refused(409, "conflict");
    let elsewhere = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{elsewhere}/teams");
    let foreign = world.post(&path, &json!({ "name": "Theirs" })).by(&company.outsider).send().await.text("id");
    make(world, &company, &company.owner, &json!({ "team_id": foreign })).await.refused(404, "not_found");
}

async fn a_service_account_survives_who_made_it(world: &World) {
    let company = Company::new(world).await;
    let id = make(world, &company, &company.admin, &json!({})).await.text("id");
    let key = key(world, &company.admin, &id, &json!({})).await.text("key");
    company.remove(world, &company.owner, &company.admin).await.ok();
    me(world, &key).await.ok();
    world.get(&company.path("members")).bearer(&key).send().await.ok();
}

async fn a_disabled_one_is_nobody(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = with_key(world, &company, &json!({})).await;
    me(world, &key).await.ok();
    for _ in 0..2 {
        assert_eq!(post(world, &company.admin, &id, "disable").await.ok()["disabled"], true);
    }
    me(world, &key).await.refused(401, "token_revoked");
    let path = format!("/v1/permissions/resolve/org?organization_id={}&principal_id={id}", company.id);
    world.get(&path).by(&company.owner).send().await.refused(404, "not_found");
    assert_eq!(post(world, &company.admin, &id, "enable").await.ok()["disabled"], false);
    me(world, &key).await.ok();
    assert_eq!((world.events("service_account.disabled"), world.events("service_account.enabled")), (1, 1));
}

async fn a_deleted_one_takes_its_keys_and_grants_along(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = with_key(world, &company, &json!({})).await;
    let grant = json!({ "organization_id": company.id, "principal_id": id, "action": "team.create" });
    world.post("/v1/permissions", &grant).by(&company.owner).send().await.ok();
    me(world, &key).await.ok();
    world.delete(&format!("/v1/service-accounts/{id}")).by(&company.admin).send().await.ok();
    let told = me(world, &key).await;
    assert_eq!(told.status, 401, "{told:?}");
    assert_eq!(world.number("SELECT count(*) FROM grants"), 0);
    assert_eq!(world.number("SELECT count(*) FROM api_keys WHERE service_account_id IS NOT NULL"), 0);
    world.get(&format!("/v1/service-accounts/{id}")).by(&company.owner).send().await.refused(404, "not_found");
    world.post("/v1/permissions", &grant).by(&company.owner).send().await.refused(404, "not_found");
    assert_eq!(world.events("service_account.deleted"), 1);
}

async fn a_key_of_one_is_rotated_and_revoked(world: &World) {
    let company = Company::new(world).await;
    let id = make(world, &company, &company.owner, &json!({})).await.text("id");
    let made = key(world, &company.owner, &id, &json!({ "description": "CI", "scopes": ["members:read"] })).await;
    assert_eq!((made.status, made.text("name"), made.text("description")), (201, "API key".into(), "CI".into()));
    assert_eq!((&made.ok()["role"], &made.ok()["service_account_id"]), (&Value::Null, &json!(id)));
    let first = made.text("secret");
    let path = format!("/v1/service-accounts/{id}/api-keys/{}", made.text("id"));
    let rotated = world.post(&format!("{path}/rotate"), &json!({ "overlap_seconds": 60 })).by(&company.admin).send();
    let second = rotated.await.text("secret");
    for key in [&first, &second] {
        me(world, key).await.ok();
    }
    let list = world.get(&format!("/v1/service-accounts/{id}/api-keys")).by(&company.member).send().await;
    assert!(list.ok().as_array().unwrap().len() == 1 && !list.body.to_string().contains(&second[13..]));
    world.get(&format!("/v1/api-keys/{}", made.text("id"))).by(&company.admin).send().await.ok();
    for (method, path) in [("POST", format!("{path}/rotate")), ("DELETE", path.clone())] {
        world.call(method, &path).by(&company.member).send().await.refused(403, "forbidden");
    }
    // Nor by way of another one.
    let other = make(world, &company, &company.owner, &json!({})).await.text("id");
    let detour = format!("/v1/service-accounts/{other}/api-keys/{}", made.text("id"));
    world.delete(&detour).by(&company.owner).send().await.refused(404, "not_found");
    world.call("POST", &format!("{detour}/rotate")).by(&company.owner).send().await.refused(404, "not_found");
    world.delete(&path).by(&company.admin).send().await.ok();
    for key in [&first, &second] {
        me(world, key).await.refused(401, "unauthorized");
    }
    key(world, &company.owner, &id, &json!({ "scopes": ["everything"] })).await.refused(400, "invalid_request");
}

async fn attack_40_nobody_makes_one_above_themselves(world: &World) {
    let company = Company::new(world).await;
    make(world, &company, &company.admin, &json!({ "role": "owner" })).await.refused(403, "forbidden");
    let owners = make(world, &company, &company.owner, &json!({ "role": "owner" })).await.text("id");
    let path = format!("/v1/service-accounts/{owners}");
    for (method, rest) in
        [("PATCH", ""), ("DELETE", ""), ("POST", "/disable"), ("POST", "/enable"), ("POST", "/api-keys")]
    {
        let call = world.call(method, &format!("{path}{rest}")).json(&json!({ "role": "viewer" }));
        call.by(&company.admin).send().await.refused(403, "forbidden");
    }
    let admins = make(world, &company, &company.admin, &json!({ "role": "admin" })).await.text("id");
    let raise = world.patch(&format!("/v1/service-accounts/{admins}"), &json!({ "role": "owner" }));
    raise.by(&company.admin).send().await.refused(403, "forbidden");
    // Its own key raises it no higher.
    let key = key(world, &company.admin, &admins, &json!({})).await.text("key");
    let raise = world.patch(&format!("/v1/service-accounts/{admins}"), &json!({ "role": "owner" }));
    raise.bearer(&key).send().await.refused(403, "forbidden");
}

async fn attack_40_nobody_gets_the_key_of_one_that_may_more_than_they(world: &World) {
    let company = Company::new(world).await;
    let id = make(world, &company, &company.owner, &json!({ "role": "viewer" })).await.text("id");
    let its = key(world, &company.owner, &id, &json!({})).await.text("id");
    let grant = json!({
        "organization_id": company.id, "principal_id": id, "action": "organization.archive",
    });
    world.post("/v1/permissions", &grant).by(&company.owner).send().await.ok();
    key(world, &company.admin, &id, &json!({})).await.refused(403, "forbidden");
    for path in [format!("/v1/service-accounts/{id}/api-keys/{its}/rotate"), format!("/v1/api-keys/{its}/rotate")] {
        world.call("POST", &path).by(&company.admin).send().await.refused(403, "forbidden");
        world.call("POST", &path).by(&company.owner).send().await.ok();
    }
    // Ending it is another matter.
    world.call("POST", &format!("/v1/api-keys/{its}/disable")).by(&company.admin).send().await.ok();
    // Who is denied something gets no key that may do it.
    let other = make(world, &company, &company.owner, &json!({ "role": "admin" })).await.text("id");
    company
        .grant(world, &company.owner, &company.admin, &json!({ "action": "team.create", "effect": "deny" }))
        .await
        .ok();
    key(world, &company.admin, &other, &json!({})).await.refused(403, "forbidden");
}

async fn a_service_account_has_grants(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = with_key(world, &company, &json!({ "role": "viewer" })).await;
    let team = json!({ "name": "Crew" });
    let path = company.path("teams");
    world.post(&path, &team).bearer(&key).send().await.refused(403, "forbidden");
    let grant = |effect: &str| json!({ "organization_id": company.id, "principal_id": id, "action": "team.create", "effect": effect });
    world.post("/v1/permissions", &grant("allow")).by(&company.admin).send().await.ok();
    world.post(&path, &team).bearer(&key).send().await.ok();
    world.post("/v1/permissions", &grant("deny")).by(&company.admin).send().await.ok();
    world.post(&path, &json!({ "name": "Other" })).bearer(&key).send().await.refused(403, "forbidden");
    // One of another organization is nobody here.
    let elsewhere = world.home_of(&company.outsider).await;
    let body = json!({ "name": "Theirs", "organization_id": elsewhere });
    let theirs = world.post("/v1/service-accounts", &body).by(&company.outsider).send().await.text("id");
    let foreign = json!({ "organization_id": company.id, "principal_id": theirs, "action": "team.create" });
    world.post("/v1/permissions", &foreign).by(&company.owner).send().await.refused(404, "not_found");
}

async fn an_owner_is_denied_nothing(world: &World) {
    let company = Company::new(world).await;
    let id = make(world, &company, &company.owner, &json!({})).await.text("id");
    let deny = json!({ "organization_id": company.id, "principal_id": id, "effect": "deny", "action": "team.*" });
    let denied = world.post("/v1/permissions", &deny).by(&company.owner).send().await.text("id");
    let raise = async || {
        let body = json!({ "role": "owner" });
        world.patch(&format!("/v1/service-accounts/{id}"), &body).by(&company.owner).send().await
    };
    raise().await.refused(409, "conflict");
    world.delete(&format!("/v1/permissions/{denied}")).by(&company.owner).send().await.ok();
    assert_eq!(raise().await.text("role"), "owner");
}

async fn a_service_account_makes_keys_as_itself(world: &World) {
    let company = Company::new(world).await;
    let (id, key) = with_key(world, &company, &json!({})).await;
    let body = json!({ "name": "Another", "organization_id": company.id });
    let made = world.post("/v1/api-keys", &body).bearer(&key).send().await;
    assert_eq!((&made.ok()["principal_id"], &made.ok()["service_account_id"]), (&json!(id), &json!(id)));
    assert_eq!(me(world, &made.text("key")).await.ok()["principal_id"], json!(id));
    let own = world.get("/v1/api-keys").bearer(&key).send().await;
    assert_eq!(own.ok().as_array().unwrap().len(), 2);
    post(world, &company.owner, &id, "disable").await.ok();
    me(world, &made.text("key")).await.refused(401, "token_revoked");
}

async fn a_service_account_belongs_to_no_list_of_members(world: &World) {
    let company = Company::new(world).await;
    let (id, _) = with_key(world, &company, &json!({})).await;
    let members = world.get(&company.path("members")).by(&company.owner).send().await;
    assert!(!members.body["data"].to_string().contains(&id));
    let path = company.path(&format!("members/{id}"));
    world.patch(&path, &json!({ "role": "owner" })).by(&company.owner).send().await.refused(404, "not_found");
    world.delete(&path).by(&company.owner).send().await.refused(404, "not_found");
}

async fn attack_37_anothers_service_account_does_not_exist(world: &World) {
    let company = Company::new(world).await;
    let (id, _) = with_key(world, &company, &json!({})).await;
    let by = &company.outsider;
    let path = format!("/v1/service-accounts/{id}");
    for (method, rest) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/disable"),
        ("POST", "/enable"),
        ("GET", "/api-keys"),
        ("POST", "/api-keys"),
    ] {
        let told = world.call(method, &format!("{path}{rest}")).json(&json!({})).by(by).send().await;
        told.refused(404, "not_found");
    }
    make(world, &company, by, &json!({})).await.refused(404, "not_found");
    // A key of an organization makes none in another one.
    let elsewhere = world.home_of(by).await;
    let theirs = world.api_key(Some(company.app.id), elsewhere, by, |key| key).await;
    let body = json!({ "name": "Mine", "organization_id": company.id });
    world.post("/v1/service-accounts", &body).bearer(&theirs).send().await.refused(404, "not_found");
}

async fn an_organization_has_so_many(world: &World) {
    let company = Company::new(world).await;
    let (organization, now) = (company.id, world.now());
    world
        .write(move |tx| {
            for _ in 0..200 {
                let account = identity::ServiceAccount {
                    id: kernel::id::ServiceAccountId::generate(),
                    organization,
                    team: None,
                    name: kernel::Name::constant("One of many"),
                    description: None,
                    role: kernel::Role::Viewer,
                    custom_role: None,
                    created_by: None,
                    disabled_at: None,
                    created_at: now,
                    updated_at: now,
                };
                tx.insert_service_account(&kernel::Unchecked(organization), &account)?;
            }
            Ok(())
        })
        .await;
    make(world, &company, &company.owner, &json!({})).await.refused(409, "conflict");
    let client = json!({ "name": "X", "organization_id": organization, "redirect_uris": [] });
    world.post("/v1/oauth/clients", &client).by(&company.owner).send().await.refused(409, "conflict");
}
