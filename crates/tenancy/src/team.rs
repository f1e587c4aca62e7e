//! Teams: parts of an organization, with roles of their own.

use kernel::{
    Listed, Name, Page, Result, Role, Scope, Slug, Timestamp,
    id::{AppId, OrganizationId, PrincipalId, RoleId, TeamId},
};

/// A part of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The team's id.
    pub id: TeamId,
    /// Whose part it is.
    pub organization: OrganizationId,
    /// Its name in URLs, its own within the organization.
    pub slug: Slug,
    /// What people call it.
    pub name: Name,
    /// Since when it is archived.
    pub archived_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A member's place in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// Which team.
    pub team: TeamId,
    /// Who.
    pub principal: PrincipalId,
    /// As what, in the team.
    pub role: Role,
    /// What an own role of the organization adds to that, in the team.
    pub custom_role: Option<RoleId>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Teams of one database transaction.
pub trait TeamRepository {
    /// A team, wherever it is.
    fn team(&mut self, id: TeamId) -> Result<Option<Team>>;

    /// The organization's teams, oldest first.
    fn teams_in(&mut self, scope: &dyn Scope, page: &Page<TeamId>) -> Result<Listed<Team, TeamId>>;

    /// Adds a team.
    ///
    /// # Errors
    /// `slug_taken`.
    fn insert_team(&mut self, scope: &dyn Scope, team: &Team) -> Result<()>;

    /// Writes slug, name and state.
    ///
    /// # Errors
    /// `slug_taken`; `not_found` when it is gone.
    fn update_team(&mut self, scope: &dyn Scope, team: &Team) -> Result<()>;

    /// Who is in a team, by principal.
    fn team_members(
        &mut self,
        scope: &dyn Scope,
        team: TeamId,
        page: &Page<PrincipalId>,
    ) -> Result<Listed<TeamMember, PrincipalId>>;

    /// Puts a member of the organization into a team, or gives them another role there.
    ///
    /// # Errors
    /// `not_found` for who is no member of the organization, and for a team of another one.
    fn put_team_member(&mut self, scope: &dyn Scope, member: &TeamMember) -> Result<()>;

    /// The role somebody has in a team.
    fn team_role(&mut self, scope: &dyn Scope, team: TeamId, principal: PrincipalId) -> Result<Option<Role>>;

    /// Takes somebody out of a team.
    ///
    /// # Errors
    /// `not_found` when they are not in it.
    fn delete_team_member(&mut self, scope: &dyn Scope, team: TeamId, principal: PrincipalId) -> Result<()>;

    /// Somebody's places in the teams of an organization that are not archived.
    fn places_in_teams(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Vec<TeamMember>>;

    /// Somebody's teams in all organizations of an app, or in one of them, with their role, oldest first. Archived ones
    /// are left out.
    fn teams_of(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<TeamId>,
    ) -> Result<Listed<(Team, Role), TeamId>>;
}
