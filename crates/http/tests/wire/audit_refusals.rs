//! Refusals in the audit log.

use authz::Denied;
use kernel::{Code, Error, Via, id::SessionId};
use serde_json::json;

use crate::support::{Company, Person, World};

on_both!(
    a_refusal_is_noted_and_several_of_a_kind_are_one,
    refusals_with_different_credentials_are_different,
    refusals_that_are_noted_together_keep_their_origins,
    what_is_refused_to_whoever_may_come_in_is_noted_too,
    who_does_not_belong_there_leaves_no_refusal,
);

async fn a_refusal_is_noted_and_several_of_a_kind_are_one(world: &World) {
    let company = Company::new(world).await;
    for _ in 0..5 {
        let call = world.post(&company.path("teams"), &json!({ "name": "A" })).by(&company.member);
        call.header("user-agent", "Tries/1").send().await.refused(403, "forbidden");
    }
    // Nobody makes somebody more than they are.
    company.set_role(world, &company.admin, &company.member, "owner").await.refused(403, "forbidden");
    // Reading changes nothing.
    world.get(&company.path("audit-logs")).by(&company.member).send().await.refused(403, "forbidden");
    // A key without the scope is refused before anything is looked at.
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| identity::ApiKey {
        scopes: vec!["members:read".to_owned()],
        ..key
    });
    let key = key.await;
    world
        .post(&company.path("teams"), &json!({ "name": "A" }))
        .bearer(key)
        .send()
        .await
        .refused(403, "insufficient_scope");
    assert_eq!(world.platform.note_refusals().await.unwrap(), 3);
    let refused = company.log(world, "?outcome=denied").await;
    assert_eq!(refused.len(), 3, "{refused:?}");
    let by = |person: &Person| refused.iter().find(|entry| entry["actor_principal_id"] == json!(person.id)).unwrap();
    let entry = by(&company.member);
    assert_eq!((&entry["action"], &entry["metadata"]["count"]), (&json!("team.create"), &json!(5)));
    assert_eq!((&entry["outcome"], &entry["user_agent"]), (&json!("denied"), &json!("Tries/1")));
    assert_eq!(by(&company.admin)["action"], "member.update");
    assert_eq!(by(&company.owner)["actor_type"], "api_key");
    assert_eq!(world.platform.note_refusals().await.unwrap(), 0);
}

async fn refusals_with_different_credentials_are_different(world: &World) {
    let company = Company::new(world).await;
    let keys = [
        world.api_key(Some(company.app.id), company.id, &company.member, |key| key).await,
        world.api_key(Some(company.app.id), company.id, &company.member, |key| key).await,
    ];
    for token in [&company.member.token, &keys[0], &keys[1], &keys[1]] {
        let call = world.post(&company.path("teams"), &json!({ "name": "A" })).bearer(token);
        call.send().await.refused(403, "forbidden");
    }
    assert_eq!(world.platform.note_refusals().await.unwrap(), 3);
    let refused = company.log(world, "?outcome=denied").await;
    let mut found: Vec<_> = refused
        .iter()
        .map(|entry| {
            assert!(entry["credential_id"].is_string(), "{entry}");
            (entry["actor_type"].as_str().unwrap(), entry["metadata"]["count"].as_i64().unwrap())
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("api_key", 1), ("api_key", 2), ("user", 1)]);
    let credentials: std::collections::BTreeSet<_> =
        refused.iter().map(|entry| entry["credential_id"].to_string()).collect();
    assert_eq!(credentials.len(), 3, "{refused:?}");
}

/// The order in which they are noted is chance: one among many that have no origin.
async fn refusals_that_are_noted_together_keep_their_origins(world: &World) {
    let company = Company::new(world).await;
    let call = world.post(&company.path("teams"), &json!({ "name": "A" })).by(&company.member);
    call.header("user-agent", "Tries/1").send().await.refused(403, "forbidden");
    for _ in 0..20 {
        let denied = Denied {
            app: Some(company.app.id),
            organization: company.id,
            principal: company.member.id,
            via: Via::Session(SessionId::generate()),
            action: "team.create",
        };
        world.platform.note_refusal(&Error::new(Code::Forbidden).caused_by(denied));
    }
    assert_eq!(world.platform.note_refusals().await.unwrap(), 21);
    let refused = company.log(world, "?outcome=denied&limit=50").await;
    let with = |field: &str| refused.iter().filter(|entry| !entry[field].is_null()).count();
    assert_eq!((refused.len(), with("user_agent"), with("request_id"), with("credential_id")), (21, 1, 1, 21));
}

async fn what_is_refused_to_whoever_may_come_in_is_noted_too(world: &World) {
    let company = Company::new(world).await;
    let key = json!({ "organization_id": company.id, "name": "k", "role": "owner" });
    world.post("/v1/api-keys", &key).by(&company.member).send().await.refused(403, "forbidden");
    let denial = json!({ "action": "team.create", "effect": "deny" });
    company.grant(world, &company.owner, &company.owner, &denial).await.refused(403, "forbidden");
    company.grant(world, &company.admin, &company.owner, &denial).await.refused(403, "forbidden");
    assert_eq!(world.platform.note_refusals().await.unwrap(), 3);
    let refused = company.log(world, "?outcome=denied").await;
    let mut actions: Vec<_> = refused.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["api_key.create", "permission.manage", "permission.manage"]);
}

async fn who_does_not_belong_there_leaves_no_refusal(world: &World) {
    let company = Company::new(world).await;
    let path = company.path("teams");
    world.post(&path, &json!({ "name": "A" })).by(&company.outsider).send().await.refused(404, "not_found");
    world.post(&path, &json!({ "name": "A" })).send().await.refused(401, "unauthorized");
    assert_eq!(world.platform.note_refusals().await.unwrap(), 0);
}
