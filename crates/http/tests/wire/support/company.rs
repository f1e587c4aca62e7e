use kernel::{Role, id::OrganizationId};
use serde_json::{Value, json};

use super::{Answer, App, Person, World};

/// An organization of an app with somebody in every role.
pub struct Company {
    pub app: App,
    pub id: OrganizationId,
    pub owner: Person,
    pub admin: Person,
    pub member: Person,
    pub viewer: Person,
    /// Somebody with an account in the app who does not belong to it.
    pub outsider: Person,
}

impl Company {
    pub async fn new(world: &World) -> Self {
        let app = world.app("acme").await;
        let mut people = Vec::new();
        for name in ["owner", "admin", "member", "viewer", "outsider"] {
            people.push(world.sign_up(Some(&app), name).await);
        }
        let [owner, admin, member, viewer, outsider] = people.try_into().unwrap();
        let id = world.home_of(&owner).await;
        for (person, role) in [(&admin, Role::Admin), (&member, Role::Member), (&viewer, Role::Viewer)] {
            world.enroll(id, person, role).await;
        }
        Self { app, id, owner, admin, member, viewer, outsider }
    }

    /// A path below the organization's own.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/organizations/{}/{rest}", self.id)
    }

    pub fn member_path(&self, person: &Person) -> String {
        self.path(&format!("members/{}", person.id))
    }

    /// Gives somebody a role, on behalf of somebody else.
    pub async fn set_role(&self, world: &World, by: &Person, whom: &Person, role: &str) -> Answer {
        world.patch(&self.member_path(whom), &json!({ "role": role })).by(by).send().await
    }

    pub async fn remove(&self, world: &World, by: &Person, whom: &Person) -> Answer {
        world.delete(&self.member_path(whom)).by(by).send().await
    }

    pub async fn team(&self, world: &World, name: &str) -> String {
        world.post(&self.path("teams"), &json!({ "name": name })).by(&self.owner).send().await.text("id")
    }

    pub async fn put_into_team(&self, world: &World, by: &Person, team: &str, whom: &Person, role: &str) -> Answer {
        let path = format!("/v1/teams/{team}/members/{}", whom.id);
        world.call("PUT", &path).json(&json!({ "role": role })).by(by).send().await
    }

    pub async fn make_role(&self, world: &World, by: &Person, name: &str, actions: &[&str]) -> Answer {
        world.post(&self.path("roles"), &json!({ "name": name, "actions": actions })).by(by).send().await
    }

    pub async fn grant(&self, world: &World, by: &Person, whom: &Person, what: &Value) -> Answer {
        let mut body = json!({ "organization_id": self.id, "principal_id": whom.id });
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        world.post("/v1/permissions", &body).by(by).send().await
    }

    /// Whether somebody may do something here.
    pub async fn may(&self, world: &World, who: &Person, action: &str, resource: Option<&str>) -> bool {
        let body = json!({ "action": action, "resource": resource, "organization_id": self.id });
        let answer = world.post("/v1/authz/check", &body).by(who).send().await;
        answer.ok()["allowed"].as_bool().unwrap()
    }
}
