//! Teams.

use authz::{
    Acting,
    action::{OrganizationList, TeamArchive, TeamCreate, TeamManageMembers, TeamRead, TeamUpdate},
};
use kernel::{
    Name, Page, Result, Slug, Timestamp,
    id::{OrganizationId, PrincipalId, TeamId},
};
use platform::{NewTeam, Platform, RoleChoice, TeamChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// A part of an organization.
#[derive(Serialize, ToSchema)]
pub struct Team {
    id: Uuid,
    organization_id: Uuid,
    slug: String,
    name: String,
    archived: bool,
    /// The caller's role in it, in lists of the caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl Team {
    pub(super) fn new(team: &tenancy::Team, role: Option<&str>) -> Self {
        Self {
            id: team.id.0,
            organization_id: team.organization.0,
            slug: team.slug.as_str().to_owned(),
            name: team.name.as_str().to_owned(),
            archived: team.archived_at.is_some(),
            role: role.map(str::to_owned),
            created_at: team.created_at,
            updated_at: team.updated_at,
        }
    }
}

/// A new team, for who names its organization in the body.
#[derive(Deserialize, ToSchema)]
pub struct CreateTeamRequest {
    organization_id: Uuid,
    name: String,
    /// Its name in URLs; made of its name without.
    slug: Option<String>,
}

/// A new team of the organization in the path.
#[derive(Deserialize, ToSchema)]
pub struct NewTeamRequest {
    name: String,
    /// Its name in URLs; made of its name without.
    slug: Option<String>,
}

async fn make(
    caller: Acting<TeamCreate>,
    platform: &Platform,
    id: OrganizationId,
    new: NewTeamRequest,
) -> Result<Created<Team>> {
    let new = NewTeam { name: Name::parse(&new.name)?, slug: new.slug.as_deref().map(Slug::parse).transpose()? };
    let team = platform.create_team(caller, id, new).await?;
    Ok(Created(Team::new(&team, None)))
}

/// Makes a team.
pub async fn create(
    caller: Acting<TeamCreate>,
    (platform, Body(new)): (ForRequest, Body<CreateTeamRequest>),
) -> Result<Created<Team>> {
    let id = OrganizationId(new.organization_id);
    make(caller, &platform, id, NewTeamRequest { name: new.name, slug: new.slug }).await
}

/// Makes a team of the organization in the path.
pub async fn create_in(
    caller: Acting<TeamCreate>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<NewTeamRequest>),
) -> Result<Created<Team>> {
    make(caller, &platform, id, new).await
}

/// Lists an organization's teams.
pub async fn list(
    caller: Acting<TeamRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<Team>>> {
    let page: Page<TeamId> = query.page()?;
    let listed = platform.teams(caller, id, page).await?;
    Ok(Answer::page(listed.map(|team| Team::new(&team, None)), page.limit))
}

/// Lists the caller's teams.
pub async fn own(
    caller: Acting<OrganizationList>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<Team>>> {
    let page: Page<TeamId> = query.page()?;
    let listed = platform.own_teams(caller, page).await?;
    Ok(Answer::page(listed.map(|(team, role)| Team::new(&team, Some(role.name()))), page.limit))
}

/// Shows a team.
pub async fn read(
    caller: Acting<TeamRead>,
    (platform, PathId(id)): (ForRequest, PathId<TeamId>),
) -> Result<Answer<Team>> {
    let team = platform.team(caller, id).await?;
    Ok(Answer::ok(Team::new(&team, None)))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateTeamRequest {
    name: Option<String>,
    slug: Option<String>,
}

/// Renames a team.
pub async fn update(
    caller: Acting<TeamUpdate>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<TeamId>, Body<UpdateTeamRequest>),
) -> Result<Answer<Team>> {
    let change = TeamChange {
        name: change.name.as_deref().map(Name::parse).transpose()?,
        slug: change.slug.as_deref().map(Slug::parse).transpose()?,
    };
    let team = platform.change_team(caller, id, change).await?;
    Ok(Answer::ok(Team::new(&team, None)))
}

/// Archives a team. In an archived team nobody has a role.
pub async fn archive(
    caller: Acting<TeamArchive>,
    (platform, PathId(id)): (ForRequest, PathId<TeamId>),
) -> Result<Answer<Team>> {
    let team = platform.archive_team(caller, id, true).await?;
    Ok(Answer::ok(Team::new(&team, None)))
}

/// Brings an archived team back.
pub async fn restore(
    caller: Acting<TeamArchive>,
    (platform, PathId(id)): (ForRequest, PathId<TeamId>),
) -> Result<Answer<Team>> {
    let team = platform.archive_team(caller, id, false).await?;
    Ok(Answer::ok(Team::new(&team, None)))
}

/// A member's place in a team.
#[derive(Serialize, ToSchema)]
pub struct TeamMember {
    team_id: Uuid,
    principal_id: Uuid,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles.
    role: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl TeamMember {
    pub(super) fn new(member: &tenancy::TeamMember, role: &str) -> Self {
        Self {
            team_id: member.team.0,
            principal_id: member.principal.0,
            role: role.to_owned(),
            created_at: member.created_at,
        }
    }
}

/// Lists who is in a team.
pub async fn members(
    caller: Acting<TeamRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<TeamId>, Query<PageQuery>),
) -> Result<Answer<Vec<TeamMember>>> {
    let page: Page<PrincipalId> = query.page()?;
    let listed = platform.team_members(caller, id, page).await?;
    Ok(Answer::page(listed.map(|(member, role)| TeamMember::new(&member, role.name())), page.limit))
}

/// What a member shall be in a team.
#[derive(Deserialize, ToSchema)]
pub struct PutTeamMemberRequest {
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles; `member` without. Never
    /// above the caller's own.
    role: Option<String>,
}

/// Puts a member of the organization into a team, or gives them another role there.
pub async fn put_member(
    caller: Acting<TeamManageMembers>,
    (platform, PathId(id), PathId(principal), Body(put)): (
        ForRequest,
        PathId<TeamId>,
        PathId<PrincipalId>,
        Body<PutTeamMemberRequest>,
    ),
) -> Result<Answer<TeamMember>> {
    let choice = RoleChoice::parse(put.role.as_deref().unwrap_or("member"))?;
    let (member, role) = platform.put_team_member(caller, id, principal, choice).await?;
    Ok(Answer::ok(TeamMember::new(&member, role.name())))
}

/// Takes somebody out of a team.
pub async fn remove_member(
    caller: Acting<TeamManageMembers>,
    (platform, PathId(id), PathId(principal)): (ForRequest, PathId<TeamId>, PathId<PrincipalId>),
) -> Result<Answer<Done>> {
    platform.remove_team_member(caller, id, principal).await?;
    Ok(Answer::ok(Done { message: "The member is out of the team." }))
}
