//! All that an organization owns, as a file.

use std::collections::HashSet;

use actix_web::{body::MessageBody as _, web::Bytes};
use kernel::{
    Role, Unchecked,
    id::{MembershipId, PrincipalId},
};
use serde_json::{Value, json};
use tenancy::Membership;

use crate::support::{App, Company, World};

on_both!(
    everything_that_it_owns_is_in_it,
    nothing_secret_is_in_it,
    however_much_it_is_all_of_it_comes_part_after_part,
    whoever_loses_the_right_meanwhile_gets_no_whole_file,
    attack_23_whose_credential_ends_meanwhile_gets_no_whole_file,
    a_reader_who_goes_away_stops_it,
    it_is_what_its_description_says,
    the_documentation_names_all_of_it,
    owners_alone_export,
);

/// An organization with some of everything.
async fn furnished(world: &World) -> Company {
    let company = Company::new(world).await;
    furnish(world, &company).await;
    company
}

/// The organization of a developer, which owns an app, with people of its own.
async fn developers(world: &World) -> Company {
    let app = world.app("tools").await;
    let mut people = Vec::new();
    for name in ["dev-admin", "dev-member", "dev-viewer", "dev-outsider"] {
        people.push(world.sign_up(None, name).await);
    }
    let [admin, member, viewer, outsider] = people.try_into().unwrap();
    let (id, owner) = (app.organization, app.owner.clone());
    for (person, role) in [(&admin, Role::Admin), (&member, Role::Member), (&viewer, Role::Viewer)] {
        world.enroll(id, person, role).await;
    }
    let words = json!({ "subject": "Los", "text": "{{link}}", "html": "<a href=\"{{link}}\">Los</a>" });
    let template = format!("/v1/apps/{}/mail-templates/reset_password.de", app.id);
    world.call("PUT", &template).json(&words).by(&owner).send().await.ok();
    Company { app, id, owner, admin, member, viewer, outsider }
}

/// Puts some of everything into it; hands back what nobody may read again.
async fn furnish(world: &World, company: &Company) -> Vec<String> {
    let (by, here) = (&company.owner, company.id);
    let made = async |path: &str, body: &Value| world.post(path, body).by(by).send().await;
    let team = company.team(world, "Crew").await;
    company.team(world, "Nobody").await;
    company.make_role(world, by, "recruiter", &["member.update"]).await.ok();
    company.put_into_team(world, by, &team, &company.member, "recruiter").await.ok();
    let grant = json!({ "action": "invoice.approve", "resource": "invoice:*" });
    company.grant(world, by, &company.viewer, &grant).await.ok();
    made(&company.path("secrets"), &json!({ "name": "STRIPE_KEY", "value": "sk-live-hunter2" })).await.ok();
    made(&company.path("invitations"), &json!({ "email": "new@example.com", "role": "member" })).await.ok();
    made(&company.path("assets"), &json!({ "asset_type": "voice", "name": "Narrator", "team_id": team })).await.ok();
    made(&company.path("usage/records"), &json!({ "idempotency_key": "run", "cost_usd": 0.5 })).await.ok();
    let key = made("/v1/api-keys", &json!({ "name": "Laptop", "organization_id": here })).await;
    let account = json!({ "name": "Deploys", "organization_id": here, "role": "recruiter" });
    let account = made("/v1/service-accounts", &account).await.text("id");
    let its_key = made(&format!("/v1/service-accounts/{account}/api-keys"), &json!({})).await;
    let client = json!({ "name": "Reports", "organization_id": here, "redirect_uris": ["https://example.com/done"] });
    let client = made("/v1/oauth/clients", &client).await;
    let webhook = json!({ "url": "https://example.com/hooks", "headers": { "x-api-key": "hunter2-of-the-receiver" } });
    let webhook = made(&company.path("webhooks"), &webhook).await.text("secret");
    let settings = json!({ "max_pending_invitations": 7 });
    world.patch(&company.path("settings"), &settings).by(by).send().await.ok();
    let budget = json!({ "monthly_limit_usd": 9.5 });
    world.call("PUT", &company.path("budget")).json(&budget).by(by).send().await.ok();
    let App { client_secret, api_key, .. } = company.app.clone();
    let secrets = [key.text("key"), its_key.text("key"), client.text("client_secret"), client_secret, api_key, webhook];
    let given = ["sk-live-hunter2", "hunter2-of-the-receiver"].map(str::to_owned);
    secrets.into_iter().chain(given).collect()
}

async fn everything_that_it_owns_is_in_it(world: &World) {
    for (company, empty) in [(Company::new(world).await, vec!["apps"]), (developers(world).await, vec![])] {
        furnish(world, &company).await;
        let export = world.get(&company.path("export")).by(&company.owner).send().await;
        let shown = async |path: &str| world.get(path).by(&company.owner).send().await.ok().clone();
        let organization = shown(&format!("/v1/organizations/{}", company.id)).await;
        let slug = organization["slug"].as_str().unwrap().to_owned();
        assert_eq!(export.header("content-disposition"), Some(&*format!("attachment; filename=\"{slug}.json\"")));
        assert_eq!(export.header("cache-control"), Some("no-store"));
        assert_eq!(export.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(export.header("content-length"), None, "nobody knows yet how long it gets");
        assert_eq!(export.body["context"]["organization_id"], json!(company.id));
        let data = export.ok();
        assert_eq!(data["organization"], organization);
        // As everything is shown elsewhere.
        for list in
            ["settings", "budget", "members", "roles", "permissions", "invitations", "assets", "secrets", "webhooks"]
        {
            assert_eq!(data[list], shown(&company.path(list)).await, "{list}");
        }
        assert_eq!(data["usage_records"], shown(&company.path("usage/records")).await);
        for (list, path) in [
            ("api_keys", "/v1/api-keys"),
            ("service_accounts", "/v1/service-accounts"),
            ("oauth_clients", "/v1/oauth/clients"),
        ] {
            let path = format!("{path}?organization_id={}", company.id);
            assert_eq!(data[list], shown(&path).await, "{list}");
        }
        let mut apps = shown("/v1/apps").await;
        for app in apps.as_array_mut().unwrap() {
            app["mail_templates"] = shown(&format!("/v1/apps/{}/mail-templates", app["id"].as_str().unwrap())).await;
            assert_eq!(app["mail_templates"].as_array().unwrap().len(), 1);
        }
        assert_eq!(data["apps"], apps);
        let mut teams = shown(&company.path("teams")).await;
        for team in teams.as_array_mut().unwrap() {
            let members = shown(&format!("/v1/teams/{}/members", team["id"].as_str().unwrap())).await;
            team["members"] = members;
        }
        assert_eq!(data["teams"], teams);
        let lists = data.as_object().unwrap().iter().filter_map(|(name, value)| Some((name, value.as_array()?)));
        let nothing: Vec<_> = lists.filter(|(_, items)| items.is_empty()).map(|(name, _)| name).collect();
        assert_eq!(nothing, empty);
        assert_eq!(data["teams"][0]["members"][0]["role"], "recruiter");
        assert_eq!(data["settings"]["max_pending_invitations"], 7);
        assert_eq!((&data["secrets"][0]["name"], &data["format_version"]), (&json!("STRIPE_KEY"), &json!(1)));
        assert!(data["exported_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    }
}

async fn nothing_secret_is_in_it(world: &World) {
    for company in [Company::new(world).await, developers(world).await] {
        let secrets = furnish(world, &company).await;
        let invitation = world.mails().await.into_iter().find(|mail| mail.to == "new@example.com").unwrap();
        let export = world.get(&company.path("export")).by(&company.owner).send().await;
        let text = export.body.to_string();
        assert!(text.contains(&invitation.to) && !text.contains(&invitation.token()), "{text}");
        for secret in secrets {
            assert!(!text.contains(&secret), "{secret} is in {text}");
        }
        let mut names = HashSet::new();
        collect_names(export.ok(), &mut names);
        let telling = ["key", "secret", "client_secret", "value", "sealed", "nonce", "token", "hash", "previous"];
        assert!(telling.iter().all(|name| !names.contains(*name)), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("hash") || name.ends_with("_token")), "{names:?}");
    }
}

/// The names of all fields, however deep.
fn collect_names(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

/// Makes as many members of it, past everything.
async fn crowd(world: &World, company: &Company, number: usize) {
    let (organization, now) = (company.id, world.now());
    let members = (0..number).map(move |_| Membership {
        id: MembershipId::generate(),
        organization,
        principal: PrincipalId::generate(),
        role: Role::Viewer,
        custom_role: None,
        created_at: now,
    });
    let members: Vec<_> = members.collect();
    world.write(move |tx| members.iter().try_for_each(|member| tx.insert_membership(member))).await;
}

async fn however_much_it_is_all_of_it_comes_part_after_part(world: &World) {
    let company = furnished(world).await;
    crowd(world, &company, 1000).await;
    let begun = world.get(&company.path("export")).by(&company.owner).begin().await;
    assert_eq!(begun.status(), 200);
    let parts = read(begun.into_body(), usize::MAX).await;
    let parts: Vec<_> = parts.into_iter().map(Result::unwrap).collect();
    let longest = parts.iter().map(Bytes::len).max().unwrap();
    assert!(parts.len() > 10 && longest < 200 * 400, "{} parts, up to {longest} bytes", parts.len());
    let whole: Value = serde_json::from_slice(&parts.concat()).unwrap();
    let members = whole["data"]["members"].as_array().unwrap();
    let ids: HashSet<_> = members.iter().map(|member| member["id"].as_str().unwrap()).collect();
    assert_eq!((members.len(), ids.len()), (1004, 1004));
}

/// Reads so many parts of an answer, or what there is.
async fn read(body: actix_web::body::BoxBody, most: usize) -> Vec<Result<Bytes, String>> {
    let mut body = Box::pin(body);
    let mut parts = Vec::new();
    while parts.len() < most {
        let part = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
        match part {
            Some(part) => parts.push(part.map_err(|error| error.to_string())),
            None => break,
        }
        if parts.last().is_some_and(Result::is_err) {
            break;
        }
    }
    parts
}

async fn whoever_loses_the_right_meanwhile_gets_no_whole_file(world: &World) {
    let company = furnished(world).await;
    crowd(world, &company, 1000).await;
    let begun = world.get(&company.path("export")).by(&company.owner).begin().await;
    let mut body = Box::pin(begun.into_body());
    let mut next = async || std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    let mut seen = Vec::new();
    seen.extend(next().await.unwrap().unwrap());
    seen.extend(next().await.unwrap().unwrap());
    let owner = company.owner.id;
    let within = Unchecked(company.id);
    world.write(move |tx| tx.set_role(&within, owner, Role::Admin, None)).await;
    let told = loop {
        match next().await.expect("an error, and not the end") {
            Ok(part) => seen.extend(part),
            Err(error) => break error,
        }
    };
    assert!(told.to_string().contains("forbidden"), "{told}");
    assert!(serde_json::from_slice::<Value>(&seen).is_err());
    assert!(!String::from_utf8(seen).unwrap().contains("\"secrets\""));
}

async fn attack_23_whose_credential_ends_meanwhile_gets_no_whole_file(world: &World) {
    let company = furnished(world).await;
    crowd(world, &company, 1000).await;
    // Three times as many entries as are read at once: it is read one page ahead.
    for number in 0..420 {
        let name = json!({ "name": format!("Acme {number}") });
        world.patch(&format!("/v1/organizations/{}", company.id), &name).by(&company.owner).send().await.ok();
    }
    for path in [company.path("export"), company.path("audit-logs/export")] {
        let body = json!({ "name": "Backup", "organization_id": company.id });
        let key = world.post("/v1/api-keys", &body).by(&company.owner).send().await;
        let begun = world.get(&path).bearer(key.text("key")).begin().await;
        assert_eq!(begun.status(), 200);
        let mut body = Box::pin(begun.into_body());
        let mut next = async || std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
        next().await.unwrap().unwrap();
        let key = format!("/v1/api-keys/{}/disable", key.text("id"));
        world.post(&key, &json!({})).by(&company.owner).send().await.ok();
        let told = loop {
            match next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("{path} ends as if it were whole"),
            }
        };
        assert!(told.to_string().contains("unauthorized"), "{path}: {told}");
    }
}

async fn a_reader_who_goes_away_stops_it(world: &World) {
    let company = furnished(world).await;
    crowd(world, &company, 1000).await;
    let begun = world.get(&company.path("export")).by(&company.owner).begin().await;
    let parts = read(begun.into_body(), 2).await;
    assert_eq!(parts.len(), 2);
    let units = world.units();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(world.units(), units, "nobody reads, and nothing is read");
}

async fn it_is_what_its_description_says(world: &World) {
    let company = furnished(world).await;
    let export = world.get(&company.path("export")).by(&company.owner).send().await;
    let document: Value = serde_json::from_str(&fabric_http::openapi().to_json().unwrap()).unwrap();
    let described = &document["paths"]["/v1/organizations/{organization_id}/export"]["get"]["responses"]["200"];
    let data = &described["content"]["application/json"]["schema"]["properties"]["data"]["$ref"];
    assert_eq!(data, "#/components/schemas/Manifest");
    let properties = |name: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][name];
        let mut properties: Vec<String> =
            schema["properties"].as_object().unwrap().keys().map(ToOwned::to_owned).collect();
        properties.sort();
        properties
    };
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().map(ToOwned::to_owned).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(export.ok()), properties("Manifest"));
    assert_eq!(keys(&export.ok()["settings"]), properties("OrganizationSettings"));
    assert_eq!(keys(&export.ok()["budget"]), properties("OrganizationBudget"));
}

/// Its chapter has a row for each field of the file, and for nothing else.
async fn the_documentation_names_all_of_it(world: &World) {
    let company = furnished(world).await;
    let chapters = include_str!("../../../../docs/organizations.md").split("\n## ");
    let chapter = chapters.into_iter().find(|chapter| chapter.starts_with("Export\n")).unwrap();
    let told = chapter.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name);
    let export = world.get(&company.path("export")).by(&company.owner).send().await;
    let written: HashSet<&str> = export.ok().as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(told.collect::<HashSet<_>>(), written);
}

async fn owners_alone_export(world: &World) {
    let company = Company::new(world).await;
    for who in [&company.viewer, &company.member, &company.admin] {
        world.get(&company.path("export")).by(who).send().await.refused(403, "forbidden");
    }
    world.get(&company.path("export")).by(&company.outsider).send().await.refused(404, "not_found");
    let key = |scope: &str| {
        let scopes = vec![scope.to_owned()];
        world.api_key(Some(company.app.id), company.id, &company.owner, move |key| identity::ApiKey { scopes, ..key })
    };
    let (enough, others) = (key("organizations:read").await, key("members:write").await);
    world.get(&company.path("export")).bearer(&enough).send().await.ok();
    world.get(&company.path("export")).bearer(&others).send().await.refused(403, "insufficient_scope");
}
