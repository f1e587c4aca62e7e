//! Checks: may I?

use identity::ApiKey;
use kernel::Role::{Admin, Member, Owner};
use serde_json::{Value, json};

use crate::support::{Company, Person, World};

on_both!(
    a_check_takes_every_form_of_a_question,
    a_check_without_a_place_means_the_only_one_there_is,
    a_check_tells_what_decided,
    a_batch_answers_like_each_alone,
    what_nobody_knows_is_refused_and_no_error,
    attack_37_what_is_elsewhere_is_no_answer,
    attack_41_a_key_asks_for_itself,
    attack_37_a_question_that_names_two_places_is_refused,
    one_thing_of_ours_has_one_spelling,
    a_check_says_what_the_route_does,
    a_check_says_what_the_route_does_to_a_single_thing,
    a_denial_for_one_user_counts,
    a_check_says_what_the_route_says_about_apps,
    attack_37_what_another_organization_has_is_nothing_here,
    a_refusal_tells_what_decided,
    attack_42_a_batch_is_the_sum_of_its_questions,
);

async fn ask(world: &World, by: &Person, body: &Value) -> Value {
    world.post("/v1/authz/check", body).by(by).send().await.ok().clone()
}

/// An answer without what was asked.
fn without_question(mut told: Value) -> Value {
    let fields = told.as_object_mut().unwrap();
    fields.remove("resource");
    fields.remove("action");
    told
}

async fn a_check_takes_every_form_of_a_question(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let id = company.id;
    for (body, answer) in [
        (json!({ "action": "organization.read", "resource": format!("organization:{id}") }), true),
        (json!({ "action": "read", "resource": format!("organization:{id}") }), true),
        (json!({ "action": "organization.read", "resource_type": "organization", "resource_id": id }), true),
        (json!({ "action": "read", "resource_type": "organization", "resource_id": id }), true),
        (json!({ "action": "organization.read", "organization_id": id }), true),
        (json!({ "action": "team.create", "organization_id": id }), false),
        (json!({ "action": "read", "resource": format!("team:{team}") }), true),
        (json!({ "action": "viewer", "resource": format!("team:{team}") }), true),
        (json!({ "action": "admin", "resource": format!("team:{team}") }), false),
        (json!({ "action": "update", "resource": format!("team:{team}") }), false),
        (json!({ "action": "read", "resource": "organization:00000000-0000-4000-8000-000000000000" }), false),
        (json!({ "action": "read", "resource": "team:nothing" }), false),
    ] {
        let told = ask(world, &company.viewer, &body).await;
        assert_eq!(told["allowed"], answer, "{body}: {told}");
        assert!(told["reason"].as_str().unwrap().ends_with('.') && told.get("explanation").is_none());
    }
    for body in [
        json!({ "action": "read", "resource": "organization" }),
        json!({ "action": "read", "resource": ":x" }),
        json!({ "action": "read", "resource_type": "organization" }),
        json!({ "action": "read", "resource": "team:a", "resource_type": "team", "resource_id": "b" }),
        json!({ "action": "a".repeat(300) }),
    ] {
        world.post("/v1/authz/check", &body).by(&company.viewer).send().await.refused(400, "invalid_request");
    }
}

async fn a_check_without_a_place_means_the_only_one_there_is(world: &World) {
    let company = Company::new(world).await;
    let read = json!({ "action": "organization.update" });
    assert_eq!(ask(world, &company.outsider, &read).await["allowed"], true, "the outsider's own");
    let told = ask(world, &company.admin, &read).await;
    assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("Say in which organization.")));
    let key = world.api_key(Some(company.app.id), company.id, &company.admin, |key| key).await;
    let through_key = world.post("/v1/authz/check", &read).bearer(&key).send().await;
    assert_eq!(through_key.ok()["allowed"], true, "where the key acts");
    // A second place takes the first one's meaning away, and the last one that is left has it again.
    let second = world.post("/v1/organizations", &json!({ "name": "Second" })).by(&company.outsider).send().await;
    assert_eq!(ask(world, &company.outsider, &read).await["allowed"], false);
    world.enroll(second.text("id").parse().unwrap(), &company.member, Owner).await;
    let leave = format!("/v1/organizations/{}/leave", second.text("id"));
    world.call("POST", &leave).by(&company.outsider).send().await.ok();
    assert_eq!(ask(world, &company.outsider, &read).await["allowed"], true);
}

async fn a_check_tells_what_decided(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "admin").await.ok();
    let role = company.make_role(world, &company.owner, "clerk", &["invoice.read"]).await.text("id");
    company.set_role(world, &company.owner, &company.member, "clerk").await.ok();
    let what = json!({ "action": "invoice.approve" });
    let grant = company.grant(world, &company.owner, &company.viewer, &what).await.text("id");
    let what = json!({ "action": "team.read", "effect": "deny" });
    let denial = company.grant(world, &company.owner, &company.member, &what).await.text("id");
    let here = json!(company.id);
    let nothing = Value::Null;
    for (by, action, resource, allowed, decided_by, role_name, ids) in [
        (&company.viewer, "organization.read", None, true, "role", json!("viewer"), [&nothing, &nothing, &nothing]),
        (&company.viewer, "organization.update", None, false, "role", json!("admin"), [&nothing; 3]),
        (
            &company.viewer,
            "update",
            Some(format!("team:{team}")),
            true,
            "team_role",
            json!("admin"),
            [&json!(team), &nothing, &nothing],
        ),
        (&company.member, "invoice.read", None, true, "own_role", nothing.clone(), [&nothing, &json!(role), &nothing]),
        (&company.viewer, "invoice.approve", None, true, "grant", nothing.clone(), [&nothing, &nothing, &json!(grant)]),
        (&company.member, "team.read", None, false, "grant", nothing.clone(), [&nothing, &nothing, &json!(denial)]),
        (&company.owner, "invoice.pay", None, false, "nothing", nothing.clone(), [&nothing; 3]),
    ] {
        let body = json!({ "action": action, "resource": resource, "organization_id": here, "explain": true });
        let told = ask(world, by, &body).await;
        let about = &told["explanation"];
        assert_eq!((&told["allowed"], &about["decided_by"]), (&json!(allowed), &json!(decided_by)), "{body}: {told}");
        assert_eq!((&about["role"], &about["organization_id"]), (&role_name, &here), "{told}");
        assert_eq!([&about["team_id"], &about["role_id"], &about["permission_id"]], ids, "{told}");
        let members = world.get(&company.path("members")).by(&company.owner).send().await;
        let own = members.ok().as_array().unwrap().iter().find(|member| member["principal_id"] == by.id.to_string());
        assert_eq!(about["membership_id"], own.unwrap()["id"], "{told}");
        assert!(about["held_role"].is_string(), "{told}");
    }
    let body = json!({ "action": "organization.read", "organization_id": here, "explain": true });
    let told = ask(world, &company.outsider, &body).await;
    assert_eq!((&told["allowed"], &told["explanation"]["organization_id"]), (&json!(false), &nothing), "{told}");
}

async fn a_batch_answers_like_each_alone(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let mut checks = Vec::new();
    for action in ["organization.read", "organization.update", "team.create", "member.remove", "x.y", "owner", ""] {
        checks.push(json!({ "action": action, "organization_id": company.id, "explain": true }));
        checks.push(json!({ "action": action, "resource": format!("team:{team}") }));
        checks.push(json!({ "action": action }));
    }
    for by in [&company.owner, &company.admin, &company.viewer, &company.outsider] {
        let body = json!({ "checks": checks });
        let batch = world.post("/v1/authz/check-batch", &body).by(by).send().await;
        let mut alone = Vec::new();
        for check in &checks {
            alone.push(ask(world, by, check).await);
        }
        assert_eq!(*batch.ok(), json!(alone));
    }
    let batch = |checks: Value| world.post("/v1/authz/check-batch", &json!({ "checks": checks })).by(&company.owner);
    assert_eq!(*batch(json!([])).send().await.ok(), json!([]));
    let many = vec![json!({ "action": "organization.read" }); 101];
    batch(json!(many)).send().await.refused(400, "invalid_request");
    assert_eq!(batch(json!(many[..100])).send().await.ok().as_array().unwrap().len(), 100);
}

async fn what_nobody_knows_is_refused_and_no_error(world: &World) {
    let company = Company::new(world).await;
    for action in
        ["", "x", "organization", "organization.", "organization.read.x", "ORGANIZATION.READ", "*", "team.*", "é"]
    {
        assert!(!company.may(world, &company.owner, action, None).await, "{action}");
    }
}

async fn attack_37_what_is_elsewhere_is_no_answer(world: &World) {
    let company = Company::new(world).await;
    let other = world.app("other").await;
    let stranger = world.sign_up(Some(&other), "owner").await;
    assert_eq!(stranger.id, company.owner.id, "the same person in another app");
    for action in ["organization.read", "owner", "viewer"] {
        assert!(!company.may(world, &stranger, action, None).await, "{action}");
    }
    let body =
        |action: &str, id: &str| json!({ "action": action, "resource": format!("organization:{id}"), "explain": true });
    let told = ask(world, &stranger, &body("read", &company.id.to_string())).await;
    let nowhere = ask(world, &stranger, &body("read", "00000000-0000-4000-8000-000000000000")).await;
    assert_eq!(without_question(told), without_question(nowhere));
    // An app is its owner organization's.
    let app = format!("app:{}", company.app.id);
    let ask_app = |by: &crate::support::Person| {
        let call = world.post("/v1/authz/check", &json!({ "action": "update", "resource": app })).by(by);
        async move { call.send().await.ok()["allowed"].clone() }
    };
    assert_eq!(ask_app(&company.app.owner).await, true);
    assert_eq!(ask_app(&company.owner).await, false);
}

async fn attack_41_a_key_asks_for_itself(world: &World) {
    let company = Company::new(world).await;
    let ask = async |scopes: &[&str], role, action: &str| {
        let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| identity::ApiKey {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            role: Some(role),
            ..key
        });
        let body = json!({ "action": action, "organization_id": company.id });
        world.post("/v1/authz/check", &body).bearer(key.await).send().await
    };
    assert_eq!(ask(&[], Owner, "organization.archive").await.ok()["allowed"], true);
    assert_eq!(ask(&[], Admin, "organization.archive").await.ok()["allowed"], false, "the key's role");
    assert_eq!(ask(&[], Member, "owner").await.ok()["allowed"], false);
    ask(&["members:read"], Owner, "team.read").await.refused(403, "insufficient_scope");
    assert_eq!(ask(&["authz:check"], Owner, "team.read").await.ok()["allowed"], false, "its scopes");
    assert_eq!(ask(&["authz:check", "members:read"], Owner, "team.read").await.ok()["allowed"], true);
    assert_eq!(ask(&["authz:check", "members:read"], Owner, "team.create").await.ok()["allowed"], false);
    let elsewhere = world.home_of(&company.outsider).await;
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| key).await;
    world.enroll(elsewhere, &company.owner, Owner).await;
    let body = json!({ "action": "organization.read", "organization_id": elsewhere });
    assert_eq!(world.post("/v1/authz/check", &body).bearer(&key).send().await.ok()["allowed"], false, "its place");
}

async fn attack_37_a_question_that_names_two_places_is_refused(world: &World) {
    let company = Company::new(world).await;
    let elsewhere = world.organizations_of(&company.viewer).await[1]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/organizations/{elsewhere}/teams");
    let own = world.post(&path, &json!({ "name": "Own" })).by(&company.viewer).send().await.text("id");
    let theirs = company.team(world, "Theirs").await;
    let nothing = json!({ "allowed": false, "reason": "There is no such thing." });
    for (resource, team, organization) in [
        (Some(format!("team:{own}")), None, Some(company.id.to_string())),
        (Some(format!("organization:{elsewhere}")), None, Some(company.id.to_string())),
        (None, Some(own.clone()), Some(company.id.to_string())),
        (Some(format!("team:{own}")), Some(theirs.clone()), None),
        // What is nowhere looks the same.
        (Some("team:00000000-0000-4000-8000-000000000000".to_owned()), None, None),
        (Some("app:00000000-0000-4000-8000-000000000000".to_owned()), None, Some(company.id.to_string())),
        (None, Some("00000000-0000-4000-8000-000000000000".to_owned()), None),
        (Some(format!("app:{}", company.app.id)), None, None),
    ] {
        let body = json!({
            "action": "admin", "resource": resource, "team_id": team, "organization_id": organization,
        });
        assert_eq!(without_question(ask(world, &company.viewer, &body).await), nothing, "{body}");
    }
}

async fn one_thing_of_ours_has_one_spelling(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let deny =
        json!({ "action": "team.update", "resource": format!("team:{}", team.to_uppercase()), "effect": "deny" });
    let made = company.grant(world, &company.owner, &company.admin, &deny).await;
    assert_eq!(made.text("resource_id"), team);
    let renamed = world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Mine" })).by(&company.admin).send().await;
    renamed.refused(403, "forbidden");
    for spelling in
        [team.clone(), team.to_uppercase(), format!("{{{team}}}"), team.replace('-', ""), format!("urn:uuid:{team}")]
    {
        let about = format!("team:{spelling}");
        assert!(!company.may(world, &company.admin, "team.update", Some(&about)).await, "{spelling}");
    }
}

async fn a_check_says_what_the_route_does(world: &World) {
    let company = Company::new(world).await;
    let here = format!("organization:{}", company.id);
    let rename = || world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Acme" }));
    let deny = json!({ "action": "organization.update", "resource": here, "effect": "deny" });
    company.grant(world, &company.owner, &company.admin, &deny).await.ok();
    assert!(!company.may(world, &company.admin, "organization.update", None).await);
    rename().by(&company.admin).send().await.refused(403, "forbidden");
    let allow = json!({ "action": "organization.update", "resource": here });
    company.grant(world, &company.owner, &company.viewer, &allow).await.ok();
    assert!(company.may(world, &company.viewer, "organization.update", None).await);
    rename().by(&company.viewer).send().await.ok();
}

/// Grants for one thing count on its routes as they do in a check, and for no other thing.
async fn a_check_says_what_the_route_does_to_a_single_thing(world: &World) {
    let company = Company::new(world).await;
    let role = company.make_role(world, &company.owner, "guide", &["organization.read"]).await.text("id");
    let asset = json!({ "asset_type": "voice", "name": "Narrator" });
    let asset = world.post(&company.path("assets"), &asset).by(&company.owner).send().await.text("id");
    let invitation = json!({ "email": "guest@example.com", "role": "viewer" });
    let invitation = world.post(&company.path("invitations"), &invitation).by(&company.owner).send().await.text("id");
    let secret = json!({ "name": "KEY", "value": "s3cret" });
    world.post(&company.path("secrets"), &secret).by(&company.owner).send().await.ok();
    let things = [
        (
            "role.manage",
            format!("role:{role}"),
            "PATCH",
            company.path(&format!("roles/{role}")),
            json!({ "name": "lead" }),
        ),
        (
            "member.update",
            format!("member:{}", company.viewer.id),
            "PATCH",
            company.member_path(&company.viewer),
            json!({ "role": "viewer" }),
        ),
        ("secret.write", "secret:KEY".to_owned(), "DELETE", company.path("secrets/KEY"), json!({})),
        (
            "organization.invite",
            format!("invitation:{invitation}"),
            "POST",
            format!("/v1/invitations/{invitation}/resend"),
            json!({}),
        ),
        ("asset.delete", format!("asset:{asset}"), "DELETE", company.path(&format!("assets/{asset}")), json!({})),
    ];
    for (action, thing, method, path, body) in things {
        let about = json!({ "organization_id": company.id, "action": action, "resource": thing });
        let may = async |who| {
            let answer = world.post("/v1/authz/check", &about).by(who).send().await;
            answer.ok()["allowed"].as_bool().unwrap()
        };
        let call = |who| world.call(method, &path).json(&body).by(who).send();
        let deny = json!({ "action": action, "resource": thing, "effect": "deny" });
        let denial = company.grant(world, &company.owner, &company.admin, &deny).await.text("id");
        assert!(!may(&company.admin).await, "{thing}");
        call(&company.admin).await.refused(403, "forbidden");
        world.delete(&format!("/v1/permissions/{denial}")).by(&company.owner).send().await.ok();
        assert!(!may(&company.member).await || action == "asset.delete", "{thing}");
        company
            .grant(world, &company.owner, &company.member, &json!({ "action": action, "resource": thing }))
            .await
            .ok();
        assert!(may(&company.member).await, "{thing}");
        if action != "asset.delete" {
            call(&company.member).await.ok();
        }
    }
    // Other things are not meant.
    let other = company.make_role(world, &company.owner, "other", &["organization.read"]).await.text("id");
    let path = company.path(&format!("roles/{other}"));
    world.patch(&path, &json!({ "name": "others" })).by(&company.member).send().await.refused(403, "forbidden");
}

async fn a_denial_for_one_user_counts(world: &World) {
    let app = world.app("acme").await;
    let (one, other) = (world.sign_up(Some(&app), "one").await, world.sign_up(Some(&app), "other").await);
    let helper = world.sign_up(None, "helper").await;
    world.enroll(app.organization, &helper, kernel::Role::Admin).await;
    let deny = json!({
        "organization_id": app.organization, "principal_id": helper.id, "action": "user.manage",
        "resource": format!("user:{}", one.id), "effect": "deny",
    });
    world.post("/v1/permissions", &deny).by(&app.owner).send().await.ok();
    let unlock = |whom: &crate::support::Person| {
        let path = format!("/v1/admin/users/{}/unlock?app_id={}", whom.id, app.id);
        world.post(&path, &json!({})).by(&helper).send()
    };
    unlock(&one).await.refused(403, "forbidden");
    unlock(&other).await.ok();
}

/// Whoever asks, and whatever they mean: the answer is what the route that does it says.
async fn a_check_says_what_the_route_says_about_apps(world: &World) {
    let company = Company::new(world).await;
    let administrator = world.administrator().await;
    let (app, other) = (&company.app, world.set_up("other").await);
    let app_token = world.app_token(app).await;
    let (tenant_key, owner_key) =
        (world.api_key(Some(app.id), company.id, &company.owner, |key| key).await, app.api_key.clone());
    let user = company.member.id;
    for (who, bearer) in [
        ("the app", &app_token),
        ("the app's owner", &app.owner.token),
        ("a key of the app's owner", &owner_key),
        ("another developer", &other.owner.token),
        ("the platform's administrator", &administrator.token),
        ("a tenant's owner", &company.owner.token),
        ("a tenant's key", &tenant_key),
    ] {
        for (action, resource, method, path, body) in [
            ("app.read", format!("app:{}", app.id), "GET", format!("/v1/apps/{}", app.id), json!({})),
            ("app.update", format!("app:{}", app.id), "PATCH", format!("/v1/apps/{}", app.id), json!({})),
            (
                "app.rotate_secret",
                format!("app:{}", app.id),
                "POST",
                format!("/v1/apps/{}/rotate-secret", app.id),
                json!({ "overlap_seconds": 3600 }),
            ),
            (
                "user.read",
                format!("user:{user}"),
                "GET",
                format!("/v1/admin/users/{user}?app_id={}", app.id),
                json!({}),
            ),
        ] {
            let asked = json!({ "action": action, "resource": resource, "explain": true });
            let told = world.post("/v1/authz/check", &asked).bearer(bearer).send().await;
            let done = world.call(method, &path).json(&body).bearer(bearer).send().await;
            assert_eq!(told.ok()["allowed"], json!(done.is_success()), "{who} {action}: {told:?} {done:?}");
        }
    }
    // What is the platform's is for nobody else.
    for (by, allowed) in [(&administrator, true), (&app.owner, false), (&company.owner, false)] {
        let told = ask(world, by, &json!({ "action": "concurrency_limit.manage" })).await;
        assert_eq!(told["allowed"], allowed, "{told}");
    }
    // In an app's own organizations there are no apps, and nobody manages accounts.
    for action in ["app.create", "app.list", "user.read", "user.manage"] {
        assert!(!company.may(world, &company.owner, action, None).await, "{action}");
    }
    let own = json!({ "action": "user.read" });
    assert_eq!(world.post("/v1/authz/check", &own).bearer(&app_token).send().await.ok()["allowed"], true);
}

async fn attack_37_what_another_organization_has_is_nothing_here(world: &World) {
    let company = Company::new(world).await;
    let elsewhere = world.home_of(&company.outsider).await;
    let make = async |by: &Person, organization: String, path: &str| {
        let body = json!({
            "name": "robot", "organization_id": organization, "redirect_uris": [], "actions": ["team.read"],
        });
        world.post(path, &body).by(by).send().await.text("id")
    };
    for (kind, action, path) in [
        ("service_account", "service_account.manage", "/v1/service-accounts"),
        ("api_key", "api_key.update", "/v1/api-keys"),
        ("oauth_client", "oauth_client.manage", "/v1/oauth/clients"),
        ("role", "role.manage", "/v1/organizations/{organization_id}/roles"),
    ] {
        let at = |id: &dyn std::fmt::Display| path.replace("{organization_id}", &id.to_string());
        let own = make(&company.owner, company.id.to_string(), &at(&company.id)).await;
        let theirs = make(&company.outsider, elsewhere.to_string(), &at(&elsewhere)).await;
        let nothing = "00000000-0000-4000-8000-000000000000".to_owned();
        for (id, allowed) in [(&own, true), (&theirs, false), (&nothing, false)] {
            for within in [json!(company.id), Value::Null] {
                let body = json!({
                    "action": action, "resource": format!("{kind}:{id}"), "organization_id": within, "explain": true,
                });
                let told = ask(world, &company.owner, &body).await;
                assert_eq!(told["allowed"], allowed, "{body}: {told}");
                let told_of = &told["explanation"]["organization_id"];
                assert!(allowed || told_of.is_null(), "{told}");
            }
        }
    }
    let team = make(&company.outsider, elsewhere.to_string(), &format!("/v1/organizations/{elsewhere}/teams")).await;
    for resource in [format!("team:{team}"), format!("user:{}", company.member.id), "permission:x".to_owned()] {
        let body = json!({ "action": "update", "resource": resource, "organization_id": company.id });
        assert_eq!(ask(world, &company.owner, &body).await["allowed"], false, "{resource}");
    }
}

async fn a_refusal_tells_what_decided(world: &World) {
    let company = Company::new(world).await;
    let explain = async |bearer: &str, action: &str| {
        let body = json!({ "action": action, "organization_id": company.id, "explain": true });
        let told = world.post("/v1/authz/check", &body).bearer(bearer).send().await.ok().clone();
        assert_eq!(told["allowed"], false, "{told}");
        (told["explanation"]["decided_by"].clone(), told["explanation"].clone())
    };
    let app = Some(company.app.id);
    let low = world.api_key(app, company.id, &company.owner, |key| ApiKey { role: Some(Member), ..key }).await;
    let (by, about) = explain(&low, "team.create").await;
    assert_eq!((by, &about["role"]), (json!("key_role"), &json!("admin")));
    let scopes = vec!["authz:check".to_owned()];
    let narrow = world.api_key(app, company.id, &company.owner, |key| ApiKey { scopes, ..key }).await;
    let (by, about) = explain(&narrow, "team.create").await;
    assert_eq!((by, &about["scope"]), (json!("scope"), &json!("members:write")));
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    assert_eq!(explain(&company.owner.token, "team.create").await.0, "archived");
}

/// Every question about everything, by everybody, at once and one by one.
async fn attack_42_a_batch_is_the_sum_of_its_questions(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "admin").await.ok();
    let deny = json!({ "action": "team.*", "effect": "deny", "resource": format!("team:{team}") });
    company.grant(world, &company.owner, &company.member, &deny).await.ok();
    let allow = json!({ "action": "invoice.*", "resource": "invoice:2026/*" });
    company.grant(world, &company.owner, &company.member, &allow).await.ok();
    let mut questions = Vec::new();
    for action in ["organization.read", "team.update", "update", "invoice.pay", "admin", "nonsense"] {
        for resource in [Value::Null, json!(format!("team:{team}")), json!("invoice:2026/7"), json!("invoice:2025/7")] {
            for place in [Value::Null, json!(company.id), json!(company.app.organization)] {
                for team in [Value::Null, json!(team)] {
                    questions.push(json!({
                        "action": action, "resource": resource, "organization_id": place, "team_id": team, "explain": true,
                    }));
                }
            }
        }
    }
    // The same again, and twice in a row: no answer is another question's.
    questions.extend(questions.clone().into_iter().rev());
    for by in [&company.admin, &company.member, &company.viewer, &company.outsider] {
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for some in questions.chunks(100) {
            let batch = json!({ "checks": some });
            let batch = world.post("/v1/authz/check-batch", &batch).by(by).send().await;
            together.extend(batch.ok().as_array().unwrap().clone());
        }
        for question in &questions {
            alone.push(ask(world, by, question).await);
        }
        assert_eq!(together, alone);
        assert!(questions.iter().zip(&alone).all(|(asked, told)| told["action"] == asked["action"]));
    }
}
