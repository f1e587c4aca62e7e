//! OAuth clients: client credentials of service accounts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World, claims_in};

on_both!(
    a_client_is_made_with_a_service_account,
    attack_43_a_client_is_listed_without_its_secret,
    a_client_gets_a_token_that_acts_as_its_service_account,
    attack_21_a_token_does_what_the_clients_scopes_cover,
    attack_29_a_client_that_is_gone_or_disabled_stops_at_once,
    attack_31_an_unknown_client_is_told_what_a_wrong_secret_is_told,
    attack_17_a_token_of_a_client_is_bound_to_what_it_was_issued_for,
    a_client_acts_for_no_user,
    a_token_is_revoked_by_itself,
    attack_40_a_client_is_never_above_who_makes_it,
    attack_48_a_client_sends_people_to_whole_urls_alone,
    a_client_is_deleted_by_its_id_and_by_its_client_id,
);

async fn make(world: &World, company: &Company, by: &Person, wishes: &Value) -> Answer {
    let mut body = json!({
        "name": "Reports", "organization_id": company.id, "redirect_uris": ["https://app.example.com/done"],
    });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    world.post("/v1/oauth/clients", &body).by(by).send().await
}

async fn ask(world: &World, client_id: &str, secret: &str) -> Answer {
    let body = json!({ "grant_type": "client_credentials", "client_id": client_id, "client_secret": secret });
    world.post("/v1/oauth/token", &body).send().await
}

async fn token(world: &World, made: &Answer) -> String {
    ask(world, &made.text("client_id"), &made.text("client_secret")).await.text("access_token")
}

async fn me(world: &World, token: &str) -> Answer {
    world.get("/v1/me").bearer(token).send().await
}

async fn a_client_is_made_with_a_service_account(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.admin, &json!({ "scopes": ["members:read"] })).await;
    assert_eq!((made.status, made.text("secret")), (201, made.text("client_secret")));
    assert!(made.text("client_id").starts_with("foc_") && made.text("secret").starts_with("focs_"));
    for (field, value) in [
        ("organization_id", json!(company.id)),
        ("name", json!("Reports")),
        ("redirect_uris", json!(["https://app.example.com/done"])),
        ("scopes", json!(["members:read"])),
        ("disabled", json!(false)),
    ] {
        assert_eq!(made.ok()[field], value, "{field}");
    }
    let path = format!("/v1/service-accounts/{}", made.text("service_account_id"));
    let account = world.get(&path).by(&company.member).send().await;
    assert_eq!((account.text("name"), account.text("role")), ("Reports".to_owned(), "member".to_owned()));
    assert_eq!((world.events("oauth_client.created"), world.events("service_account.created")), (1, 1));
    make(world, &company, &company.member, &json!({})).await.refused(403, "forbidden");
    make(world, &company, &company.outsider, &json!({})).await.refused(404, "not_found");
    make(world, &company, &company.owner, &json!({ "scopes": ["all"] })).await.refused(400, "invalid_request");
}

async fn attack_43_a_client_is_listed_without_its_secret(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({})).await;
    let home = world.organizations_of(&company.admin).await;
    let home = home.iter().find(|home| home["id"] != json!(company.id)).unwrap()["id"].clone();
    let elsewhere = make(world, &company, &company.admin, &json!({ "organization_id": home })).await;
    let foreign = json!({ "organization_id": world.home_of(&company.outsider).await });
    make(world, &company, &company.outsider, &foreign).await.ok();
    let here = format!("/v1/oauth/clients?organization_id={}&include_total=true", company.id);
    let (made_id, elsewhere_id) = (made.ok()["id"].clone(), elsewhere.ok()["id"].clone());
    for (who, path, ids) in [
        (&company.owner, "/v1/oauth/clients", vec![&made_id]),
        (&company.admin, "/v1/oauth/clients", vec![&made_id, &elsewhere_id]),
        (&company.member, "/v1/oauth/clients", vec![]),
        (&company.admin, &here, vec![&made_id]),
    ] {
        let list = world.get(path).by(who).send().await;
        let rows = list.ok().as_array().unwrap();
        assert_eq!(rows.iter().map(|row| &row["id"]).collect::<Vec<_>>(), ids);
        let text = list.body.to_string();
        assert!(!text.contains("focs_") && !text.contains("hash"), "{text}");
    }
    world.get(&here).by(&company.member).send().await.refused(403, "forbidden");
    world.get(&here).by(&company.outsider).send().await.refused(404, "not_found");
    // A key sees what is where it acts.
    let key = world.api_key(Some(company.app.id), company.id, &company.admin, |key| key).await;
    let list = world.get("/v1/oauth/clients").bearer(&key).send().await;
    assert_eq!(list.ok().as_array().unwrap().len(), 1);
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%focs!_%' ESCAPE '!'"), 0);
}

async fn a_client_gets_a_token_that_acts_as_its_service_account(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({ "role": "admin" })).await;
    let granted = ask(world, &made.text("client_id"), &made.text("client_secret")).await;
    assert_eq!((granted.text("token_type"), granted.text("scope")), ("bearer".to_owned(), String::new()));
    assert_eq!(granted.ok()["expires_in"], 7200);
    let token = granted.text("access_token");
    let told = me(world, &token).await;
    assert_eq!(told.ok()["principal_id"], made.ok()["service_account_id"]);
    assert_eq!(told.body["context"]["organization_id"], json!(company.id));
    let rename = json!({ "name": "Renamed by a client" });
    world.patch(&format!("/v1/organizations/{}", company.id), &rename).bearer(&token).send().await.ok();
    world.call("POST", &company.path("archive")).bearer(&token).send().await.refused(403, "forbidden");
    for path in ["/v1/auth/logout-all", "/v1/auth/change-password"] {
        world.post(path, &json!({})).bearer(&token).send().await.refused(403, "session_required");
    }
    world.post("/v1/organizations", &json!({ "name": "X" })).bearer(&token).send().await.refused(403, "user_required");
    let elsewhere = world.home_of(&company.outsider).await;
    world.get(&format!("/v1/organizations/{elsewhere}")).bearer(&token).send().await.refused(404, "not_found");
    // By HTTP Basic, as OAuth has it.
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{}:{}", made.text("client_id"), made.text("client_secret")),
    );
    let call = world.post("/v1/oauth/token", &json!({ "grant_type": "client_credentials" }));
    call.header("authorization", format!("Basic {basic}")).send().await.ok();
    world.advance(Duration::from_hours(2));
    me(world, &token).await.refused(401, "token_expired");
}

async fn attack_21_a_token_does_what_the_clients_scopes_cover(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({ "role": "admin", "scopes": ["members:read", "api_keys:write"] });
    let made = make(world, &company, &company.owner, &wishes).await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": made.text("client_id"),
        "client_secret": made.text("client_secret"), "scope": "organizations:write members:write", "scopes": [],
    });
    let granted = world.post("/v1/oauth/token", &body).send().await;
    assert_eq!(granted.text("scope"), "members:read api_keys:write");
    let token = granted.text("access_token");
    world.get(&company.path("members")).bearer(&token).send().await.ok();
    let rename = world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "X" }));
    rename.bearer(&token).send().await.refused(403, "insufficient_scope");
    let key = json!({ "name": "More", "organization_id": company.id });
    world.post("/v1/api-keys", &key).bearer(&token).send().await.refused(403, "forbidden");
    let key = json!({ "name": "Less", "organization_id": company.id, "scopes": ["members:read"] });
    let less = world.post("/v1/api-keys", &key).bearer(&token).send().await;
    assert_eq!(less.ok()["service_account_id"], made.ok()["service_account_id"]);
}

async fn attack_29_a_client_that_is_gone_or_disabled_stops_at_once(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({})).await;
    let token = token(world, &made).await;
    me(world, &token).await.ok();
    let account = format!("/v1/service-accounts/{}", made.text("service_account_id"));
    world.call("POST", &format!("{account}/disable")).by(&company.owner).send().await.ok();
    me(world, &token).await.refused(401, "token_revoked");
    let again = ask(world, &made.text("client_id"), &made.text("client_secret")).await;
    again.refused(403, "account_disabled");
    ask(world, &made.text("client_id"), "focs_wrong").await.refused(401, "invalid_client");
    let list = world.get("/v1/oauth/clients").by(&company.owner).send().await;
    assert_eq!(list.ok()[0]["disabled"], true);
    world.call("POST", &format!("{account}/enable")).by(&company.owner).send().await.ok();
    me(world, &token).await.ok();
    world.delete(&format!("/v1/oauth/clients/{}", made.text("id"))).by(&company.owner).send().await.ok();
    me(world, &token).await.refused(401, "token_revoked");
    ask(world, &made.text("client_id"), &made.text("client_secret")).await.refused(401, "invalid_client");
    // With the service account goes the client.
    let other = make(world, &company, &company.owner, &json!({})).await;
    let token = self::token(world, &other).await;
    me(world, &token).await.ok();
    let account = format!("/v1/service-accounts/{}", other.text("service_account_id"));
    world.delete(&account).by(&company.owner).send().await.ok();
    me(world, &token).await.refused(401, "token_revoked");
    assert_eq!(world.events("oauth_client.deleted"), 2);
    // And with the app, both.
    let third = make(world, &company, &company.owner, &json!({})).await;
    let token = self::token(world, &third).await;
    let disable = format!("/v1/apps/{}/disable", company.app.id);
    world.call("POST", &disable).by(&company.app.owner).send().await.ok();
    me(world, &token).await.refused(401, "token_revoked");
    ask(world, &third.text("client_id"), &third.text("client_secret")).await.refused(403, "app_disabled");
}

async fn attack_31_an_unknown_client_is_told_what_a_wrong_secret_is_told(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({})).await;
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let unknown = ask(world, "foc_aaaaaaaaaaaaaaaaaaaaaaaa", &secret).await;
    unknown.refused(401, "invalid_client");
    for (id, secret) in [
        (id.as_str(), "focs_wrong"),
        (&id, ""),
        (&id, &company.app.client_secret),
        (&id, &secret.to_uppercase()),
        (&id, &secret[..secret.len() - 1]),
        (&id.to_uppercase(), &secret),
        (&company.app.client_id, &secret),
        (&made.text("id"), &secret),
        (&made.text("service_account_id"), &secret),
    ] {
        let before = world.units();
        assert_eq!(ask(world, id, secret).await.told(), unknown.told(), "{id}");
        assert_eq!(world.units().0 - before.0, 1, "one look, whoever it is");
    }
}

async fn attack_17_a_token_of_a_client_is_bound_to_what_it_was_issued_for(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({})).await;
    let token = token(world, &made).await;
    let claims = claims_in(&token);
    assert_eq!(claims["aud"], json!(company.app.client_id));
    assert_eq!((&claims["sub"], &claims["client"]), (&made.ok()["service_account_id"], &made.ok()["id"]));
    assert!(!claims.to_string().contains(&made.text("client_secret")));
    // It is no credential of the app: that has its own.
    world.get(&format!("/v1/apps/{}", company.app.id)).bearer(&token).send().await.refused(404, "not_found");
    world.get("/v1/admin/users").bearer(&token).send().await.refused(403, "forbidden");
    // In the owner's organization it manages the app as its role has it.
    let wishes = json!({ "organization_id": company.app.organization, "role": "admin" });
    let owners = make(world, &company, &company.app.owner, &wishes).await;
    let token = self::token(world, &owners).await;
    assert_eq!(claims_in(&token)["aud"], "fabric");
    world.get(&format!("/v1/apps/{}", company.app.id)).bearer(&token).send().await.ok();
    let apps = world.get("/v1/apps").bearer(&token).send().await;
    assert_eq!(apps.ok()[0]["id"], json!(company.app.id));
    world.get("/v1/admin/users").bearer(&token).send().await.ok();
    world.delete(&format!("/v1/apps/{}", company.app.id)).bearer(&token).send().await.refused(403, "forbidden");
}

async fn a_client_acts_for_no_user(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({ "role": "owner" })).await;
    let body = json!({
        "grant_type": "token_exchange", "client_id": made.text("client_id"),
        "client_secret": made.text("client_secret"), "subject_token": company.member.id,
        "subject_token_type": "urn:fabric:user_id",
    });
    world.post("/v1/oauth/token", &body).send().await.refused(401, "invalid_client");
}

async fn a_token_is_revoked_by_itself(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &company.owner, &json!({})).await;
    let (one, other) = (token(world, &made).await, token(world, &made).await);
    world.post("/v1/oauth/revoke", &json!({ "token": one })).send().await.ok();
    me(world, &one).await.refused(401, "token_revoked");
    me(world, &other).await.ok();
}

async fn attack_40_a_client_is_never_above_who_makes_it(world: &World) {
    let company = Company::new(world).await;
    make(world, &company, &company.admin, &json!({ "role": "owner" })).await.refused(403, "forbidden");
    let owners = make(world, &company, &company.owner, &json!({ "role": "owner" })).await;
    let path = format!("/v1/oauth/clients/{}", owners.text("id"));
    world.delete(&path).by(&company.admin).send().await.refused(403, "forbidden");
    world.delete(&path).by(&company.member).send().await.refused(403, "forbidden");
    world.delete(&path).by(&company.outsider).send().await.refused(404, "not_found");
    let wishes = json!({
        "client_id": "foc_aaaaaaaaaaaaaaaaaaaaaaaa", "client_secret": "focs_mine", "secret": "focs_mine",
        "service_account_id": company.owner.id, "disabled": true, "id": company.owner.id,
    });
    let made = make(world, &company, &company.admin, &wishes).await;
    for (field, wish) in wishes.as_object().unwrap() {
        assert_ne!(made.ok()[field], *wish, "{field}");
    }
}

async fn attack_48_a_client_sends_people_to_whole_urls_alone(world: &World) {
    let company = Company::new(world).await;
    for url in [
        "http://app.example.com",
        "https://app.example.com@evil.example",
        "https://*.example.com/",
        "https://app.example.com/#x",
        "javascript:alert(1)",
        "//evil.example",
        "https:\\\\evil.example",
        "",
    ] {
        make(world, &company, &company.owner, &json!({ "redirect_uris": [url] })).await.refused(400, "invalid_url");
    }
    let many = vec!["https://app.example.com/"; 51];
    make(world, &company, &company.owner, &json!({ "redirect_uris": many })).await.refused(400, "invalid_request");
    make(world, &company, &company.owner, &json!({ "redirect_uris": [] })).await.ok();
}

async fn a_client_is_deleted_by_its_id_and_by_its_client_id(world: &World) {
    let company = Company::new(world).await;
    for name in ["id", "client_id"] {
        let made = make(world, &company, &company.owner, &json!({})).await;
        let path = format!("/v1/oauth/clients/{}", made.text(name));
        world.delete(&path).by(&company.outsider).send().await.refused(404, "not_found");
        world.delete(&path).by(&company.owner).send().await.ok();
        world.delete(&path).by(&company.owner).send().await.refused(404, "not_found");
        let path = format!("/v1/service-accounts/{}", made.text("service_account_id"));
        world.get(&path).by(&company.owner).send().await.refused(404, "not_found");
    }
    let app = format!("/v1/oauth/clients/{}", company.app.client_id);
    world.delete(&app).by(&company.app.owner).send().await.refused(404, "not_found");
}
