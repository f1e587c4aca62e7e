//! The audit log: what happened, and who sees it.

use std::time::Duration;

use identity::password::Password;
use kernel::{Client, Email, Name, Origin, Via};
use platform::{OperatorUser, SetUp};
use serde_json::{Value, json};

use crate::support::{App, Company, PASSWORD, Person, World};

on_both!(
    what_is_undone_is_told_by_name_as_well,
    a_change_is_told_with_who_where_from_and_in_which_request,
    an_app_that_acts_for_somebody_is_named,
    a_key_and_its_owner_are_named,
    who_makes_an_account_is_named_and_not_whom_it_is_for,
    entries_come_newest_first_page_after_page,
    entries_are_found_by_what_they_tell,
    what_an_app_does_for_somebody_is_found_under_both,
    a_filter_that_makes_no_sense_is_refused,
    an_organization_sees_its_own_and_nothing_else,
    an_app_sees_what_happened_in_it,
    what_happens_to_an_app_is_found_in_it,
    who_runs_the_platform_sees_everything,
    attack_43_no_filter_shows_what_is_anothers,
    attack_44_what_an_app_does_for_somebody_is_visible,
    attack_53_no_entry_has_a_secret,
    every_entry_says_what_it_happened_to,
);

impl Company {
    pub(super) async fn log(&self, world: &World, query: &str) -> Vec<Value> {
        let listed = world.get(&self.path(&format!("audit-logs{query}"))).by(&self.owner).send().await;
        listed.ok().as_array().unwrap().clone()
    }

    pub(super) async fn team_of(&self, world: &World, by: &Person, name: &str) -> String {
        world.post(&self.path("teams"), &json!({ "name": name })).by(by).send().await.text("id")
    }
}

async fn a_change_is_told_with_who_where_from_and_in_which_request(world: &World) {
    let company = Company::new(world).await;
    let made = world
        .post(&company.path("teams"), &json!({ "name": "Bakers" }))
        .by(&company.admin)
        .header("x-request-id", "request-1")
        .header("user-agent", "Baker/1.0")
        .from("203.0.113.9:4711")
        .send()
        .await;
    let team = made.text("id");
    let entries = company.log(world, "").await;
    let entry = &entries[0];
    let expected = json!({
        "organization_id": company.id, "app_id": company.app.id, "actor_principal_id": company.admin.id,
        "actor_type": "user", "on_behalf_of": null, "action": "team.created", "resource_type": "team",
        "resource_id": team, "outcome": "success", "ip": "203.0.113.9", "user_agent": "Baker/1.0",
        "request_id": "request-1",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&entry[field], value, "{field} of {entry}");
    }
    assert!(entry["credential_id"].is_string(), "the session");
    assert_eq!(entry["metadata"]["name"], "Bakers");
}

async fn an_app_that_acts_for_somebody_is_named(world: &World) {
    let company = Company::new(world).await;
    let exchanged = world.exchange(&company.app, company.owner.id).await.text("access_token");
    world.post(&company.path("teams"), &json!({ "name": "A" })).bearer(&exchanged).send().await.ok();
    let entry = &company.log(world, "").await[0];
    assert_eq!((&entry["actor_type"], &entry["actor_principal_id"]), (&json!("app"), &json!(company.app.id)));
    assert_eq!(entry["on_behalf_of"], json!(company.owner.id));
}

async fn a_key_and_its_owner_are_named(world: &World) {
    let company = Company::new(world).await;
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| key).await;
    world.post(&company.path("teams"), &json!({ "name": "A" })).bearer(&key).send().await.ok();
    let entry = &company.log(world, "").await[0];
    assert_eq!((&entry["actor_type"], &entry["actor_principal_id"]), (&json!("api_key"), &json!(company.owner.id)));
    assert!(entry["credential_id"].is_string(), "the key");
}

async fn who_makes_an_account_is_named_and_not_whom_it_is_for(world: &World) {
    let app = world.app("acme").await;
    let administrator = world.administrator().await;
    let new = json!({ "email": "made@example.com", "password": PASSWORD });
    let made = world.post("/v1/admin/users", &new).bearer(&world.app_token(&app).await).send().await.text("id");
    let entries = async |query: &str| {
        let path = format!("/v1/audit-logs?limit=200&{query}");
        world.get(&path).by(&administrator).send().await.ok().as_array().unwrap().clone()
    };
    let by_the_app = entries(&format!("actor_principal_id={}&app_id={}", app.id, app.id)).await;
    let told: Vec<_> = by_the_app
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["actor_type"].as_str().unwrap()))
        .collect();
    let kinds = ["membership.created", "organization.created", "user.created"];
    assert_eq!(told, kinds.map(|kind| (kind, "app")));
    for entry in &by_the_app {
        assert_eq!(entry["metadata"]["principal_id"], made, "{entry}");
    }
    let console = Origin { request_id: None, client: Client::default(), via: Via::Operator };
    let console = world.platform.coming_from(console);
    let person = console.operator_create_user(OperatorUser {
        app: Some(app.id),
        email: Email::parse("console@example.com").unwrap(),
        password: Password::choose(&PASSWORD.into()).unwrap(),
        display_name: None,
        verified: true,
        admin: false,
    });
    let person = person.await.unwrap().principal;
    console
        .set_up(SetUp {
            app_name: Name::parse("Other").unwrap(),
            email: Email::parse("other@example.com").unwrap(),
            password: Password::choose(&PASSWORD.into()).unwrap(),
            webhook_url: None,
        })
        .await
        .unwrap();
    let all = entries("").await;
    let by_operator: Vec<_> = all.iter().filter(|entry| entry["actor_type"] == "operator").collect();
    let mut kinds: Vec<_> = by_operator.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    let expected = [
        "api_key.created",
        "app.created",
        "membership.created",
        "membership.created",
        "organization.created",
        "organization.created",
        "user.created",
        "user.created",
    ];
    assert_eq!(kinds, expected);
    assert!(by_operator.iter().all(|entry| entry["actor_principal_id"].is_null()), "{by_operator:?}");
    let of_person = by_operator.iter().filter(|entry| entry["metadata"]["principal_id"] == json!(person));
    assert_eq!(of_person.count(), 3, "{by_operator:?}");
}

async fn entries_come_newest_first_page_after_page(world: &World) {
    let company = Company::new(world).await;
    for number in 0..5 {
        company.team_of(world, &company.owner, &format!("Team {number}")).await;
    }
    let all = company.log(world, "").await;
    assert!(all.len() >= 6, "{all:?}");
    let names: Vec<_> = all.iter().take(5).map(|entry| entry["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Team 4", "Team 3", "Team 2", "Team 1", "Team 0"]);
    let (mut read, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = world.get(&company.path(&format!("audit-logs{query}"))).by(&company.owner).send().await;
        read.extend(page.ok().as_array().unwrap().clone());
        let Some(cursor) = page.body["meta"]["pagination"]["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(read, all);
}

async fn entries_are_found_by_what_they_tell(world: &World) {
    let company = Company::new(world).await;
    let first = world.now();
    let team = company.team_of(world, &company.admin, "Bakers").await;
    world.advance(Duration::from_mins(1));
    let second = world.now();
    company.put_into_team(world, &company.owner, &team, &company.member, "member").await.ok();
    company.set_role(world, &company.owner, &company.viewer, "member").await.ok();
    let actions = async |query: String| {
        let found = company.log(world, &query).await;
        found.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions("?action=team.created".to_owned()).await, ["team.created"]);
    assert_eq!(actions("?action=team.*".to_owned()).await, ["team.member_set", "team.created"]);
    assert_eq!(actions("?action=t*".to_owned()).await, ["team.member_set", "team.created"]);
    assert_eq!(actions(format!("?actor_principal_id={}", company.admin.id)).await, ["team.created"]);
    assert_eq!(actions(format!("?resource_type=team&resource_id={team}")).await, ["team.member_set", "team.created"]);
    assert_eq!(actions(format!("?since={second}&action=team.*")).await, ["team.member_set"]);
    let later = first.after(Duration::from_secs(30));
    assert_eq!(actions(format!("?until={later}&action=team.*")).await, ["team.created"]);
    assert!(actions("?outcome=denied".to_owned()).await.is_empty());
    // What was refused is found by what it would have been.
    let refused = world.post(&company.path("teams"), &json!({ "name": "A" })).by(&company.viewer).send().await;
    refused.refused(403, "forbidden");
    world.platform.note_refusals().await.unwrap();
    for query in ["action=team.create", "action=team.*", "action=team.cr*", "action=access.denied"] {
        assert_eq!(actions(format!("?outcome=denied&{query}")).await, ["team.create"], "{query}");
    }
    assert!(actions("?outcome=denied&action=team_create".to_owned()).await.is_empty());
    assert!(actions("?request_id=nobody-sent-this".to_owned()).await.is_empty());
    let total = world.get(&company.path("audit-logs?action=team.*&outcome=success&limit=1&include_total=true"));
    assert_eq!(total.by(&company.owner).send().await.body["meta"]["pagination"]["total"], 2);
}

async fn what_an_app_does_for_somebody_is_found_under_both(world: &World) {
    let company = Company::new(world).await;
    let exchanged = world.exchange(&company.app, company.admin.id).await.text("access_token");
    let made = world.post(&company.path("teams"), &json!({ "name": "Bakers" })).bearer(&exchanged).send().await;
    made.ok();
    company.team_of(world, &company.owner, "Millers").await;
    for who in [company.app.id.to_string(), company.admin.id.to_string()] {
        let found = company.log(world, &format!("?action=team.created&actor_principal_id={who}")).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["actor_principal_id"], json!(company.app.id));
        assert_eq!(found[0]["on_behalf_of"], json!(company.admin.id));
    }
}

async fn a_filter_that_makes_no_sense_is_refused(world: &World) {
    let company = Company::new(world).await;
    for query in [
        "outcome=perhaps",
        "since=yesterday",
        "until=1",
        "actor_principal_id=me",
        "action=",
        "action=a%25",
        "action=a_'%20OR%201=1",
        "resource_id=%00",
    ] {
        let told = world.get(&company.path(&format!("audit-logs?{query}"))).by(&company.owner).send().await;
        told.refused(400, "invalid_parameter");
    }
}

async fn an_organization_sees_its_own_and_nothing_else(world: &World) {
    let company = Company::new(world).await;
    let outsiders = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{outsiders}/teams");
    world.post(&path, &json!({ "name": "Theirs" })).by(&company.outsider).send().await.ok();
    let own = company.log(world, "?limit=200").await;
    assert!(!own.is_empty());
    for entry in &own {
        assert_eq!(entry["organization_id"], json!(company.id), "{entry}");
    }
    for (person, status) in [(&company.admin, 200), (&company.member, 403), (&company.outsider, 404)] {
        let told = world.get(&company.path("audit-logs")).by(person).send().await;
        assert_eq!(told.status, status);
    }
}

async fn an_app_sees_what_happened_in_it(world: &World) {
    let company = Company::new(world).await;
    let other = world.set_up("other").await;
    world.sign_up(Some(&other), "elsewhere").await;
    for bearer in [company.app.api_key.clone(), world.app_token(&company.app).await] {
        let listed = world.get("/v1/audit-logs?limit=200").bearer(&bearer).send().await;
        let listed = listed.ok().as_array().unwrap().clone();
        assert!(listed.iter().any(|entry| entry["action"] == "auth.signup"));
        assert!(listed.iter().any(|entry| entry["organization_id"] == json!(company.id)));
        assert!(listed.iter().all(|entry| entry["app_id"] == json!(company.app.id)), "{listed:?}");
    }
    // One who only uses the app sees nothing of that.
    world.get("/v1/audit-logs").by(&company.owner).send().await.refused(403, "forbidden");
    let path = format!("/v1/audit-logs?app_id={}", other.id);
    world.get(&path).bearer(&company.app.api_key).send().await.refused(404, "not_found");
}

async fn what_happens_to_an_app_is_found_in_it(world: &World) {
    let app = world.app("acme").await;
    let other = world.set_up("other").await;
    world.configure(&app, &json!({ "name": "Renamed" })).await;
    let administrator = world.administrator().await;
    let found = async |by: &str, query: &str| {
        let path = format!("/v1/audit-logs?action=app.*{query}");
        let listed = world.get(&path).bearer(by).send().await.ok().as_array().unwrap().clone();
        assert!(listed.iter().all(|entry| entry["app_id"] == entry["resource_id"]), "{listed:?}");
        listed.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of = |app: &App| format!("&app_id={}", app.id);
    assert_eq!(found(&administrator.token, &of(&app)).await, ["app.updated", "app.created"]);
    assert_eq!(found(&app.api_key, "").await, ["app.updated", "app.created"]);
    assert_eq!(found(&other.owner.token, &of(&other)).await, ["app.created"]);
    let path = format!("/v1/audit-logs?action=app.*{}", of(&app));
    world.get(&path).by(&other.owner).send().await.refused(404, "not_found");
}

async fn who_runs_the_platform_sees_everything(world: &World) {
    let company = Company::new(world).await;
    let other = world.set_up("other").await;
    world.sign_up(Some(&other), "elsewhere").await;
    let administrator = world.administrator().await;
    let listed = world.get("/v1/audit-logs").by(&administrator).send().await;
    let apps: Vec<_> = listed.ok().as_array().unwrap().iter().map(|entry| entry["app_id"].clone()).collect();
    for app in [json!(company.app.id), json!(other.id), json!(null)] {
        assert!(apps.contains(&app), "{app}");
    }
    let path = format!("/v1/audit-logs?app_id={}", other.client_id);
    let one = world.get(&path).by(&administrator).send().await;
    assert!(one.ok().as_array().unwrap().iter().all(|entry| entry["app_id"] == json!(other.id)));
}

async fn attack_43_no_filter_shows_what_is_anothers(world: &World) {
    let company = Company::new(world).await;
    let outsiders = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{outsiders}/teams");
    let team = world.post(&path, &json!({ "name": "Theirs" })).by(&company.outsider).send().await.text("id");
    let theirs = world.get(&format!("/v1/organizations/{outsiders}/audit-logs")).by(&company.outsider).send().await;
    let cursor = theirs.ok()[0]["id"].as_str().unwrap().to_owned();
    for query in [
        format!("?resource_id={team}"),
        format!("?actor_principal_id={}", company.outsider.id),
        format!("?organization_id={outsiders}&action=*"),
        format!("?app_id={}&limit=200", company.app.id),
        format!("?cursor={cursor}&limit=200&include_total=true"),
    ] {
        let listed = world.get(&company.path(&format!("audit-logs{query}"))).by(&company.owner).send().await;
        assert!(!listed.body.to_string().contains(&team), "{query}");
        let listed = listed.ok().as_array().unwrap();
        assert!(listed.iter().all(|entry| entry["organization_id"] == json!(company.id)), "{query}");
    }
}

async fn attack_44_what_an_app_does_for_somebody_is_visible(world: &World) {
    let company = Company::new(world).await;
    let exchanged = world.exchange(&company.app, company.member.id).await.text("access_token");
    world.post(&company.path("leave"), &json!({})).bearer(&exchanged).send().await.ok();
    let entry = &company.log(world, "?action=membership.removed").await[0];
    assert_eq!((&entry["actor_type"], &entry["on_behalf_of"]), (&json!("app"), &json!(company.member.id)));
}

async fn attack_53_no_entry_has_a_secret(world: &World) {
    let company = Company::new(world).await;
    world.log_in(Some(&company.app), "owner", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    let invited = json!({ "email": "new@example.com", "role": "member" });
    world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.ok();
    let mails = world.mails().await;
    let administrator = world.administrator().await;
    let listed = world.get("/v1/audit-logs?limit=200").by(&administrator).send().await.body.to_string();
    let tokens = mails.iter().map(crate::support::Mail::token);
    let secrets = [company.app.client_secret.clone(), company.app.api_key.clone(), company.owner.token.clone()];
    for secret in secrets.into_iter().chain(tokens).chain([crate::support::PASSWORD.to_owned()]) {
        assert!(!listed.contains(&secret), "{secret}");
    }
}

/// The names of payloads' fields are what entries are found by.
async fn every_entry_says_what_it_happened_to(world: &World) {
    let company = Company::new(world).await;
    let team = company.team_of(world, &company.owner, "A").await;
    company.put_into_team(world, &company.owner, &team, &company.member, "member").await.ok();
    company.set_role(world, &company.owner, &company.viewer, "member").await.ok();
    let role = json!({ "name": "baker", "actions": ["team.read"] });
    world.post(&company.path("roles"), &role).by(&company.owner).send().await.ok();
    let grant = json!({ "organization_id": company.id, "principal_id": company.member.id, "action": "team.create" });
    world.post("/v1/permissions", &grant).by(&company.owner).send().await.ok();
    let invited = json!({ "email": "new@example.com", "role": "member" });
    world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.ok();
    world.configure(&company.app, &json!({ "name": "Renamed" })).await;
    let nameless = "SELECT count(*) FROM events WHERE resource_id IS NULL";
    assert_eq!(world.number(nameless), 0);
}

/// What the sweep counts alone, or has nothing to undo for: each by its kind, and by who did it.
async fn what_is_undone_is_told_by_name_as_well(world: &World) {
    let company = Company::new(world).await;
    let (by, here) = (&company.owner, company.id);
    let made = async |path: &str, body: Value| world.post(path, &body).by(by).send().await;
    let act = async |path: String, body: Value| made(&path, body).await.ok().clone();
    let path = |rest: &str| format!("/v1/organizations/{here}/{rest}");
    let team = company.team(world, "Crew").await;
    act(format!("/v1/teams/{team}/archive"), json!({})).await;
    act(format!("/v1/teams/{team}/restore"), json!({})).await;
    company.put_into_team(world, by, &team, &company.member, "member").await.ok();
    world.delete(&format!("/v1/teams/{team}/members/{}", company.member.id)).by(by).send().await.ok();
    let key = made("/v1/api-keys", json!({ "name": "Laptop", "organization_id": here })).await.text("id");
    world.patch(&format!("/v1/api-keys/{key}"), &json!({ "name": "Desk" })).by(by).send().await.ok();
    for what in ["disable", "enable"] {
        act(format!("/v1/api-keys/{key}/{what}"), json!({})).await;
    }
    let program = json!({ "name": "Deploys", "organization_id": here });
    let program = made("/v1/service-accounts", program).await.text("id");
    for what in ["disable", "enable"] {
        act(format!("/v1/service-accounts/{program}/{what}"), json!({})).await;
    }
    let hook = made(&path("webhooks"), json!({ "url": "https://example.com/hooks" })).await.text("id");
    for what in ["pause", "resume"] {
        act(format!("/v1/webhooks/{hook}/{what}"), json!({})).await;
    }
    let invited = made(&path("invitations"), json!({ "email": "new@example.com", "role": "member" })).await.text("id");
    for what in ["resend", "revoke"] {
        act(format!("/v1/invitations/{invited}/{what}"), json!({})).await;
    }
    let role = company.make_role(world, by, "recruiter", &["member.update"]).await.text("id");
    world
        .patch(&path(&format!("roles/{role}")), &json!({ "description": "Looks after people." }))
        .by(by)
        .send()
        .await
        .ok();
    world.delete(&path(&format!("roles/{role}"))).by(by).send().await.ok();
    company.grant(world, by, &company.viewer, &json!({ "action": "invoice.approve" })).await.ok();
    world.patch("/v1/me", &json!({ "display_name": "Olivia" })).by(by).send().await.ok();
    for what in ["request-deletion", "cancel-deletion", "archive", "restore"] {
        act(path(what), json!({})).await;
    }
    for kind in [
        "team.archived",
        "team.restored",
        "team.member_removed",
        "api_key.updated",
        "api_key.disabled",
        "api_key.enabled",
        "service_account.disabled",
        "service_account.enabled",
        "invitation.resent",
        "invitation.revoked",
        "role.updated",
        "role.deleted",
        "permission.granted",
        "user.updated",
        "organization.deletion_requested",
        "organization.deletion_cancelled",
        "organization.archived",
        "organization.restored",
    ] {
        let told = format!("SELECT count(*) FROM events WHERE kind = '{kind}' AND actor_id IS NOT NULL");
        assert_eq!((kind, world.events(kind), world.number(&told)), (kind, 1, 1));
    }
    assert_eq!(world.events("webhook.updated"), 2, "paused, and resumed");
}
