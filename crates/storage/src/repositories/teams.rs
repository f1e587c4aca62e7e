//! Teams.

use diesel::prelude::*;
use kernel::{
    Change, Error, Listed, Name, Page, Result, Role, Scope, Slug,
    id::{AppId, OrganizationId, PrincipalId, RoleId, TeamId},
};
use tenancy::{Team, TeamMember, TeamRepository};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::{memberships, organizations, team_members, teams},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = teams, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct TeamRow {
    id: RowId,
    organization_id: RowId,
    slug: String,
    name: String,
    archived_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = team_members, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct TeamMemberRow {
    team_id: RowId,
    principal_id: RowId,
    role: String,
    created_at: Moment,
    role_id: Option<RowId>,
}

impl TeamRepository for Tx<'_> {
    fn team(&mut self, id: TeamId) -> Result<Option<Team>> {
        let query = teams::table.find(RowId(id.0)).select(TeamRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(TeamRow::into_team).transpose()
    }

    fn teams_in(&mut self, scope: &dyn Scope, page: &Page<TeamId>) -> Result<Listed<Team, TeamId>> {
        let all = || teams::table.filter(teams::organization_id.eq(RowId(scope.organization().0))).into_boxed::<Db>();
        let (rows, total): (Vec<TeamRow>, _) = paged!(self, page, all by teams::id, TeamRow::as_select());
        let found = rows.into_iter().map(TeamRow::into_team).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |team: &Team| team.id))
    }

    fn insert_team(&mut self, scope: &dyn Scope, team: &Team) -> Result<()> {
        let row = TeamRow {
            id: RowId(team.id.0),
            organization_id: RowId(scope.organization().0),
            slug: team.slug.as_str().to_owned(),
            name: team.name.as_str().to_owned(),
            archived_at: team.archived_at.map(Moment),
            created_at: Moment(team.created_at),
            updated_at: Moment(team.updated_at),
        };
        let insert = diesel::insert_into(teams::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::Team(team.id));
        Ok(())
    }

    fn update_team(&mut self, scope: &dyn Scope, team: &Team) -> Result<()> {
        let this = teams::table
            .filter(teams::id.eq(RowId(team.id.0)))
            .filter(teams::organization_id.eq(RowId(scope.organization().0)));
        let mut update = diesel::update(this)
            .set((
                teams::slug.eq(team.slug.as_str()),
                teams::name.eq(team.name.as_str()),
                teams::archived_at.eq(team.archived_at.map(Moment)),
                teams::updated_at.eq(Moment(team.updated_at)),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(team.id.0) {
            update = update.filter(teams::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(teams::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(team.id.0, present));
        }
        self.saw(team.id.0, Moment(team.updated_at));
        // An archived team gives nobody a role.
        self.changed(Change::Organization(scope.organization()));
        Ok(())
    }

    fn team_members(
        &mut self,
        scope: &dyn Scope,
        team: TeamId,
        page: &Page<PrincipalId>,
    ) -> Result<Listed<TeamMember, PrincipalId>> {
        let organization = scope.organization();
        let all = || {
            team_members::table
                .filter(team_members::team_id.eq(RowId(team.0)))
                .filter(team_members::organization_id.eq(RowId(organization.0)))
                .into_boxed::<Db>()
        };
        let (rows, total): (Vec<TeamMemberRow>, _) =
            paged!(self, page, all by team_members::principal_id, TeamMemberRow::as_select());
        let found = rows.into_iter().map(TeamMemberRow::into_member).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |member: &TeamMember| member.principal))
    }

    fn put_team_member(&mut self, scope: &dyn Scope, member: &TeamMember) -> Result<()> {
        let organization = scope.organization();
        self.team(member.team)?.filter(|team| team.organization == organization).ok_or_else(Error::not_found)?;
        // Whoever removes them from the organization waits for this, or this for them.
        let belongs = memberships::table
            .filter(memberships::organization_id.eq(RowId(organization.0)))
            .filter(memberships::principal_id.eq(RowId(member.principal.0)))
            .select(memberships::id);
        let belongs = self.query(|connection| for_share!(belongs).first::<RowId>(connection).optional())?;
        belongs.ok_or_else(Error::not_found)?;
        let (role, role_id) = (member.role.name(), member.custom_role.map(|id| RowId(id.0)));
        let put = diesel::insert_into(team_members::table)
            .values((
                team_members::team_id.eq(RowId(member.team.0)),
                team_members::organization_id.eq(RowId(organization.0)),
                team_members::principal_id.eq(RowId(member.principal.0)),
                team_members::role.eq(role),
                team_members::created_at.eq(Moment(member.created_at)),
                team_members::role_id.eq(role_id),
            ))
            .on_conflict((team_members::team_id, team_members::principal_id))
            .do_update()
            .set((team_members::role.eq(role), team_members::role_id.eq(role_id)));
        self.query(|connection| put.execute(connection))?;
        self.changed(Change::Authority(organization, member.principal));
        Ok(())
    }

    fn team_role(&mut self, scope: &dyn Scope, team: TeamId, principal: PrincipalId) -> Result<Option<Role>> {
        let query = team_members::table
            .find((RowId(team.0), RowId(principal.0)))
            .filter(team_members::organization_id.eq(RowId(scope.organization().0)))
            .select(team_members::role);
        let role: Option<String> = self.query(|connection| query.first(connection).optional())?;
        role.map(|role| intact(Role::parse(&role))).transpose()
    }

    fn delete_team_member(&mut self, scope: &dyn Scope, team: TeamId, principal: PrincipalId) -> Result<()> {
        let delete = diesel::delete(team_members::table.find((RowId(team.0), RowId(principal.0))))
            .filter(team_members::organization_id.eq(RowId(scope.organization().0)));
        if self.query(|connection| delete.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::Authority(scope.organization(), principal));
        Ok(())
    }

    fn places_in_teams(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Vec<TeamMember>> {
        let query = team_members::table
            .inner_join(teams::table)
            .filter(team_members::organization_id.eq(RowId(organization.0)))
            .filter(team_members::principal_id.eq(RowId(principal.0)))
            .filter(teams::archived_at.is_null())
            .select(TeamMemberRow::as_select());
        let rows: Vec<TeamMemberRow> = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(TeamMemberRow::into_member).collect()
    }

    fn teams_of(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<TeamId>,
    ) -> Result<Listed<(Team, Role), TeamId>> {
        let own = || {
            let own = team_members::table
                .inner_join(teams::table.inner_join(organizations::table))
                .filter(team_members::principal_id.eq(RowId(principal.0)))
                .filter(teams::archived_at.is_null())
                .into_boxed::<Db>();
            let own = match within {
                Some(organization) => own.filter(teams::organization_id.eq(RowId(organization.0))),
                None => own,
            };
            within_app!(own, app)
        };
        let (rows, total): (Vec<(TeamRow, String)>, _) =
            paged!(self, page, own by teams::id, (TeamRow::as_select(), team_members::role));
        let own = |(row, role): (TeamRow, String)| Ok((row.into_team()?, intact(Role::parse(&role))?));
        let found = rows.into_iter().map(own).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |(team, _): &(Team, Role)| team.id))
    }
}

impl TeamRow {
    fn into_team(self) -> Result<Team> {
        Ok(Team {
            id: TeamId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            slug: intact(Slug::parse(&self.slug))?,
            name: intact(Name::parse(&self.name))?,
            archived_at: self.archived_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

impl TeamMemberRow {
    fn into_member(self) -> Result<TeamMember> {
        Ok(TeamMember {
            team: TeamId(self.team_id.0),
            principal: PrincipalId(self.principal_id.0),
            role: intact(Role::parse(&self.role))?,
            custom_role: self.role_id.map(|id| RoleId(id.0)),
            created_at: self.created_at.0,
        })
    }
}
