//! Teams, and who is in them.

use serde_json::{Value, json};

use crate::support::{Company, World};

on_both!(
    a_team_is_made_on_both_paths_and_found,
    a_slug_is_a_teams_own_within_its_organization,
    a_team_is_renamed_archived_and_brought_back,
    a_role_in_a_team_counts_there_and_nowhere_else,
    attack_40_nobody_gives_a_role_in_a_team_above_their_own,
    only_members_of_the_organization_are_in_its_teams,
    one_sees_ones_own_teams_and_roles,
    attack_37_a_team_of_another_organization_does_not_exist,
);

async fn a_team_is_made_on_both_paths_and_found(world: &World) {
    let company = Company::new(world).await;
    let crew = world.post(&company.path("teams"), &json!({ "name": "Crew", "slug": "crew" })).by(&company.admin);
    let crew = crew.send().await;
    assert_eq!((crew.status, crew.text("slug"), &crew.ok()["archived"]), (201, "crew".to_owned(), &json!(false)));
    assert_eq!(crew.text("organization_id"), company.id.to_string());
    let body = json!({ "organization_id": company.id, "name": "Back Office" });
    let office = world.post("/v1/teams", &body).by(&company.owner).send().await;
    assert_eq!(office.text("slug"), "back-office");
    for who in [&company.owner, &company.viewer] {
        let read = world.get(&format!("/v1/teams/{}", office.text("id"))).by(who).send().await;
        assert_eq!(read.ok(), office.ok());
        let list = world.get(&company.path("teams")).by(who).send().await;
        assert_eq!(*list.ok(), json!([crew.ok(), office.ok()]));
    }
    for who in [&company.member, &company.viewer] {
        world.post("/v1/teams", &body).by(who).send().await.refused(403, "forbidden");
    }
    world.post("/v1/teams", &body).by(&company.outsider).send().await.refused(404, "not_found");
}

async fn a_slug_is_a_teams_own_within_its_organization(world: &World) {
    let company = Company::new(world).await;
    let crew = json!({ "name": "Crew" });
    let make = || world.post(&company.path("teams"), &crew).by(&company.owner).send();
    make().await.ok();
    make().await.refused(409, "slug_taken");
    let elsewhere = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{elsewhere}/teams");
    world.post(&path, &crew).by(&company.outsider).send().await.ok();
    world
        .post(&company.path("teams"), &json!({ "name": "X", "slug": "A b" }))
        .by(&company.owner)
        .send()
        .await
        .refused(400, "invalid_slug");
    world
        .post(&company.path("teams"), &json!({ "name": "" }))
        .by(&company.owner)
        .send()
        .await
        .refused(400, "invalid_name");
}

async fn a_team_is_renamed_archived_and_brought_back(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let path = format!("/v1/teams/{team}");
    let renamed = world.patch(&path, &json!({ "name": "Night crew", "slug": "night" })).by(&company.admin).send().await;
    assert_eq!((renamed.text("name"), renamed.text("slug")), ("Night crew".to_owned(), "night".to_owned()));
    world.patch(&path, &json!({ "name": "Mine" })).by(&company.member).send().await.refused(403, "forbidden");
    company.put_into_team(world, &company.owner, &team, &company.member, "admin").await.ok();
    for _ in 0..2 {
        let archived = world.call("POST", &format!("{path}/archive")).by(&company.owner).send().await;
        assert_eq!(archived.ok()["archived"], true);
    }
    // In an archived team nobody has a role.
    world.patch(&path, &json!({ "name": "Mine" })).by(&company.member).send().await.refused(403, "forbidden");
    assert_eq!(*world.get("/v1/me/teams").by(&company.member).send().await.ok(), json!([]));
    company.put_into_team(world, &company.owner, &team, &company.viewer, "member").await.refused(409, "conflict");
    let restored = world.call("POST", &format!("{path}/restore")).by(&company.owner).send().await;
    assert_eq!(restored.ok()["archived"], false);
    world.patch(&path, &json!({ "name": "Mine" })).by(&company.member).send().await.ok();
}

async fn a_role_in_a_team_counts_there_and_nowhere_else(world: &World) {
    let company = Company::new(world).await;
    let (mine, other) = (company.team(world, "Mine").await, company.team(world, "Other").await);
    company.put_into_team(world, &company.owner, &mine, &company.viewer, "admin").await.ok();
    let rename = |team: &str| world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Renamed" }));
    rename(&mine).by(&company.viewer).send().await.ok();
    rename(&other).by(&company.viewer).send().await.refused(403, "forbidden");
    company.set_role(world, &company.viewer, &company.member, "viewer").await.refused(403, "forbidden");
    let (mine, other) = (format!("team:{mine}"), format!("team:{other}"));
    for (action, about, answer) in [
        ("update", mine.as_str(), true),
        ("admin", &mine, true),
        ("owner", &mine, false),
        ("update", &other, false),
        ("admin", &other, false),
        ("read", &other, true),
    ] {
        assert_eq!(company.may(world, &company.viewer, action, Some(about)).await, answer, "{action} {about}");
    }
}

async fn attack_40_nobody_gives_a_role_in_a_team_above_their_own(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let put = async |by, whom, role| company.put_into_team(world, by, &team, whom, role).await;
    put(&company.member, &company.viewer, "viewer").await.refused(403, "forbidden");
    put(&company.admin, &company.member, "owner").await.refused(403, "forbidden");
    put(&company.owner, &company.viewer, "admin").await.ok();
    put(&company.viewer, &company.member, "owner").await.refused(403, "forbidden");
    put(&company.viewer, &company.viewer, "owner").await.refused(403, "forbidden");
    put(&company.owner, &company.admin, "owner").await.ok();
    // Who is above them in the team stays as they are.
    put(&company.viewer, &company.admin, "viewer").await.refused(403, "forbidden");
    let path = format!("/v1/teams/{team}/members/{}", company.admin.id);
    world.delete(&path).by(&company.viewer).send().await.refused(403, "forbidden");
    world.delete(&path).by(&company.owner).send().await.ok();
    world.delete(&path).by(&company.owner).send().await.refused(404, "not_found");
}

async fn only_members_of_the_organization_are_in_its_teams(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let put = async |whom, role| company.put_into_team(world, &company.owner, &team, whom, role).await;
    put(&company.outsider, "member").await.refused(404, "not_found");
    put(&company.viewer, "boss").await.refused(400, "invalid_request");
    put(&company.viewer, "member").await.ok();
    put(&company.member, "viewer").await.ok();
    let members = async || {
        let list = world.get(&format!("/v1/teams/{team}/members")).by(&company.viewer).send().await;
        let rows = list.ok().as_array().unwrap().clone();
        let mut rows: Vec<_> = rows.iter().map(|row| row["principal_id"].as_str().unwrap().to_owned()).collect();
        rows.sort();
        rows
    };
    let mut both = vec![company.viewer.id.to_string(), company.member.id.to_string()];
    both.sort();
    assert_eq!(members().await, both);
    company.remove(world, &company.owner, &company.member).await.ok();
    assert_eq!(members().await, [company.viewer.id.to_string()]);
}

async fn one_sees_ones_own_teams_and_roles(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "member").await.ok();
    let teams = world.get("/v1/me/teams").by(&company.viewer).send().await;
    let row = &teams.ok()[0];
    assert_eq!((&row["id"], &row["role"], &row["name"]), (&json!(team), &json!("member"), &json!("Crew")));
    let home = world.organizations_of(&company.viewer).await;
    let rows = world.get("/v1/me/permissions").by(&company.viewer).send().await;
    let rows = rows.ok().as_array().unwrap().clone();
    let role = |organization: &Value, team: &Value| {
        let row = rows.iter().find(|row| row["organization_id"] == *organization && row["team_id"] == *team);
        row.map(|row| row["role"].as_str().unwrap().to_owned())
    };
    assert_eq!(rows.len(), home.len() + 1);
    assert_eq!(role(&json!(company.id), &Value::Null).as_deref(), Some("viewer"));
    assert_eq!(role(&json!(company.id), &json!(team)).as_deref(), Some("member"));
    // A key sees what is where it acts.
    let elsewhere = world.home_of(&company.outsider).await;
    let key = world.api_key(Some(company.app.id), elsewhere, &company.outsider, |key| key).await;
    assert_eq!(*world.get("/v1/me/teams").bearer(&key).send().await.ok(), json!([]));
}

async fn attack_37_a_team_of_another_organization_does_not_exist(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let path = format!("/v1/teams/{team}");
    let by = &company.outsider;
    world.get(&path).by(by).send().await.refused(404, "not_found");
    world.patch(&path, &json!({ "name": "Mine" })).by(by).send().await.refused(404, "not_found");
    company.put_into_team(world, by, &team, by, "owner").await.refused(404, "not_found");
    // Nor is one of them named by a grant elsewhere.
    let elsewhere = world.home_of(by).await;
    let body = json!({
        "organization_id": elsewhere, "principal_id": by.id, "action": "team.read", "team_id": team,
    });
    world.post("/v1/permissions", &body).by(by).send().await.refused(404, "not_found");
}
