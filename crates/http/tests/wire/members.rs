//! Who belongs to an organization, and as what.

use futures_util::future::{join, join_all};
use kernel::Role;
use serde_json::json;

use crate::support::{Company, World};

on_both!(
    members_are_listed_with_what_people_know_them_by,
    a_role_is_changed_and_counts_at_once,
    attack_40_nobody_gives_a_role_above_their_own,
    attack_40_nobody_touches_who_is_above_them,
    who_is_removed_sees_nothing_at_once,
    whoever_wants_to_leaves,
    attack_10_an_organization_keeps_an_owner,
    attack_10_of_two_last_owners_who_leave_at_once_one_stays,
    a_member_who_is_removed_and_comes_back_has_nothing_of_before,
    many_changes_of_members_at_once_wait_for_each_other_and_go_through,
);

async fn members_are_listed_with_what_people_know_them_by(world: &World) {
    let company = Company::new(world).await;
    world.patch("/v1/me", &json!({ "display_name": "Olivia" })).by(&company.owner).send().await.ok();
    let list = world.get(&company.path("members?include_total=true")).by(&company.viewer).send().await;
    let members = list.ok().as_array().unwrap();
    let roles: Vec<_> = members.iter().map(|member| member["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["owner", "admin", "member", "viewer"]);
    assert_eq!(list.body["meta"]["pagination"]["total"], 4);
    let first = &members[0];
    assert_eq!(first["principal_id"], company.owner.id.to_string());
    assert_eq!((&first["email"], &first["display_name"]), (&json!("owner@example.com"), &json!("Olivia")));
    assert_eq!((&first["active"], &first["team_id"]), (&json!(true), &json!(null)));
    assert_eq!(first["organization_id"], company.id.to_string());
    world.get(&company.path("members")).by(&company.outsider).send().await.refused(404, "not_found");
}

async fn a_role_is_changed_and_counts_at_once(world: &World) {
    let company = Company::new(world).await;
    let rename = || world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Acme" }));
    rename().by(&company.member).send().await.refused(403, "forbidden");
    assert!(!company.may(world, &company.member, "organization.update", None).await);
    let changed = company.set_role(world, &company.admin, &company.member, "admin").await;
    assert_eq!(changed.text("role"), "admin");
    rename().by(&company.member).send().await.ok();
    assert!(company.may(world, &company.member, "organization.update", None).await);
    company.set_role(world, &company.admin, &company.member, "viewer").await.ok();
    rename().by(&company.member).send().await.refused(403, "forbidden");
    assert!(!company.may(world, &company.member, "organization.update", None).await);
    company.set_role(world, &company.owner, &company.member, "boss").await.refused(400, "invalid_request");
    company.set_role(world, &company.owner, &company.outsider, "member").await.refused(404, "not_found");
    company.set_role(world, &company.member, &company.viewer, "viewer").await.refused(403, "forbidden");
    company.set_role(world, &company.outsider, &company.viewer, "viewer").await.refused(404, "not_found");
}

async fn attack_40_nobody_gives_a_role_above_their_own(world: &World) {
    let company = Company::new(world).await;
    for whom in [&company.admin, &company.member] {
        company.set_role(world, &company.admin, whom, "owner").await.refused(403, "forbidden");
    }
    // Neither through a key of one's own that claims more.
    let key = world.api_key(Some(company.app.id), company.id, &company.admin, |key| key).await;
    let body = json!({ "role": "owner" });
    world.patch(&company.member_path(&company.member), &body).bearer(&key).send().await.refused(403, "forbidden");
    company.set_role(world, &company.owner, &company.member, "owner").await.ok();
}

async fn attack_40_nobody_touches_who_is_above_them(world: &World) {
    let company = Company::new(world).await;
    company.set_role(world, &company.admin, &company.owner, "viewer").await.refused(403, "forbidden");
    company.remove(world, &company.admin, &company.owner).await.refused(403, "forbidden");
    company.set_role(world, &company.owner, &company.admin, "viewer").await.ok();
    company.remove(world, &company.owner, &company.admin).await.ok();
}

async fn who_is_removed_sees_nothing_at_once(world: &World) {
    let company = Company::new(world).await;
    let path = format!("/v1/organizations/{}", company.id);
    assert!(company.may(world, &company.member, "organization.read", None).await);
    company.remove(world, &company.admin, &company.member).await.ok();
    world.get(&path).by(&company.member).send().await.refused(404, "not_found");
    assert!(!company.may(world, &company.member, "organization.read", None).await);
    company.remove(world, &company.admin, &company.member).await.refused(404, "not_found");
    // Their own place is theirs still.
    assert_eq!(world.organizations_of(&company.member).await.len(), 1);
}

async fn whoever_wants_to_leaves(world: &World) {
    let company = Company::new(world).await;
    let leave = || world.call("POST", &company.path("leave"));
    leave().by(&company.viewer).send().await.ok();
    leave().by(&company.viewer).send().await.refused(404, "not_found");
    leave().by(&company.outsider).send().await.refused(404, "not_found");
    let key = world.api_key(Some(company.app.id), company.id, &company.member, |key| key).await;
    leave().bearer(&key).send().await.refused(403, "user_required");
    assert!(!company.may(world, &company.viewer, "organization.read", None).await);
}

async fn attack_10_an_organization_keeps_an_owner(world: &World) {
    let company = Company::new(world).await;
    let leave = || world.call("POST", &company.path("leave")).by(&company.owner).send();
    leave().await.refused(409, "last_owner");
    company.set_role(world, &company.owner, &company.owner, "admin").await.refused(409, "last_owner");
    company.remove(world, &company.owner, &company.owner).await.refused(409, "last_owner");
    company.set_role(world, &company.owner, &company.admin, "owner").await.ok();
    company.set_role(world, &company.owner, &company.owner, "admin").await.ok();
    leave().await.ok();
}

async fn attack_10_of_two_last_owners_who_leave_at_once_one_stays(world: &World) {
    let company = Company::new(world).await;
    let (one, two) = (&company.owner, &company.admin);
    let leave = |who| world.call("POST", &company.path("leave")).by(who).send();
    company.set_role(world, one, two, "owner").await.ok();
    for round in 0..200 {
        let (first, second) = match round % 4 {
            0 => join(company.set_role(world, one, one, "admin"), company.set_role(world, two, two, "admin")).await,
            1 => join(company.set_role(world, one, two, "admin"), company.set_role(world, two, one, "admin")).await,
            2 => join(leave(one), leave(two)).await,
            _ => join(leave(two), company.set_role(world, one, one, "admin")).await,
        };
        let done = [&first, &second].iter().filter(|answer| answer.is_success()).count();
        assert_eq!(done, 1, "{round}: {first:?} {second:?}");
        let code = if first.is_success() { second.code() } else { first.code() };
        assert!(["last_owner", "forbidden"].contains(&code), "{round}: {code}");
        // Whoever is left lets the other one in again for the next round.
        let one_stays = company.may(world, one, "owner", None).await;
        let (left, gone) = if one_stays { (one, two) } else { (two, one) };
        if company.set_role(world, left, gone, "owner").await.status == 404 {
            world.enroll(company.id, gone, Role::Owner).await;
        }
    }
}

async fn a_member_who_is_removed_and_comes_back_has_nothing_of_before(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "admin").await.ok();
    let grant = json!({ "action": "organization.update" });
    company.grant(world, &company.owner, &company.viewer, &grant).await.ok();
    let resource = format!("team:{team}");
    for (action, about) in [("team.update", Some(resource.as_str())), ("organization.update", None)] {
        assert!(company.may(world, &company.viewer, action, about).await);
    }
    company.remove(world, &company.owner, &company.viewer).await.ok();
    world.enroll(company.id, &company.viewer, Role::Viewer).await;
    for (action, about) in [("team.update", Some(resource.as_str())), ("organization.update", None)] {
        assert!(!company.may(world, &company.viewer, action, about).await, "{action}");
    }
}

/// None of them is refused, and nobody is held up: a deadlock would take PostgreSQL a second to see.
async fn many_changes_of_members_at_once_wait_for_each_other_and_go_through(world: &World) {
    let company = Company::new(world).await;
    let body = json!({ "name": "Crew" });
    for role in ["member", "viewer", "admin"] {
        let changes = (0..8).map(|_| company.set_role(world, &company.owner, &company.member, role));
        let path = company.path("teams");
        let teams = (0..4).map(|number| {
            let body = json!({ "name": format!("{}-{role}-{number}", body["name"].as_str().unwrap()) });
            world.post(&path, &body).by(&company.owner).send()
        });
        let (changed, made) = join(join_all(changes), join_all(teams)).await;
        for answer in changed.iter().chain(&made) {
            assert!(answer.is_success(), "{answer:?}");
        }
    }
    let role = company.make_role(world, &company.owner, "clerk", &["invoice.read"]).await.text("id");
    let path = format!("{}/{role}", company.path("roles"));
    let changes = (0..8).map(|number| {
        let body = json!({ "description": format!("The {number}th.") });
        world.patch(&path, &body).by(&company.owner).send()
    });
    for answer in join_all(changes).await {
        answer.ok();
    }
}
