//! Checks and grants.

use futures_util::future::{join_all, join3};
use serde_json::{Value, json};

use crate::support::{Company, World};

on_both!(
    deny_beats_allow_and_an_allowing_grant_beats_the_role,
    a_grant_may_be_for_one_thing_or_for_those_that_begin_alike,
    a_grant_may_be_for_a_team,
    a_stranger_with_a_grant_may_what_it_says,
    attack_40_nobody_grants_what_they_may_not_do,
    attack_40_nobody_is_denied_anything_by_who_is_below_them,
    a_grant_that_is_taken_back_counts_no_more_at_once,
    grants_are_listed_for_who_may_see_them_and_for_oneself,
    a_role_is_resolved_with_what_is_on_top,
    attack_29_grants_go_with_the_account,
    attack_10_of_two_owners_neither_is_denied_anything,
    attack_40_whoever_is_denied_something_hands_none_of_it_on,
    attack_41_a_key_with_scopes_makes_no_administrators,
    a_grant_opens_no_archived_organization,
    attack_29_nothing_is_given_to_an_account_that_goes_meanwhile,
);

async fn deny_beats_allow_and_an_allowing_grant_beats_the_role(world: &World) {
    let company = Company::new(world).await;
    let rename = || world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Acme" }));
    let allow = json!({ "action": "organization.update" });
    let deny = json!({ "action": "organization.*", "effect": "deny" });
    company.grant(world, &company.owner, &company.viewer, &allow).await.ok();
    rename().by(&company.viewer).send().await.ok();
    let denial = company.grant(world, &company.owner, &company.viewer, &deny).await.text("id");
    rename().by(&company.viewer).send().await.refused(403, "forbidden");
    world.get(&format!("/v1/organizations/{}", company.id)).by(&company.viewer).send().await.refused(403, "forbidden");
    company.set_role(world, &company.owner, &company.viewer, "admin").await.ok();
    rename().by(&company.viewer).send().await.refused(403, "forbidden");
    // An owner is denied nothing.
    company.set_role(world, &company.owner, &company.viewer, "owner").await.refused(409, "conflict");
    // What is denied to somebody they do not lift themselves.
    let path = format!("/v1/permissions/{denial}");
    world.delete(&path).by(&company.viewer).send().await.refused(403, "forbidden");
    world.delete(&path).by(&company.owner).send().await.ok();
    rename().by(&company.viewer).send().await.ok();
}

async fn a_grant_may_be_for_one_thing_or_for_those_that_begin_alike(world: &World) {
    let company = Company::new(world).await;
    let grant = async |action: &str, resource: &str| {
        let what = json!({ "action": action, "resource": resource });
        company.grant(world, &company.owner, &company.viewer, &what).await
    };
    let made = grant("workflow.run.execute", "workflow:research/*").await;
    assert_eq!(
        (made.text("resource_type"), made.text("resource_id")),
        ("workflow".to_owned(), "research/*".to_owned())
    );
    assert_eq!((made.text("effect"), made.text("action")), ("allow".to_owned(), "workflow.run.execute".to_owned()));
    grant("read", "document:42").await.ok();
    let may = async |action, about| company.may(world, &company.viewer, action, about).await;
    assert!(may("workflow.run.execute", Some("workflow:research/trends")).await);
    assert!(!may("workflow.run.execute", Some("workflow:sales/x")).await && !may("workflow.run.execute", None).await);
    assert!(may("document.read", Some("document:42")).await && may("read", Some("document:42")).await);
    assert!(!may("read", Some("document:421")).await && !may("read", Some("document:*")).await);
    // Fabric's own routes go by it, too.
    let (one, other) = (company.team(world, "One").await, company.team(world, "Other").await);
    grant("team.update", &format!("team:{one}")).await.ok();
    let rename = |team: &str| world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "Renamed" }));
    rename(&one).by(&company.viewer).send().await.ok();
    rename(&other).by(&company.viewer).send().await.refused(403, "forbidden");
}

async fn a_grant_may_be_for_a_team(world: &World) {
    let company = Company::new(world).await;
    let (mine, other) = (company.team(world, "Mine").await, company.team(world, "Other").await);
    let what = json!({ "action": "team.*", "team_id": mine });
    company.grant(world, &company.owner, &company.viewer, &what).await.ok();
    let may = async |team: &str| company.may(world, &company.viewer, "update", Some(&format!("team:{team}"))).await;
    assert!(may(&mine).await && !may(&other).await);
    assert!(!company.may(world, &company.viewer, "team.create", None).await);
}

async fn a_stranger_with_a_grant_may_what_it_says(world: &World) {
    let company = Company::new(world).await;
    let path = format!("/v1/organizations/{}", company.id);
    world.get(&path).by(&company.outsider).send().await.refused(404, "not_found");
    let what = json!({ "action": "organization.read" });
    let grant = company.grant(world, &company.owner, &company.outsider, &what).await.text("id");
    world.get(&path).by(&company.outsider).send().await.ok();
    world.patch(&path, &json!({ "name": "Mine" })).by(&company.outsider).send().await.refused(404, "not_found");
    world.get(&company.path("members")).by(&company.outsider).send().await.refused(404, "not_found");
    world.delete(&format!("/v1/permissions/{grant}")).by(&company.admin).send().await.ok();
    world.get(&path).by(&company.outsider).send().await.refused(404, "not_found");
    // Who has no account in the app can be granted nothing.
    let developer = world.sign_up(None, "developer").await;
    company.grant(world, &company.owner, &developer, &what).await.refused(404, "not_found");
}

async fn attack_40_nobody_grants_what_they_may_not_do(world: &World) {
    let company = Company::new(world).await;
    for action in ["organization.archive", "organization.*", "*", "app.delete"] {
        for whom in [&company.admin, &company.viewer] {
            let what = json!({ "action": action });
            company.grant(world, &company.admin, whom, &what).await.refused(403, "forbidden");
        }
    }
    let what = json!({ "action": "team.*" });
    company.grant(world, &company.admin, &company.viewer, &what).await.ok();
    for by in [&company.member, &company.viewer] {
        company.grant(world, by, by, &what).await.refused(403, "forbidden");
    }
    company.grant(world, &company.outsider, &company.outsider, &what).await.refused(404, "not_found");
    // A manager of grants hands on what they have, and no more.
    let manage = json!({ "action": "permission.*" });
    company.grant(world, &company.owner, &company.viewer, &manage).await.ok();
    company.grant(world, &company.viewer, &company.viewer, &what).await.ok();
    for action in ["member.remove", "organization.update", "*", "invoice.approve"] {
        let what = json!({ "action": action });
        company.grant(world, &company.viewer, &company.viewer, &what).await.refused(403, "forbidden");
    }
    // Nor through a key with fewer scopes.
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| identity::ApiKey {
        scopes: vec!["organizations:write".to_owned()],
        ..key
    });
    let key = key.await;
    for (action, status) in [("member.remove", 403), ("organization.update", 201)] {
        let body = json!({ "organization_id": company.id, "principal_id": company.viewer.id, "action": action });
        assert_eq!(world.post("/v1/permissions", &body).bearer(&key).send().await.status, status, "{action}");
    }
}

async fn attack_40_nobody_is_denied_anything_by_who_is_below_them(world: &World) {
    let company = Company::new(world).await;
    let deny = json!({ "action": "member.*", "effect": "deny" });
    company.grant(world, &company.admin, &company.owner, &deny).await.refused(403, "forbidden");
    company.grant(world, &company.owner, &company.owner, &deny).await.refused(403, "forbidden");
    company.grant(world, &company.owner, &company.admin, &deny).await.ok();
    world.get(&company.path("members")).by(&company.admin).send().await.refused(403, "forbidden");
    for effect in ["", "ALLOW", "maybe"] {
        let what = json!({ "action": "team.read", "effect": effect });
        company.grant(world, &company.owner, &company.admin, &what).await.refused(400, "invalid_request");
    }
}

async fn a_grant_that_is_taken_back_counts_no_more_at_once(world: &World) {
    let company = Company::new(world).await;
    let what = json!({ "action": "organization.update" });
    for _ in 0..5 {
        let grant = company.grant(world, &company.owner, &company.viewer, &what).await.text("id");
        assert!(company.may(world, &company.viewer, "organization.update", None).await);
        let path = format!("/v1/permissions/{grant}");
        world.delete(&path).by(&company.member).send().await.refused(403, "forbidden");
        world.delete(&path).by(&company.outsider).send().await.refused(404, "not_found");
        world.delete(&path).by(&company.admin).send().await.ok();
        assert!(!company.may(world, &company.viewer, "organization.update", None).await);
        world.delete(&path).by(&company.admin).send().await.refused(404, "not_found");
    }
}

async fn grants_are_listed_for_who_may_see_them_and_for_oneself(world: &World) {
    let company = Company::new(world).await;
    let what = json!({ "action": "invoice.read" });
    let one = company.grant(world, &company.owner, &company.viewer, &what).await.ok().clone();
    let two = company.grant(world, &company.owner, &company.member, &what).await.ok().clone();
    let list = |query: &str| world.get(&format!("/v1/permissions?{query}"));
    let here = format!("organization_id={}", company.id);
    assert_eq!(*list(&here).by(&company.admin).send().await.ok(), json!([one, two]));
    assert_eq!(*world.get(&company.path("permissions")).by(&company.admin).send().await.ok(), json!([one, two]));
    let of_one = format!("{here}&principal_id={}", company.viewer.id);
    assert_eq!(*list(&of_one).by(&company.admin).send().await.ok(), json!([one]));
    assert_eq!(*list("").by(&company.viewer).send().await.ok(), json!([one]));
    list(&here).by(&company.viewer).send().await.refused(403, "forbidden");
    list(&here).by(&company.outsider).send().await.refused(404, "not_found");
    let of_another = format!("principal_id={}", company.viewer.id);
    list(&of_another).by(&company.admin).send().await.refused(400, "invalid_request");
    let key = world.api_key(Some(company.app.id), company.id, &company.admin, |key| key).await;
    assert_eq!(*list(&of_another).bearer(&key).send().await.ok(), json!([one]), "where the key acts");
    assert_eq!(*list("").by(&company.outsider).send().await.ok(), json!([]));
}

async fn a_role_is_resolved_with_what_is_on_top(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    company.put_into_team(world, &company.owner, &team, &company.viewer, "admin").await.ok();
    let what = json!({ "action": "invoice.read" });
    let grant = company.grant(world, &company.owner, &company.viewer, &what).await.ok().clone();
    let path = |what: &str, who: &crate::support::Person, team: &str| {
        let ids = format!("principal_id={}&organization_id={}", who.id, company.id);
        format!("/v1/permissions/resolve/{what}?{ids}{team}")
    };
    let in_team = format!("&team_id={team}");
    let own = world.get(&path("workspace", &company.viewer, &in_team)).by(&company.viewer).send().await;
    assert_eq!(
        (own.text("role"), own.text("organization_role"), own.text("team_role")),
        ("admin".into(), "viewer".into(), "admin".into())
    );
    assert_eq!(own.ok()["permissions"], json!([grant]));
    let org = world.get(&path("org", &company.viewer, &in_team)).by(&company.member).send().await;
    assert_eq!((org.text("role"), &org.ok()["permissions"]), ("viewer".into(), &json!([])), "others see no grants");
    let seen = world.get(&path("org", &company.viewer, "")).by(&company.admin).send().await;
    assert_eq!(seen.ok()["permissions"], json!([grant]));
    for (whom, by) in [(&company.outsider, &company.owner), (&company.viewer, &company.outsider)] {
        world.get(&path("org", whom, "")).by(by).send().await.refused(404, "not_found");
    }
    let elsewhere = world.home_of(&company.outsider).await;
    let theirs = world.post(&format!("/v1/organizations/{elsewhere}/teams"), &json!({ "name": "Theirs" }));
    let theirs = format!("&team_id={}", theirs.by(&company.outsider).send().await.text("id"));
    let asked = world.get(&path("workspace", &company.viewer, &theirs)).by(&company.viewer);
    asked.send().await.refused(404, "not_found");
    world.get("/v1/permissions/resolve/org").by(&company.owner).send().await.refused(400, "invalid_parameter");
}

async fn attack_29_grants_go_with_the_account(world: &World) {
    let company = Company::new(world).await;
    for whom in [&company.viewer, &company.outsider] {
        let what = json!({ "action": "organization.update" });
        company.grant(world, &company.owner, whom, &what).await.ok();
        let path = format!("/v1/admin/users/{}", whom.id);
        world.delete(&path).bearer(&company.app.api_key).send().await.ok();
    }
    assert_eq!(world.number("SELECT count(*) FROM grants"), 0);
    assert_eq!(*world.get(&company.path("permissions")).by(&company.owner).send().await.ok(), json!([]));
}

async fn attack_10_of_two_owners_neither_is_denied_anything(world: &World) {
    let company = Company::new(world).await;
    company.set_role(world, &company.owner, &company.admin, "owner").await.ok();
    let deny = json!({ "action": "*", "effect": "deny" });
    company.grant(world, &company.owner, &company.admin, &deny).await.refused(403, "forbidden");
    company.grant(world, &company.admin, &company.owner, &deny).await.refused(403, "forbidden");
}

async fn attack_40_whoever_is_denied_something_hands_none_of_it_on(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let deny = json!({ "action": "team.update", "resource": format!("team:{team}"), "effect": "deny" });
    company.grant(world, &company.owner, &company.admin, &deny).await.ok();
    for action in ["team.update", "team.*"] {
        let what = json!({ "action": action });
        company.grant(world, &company.admin, &company.viewer, &what).await.refused(403, "forbidden");
        company.make_role(world, &company.admin, "renamer", &[action]).await.refused(403, "forbidden");
    }
    company.set_role(world, &company.admin, &company.viewer, "admin").await.refused(403, "forbidden");
    company.set_role(world, &company.admin, &company.viewer, "member").await.ok();
    let deny = json!({ "action": "invoice.pay", "effect": "deny" });
    company.grant(world, &company.owner, &company.admin, &deny).await.ok();
    for action in ["invoice.pay", "invoice.*"] {
        company.make_role(world, &company.admin, "payer", &[action]).await.refused(403, "forbidden");
    }
    company.make_role(world, &company.admin, "reader", &["invoice.read"]).await.ok();
}

async fn attack_41_a_key_with_scopes_makes_no_administrators(world: &World) {
    let company = Company::new(world).await;
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| identity::ApiKey {
        scopes: ["members:write", "authz:check", "organizations:read"].map(str::to_owned).to_vec(),
        ..key
    });
    let key = key.await;
    let path = company.member_path(&company.viewer);
    for (role, status) in [("owner", 403), ("admin", 403), ("member", 200), ("viewer", 200)] {
        let answer = world.patch(&path, &json!({ "role": role })).bearer(&key).send().await;
        assert_eq!(answer.status, status, "{role}: {answer:?}");
    }
}

async fn a_grant_opens_no_archived_organization(world: &World) {
    let company = Company::new(world).await;
    for action in ["team.*", "organization.read"] {
        company.grant(world, &company.owner, &company.outsider, &json!({ "action": action })).await.ok();
    }
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    let make = |by| world.post(&company.path("teams"), &json!({ "name": "Crew" })).by(by).send();
    make(&company.outsider).await.refused(409, "conflict");
    let member = world.delete(&company.member_path(&company.viewer)).by(&company.outsider).send().await;
    member.refused(404, "not_found");
    world.get(&format!("/v1/organizations/{}", company.id)).by(&company.outsider).send().await.ok();
}

async fn attack_29_nothing_is_given_to_an_account_that_goes_meanwhile(world: &World) {
    let company = Company::new(world).await;
    for round in 0..25 {
        let goner = world.sign_up(Some(&company.app), &format!("goner-{round}")).await;
        let what = json!({ "action": "team.*" });
        let grants = join_all((0..4).map(|_| company.grant(world, &company.owner, &goner, &what)));
        let founded = join_all((0..2).map(|_| world.post("/v1/organizations", &what_to_found()).by(&goner).send()));
        let path = format!("/v1/admin/users/{}", goner.id);
        let gone = world.delete(&path).bearer(&company.app.api_key).send();
        let (_, _, gone) = join3(grants, founded, gone).await;
        gone.ok();
        let (id, app) = (goner.id.0, company.app.id);
        let left = world.read(move |tx| {
            let principal = kernel::id::PrincipalId(id);
            let app = Some(app);
            Ok((
                tx.grants_held(app, None, principal, &page_of())?.items.len(),
                tx.belongs_to(principal, &page_of())?.items,
            ))
        });
        let (grants, places) = left.await;
        assert_eq!((grants, places.len()), (0, 0), "{round}");
    }
    assert_eq!(world.number("SELECT count(*) FROM grants"), 0);
}

fn what_to_found() -> Value {
    json!({ "name": "Mine" })
}

fn page_of<I>() -> kernel::Page<I> {
    kernel::Page::new(None, 0, 10).unwrap()
}
