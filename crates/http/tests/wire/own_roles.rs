//! Own roles of an organization where built-in ones are given besides: in teams, to service accounts and OAuth clients, by
//! invitations.

use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    an_own_role_of_a_team_counts_in_that_team,
    an_invitation_gives_its_own_role_in_the_team_too,
    a_service_account_has_an_own_role,
    a_service_account_of_a_team_has_an_own_role_there,
    a_client_has_an_own_role,
    a_key_of_who_has_an_own_role_goes_with_it,
    what_a_role_has_changes_for_teams_and_programs_at_once,
    a_role_that_a_team_or_a_program_has_is_not_deleted,
    lists_call_an_own_role_by_its_name,
    attack_40_nobody_gives_an_own_role_that_may_more_than_they,
    attack_40_nobody_gets_the_key_of_an_own_role_that_may_more_than_they,
    attack_21_a_limited_key_gives_no_program_more_than_it_has,
    attack_39_nobody_invites_into_a_team_who_may_put_nobody_there,
    attack_39_an_invitation_into_a_team_is_worth_what_its_inviter_may_there,
    attack_37_a_role_of_another_organization_does_not_exist,
);

impl Company {
    /// Whether somebody may do something within a team, and what decided.
    async fn may_in(&self, world: &World, bearer: &str, action: &str, team: &str) -> Answer {
        let body = json!({ "action": action, "organization_id": self.id, "team_id": team, "explain": true });
        world.post("/v1/authz/check", &body).bearer(bearer).send().await
    }

    async fn own_role(&self, world: &World, name: &str, actions: &[&str]) -> String {
        self.make_role(world, &self.owner, name, actions).await.text("id")
    }

    async fn program(&self, world: &World, by: &Person, wishes: &Value) -> Answer {
        let mut body = json!({ "name": "Deploys", "organization_id": self.id });
        body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        world.post("/v1/service-accounts", &body).by(by).send().await
    }

    async fn client(&self, world: &World, by: &Person, role: &str) -> Answer {
        let body = json!({ "name": "Reports", "organization_id": self.id, "redirect_uris": [], "role": role });
        world.post("/v1/oauth/clients", &body).by(by).send().await
    }

    async fn invite_into(&self, world: &World, by: &Person, whom: &str, role: &str, team: &str) -> Answer {
        let body = json!({ "email": format!("{whom}@example.com"), "role": role, "team_id": team });
        world.post(&self.path("invitations"), &body).by(by).send().await
    }

    async fn verified(&self, world: &World, name: &str) -> Person {
        let person = world.sign_up(Some(&self.app), name).await;
        let path = format!("/v1/admin/users/{}/verify", person.id);
        world.post(&path, &json!({})).bearer(&self.app.api_key).send().await.ok();
        person
    }

    async fn rename_team(&self, world: &World, bearer: &str, team: &str) -> Answer {
        world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Renamed" })).bearer(bearer).send().await
    }
}

async fn key_of(world: &World, by: &Person, program: &str) -> Answer {
    world.post(&format!("/v1/service-accounts/{program}/api-keys"), &json!({})).by(by).send().await
}

async fn accept(world: &World, by: &Person, invitation: &str) -> Answer {
    world.post(&format!("/v1/invitations/{invitation}/accept"), &json!({})).by(by).send().await
}

async fn an_own_role_of_a_team_counts_in_that_team(world: &World) {
    let company = Company::new(world).await;
    let [crew, other] = [company.team(world, "Crew").await, company.team(world, "Other").await];
    let role = company.own_role(world, "foreman", &["team.update", "invoice.approve"]).await;
    let put = company.put_into_team(world, &company.admin, &crew, &company.viewer, "foreman").await;
    assert_eq!((put.text("role"), put.text("principal_id")), ("foreman".into(), company.viewer.id.to_string()));
    let members = world.get(&format!("/v1/teams/{crew}/members")).by(&company.member).send().await;
    assert_eq!(*members.ok(), json!([put.ok()]));
    for action in ["team.update", "invoice.approve"] {
        let told = company.may_in(world, &company.viewer.token, action, &crew).await;
        let about = &told.ok()["explanation"];
        assert_eq!((&told.ok()["allowed"], &about["decided_by"]), (&json!(true), &json!("own_role")), "{action}");
        assert_eq!((&about["role_id"], &about["team_id"]), (&json!(role), &json!(crew)), "{action}");
        let elsewhere = company.may_in(world, &company.viewer.token, action, &other).await;
        assert_eq!(elsewhere.ok()["allowed"], false, "{action}");
        assert!(!company.may(world, &company.viewer, action, None).await, "{action}");
    }
    company.rename_team(world, &company.viewer.token, &crew).await.ok();
    company.rename_team(world, &company.viewer.token, &other).await.refused(403, "forbidden");
    // What is denied is denied all the same.
    let denial = json!({ "action": "team.update", "effect": "deny", "team_id": crew });
    company.grant(world, &company.owner, &company.viewer, &denial).await.ok();
    company.rename_team(world, &company.viewer.token, &crew).await.refused(403, "forbidden");
    // A built-in role takes the own one's place.
    company.put_into_team(world, &company.admin, &crew, &company.viewer, "viewer").await.ok();
    let told = company.may_in(world, &company.viewer.token, "invoice.approve", &crew).await;
    assert_eq!(told.ok()["allowed"], false);
    let unknown = company.put_into_team(world, &company.admin, &crew, &company.viewer, "nobody").await;
    unknown.refused(400, "invalid_request");
}

async fn an_invitation_gives_its_own_role_in_the_team_too(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.own_role(world, "foreman", &["team.update"]).await;
    let newcomer = company.verified(world, "newcomer").await;
    let invited = company.invite_into(world, &company.admin, "newcomer", "foreman", &team).await;
    accept(world, &newcomer, &invited.text("id")).await.ok();
    let teams = world.get("/v1/me/teams").by(&newcomer).send().await;
    assert_eq!((&teams.ok()[0]["id"], &teams.ok()[0]["role"]), (&json!(team), &json!("foreman")));
    company.rename_team(world, &newcomer.token, &team).await.ok();
    // In the team it counts by itself.
    company.set_role(world, &company.owner, &newcomer, "viewer").await.ok();
    company.rename_team(world, &newcomer.token, &team).await.ok();
}

async fn a_service_account_has_an_own_role(world: &World) {
    let company = Company::new(world).await;
    company.own_role(world, "deployer", &["team.create", "invoice.*"]).await;
    let made = company.program(world, &company.admin, &json!({ "role": "deployer" })).await;
    assert_eq!(made.text("role"), "deployer");
    let path = format!("/v1/service-accounts/{}", made.text("id"));
    assert_eq!(world.get(&path).by(&company.member).send().await.ok(), made.ok());
    let list = format!("/v1/service-accounts?organization_id={}", company.id);
    assert_eq!(*world.get(&list).by(&company.member).send().await.ok(), json!([made.ok()]));
    let key = key_of(world, &company.admin, &made.text("id")).await.text("secret");
    let make_team = |name: &str| world.post(&company.path("teams"), &json!({ "name": name })).bearer(&key).send();
    make_team("One").await.ok();
    let check = json!({ "action": "invoice.approve" });
    assert_eq!(world.post("/v1/authz/check", &check).bearer(&key).send().await.ok()["allowed"], true);
    let rename = json!({ "name": "Renamed" });
    let organization = format!("/v1/organizations/{}", company.id);
    world.patch(&organization, &rename).bearer(&key).send().await.refused(403, "forbidden");
    for (path, role) in [("/v1/me/organizations", "deployer"), ("/v1/me/permissions", "deployer")] {
        assert_eq!(world.get(path).bearer(&key).send().await.ok()[0]["role"], role, "{path}");
    }
    let changed = world.patch(&path, &json!({ "name": "Renamed" })).by(&company.admin).send().await;
    assert_eq!(changed.text("role"), "deployer", "it stays what it is");
    for what in ["disable", "enable"] {
        let answer = world.post(&format!("{path}/{what}"), &json!({})).by(&company.admin).send().await;
        assert_eq!(answer.text("role"), "deployer", "{what}");
    }
    make_team("Two").await.ok();
    let changed = world.patch(&path, &json!({ "role": "viewer" })).by(&company.admin).send().await;
    assert_eq!(changed.text("role"), "viewer");
    make_team("Three").await.refused(403, "forbidden");
    let changed = world.patch(&path, &json!({ "role": "deployer" })).by(&company.admin).send().await;
    assert_eq!(changed.text("role"), "deployer");
    make_team("Three").await.ok();
    world.patch(&path, &json!({ "role": "nobody" })).by(&company.admin).send().await.refused(400, "invalid_request");
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%\"role\":\"deployer\"%'"), 5);
}

async fn a_service_account_of_a_team_has_an_own_role_there(world: &World) {
    let company = Company::new(world).await;
    let [crew, other] = [company.team(world, "Crew").await, company.team(world, "Other").await];
    company.own_role(world, "foreman", &["team.update", "team.create"]).await;
    let made = company.program(world, &company.owner, &json!({ "role": "foreman", "team_id": crew })).await;
    let key = key_of(world, &company.owner, &made.text("id")).await.text("secret");
    company.rename_team(world, &key, &crew).await.ok();
    company.rename_team(world, &key, &other).await.refused(403, "forbidden");
    world.post(&company.path("teams"), &json!({ "name": "X" })).bearer(&key).send().await.refused(403, "forbidden");
    let teams = world.get("/v1/me/teams").bearer(&key).send().await;
    assert_eq!((&teams.ok()[0]["id"], &teams.ok()[0]["role"]), (&json!(crew), &json!("foreman")));
    assert_eq!(world.get("/v1/me/organizations").bearer(&key).send().await.ok()[0]["role"], "viewer");
    let roles = world.get("/v1/me/permissions").bearer(&key).send().await;
    let row = |team: Value, role| json!({ "organization_id": company.id, "team_id": team, "role": role });
    assert_eq!(*roles.ok(), json!([row(Value::Null, "viewer"), row(json!(crew), "foreman")]));
}

async fn a_client_has_an_own_role(world: &World) {
    let company = Company::new(world).await;
    company.own_role(world, "reporter", &["team.create"]).await;
    let made = company.client(world, &company.admin, "reporter").await;
    let account = format!("/v1/service-accounts/{}", made.text("service_account_id"));
    assert_eq!(world.get(&account).by(&company.admin).send().await.text("role"), "reporter");
    let body = json!({
        "grant_type": "client_credentials", "client_id": made.text("client_id"),
        "client_secret": made.text("client_secret"),
    });
    let token = world.post("/v1/oauth/token", &body).send().await.text("access_token");
    world.post(&company.path("teams"), &json!({ "name": "One" })).bearer(&token).send().await.ok();
    let invite = json!({ "email": "x@example.com" });
    world.post(&company.path("invitations"), &invite).bearer(&token).send().await.refused(403, "forbidden");
    company.client(world, &company.admin, "nobody").await.refused(400, "invalid_request");
}

async fn a_key_of_who_has_an_own_role_goes_with_it(world: &World) {
    let company = Company::new(world).await;
    company.own_role(world, "deployer", &["api_key.create", "team.create", "invoice.*"]).await;
    company.set_role(world, &company.owner, &company.viewer, "deployer").await.ok();
    let make = async |by: &str, wishes: Value| {
        let mut body = json!({ "name": "Laptop", "organization_id": company.id });
        body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        world.post("/v1/api-keys", &body).bearer(by).send().await
    };
    let make_team =
        |key: &str, name: &str| world.post(&company.path("teams"), &json!({ "name": name })).bearer(key).send();
    let made = make(&company.viewer.token, json!({})).await;
    assert_eq!(made.ok()["role"], "viewer");
    let key = made.text("key");
    make_team(&key, "One").await.ok();
    // What it makes is as much, and what has a role or scopes is limited by them.
    let next = make(&key, json!({})).await.text("key");
    make_team(&next, "Two").await.ok();
    for limit in [json!({ "role": "viewer" }), json!({ "scopes": ["members:read"] })] {
        let limited = make(&key, limit.clone()).await;
        let refused = make_team(&limited.text("key"), "Three").await;
        assert_eq!(refused.status, 403, "{limit}");
    }
    let limited = make(&key, json!({ "role": "viewer", "scopes": ["api_keys:write"] })).await.text("key");
    make(&limited, json!({})).await.refused(403, "forbidden");
    make(&key, json!({ "role": "member" })).await.refused(403, "forbidden");
    // It goes with the role, and does not rise with whoever made it.
    company.set_role(world, &company.owner, &company.viewer, "viewer").await.ok();
    make_team(&key, "Three").await.refused(403, "forbidden");
    company.set_role(world, &company.owner, &company.viewer, "owner").await.ok();
    make_team(&key, "Three").await.refused(403, "forbidden");
    world.get("/v1/me/organizations").bearer(&key).send().await.ok();
    world.post(&company.path("archive"), &json!({})).bearer(&key).send().await.refused(403, "forbidden");
}

async fn what_a_role_has_changes_for_teams_and_programs_at_once(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let role = company.own_role(world, "foreman", &["team.update"]).await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "foreman").await.ok();
    let program = company.program(world, &company.owner, &json!({ "role": "foreman", "team_id": team })).await;
    let key = key_of(world, &company.owner, &program.text("id")).await.text("secret");
    let both = [&company.viewer.token, &key];
    for bearer in both {
        company.rename_team(world, bearer, &team).await.ok();
        assert_eq!(company.may_in(world, bearer, "team.update", &team).await.ok()["allowed"], true);
    }
    let path = company.path(&format!("roles/{role}"));
    world.patch(&path, &json!({ "actions": ["team.archive"] })).by(&company.owner).send().await.ok();
    for bearer in both {
        assert_eq!(company.may_in(world, bearer, "team.update", &team).await.ok()["allowed"], false);
        assert_eq!(company.may_in(world, bearer, "team.archive", &team).await.ok()["allowed"], true);
        company.rename_team(world, bearer, &team).await.refused(403, "forbidden");
    }
}

async fn a_role_that_a_team_or_a_program_has_is_not_deleted(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let role = company.own_role(world, "foreman", &["team.update"]).await;
    let delete = || world.delete(&company.path(&format!("roles/{role}"))).by(&company.owner).send();
    company.put_into_team(world, &company.owner, &team, &company.viewer, "foreman").await.ok();
    delete().await.refused(409, "conflict");
    company.put_into_team(world, &company.owner, &team, &company.viewer, "member").await.ok();
    let program = company.program(world, &company.owner, &json!({ "role": "foreman" })).await.text("id");
    delete().await.refused(409, "conflict");
    world.delete(&format!("/v1/service-accounts/{program}")).by(&company.owner).send().await.ok();
    delete().await.ok();
}

async fn lists_call_an_own_role_by_its_name(world: &World) {
    let company = Company::new(world).await;
    let [crew, other] = [company.team(world, "Crew").await, company.team(world, "Other").await];
    company.own_role(world, "auditor", &["audit.read"]).await;
    company.own_role(world, "foreman", &["team.update"]).await;
    company.set_role(world, &company.owner, &company.viewer, "auditor").await.ok();
    company.put_into_team(world, &company.owner, &crew, &company.viewer, "foreman").await.ok();
    company.put_into_team(world, &company.owner, &other, &company.viewer, "member").await.ok();
    let here = json!(company.id);
    let get = async |path: &str| world.get(path).by(&company.viewer).send().await.ok().clone();
    for path in ["/v1/organizations", "/v1/me/organizations"] {
        let listed = get(path).await;
        let found = listed.as_array().unwrap().iter().map(|one| (one["id"] == here, &one["role"]));
        let mut found: Vec<_> = found.map(|(here, role)| (here, role.as_str().unwrap())).collect();
        found.sort_unstable();
        assert_eq!(found, [(false, "owner"), (true, "auditor")], "{path}");
    }
    let teams = get("/v1/me/teams").await;
    assert_eq!((&teams[0]["role"], &teams[1]["role"]), (&json!("foreman"), &json!("member")));
    let roles = get("/v1/me/permissions").await;
    for (team, role) in [(Value::Null, "auditor"), (json!(crew), "foreman"), (json!(other), "member")] {
        let row = json!({ "organization_id": here, "team_id": team, "role": role });
        assert!(roles.as_array().unwrap().contains(&row), "{row} in {roles}");
    }
    let ids = format!("principal_id={}&organization_id={}", company.viewer.id, company.id);
    for (path, role, in_organization, in_team) in [
        (format!("org?{ids}"), "auditor", "auditor", Value::Null),
        (format!("workspace?{ids}&team_id={crew}"), "foreman", "auditor", json!("foreman")),
        (format!("workspace?{ids}&team_id={other}"), "member", "auditor", json!("member")),
    ] {
        let resolved = get(&format!("/v1/permissions/resolve/{path}")).await;
        assert_eq!((&resolved["role"], &resolved["own_role"]), (&json!(role), &json!("auditor")), "{path}");
        assert_eq!((&resolved["organization_role"], &resolved["team_role"]), (&json!(in_organization), &in_team));
    }
    // A key that was made with a role has no more than that.
    let key = world.api_key(Some(company.app.id), company.id, &company.viewer, |key| key).await;
    assert_eq!(world.get("/v1/me/organizations").bearer(&key).send().await.ok()[0]["role"], "viewer");
    let program = json!({ "role": "foreman", "team_id": crew });
    company.program(world, &company.owner, &program).await.ok();
    let export = world.get(&company.path("export")).by(&company.owner).send().await;
    let teams = export.ok()["teams"].as_array().unwrap();
    let members = &teams.iter().find(|team| team["id"] == json!(crew)).unwrap()["members"];
    assert_eq!(members[0]["role"], "foreman");
    assert_eq!(export.ok()["service_accounts"][0]["role"], "foreman");
}

/// Somebody with an own role gives others what is more than that, in every way there is.
async fn attack_40_nobody_gives_an_own_role_that_may_more_than_they(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.own_role(world, "mighty", &["organization.archive"]).await;
    company.own_role(world, "builder", &["team.create"]).await;
    let clerk = ["team.manage_members", "service_account.manage", "oauth_client.manage", "organization.invite"];
    company.own_role(world, "clerk", &clerk).await;
    company.set_role(world, &company.owner, &company.viewer, "clerk").await.ok();
    let program = company.program(world, &company.owner, &json!({ "role": "viewer" })).await.text("id");
    for (by, role) in [(&company.admin, "mighty"), (&company.viewer, "mighty"), (&company.viewer, "builder")] {
        company.put_into_team(world, by, &team, &company.member, role).await.refused(403, "forbidden");
        company.put_into_team(world, by, &team, by, role).await.refused(403, "forbidden");
        company.program(world, by, &json!({ "role": role })).await.refused(403, "forbidden");
        company.program(world, by, &json!({ "role": role, "team_id": team })).await.refused(403, "forbidden");
        company.client(world, by, role).await.refused(403, "forbidden");
        company.invite_into(world, by, "new", role, &team).await.refused(403, "forbidden");
        let path = format!("/v1/service-accounts/{program}");
        world.patch(&path, &json!({ "role": role })).by(by).send().await.refused(403, "forbidden");
    }
    // As much as they have themselves, they give.
    company.put_into_team(world, &company.viewer, &team, &company.member, "clerk").await.ok();
    company.program(world, &company.viewer, &json!({ "role": "clerk" })).await.ok();
    // Who runs a team gives in it what they may in it, and nothing that they may nowhere else.
    company.put_into_team(world, &company.owner, &team, &company.member, "admin").await.ok();
    company.own_role(world, "foreman", &["team.update"]).await;
    company.own_role(world, "cashier", &["invoice.approve"]).await;
    company.put_into_team(world, &company.member, &team, &company.viewer, "foreman").await.ok();
    for role in ["mighty", "cashier"] {
        company.put_into_team(world, &company.member, &team, &company.viewer, role).await.refused(403, "forbidden");
    }
}

async fn attack_40_nobody_gets_the_key_of_an_own_role_that_may_more_than_they(world: &World) {
    let company = Company::new(world).await;
    company.own_role(world, "mighty", &["organization.archive"]).await;
    let made = company.program(world, &company.owner, &json!({ "role": "mighty" })).await.text("id");
    let own = key_of(world, &company.owner, &made).await;
    own.ok();
    let (path, key) = (format!("/v1/service-accounts/{made}"), own.text("id"));
    key_of(world, &company.admin, &made).await.refused(403, "forbidden");
    for rotate in [format!("{path}/api-keys/{key}/rotate"), format!("/v1/api-keys/{key}/rotate")] {
        world.post(&rotate, &json!({})).by(&company.admin).send().await.refused(403, "forbidden");
    }
    // They end it, and do not bring it back.
    world.post(&format!("{path}/disable"), &json!({})).by(&company.admin).send().await.ok();
    world.post(&format!("{path}/enable"), &json!({})).by(&company.admin).send().await.refused(403, "forbidden");
    world.post(&format!("{path}/enable"), &json!({})).by(&company.owner).send().await.ok();
}

async fn attack_21_a_limited_key_gives_no_program_more_than_it_has(world: &World) {
    let company = Company::new(world).await;
    for name in ["reader", "reader-too"] {
        company.own_role(world, name, &["api_key.read_all"]).await;
    }
    let program = company.program(world, &company.owner, &json!({ "role": "reader" })).await.text("id");
    let path = format!("/v1/service-accounts/{program}");
    let scopes = vec!["api_keys:write".to_owned()];
    let limited =
        world.api_key(Some(company.app.id), company.id, &company.owner, move |key| identity::ApiKey { scopes, ..key });
    let limited = limited.await;
    let patch = |role: &str| world.patch(&path, &json!({ "role": role })).bearer(&limited).send();
    patch("reader").await.ok();
    patch("reader-too").await.refused(403, "forbidden");
    patch("viewer").await.ok();
    patch("reader").await.refused(403, "forbidden");
}

async fn attack_39_nobody_invites_into_a_team_who_may_put_nobody_there(world: &World) {
    let company = Company::new(world).await;
    let [crew, other] = [company.team(world, "Crew").await, company.team(world, "Other").await];
    company.own_role(world, "recruiter", &["organization.invite"]).await;
    company.own_role(world, "foreman", &["team.manage_members"]).await;
    company.set_role(world, &company.owner, &company.viewer, "recruiter").await.ok();
    company.invite_into(world, &company.viewer, "one", "viewer", &crew).await.refused(403, "forbidden");
    company.put_into_team(world, &company.owner, &crew, &company.viewer, "foreman").await.ok();
    company.invite_into(world, &company.viewer, "one", "viewer", &crew).await.ok();
    company.invite_into(world, &company.viewer, "two", "viewer", &other).await.refused(403, "forbidden");
    let theirs = company.invite_into(world, &company.owner, "two", "viewer", &other).await.text("id");
    let resend = format!("/v1/invitations/{theirs}/resend");
    world.post(&resend, &json!({})).by(&company.viewer).send().await.refused(403, "forbidden");
    let denial = json!({ "action": "team.manage_members", "effect": "deny", "team_id": other });
    company.grant(world, &company.owner, &company.admin, &denial).await.ok();
    company.invite_into(world, &company.admin, "three", "viewer", &other).await.refused(403, "forbidden");
}

async fn attack_39_an_invitation_into_a_team_is_worth_what_its_inviter_may_there(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let newcomer = company.verified(world, "newcomer").await;
    let invited = company.invite_into(world, &company.admin, "newcomer", "viewer", &team).await.text("id");
    let denial = json!({ "action": "team.manage_members", "effect": "deny" });
    let denial = company.grant(world, &company.owner, &company.admin, &denial).await.text("id");
    accept(world, &newcomer, &invited).await.refused(409, "invitation_closed");
    world.delete(&format!("/v1/permissions/{denial}")).by(&company.owner).send().await.ok();
    accept(world, &newcomer, &invited).await.ok();
    assert_eq!(world.get("/v1/me/teams").by(&newcomer).send().await.ok()[0]["role"], "viewer");
}

async fn attack_37_a_role_of_another_organization_does_not_exist(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let elsewhere = world.home_of(&company.outsider).await;
    let theirs = json!({ "name": "theirs", "actions": ["team.read"] });
    let path = format!("/v1/organizations/{elsewhere}/roles");
    world.post(&path, &theirs).by(&company.outsider).send().await.ok();
    let by = &company.owner;
    for role in ["theirs", "nobodys"] {
        for answer in [
            company.put_into_team(world, by, &team, &company.member, role).await,
            company.program(world, by, &json!({ "role": role })).await,
            company.client(world, by, role).await,
            company.invite_into(world, by, "new", role, &team).await,
        ] {
            assert_eq!(
                answer.refused(400, "invalid_request").body["error"]["message"],
                "There is no role of that name."
            );
        }
    }
}
