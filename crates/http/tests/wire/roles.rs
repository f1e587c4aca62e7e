//! Roles that organizations make for themselves.

use serde_json::json;

use crate::support::{Company, World};

on_both!(
    an_own_role_is_given_and_adds_what_it_names,
    what_a_role_has_changes_for_everybody_who_has_it,
    attack_40_no_role_is_wider_than_its_editor,
    attack_40_no_role_is_called_like_a_built_in_one,
    a_role_that_somebody_has_is_not_deleted,
    roles_are_each_organizations_own,
);

async fn an_own_role_is_given_and_adds_what_it_names(world: &World) {
    let company = Company::new(world).await;
    let made = company.make_role(world, &company.admin, "recruiter", &["member.update", "invoice.*"]).await;
    assert_eq!((made.status, made.text("name")), (201, "recruiter".to_owned()));
    assert_eq!(made.ok()["actions"], json!(["member.update", "invoice.*"]));
    let path = format!("{}/{}", company.path("roles"), made.text("id"));
    assert_eq!(world.get(&path).by(&company.viewer).send().await.ok(), made.ok());
    let may = async |action| company.may(world, &company.viewer, action, None).await;
    assert!(!may("member.update").await && !may("invoice.approve").await);
    let given = company.set_role(world, &company.admin, &company.viewer, "recruiter").await;
    assert_eq!(given.text("role"), "recruiter");
    let members = world.get(&company.path("members")).by(&company.member).send().await;
    assert_eq!(members.ok()[3]["role"], "recruiter");
    assert!(may("member.update").await && may("invoice.approve").await && may("organization.read").await);
    assert!(!may("member.remove").await && !may("organization.update").await);
    // The server goes by it, too; and it gives no role above what it is.
    company.set_role(world, &company.viewer, &company.member, "viewer").await.refused(403, "forbidden");
    company.set_role(world, &company.owner, &company.member, "viewer").await.ok();
    company.set_role(world, &company.viewer, &company.member, "viewer").await.ok();
    company.set_role(world, &company.viewer, &company.member, "member").await.refused(403, "forbidden");
    company.set_role(world, &company.admin, &company.viewer, "viewer").await.ok();
    assert!(!may("member.update").await);
}

async fn what_a_role_has_changes_for_everybody_who_has_it(world: &World) {
    let company = Company::new(world).await;
    let role = company.make_role(world, &company.owner, "scribe", &["invoice.read"]).await.text("id");
    company.set_role(world, &company.owner, &company.viewer, "scribe").await.ok();
    assert!(!company.may(world, &company.viewer, "invoice.write", None).await);
    let path = format!("{}/{role}", company.path("roles"));
    let body = json!({ "name": "clerk", "description": "Writes.", "actions": ["invoice.write"] });
    let changed = world.patch(&path, &body).by(&company.owner).send().await;
    assert_eq!((changed.text("name"), changed.text("description")), ("clerk".to_owned(), "Writes.".to_owned()));
    assert!(company.may(world, &company.viewer, "invoice.write", None).await);
    assert!(!company.may(world, &company.viewer, "invoice.read", None).await);
    let changed = world.patch(&path, &json!({ "description": null })).by(&company.owner).send().await;
    assert_eq!((&changed.ok()["description"], changed.text("name")), (&json!(null), "clerk".to_owned()));
}

async fn attack_40_no_role_is_wider_than_its_editor(world: &World) {
    let company = Company::new(world).await;
    let make = async |by, name, actions: &[&str]| company.make_role(world, by, name, actions).await;
    for actions in [&["organization.archive"][..], &["*"], &["organization.*"], &["team.read", "app.delete"]] {
        make(&company.admin, "mighty", actions).await.refused(403, "forbidden");
    }
    make(&company.owner, "mighty", &["organization.*"]).await.ok();
    make(&company.member, "mine", &["team.read"]).await.refused(403, "forbidden");
    make(&company.outsider, "mine", &["team.read"]).await.refused(404, "not_found");
    // Nobody below gives it, has it changed, or makes it more than they are.
    company.set_role(world, &company.admin, &company.viewer, "mighty").await.refused(403, "forbidden");
    let editor = make(&company.owner, "editor", &["role.*", "member.update", "invoice.read"]).await.text("id");
    company.set_role(world, &company.owner, &company.viewer, "editor").await.ok();
    let path = |id: &str| format!("{}/{id}", company.path("roles"));
    for actions in [&["team.create"][..], &["*"], &["invoice.*"], &["organization.update"]] {
        let body = json!({ "actions": actions });
        world.patch(&path(&editor), &body).by(&company.viewer).send().await.refused(403, "forbidden");
        make(&company.viewer, "other", actions).await.refused(403, "forbidden");
    }
    let narrower = json!({ "actions": ["role.manage", "invoice.read"] });
    world.patch(&path(&editor), &narrower).by(&company.viewer).send().await.ok();
    let wider = json!({ "actions": ["role.*", "member.update", "invoice.read"] });
    world.patch(&path(&editor), &wider).by(&company.viewer).send().await.refused(403, "forbidden");
}

async fn attack_40_no_role_is_called_like_a_built_in_one(world: &World) {
    let company = Company::new(world).await;
    let role = company.make_role(world, &company.owner, "clerk", &["invoice.read"]).await.text("id");
    for name in ["owner", "admin", "member", "viewer", "Owner", "own er", "", "öwner", "1", "a\0"] {
        company.make_role(world, &company.owner, name, &[]).await.refused(400, "invalid_request");
        let path = format!("{}/{role}", company.path("roles"));
        let renamed = world.patch(&path, &json!({ "name": name })).by(&company.owner).send().await;
        renamed.refused(400, "invalid_request");
    }
    company.make_role(world, &company.owner, "clerk", &[]).await.refused(409, "conflict");
    for action in ["", "read", "team.owner", "team", "TEAM.READ", "team read", "team..read", "*.read", "a\0.b"] {
        company.make_role(world, &company.owner, "other", &[action]).await.refused(400, "invalid_request");
    }
}

async fn a_role_that_somebody_has_is_not_deleted(world: &World) {
    let company = Company::new(world).await;
    let role = company.make_role(world, &company.owner, "clerk", &["invoice.read"]).await.text("id");
    company.set_role(world, &company.owner, &company.viewer, "clerk").await.ok();
    let delete = |by| world.delete(&format!("{}/{role}", company.path("roles"))).by(by).send();
    delete(&company.owner).await.refused(409, "conflict");
    company.set_role(world, &company.owner, &company.viewer, "member").await.ok();
    delete(&company.viewer).await.refused(403, "forbidden");
    delete(&company.owner).await.ok();
    delete(&company.owner).await.refused(404, "not_found");
    company.set_role(world, &company.owner, &company.viewer, "clerk").await.refused(400, "invalid_request");
}

async fn roles_are_each_organizations_own(world: &World) {
    let company = Company::new(world).await;
    let role = company.make_role(world, &company.owner, "clerk", &["invoice.read"]).await.text("id");
    let elsewhere = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{elsewhere}/roles");
    assert_eq!(*world.get(&path).by(&company.outsider).send().await.ok(), json!([]));
    world.get(&format!("{path}/{role}")).by(&company.outsider).send().await.refused(404, "not_found");
    let body = json!({ "actions": ["team.read"] });
    world.patch(&format!("{path}/{role}"), &body).by(&company.outsider).send().await.refused(404, "not_found");
    world.delete(&format!("{path}/{role}")).by(&company.outsider).send().await.refused(404, "not_found");
}
