//! Grants, and what comes out of roles and grants together.

use authz::{
    Acting, ActionPattern, Effect, Grant, Resource, ResourcePattern,
    action::{AuthzCheck, OrganizationList, PermissionManage, PermissionRead},
};
use kernel::{
    Listed, Page, Result, Role, Timestamp,
    id::{GrantId, OrganizationId, PrincipalId, TeamId},
};
use platform::{NewGrant, PlaceHeld, Resolved};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    auth::Done,
    checks::resource,
    organizations::{PageQuery, cursor},
};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// A grant: what one principal may or may not do, beyond their role.
#[derive(Serialize, ToSchema)]
pub struct Permission {
    id: Uuid,
    principal_id: Uuid,
    organization_id: Uuid,
    /// Only in this team.
    team_id: Option<Uuid>,
    /// `allow` or `deny`; deny beats allow.
    effect: &'static str,
    /// An action, whole or with a star at the end.
    action: String,
    resource_type: Option<String>,
    /// Whole or with a star at the end.
    resource_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Grant> for Permission {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id.0,
            principal_id: grant.principal.0,
            organization_id: grant.organization.0,
            team_id: grant.team.map(|id| id.0),
            effect: grant.effect.name(),
            action: grant.action.to_string(),
            resource_type: grant.resource.as_ref().map(|resource| resource.kind().to_owned()),
            resource_id: grant.resource.as_ref().map(|resource| resource.id().to_owned()),
            created_at: grant.created_at,
        }
    }
}

/// A new grant.
#[derive(Deserialize, ToSchema)]
pub struct CreatePermissionRequest {
    principal_id: Uuid,
    /// An action (`team.create`), all below a name (`team.*`), all (`*`), or a verb on a resource.
    action: String,
    /// `allow`, which is the default, or `deny`.
    effect: Option<String>,
    /// `kind:id`, with a star at the end for all that begin alike.
    resource: Option<String>,
    /// The kind alone, for who sends the two apart.
    resource_type: Option<String>,
    /// The id alone.
    resource_id: Option<String>,
    /// Where; without, where the resource is, or the caller's only organization.
    organization_id: Option<Uuid>,
    /// Only in this team.
    team_id: Option<Uuid>,
}

/// Makes a grant. Nobody gives what they may not do themselves.
pub async fn create(
    caller: Acting<PermissionManage>,
    (platform, Body(new)): (ForRequest, Body<CreatePermissionRequest>),
) -> Result<Created<Permission>> {
    let about = resource(new.resource.as_deref(), new.resource_type.as_deref(), new.resource_id.as_deref())?;
    let team = new.team_id.map(TeamId);
    let place = platform.place(caller.caller(), about.as_ref(), team, new.organization_id.map(OrganizationId)).await?;
    let new = NewGrant {
        principal: PrincipalId(new.principal_id),
        effect: new.effect.as_deref().map_or(Ok(Effect::Allow), Effect::parse)?,
        action: ActionPattern::parse(&new.action, about.as_ref().map(Resource::kind))?,
        resource: about.map(ResourcePattern::from),
        team,
    };
    let grant = platform.create_grant(caller, place, new).await?;
    Ok(Created(Permission::from(grant)))
}

/// Which grants.
#[derive(Deserialize, IntoParams)]
pub struct PermissionsQuery {
    /// Where; without, the caller's own grants wherever they are.
    organization_id: Option<Uuid>,
    /// Only those of this principal.
    principal_id: Option<Uuid>,
    /// At most this many; 200 without, and at most.
    limit: Option<u32>,
    /// Where the last page ended: its `meta.pagination.next_cursor`.
    cursor: Option<String>,
    /// Whether to count them all, which takes longer the more there are.
    #[serde(default)]
    include_total: bool,
}

/// Lists grants: of an organization, for who may see them, or the caller's own.
pub async fn list(
    caller: Acting<AuthzCheck>,
    (platform, Query(query)): (ForRequest, Query<PermissionsQuery>),
) -> Result<Answer<Vec<Permission>>> {
    let after: Option<GrantId> = cursor(query.cursor.as_deref())?;
    let page = Page::new(after, 0, query.limit.unwrap_or(Page::<GrantId>::LARGEST))?.counted(query.include_total);
    let organization = query.organization_id.map(OrganizationId);
    let listed = platform.visible_grants(caller, organization, query.principal_id.map(PrincipalId), page).await?;
    Ok(Answer::page(listed.map(Permission::from), page.limit))
}

/// Lists an organization's grants.
pub async fn list_in(
    caller: Acting<PermissionRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<Permission>>> {
    let page: Page<GrantId> = query.page()?;
    let listed = platform.grants(caller, id, None, page).await?;
    Ok(Answer::page(listed.map(Permission::from), page.limit))
}

/// Takes a grant back.
pub async fn delete(
    caller: Acting<PermissionManage>,
    (platform, PathId(id)): (ForRequest, PathId<GrantId>),
) -> Result<Answer<Done>> {
    platform.delete_grant(caller, id).await?;
    Ok(Answer::ok(Done { message: "The permission is taken back." }))
}

/// Whom to resolve, and where.
#[derive(Deserialize, IntoParams)]
pub struct ResolveQuery {
    principal_id: Uuid,
    organization_id: Uuid,
    /// In this team.
    team_id: Option<Uuid>,
}

/// What somebody is.
#[derive(Serialize, ToSchema)]
pub struct ResolvedRole {
    principal_id: Uuid,
    organization_id: Uuid,
    team_id: Option<Uuid>,
    /// The highest role across the organization and the team, where the organization's own roles are viewers that may
    /// more; null for who has only grants.
    role: Option<String>,
    /// The role in the organization alone.
    organization_role: Option<String>,
    /// The role in the team alone.
    team_role: Option<String>,
    /// The own role of the organization that somebody has, in the organization as a whole.
    own_role: Option<String>,
    /// The grants on top.
    permissions: Vec<Permission>,
}

impl From<Resolved> for ResolvedRole {
    fn from(resolved: Resolved) -> Self {
        let authority = &resolved.authority;
        let in_team = authority.teams.iter().find(|(team, _)| Some(*team) == resolved.team);
        let own = |within: Option<TeamId>| {
            let found = authority.customs(within).find(|(_, team)| *team == within);
            found.map(|(role, _)| role.name.as_str().to_owned())
        };
        let (own_there, own_everywhere) = (resolved.team.and_then(|team| own(Some(team))), own(None));
        let called = |role: Role, own: Option<&String>| own.cloned().unwrap_or_else(|| role.name().to_owned());
        let organization_role = authority.member.as_ref().map(|member| called(member.role, own_everywhere.as_ref()));
        let team_role = in_team.map(|(_, role)| called(*role, own_there.as_ref()));
        let highest = match resolved.role {
            Some(Role::Viewer) => own_there.or_else(|| own_everywhere.clone()).or(Some(Role::Viewer.name().to_owned())),
            role => role.map(|role| role.name().to_owned()),
        };
        let counts = |grant: &&Grant| grant.team.is_none() || grant.team == resolved.team;
        Self {
            principal_id: resolved.principal.0,
            organization_id: resolved.organization.0,
            team_id: resolved.team.map(|id| id.0),
            role: highest,
            organization_role,
            team_role,
            own_role: own_everywhere,
            permissions: authority.grants.iter().filter(counts).cloned().map(Permission::from).collect(),
        }
    }
}

/// Tells what somebody is in an organization and a team, with their grants.
pub async fn resolve_workspace(
    caller: Acting<AuthzCheck>,
    (platform, Query(query)): (ForRequest, Query<ResolveQuery>),
) -> Result<Answer<ResolvedRole>> {
    let (principal, organization) = (PrincipalId(query.principal_id), OrganizationId(query.organization_id));
    let resolved = platform.resolve(&caller, principal, organization, query.team_id.map(TeamId)).await?;
    Ok(Answer::ok(ResolvedRole::from(resolved)))
}

/// Tells what somebody is in an organization.
pub async fn resolve_organization(
    caller: Acting<AuthzCheck>,
    (platform, Query(query)): (ForRequest, Query<ResolveQuery>),
) -> Result<Answer<ResolvedRole>> {
    let (principal, organization) = (PrincipalId(query.principal_id), OrganizationId(query.organization_id));
    let resolved = platform.resolve(&caller, principal, organization, None).await?;
    Ok(Answer::ok(ResolvedRole::from(resolved)))
}

/// A role of the caller's.
#[derive(Serialize, ToSchema)]
pub struct OwnPermission {
    organization_id: Uuid,
    /// In this team; null for the organization itself.
    team_id: Option<Uuid>,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles.
    role: String,
}

impl From<PlaceHeld> for OwnPermission {
    fn from(held: PlaceHeld) -> Self {
        Self {
            organization_id: held.organization.0,
            team_id: held.team.map(|id| id.0),
            role: held.role.name().to_owned(),
        }
    }
}

/// Lists the caller's roles, in organizations and in teams. A page is of so many organizations, each with its teams.
pub async fn own(
    caller: Acting<OrganizationList>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<OwnPermission>>> {
    let page: Page<OrganizationId> = query.page()?;
    let Listed { items, next, total } = platform.held_roles(caller, page).await?;
    let items = items.into_iter().flatten().map(OwnPermission::from).collect();
    Ok(Answer::page(Listed { items, next, total }, page.limit))
}
