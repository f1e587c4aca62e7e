//! Members of organizations.

use authz::{
    Acting,
    action::{MemberLeave, MemberRead, MemberRemove, MemberUpdate},
};
use kernel::{
    Page, Result, Timestamp,
    id::{MembershipId, OrganizationId, PrincipalId},
};
use platform::RoleChoice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::Answer,
    request::{Body, ForRequest, PathId, Query},
};

/// Somebody's place in an organization.
#[derive(Serialize, ToSchema)]
pub struct Member {
    id: Uuid,
    principal_id: Uuid,
    organization_id: Uuid,
    /// Always null: places in teams are listed with the team.
    team_id: Option<Uuid>,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles.
    role: String,
    /// Always true: who was removed is not listed.
    active: bool,
    email: Option<String>,
    display_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<platform::Member> for Member {
    fn from(member: platform::Member) -> Self {
        Self {
            role: member.role().to_owned(),
            id: member.membership.id.0,
            principal_id: member.membership.principal.0,
            organization_id: member.membership.organization.0,
            team_id: None,
            active: true,
            email: member.email.map(|email| email.as_str().to_owned()),
            display_name: member.display_name.map(|name| name.as_str().to_owned()),
            created_at: member.membership.created_at,
        }
    }
}

/// Lists an organization's members, in the order in which they came.
pub async fn list(
    caller: Acting<MemberRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<Member>>> {
    let page: Page<MembershipId> = query.page()?;
    let listed = platform.members(caller, id, page).await?;
    Ok(Answer::page(listed.map(Member::from), page.limit))
}

/// What a member shall be.
#[derive(Deserialize, ToSchema)]
pub struct UpdateMemberRequest {
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles. Never above the
    /// caller's own.
    role: String,
}

/// Gives a member another role.
pub async fn update(
    caller: Acting<MemberUpdate>,
    (platform, PathId(id), PathId(principal), Body(change)): (
        ForRequest,
        PathId<OrganizationId>,
        PathId<PrincipalId>,
        Body<UpdateMemberRequest>,
    ),
) -> Result<Answer<Member>> {
    let choice = RoleChoice::parse(&change.role)?;
    let member = platform.change_member(caller, id, principal, choice).await?;
    Ok(Answer::ok(Member::from(member)))
}

/// Removes a member.
pub async fn remove(
    caller: Acting<MemberRemove>,
    (platform, PathId(id), PathId(principal)): (ForRequest, PathId<OrganizationId>, PathId<PrincipalId>),
) -> Result<Answer<Done>> {
    platform.remove_member(caller, id, principal).await?;
    Ok(Answer::ok(Done { message: "The member is removed." }))
}

/// Takes the caller out of an organization.
pub async fn leave(
    caller: Acting<MemberLeave>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Done>> {
    platform.leave(caller, id).await?;
    Ok(Answer::ok(Done { message: "You have left the organization." }))
}
