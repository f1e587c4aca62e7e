//! Who goes takes keys and grants along: the audit log tells of each.

use serde_json::json;

use crate::support::{Company, Person, World};

on_both!(
    what_goes_with_a_member_is_told_one_by_one,
    what_goes_with_who_leaves_is_told_one_by_one,
    what_goes_with_a_service_account_is_told_one_by_one,
);

/// What these entries are about. All of them are by this one.
async fn told(world: &World, company: &Company, by: &Person, action: &str) -> Vec<String> {
    let entries = company.log(world, &format!("?action={action}")).await;
    let mut about = Vec::new();
    for entry in &entries {
        let whose = (&entry["actor_principal_id"], &entry["organization_id"]);
        assert_eq!(whose, (&json!(by.id), &json!(company.id)), "{entry}");
        about.push(entry["resource_id"].as_str().unwrap().to_owned());
    }
    about.sort();
    about
}

/// Two keys and a grant.
struct Belongings {
    keys: Vec<String>,
    grant: String,
}

impl Belongings {
    /// Of a member; others have theirs.
    async fn of_member(world: &World, company: &Company) -> Self {
        let key = json!({ "name": "Key", "organization_id": company.id });
        let mut keys = Vec::new();
        for _ in 0..2 {
            keys.push(world.post("/v1/api-keys", &key).by(&company.member).send().await.text("id"));
        }
        world.post("/v1/api-keys", &key).by(&company.admin).send().await.ok();
        let grant = json!({ "action": "team.create" });
        company.grant(world, &company.owner, &company.viewer, &grant).await.ok();
        let grant = company.grant(world, &company.owner, &company.member, &grant).await.text("id");
        keys.sort();
        Self { keys, grant }
    }

    async fn are_told(&self, world: &World, company: &Company, by: &Person) {
        assert_eq!(told(world, company, by, "api_key.revoked").await, self.keys);
        assert_eq!(told(world, company, by, "permission.revoked").await, std::slice::from_ref(&self.grant));
    }
}

async fn what_goes_with_a_member_is_told_one_by_one(world: &World) {
    let company = Company::new(world).await;
    let belongings = Belongings::of_member(world, &company).await;
    company.remove(world, &company.owner, &company.member).await.ok();
    belongings.are_told(world, &company, &company.owner).await;
    let removed = company.log(world, "?action=membership.removed").await;
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0]["metadata"]["principal_id"], json!(company.member.id));
}

async fn what_goes_with_who_leaves_is_told_one_by_one(world: &World) {
    let company = Company::new(world).await;
    let belongings = Belongings::of_member(world, &company).await;
    world.call("POST", &company.path("leave")).by(&company.member).send().await.ok();
    belongings.are_told(world, &company, &company.member).await;
    assert_eq!(company.log(world, "?action=membership.removed").await.len(), 1);
}

async fn what_goes_with_a_service_account_is_told_one_by_one(world: &World) {
    let company = Company::new(world).await;
    let account = json!({ "name": "Deploys", "organization_id": company.id });
    let make = async || world.post("/v1/service-accounts", &account).by(&company.owner).send().await.text("id");
    let (id, other) = (make().await, make().await);
    let key = async |id: &str| {
        let path = format!("/v1/service-accounts/{id}/api-keys");
        world.post(&path, &json!({})).by(&company.owner).send().await.text("id")
    };
    let mut keys = vec![key(&id).await, key(&id).await];
    key(&other).await;
    let grant = json!({ "organization_id": company.id, "principal_id": id, "action": "team.create" });
    let grant = world.post("/v1/permissions", &grant).by(&company.owner).send().await.text("id");
    world.delete(&format!("/v1/service-accounts/{id}")).by(&company.admin).send().await.ok();
    keys.sort();
    Belongings { keys, grant }.are_told(world, &company, &company.admin).await;
    assert_eq!(told(world, &company, &company.admin, "service_account.deleted").await, [id]);
}
