//! Roles that organizations make for themselves.

use authz::{
    Acting, ActionPattern, ActionSet, CustomRole, RoleName,
    action::{RoleManage, RoleRead},
};
use kernel::{
    Code, Error, Page, Result, Timestamp,
    id::{OrganizationId, RoleId},
};
use platform::{NewRole, RoleChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query, present},
};

/// A role that an organization made for itself: what a viewer may, and these actions.
#[derive(Serialize, ToSchema)]
pub struct OwnRole {
    id: Uuid,
    organization_id: Uuid,
    name: String,
    description: Option<String>,
    /// Names of actions, whole or with a star at the end.
    actions: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<CustomRole> for OwnRole {
    fn from(role: CustomRole) -> Self {
        Self {
            id: role.id.0,
            organization_id: role.organization.0,
            name: role.name.as_str().to_owned(),
            actions: role.actions.iter().map(ActionPattern::to_string).collect(),
            description: role.description,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

/// The longest description, in bytes.
const LONGEST: usize = 1000;

/// A description that a database and a page can hold.
pub fn description(text: String) -> Result<String> {
    if text.len() > LONGEST || text.contains('\0') {
        return Err(Error::because(Code::InvalidRequest, "Describe it in at most 1000 bytes."));
    }
    Ok(text)
}

fn actions(names: &[String]) -> Result<ActionSet> {
    ActionSet::parse(names.iter().map(String::as_str))
}

/// Lists an organization's own roles.
pub async fn list(
    caller: Acting<RoleRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<OwnRole>>> {
    let page: Page<RoleId> = query.page()?;
    let listed = platform.roles(caller, id, page).await?;
    Ok(Answer::page(listed.map(OwnRole::from), page.limit))
}

/// A new role.
#[derive(Deserialize, ToSchema)]
pub struct CreateRoleRequest {
    /// 1 to 63 lower-case letters, digits, `-` and `_`; none of the built-in roles' names.
    name: String,
    description: Option<String>,
    /// Names of actions, whole (`team.create`) or with a star at the end (`team.*`): none that the caller may not do.
    actions: Vec<String>,
}

/// Makes a role.
pub async fn create(
    caller: Acting<RoleManage>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<CreateRoleRequest>),
) -> Result<Created<OwnRole>> {
    let new = NewRole {
        name: RoleName::parse(&new.name)?,
        description: new.description.map(description).transpose()?,
        actions: actions(&new.actions)?,
    };
    let role = platform.create_role(caller, id, new).await?;
    Ok(Created(OwnRole::from(role)))
}

/// Shows a role.
pub async fn read(
    caller: Acting<RoleRead>,
    (platform, PathId(id), PathId(role)): (ForRequest, PathId<OrganizationId>, PathId<RoleId>),
) -> Result<Answer<OwnRole>> {
    let role = platform.role(caller, id, role).await?;
    Ok(Answer::ok(OwnRole::from(role)))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateRoleRequest {
    name: Option<String>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    actions: Option<Vec<String>>,
}

/// Changes a role, for everybody who has it.
pub async fn update(
    caller: Acting<RoleManage>,
    (platform, PathId(id), PathId(role), Body(change)): (
        ForRequest,
        PathId<OrganizationId>,
        PathId<RoleId>,
        Body<UpdateRoleRequest>,
    ),
) -> Result<Answer<OwnRole>> {
    let change = RoleChange {
        name: change.name.as_deref().map(RoleName::parse).transpose()?,
        description: change.description.map(|text| text.map(description).transpose()).transpose()?,
        actions: change.actions.as_deref().map(actions).transpose()?,
    };
    let role = platform.change_role(caller, id, role, change).await?;
    Ok(Answer::ok(OwnRole::from(role)))
}

/// Deletes a role that nobody has.
pub async fn delete(
    caller: Acting<RoleManage>,
    (platform, PathId(id), PathId(role)): (ForRequest, PathId<OrganizationId>, PathId<RoleId>),
) -> Result<Answer<Done>> {
    platform.delete_role(caller, id, role).await?;
    Ok(Answer::ok(Done { message: "The role is deleted." }))
}
