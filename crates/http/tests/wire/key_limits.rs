//! What a key may not: be more than its maker, touch what is more than itself, or get into others' hands.

use std::time::Duration;

use serde_json::{Value, json};

use super::api_keys::{key, make, me};
use crate::support::{Company, Person, World};

on_both!(
    attack_28_a_key_is_made_for_nobody_else,
    attack_41_a_key_is_never_above_its_maker,
    attack_41_a_key_makes_no_key_that_is_more_than_itself,
    attack_41_a_key_for_less_touches_no_key_for_more,
    an_administrator_ends_the_keys_of_others_and_gets_none,
    an_app_makes_no_key,
    attack_44_an_app_that_acts_for_somebody_takes_no_key_along,
    attack_41_a_key_for_less_frees_no_key_for_more,
    who_disabled_a_key_enables_it,
    attack_44_an_app_that_acts_for_somebody_takes_no_credential_along,
    attack_41_a_replaced_secret_makes_nothing_that_outlives_it,
    attack_41_credentials_are_ended_in_an_archived_organization,
);

async fn attack_28_a_key_is_made_for_nobody_else(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({
        "principal_id": company.owner.id, "user_id": company.owner.id, "account_id": company.owner.id,
        "service_account_id": company.owner.id, "app_id": null, "created_by": company.owner.id, "id": company.owner.id,
        "prefix": "fab_aaaaaaaa", "hash": "x", "key": "fab_aaaaaaaa_x", "disabled": true, "last_used_at": "2020-01-01",
    });
    let made = make(world, &company, &company.member.token, &wishes).await;
    assert_eq!(made.ok()["principal_id"], json!(company.member.id));
    assert_eq!((&made.ok()["created_by"], &made.ok()["disabled"]), (&json!(company.member.id), &json!(false)));
    assert_ne!(made.text("prefix"), "fab_aaaaaaaa");
    assert_eq!(me(world, &made.text("key")).await.ok()["principal_id"], json!(company.member.id));
    // Nor does a change make it another's, or more.
    let path = format!("/v1/api-keys/{}", made.text("id"));
    let wishes = json!({
        "principal_id": company.owner.id, "role": "owner", "scopes": [], "organization_id": company.outsider.id,
        "expires_at": null, "name": "Renamed",
    });
    let changed = world.patch(&path, &wishes).by(&company.member).send().await;
    for (field, value) in [
        ("principal_id", json!(company.member.id)),
        ("role", json!("member")),
        ("organization_id", json!(company.id)),
        ("name", json!("Renamed")),
    ] {
        assert_eq!(changed.ok()[field], value);
    }
    let elsewhere = json!({ "name": "Mine", "organization_id": company.id });
    world.post("/v1/api-keys", &elsewhere).by(&company.outsider).send().await.refused(404, "not_found");
}

async fn attack_41_a_key_is_never_above_its_maker(world: &World) {
    let company = Company::new(world).await;
    for (who, role, told) in [
        (&company.member, "admin", Some("forbidden")),
        (&company.member, "owner", Some("forbidden")),
        (&company.admin, "owner", Some("forbidden")),
        (&company.viewer, "viewer", Some("forbidden")),
        (&company.admin, "boss", Some("invalid_request")),
        (&company.member, "viewer", None),
        (&company.owner, "owner", None),
    ] {
        let made = make(world, &company, &who.token, &json!({ "role": role })).await;
        match told {
            Some(code) => assert_eq!(made.code(), code, "{role}"),
            None => assert_eq!(made.text("role"), role),
        }
    }
    // Whoever falls takes their keys along.
    let (_, key) = key(world, &company, &company.admin, &json!({})).await;
    let rename = async || world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Renamed" }));
    rename().await.bearer(&key).send().await.ok();
    company.set_role(world, &company.owner, &company.admin, "viewer").await.ok();
    rename().await.bearer(&key).send().await.refused(403, "forbidden");
}

async fn attack_41_a_key_makes_no_key_that_is_more_than_itself(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({
        "role": "admin", "scopes": ["api_keys:write", "members:read"], "expires_in_days": 10,
        "allowed_ips": ["192.0.2.0/24"],
    });
    let (id, key) = key(world, &company, &company.owner, &wishes).await;
    let make = async |change: &Value| {
        let mut body = json!({
            "name": "More", "organization_id": company.id, "scopes": ["members:read"], "expires_in_days": 9,
            "allowed_ips": ["192.0.2.7"],
        });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        world.post("/v1/api-keys", &body).bearer(&key).from("192.0.2.1:1").send().await
    };
    let less = make(&json!({})).await;
    assert_eq!((less.text("role"), &less.ok()["principal_id"]), ("admin".to_owned(), &json!(company.owner.id)));
    for more in [
        json!({ "scopes": [] }),
        json!({ "scopes": null }),
        json!({ "scopes": ["members:write"] }),
        json!({ "scopes": ["members:read", "users:read"] }),
        json!({ "expires_in_days": 11 }),
        json!({ "expires_in_days": null }),
        json!({ "allowed_ips": [] }),
        json!({ "allowed_ips": ["192.0.0.0/16"] }),
        json!({ "role": "owner" }),
    ] {
        make(&more).await.refused(403, "forbidden");
    }
    // Nor does it free itself, or have what others may come with.
    for addresses in [json!([]), json!(["0.0.0.0/0"])] {
        let body = json!({ "allowed_ips": addresses });
        let answer = world.patch(&format!("/v1/api-keys/{id}"), &body).bearer(&key).from("192.0.2.1:1").send().await;
        answer.refused(403, "forbidden");
    }
    for (path, body) in [
        ("/v1/oauth/clients", json!({ "name": "X", "organization_id": company.id, "redirect_uris": [] })),
        (
            "/v1/oauth/clients",
            json!({
                "name": "X", "organization_id": company.id, "redirect_uris": [], "scopes": ["members:read"],
            }),
        ),
    ] {
        world.post(path, &body).bearer(&key).from("192.0.2.1:1").send().await.refused(403, "forbidden");
    }
    let reading = json!({ "scopes": ["members:read"] });
    let made = super::api_keys::make(world, &company, &company.owner.token, &reading).await;
    let refused = super::api_keys::make(world, &company, &made.text("key"), &json!({})).await;
    refused.refused(403, "insufficient_scope");
}

async fn attack_41_a_key_for_less_touches_no_key_for_more(world: &World) {
    let company = Company::new(world).await;
    let (strong, strong_key) = key(world, &company, &company.owner, &json!({})).await;
    let (weak, weak_key) = key(world, &company, &company.owner, &json!({ "role": "member" })).await;
    let (_, narrow_key) = key(world, &company, &company.owner, &json!({ "scopes": ["api_keys:write"] })).await;
    let path = format!("/v1/api-keys/{strong}");
    for (method, rest) in [("PATCH", ""), ("DELETE", ""), ("POST", "/disable"), ("POST", "/rotate")] {
        let call = world.call(method, &format!("{path}{rest}")).json(&json!({ "name": "Mine" }));
        call.bearer(&weak_key).send().await.refused(403, "forbidden");
    }
    // To have the other one's secret would be to have its scopes.
    world.call("POST", &format!("{path}/rotate")).bearer(&narrow_key).send().await.refused(403, "forbidden");
    me(world, &strong_key).await.ok();
    world.call("POST", &format!("/v1/api-keys/{weak}/rotate")).bearer(&weak_key).send().await.ok();
    world.call("POST", &format!("/v1/api-keys/{weak}/disable")).bearer(&strong_key).send().await.ok();
}

async fn an_administrator_ends_the_keys_of_others_and_gets_none(world: &World) {
    let company = Company::new(world).await;
    let (members, members_key) = key(world, &company, &company.member, &json!({})).await;
    let (owners, owners_key) = key(world, &company, &company.owner, &json!({})).await;
    let touch = async |by: &Person, id: &str, method: &str, rest: &str| {
        let call = world.call(method, &format!("/v1/api-keys/{id}{rest}")).json(&json!({ "name": "Renamed" }));
        call.by(by).send().await
    };
    for (method, rest) in [("POST", "/disable"), ("POST", "/enable"), ("PATCH", ""), ("DELETE", "")] {
        touch(&company.viewer, &members, method, rest).await.refused(403, "forbidden");
        touch(&company.member, &owners, method, rest).await.refused(403, "forbidden");
        touch(&company.admin, &owners, method, rest).await.refused(403, "forbidden");
        touch(&company.outsider, &members, method, rest).await.refused(404, "not_found");
    }
    for by in [&company.owner, &company.admin] {
        touch(by, &members, "POST", "/rotate").await.refused(403, "forbidden");
    }
    for (method, rest) in [("PATCH", ""), ("POST", "/disable"), ("POST", "/enable")] {
        touch(&company.admin, &members, method, rest).await.ok();
    }
    me(world, &members_key).await.ok();
    touch(&company.admin, &members, "DELETE", "").await.ok();
    me(world, &members_key).await.refused(401, "unauthorized");
    me(world, &owners_key).await.ok();
}

async fn an_app_makes_no_key(world: &World) {
    let company = Company::new(world).await;
    let token = world.app_token(&company.app).await;
    for organization in [company.id, company.app.organization] {
        let body = json!({ "name": "Mine", "organization_id": organization });
        world.post("/v1/api-keys", &body).bearer(&token).send().await.refused(404, "not_found");
    }
    assert_eq!(*world.get("/v1/api-keys").bearer(&token).send().await.ok(), json!([]));
}

async fn attack_44_an_app_that_acts_for_somebody_takes_no_key_along(world: &World) {
    let company = Company::new(world).await;
    let exchanged = world.exchange(&company.app, company.owner.id).await.text("access_token");
    make(world, &company, &exchanged, &json!({})).await.refused(403, "session_required");
    let (id, secret) = key(world, &company, &company.owner, &json!({})).await;
    let rotate = format!("/v1/api-keys/{id}/rotate");
    world.post(&rotate, &json!({})).bearer(&exchanged).send().await.refused(403, "session_required");
    me(world, &secret).await.ok();
    // Ending one is no credential.
    world.delete(&format!("/v1/api-keys/{id}")).bearer(&exchanged).send().await.ok();
}

async fn attack_41_a_key_for_less_frees_no_key_for_more(world: &World) {
    let company = Company::new(world).await;
    let (_, narrow) = key(world, &company, &company.owner, &json!({ "scopes": ["api_keys:write"] })).await;
    let (whole, whole_key) = key(world, &company, &company.owner, &json!({})).await;
    let (bound, _) = key(world, &company, &company.owner, &json!({ "allowed_ips": ["192.0.2.1"] })).await;
    let (like, _) = key(world, &company, &company.owner, &json!({ "scopes": ["api_keys:read"] })).await;
    for id in [&whole, &like] {
        world.call("POST", &format!("/v1/api-keys/{id}/disable")).bearer(&narrow).send().await.ok();
    }
    world.call("POST", &format!("/v1/api-keys/{whole}/enable")).bearer(&narrow).send().await.refused(403, "forbidden");
    world.call("POST", &format!("/v1/api-keys/{like}/enable")).bearer(&narrow).send().await.ok();
    me(world, &whole_key).await.refused(401, "unauthorized");
    for addresses in [json!([]), json!(["192.0.2.0/24"]), json!(["192.0.2.1", "192.0.2.2"])] {
        let body = json!({ "allowed_ips": addresses });
        let freed = world.patch(&format!("/v1/api-keys/{bound}"), &body).bearer(&narrow).send().await;
        freed.refused(403, "forbidden");
    }
    let body = json!({ "allowed_ips": ["192.0.2.1"], "name": "Renamed" });
    world.patch(&format!("/v1/api-keys/{bound}"), &body).bearer(&narrow).send().await.ok();
    // The keys of a service account may more than this one, too.
    let body = json!({ "name": "Robot", "organization_id": company.id });
    let robot = world.post("/v1/service-accounts", &body).bearer(&narrow).send().await.text("id");
    let path = format!("/v1/service-accounts/{robot}");
    world.patch(&path, &json!({ "role": "viewer" })).bearer(&narrow).send().await.ok();
    world.patch(&path, &json!({ "role": "member" })).bearer(&narrow).send().await.refused(403, "forbidden");
    world.call("POST", &format!("{path}/disable")).bearer(&narrow).send().await.ok();
    world.call("POST", &format!("{path}/enable")).bearer(&narrow).send().await.refused(403, "forbidden");
    world.call("POST", &format!("{path}/enable")).by(&company.admin).send().await.ok();
}

async fn who_disabled_a_key_enables_it(world: &World) {
    let company = Company::new(world).await;
    let (id, secret) = key(world, &company, &company.member, &json!({ "allowed_ips": ["127.0.0.0/8"] })).await;
    let touch =
        async |by: &Person, rest: &str| world.call("POST", &format!("/v1/api-keys/{id}/{rest}")).by(by).send().await;
    // Its holder did: nobody else knows whether it is in good hands again.
    touch(&company.member, "disable").await.ok();
    for by in [&company.admin, &company.owner] {
        touch(by, "enable").await.refused(403, "forbidden");
    }
    touch(&company.member, "enable").await.ok();
    // An administrator did: then the holder does not undo it, whether they had disabled it themselves or not.
    for first in [&company.member, &company.admin] {
        touch(first, "disable").await.ok();
        touch(&company.admin, "disable").await.ok();
        touch(&company.member, "disable").await.ok();
        touch(&company.member, "enable").await.refused(403, "forbidden");
        me(world, &secret).await.refused(401, "unauthorized");
        touch(&company.owner, "enable").await.ok();
    }
    // And nobody else makes it good for more.
    let addresses = async |by: &Person, networks: Value| {
        let body = json!({ "allowed_ips": networks });
        world.patch(&format!("/v1/api-keys/{id}"), &body).by(by).send().await
    };
    addresses(&company.admin, json!([])).await.refused(403, "forbidden");
    addresses(&company.admin, json!(["127.0.0.2"])).await.ok();
    addresses(&company.member, json!([])).await.ok();
}

async fn attack_44_an_app_that_acts_for_somebody_takes_no_credential_along(world: &World) {
    let company = Company::new(world).await;
    let exchanged = world.exchange(&company.app, company.owner.id).await.text("access_token");
    let post = async |path: &str| {
        let body = json!({ "name": "Robot", "organization_id": company.id, "redirect_uris": [] });
        world.post(path, &body).bearer(&exchanged).send().await
    };
    let path = format!("/v1/service-accounts/{}", post("/v1/service-accounts").await.text("id"));
    let made = world.post(&format!("{path}/api-keys"), &json!({})).by(&company.owner).send().await;
    for path in [
        "/v1/oauth/clients".to_owned(),
        format!("{path}/api-keys"),
        format!("{path}/api-keys/{}/rotate", made.text("id")),
        format!("/v1/api-keys/{}/rotate", made.text("id")),
    ] {
        post(&path).await.refused(403, "session_required");
    }
    me(world, &made.text("key")).await.ok();
    let end = world.delete(&format!("{path}/api-keys/{}", made.text("id"))).bearer(&exchanged);
    end.send().await.ok();
}

async fn attack_41_a_replaced_secret_makes_nothing_that_outlives_it(world: &World) {
    let company = Company::new(world).await;
    let (id, old) = key(world, &company, &company.owner, &json!({})).await;
    let rotate = format!("/v1/api-keys/{id}/rotate");
    let overlap = json!({ "overlap_seconds": 3600 });
    let new = world.post(&rotate, &overlap).by(&company.owner).send().await.text("key");
    me(world, &old).await.ok();
    world.post(&rotate, &overlap).bearer(&old).send().await.refused(403, "forbidden");
    make(world, &company, &old, &json!({})).await.refused(403, "forbidden");
    let client = json!({ "name": "X", "organization_id": company.id, "redirect_uris": [] });
    world.post("/v1/oauth/clients", &client).bearer(&old).send().await.refused(403, "forbidden");
    for (minutes, status) in [(59, 201), (61, 403)] {
        let ends = world.now().after(Duration::from_mins(minutes)).to_string();
        assert_eq!(make(world, &company, &old, &json!({ "expires_at": ends })).await.status, status);
    }
    world.post(&rotate, &overlap).bearer(&new).send().await.ok();
}

async fn attack_41_credentials_are_ended_in_an_archived_organization(world: &World) {
    let company = Company::new(world).await;
    let post = async |path: &str, body: &Value| world.post(path, body).by(&company.owner).send().await;
    let robot = json!({ "name": "Robot", "organization_id": company.id, "redirect_uris": [] });
    let account = format!("/v1/service-accounts/{}", post("/v1/service-accounts", &robot).await.text("id"));
    let (own, _) = key(world, &company, &company.owner, &json!({})).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(post(&format!("{account}/api-keys"), &json!({})).await);
    }
    let client = post("/v1/oauth/clients", &robot).await.text("id");
    post(&company.path("archive"), &json!({})).await.ok();
    let disable = format!("/v1/api-keys/{}/disable", keys[0].text("id"));
    for path in [&format!("/v1/api-keys/{own}/disable"), &disable, &format!("{account}/disable")] {
        post(path, &json!({})).await.ok();
        post(&path.replace("disable", "enable"), &json!({})).await.refused(409, "conflict");
    }
    post(&format!("{account}/api-keys"), &json!({})).await.refused(409, "conflict");
    post("/v1/oauth/clients", &robot).await.refused(409, "conflict");
    post("/v1/service-accounts", &robot).await.refused(409, "conflict");
    for path in [
        format!("/v1/api-keys/{own}"),
        format!("/v1/api-keys/{}", keys[1].text("id")),
        format!("{account}/api-keys/{}", keys[2].text("id")),
        account,
        format!("/v1/oauth/clients/{client}"),
    ] {
        world.delete(&path).by(&company.owner).send().await.ok();
    }
}
