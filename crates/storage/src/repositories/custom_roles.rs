//! Roles that organizations made for themselves.

use authz::{ActionPattern, ActionSet, CustomRole, CustomRoleRepository, RoleName};
use diesel::{dsl::exists, prelude::*};
use kernel::{
    Change, Code, Error, Listed, Page, Result, Scope,
    id::{OrganizationId, PrincipalId, RoleId, TeamId},
};

use super::{AT_ONCE, Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{memberships, roles, service_accounts, team_members},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = roles, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct RoleRow {
    id: RowId,
    organization_id: RowId,
    name: String,
    description: Option<String>,
    actions: Json<Vec<String>>,
    created_at: Moment,
    updated_at: Moment,
}

impl CustomRoleRepository for Tx<'_> {
    fn custom_role(&mut self, organization: OrganizationId, id: RoleId) -> Result<Option<CustomRole>> {
        let query = roles::table
            .filter(roles::id.eq(RowId(id.0)))
            .filter(roles::organization_id.eq(RowId(organization.0)))
            .select(RoleRow::as_select());
        let row: Option<RoleRow> = first_kept!(self, query)?;
        self.role(row)
    }

    fn custom_role_to_change(&mut self, organization: OrganizationId, id: RoleId) -> Result<Option<CustomRole>> {
        let query = roles::table
            .filter(roles::id.eq(RowId(id.0)))
            .filter(roles::organization_id.eq(RowId(organization.0)))
            .select(RoleRow::as_select());
        let row = self.query(|connection| for_no_key_update!(query).first(connection).optional())?;
        self.role(row)
    }

    fn custom_role_by_name(&mut self, organization: OrganizationId, name: &RoleName) -> Result<Option<CustomRole>> {
        let query = roles::table
            .filter(roles::organization_id.eq(RowId(organization.0)))
            .filter(roles::name.eq(name.as_str().to_owned()))
            .select(roles::id);
        let id: Option<RowId> = self.query(|connection| query.first(connection).optional())?;
        match id {
            Some(id) => self.custom_role(organization, RoleId(id.0)),
            None => Ok(None),
        }
    }

    fn custom_roles(&mut self, organization: OrganizationId, ids: &[RoleId]) -> Result<Vec<CustomRole>> {
        let mut found = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let query = roles::table
                .filter(roles::id.eq_any(ids.iter().map(|id| RowId(id.0)).collect::<Vec<_>>()))
                .filter(roles::organization_id.eq(RowId(organization.0)))
                .order(roles::id)
                .select(RoleRow::as_select());
            let rows: Vec<RoleRow> = all_kept!(self, query)?;
            for row in rows {
                found.extend(self.role(Some(row))?);
            }
        }
        Ok(found)
    }

    fn custom_roles_held(
        &mut self,
        principal: PrincipalId,
        organizations: &[OrganizationId],
    ) -> Result<Vec<(OrganizationId, Option<TeamId>, RoleName)>> {
        let mut held = Vec::new();
        for some in organizations.chunks(AT_ONCE) {
            let here: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let as_member = memberships::table
                .inner_join(roles::table)
                .filter(memberships::principal_id.eq(RowId(principal.0)))
                .filter(memberships::organization_id.eq_any(here.clone()))
                .select((memberships::organization_id, roles::name));
            let rows: Vec<(RowId, String)> = self.query(|connection| as_member.load(connection))?;
            held.extend(rows.into_iter().map(|(organization, name)| (organization, None, name)));
            let in_teams = team_members::table
                .inner_join(roles::table)
                .filter(team_members::principal_id.eq(RowId(principal.0)))
                .filter(team_members::organization_id.eq_any(here))
                .select((team_members::organization_id, team_members::team_id, roles::name));
            let rows: Vec<(RowId, RowId, String)> = self.query(|connection| in_teams.load(connection))?;
            held.extend(rows.into_iter().map(|(organization, team, name)| (organization, Some(TeamId(team.0)), name)));
        }
        let named = |(organization, team, name): (RowId, _, String)| {
            Ok((OrganizationId(organization.0), team, intact(RoleName::parse(&name))?))
        };
        held.into_iter().map(named).collect()
    }

    fn custom_roles_in(&mut self, scope: &dyn Scope, page: &Page<RoleId>) -> Result<Listed<CustomRole, RoleId>> {
        let all = || roles::table.filter(roles::organization_id.eq(RowId(scope.organization().0))).into_boxed::<Db>();
        let (rows, total): (Vec<RoleRow>, _) = paged!(self, page, all by roles::id, RoleRow::as_select());
        let found = rows.into_iter().map(RoleRow::into_role).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |role: &CustomRole| role.id))
    }

    fn insert_custom_role(&mut self, scope: &dyn Scope, role: &CustomRole) -> Result<()> {
        let row = RoleRow {
            id: RowId(role.id.0),
            organization_id: RowId(scope.organization().0),
            name: role.name.as_str().to_owned(),
            description: role.description.clone(),
            actions: actions(role),
            created_at: Moment(role.created_at),
            updated_at: Moment(role.updated_at),
        };
        let insert = diesel::insert_into(roles::table).values(row);
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn update_custom_role(&mut self, scope: &dyn Scope, role: &CustomRole) -> Result<()> {
        let this = roles::table
            .filter(roles::id.eq(RowId(role.id.0)))
            .filter(roles::organization_id.eq(RowId(scope.organization().0)));
        let mut update = diesel::update(this)
            .set((
                roles::name.eq(role.name.as_str()),
                roles::description.eq(role.description.as_deref()),
                roles::actions.eq(actions(role)),
                roles::updated_at.eq(Moment(role.updated_at)),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(role.id.0) {
            update = update.filter(roles::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(roles::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(role.id.0, present));
        }
        self.saw(role.id.0, Moment(role.updated_at));
        self.changed(Change::Organization(scope.organization()));
        Ok(())
    }

    fn delete_custom_role(&mut self, scope: &dyn Scope, id: RoleId) -> Result<()> {
        let this = roles::table
            .filter(roles::id.eq(RowId(id.0)))
            .filter(roles::organization_id.eq(RowId(scope.organization().0)));
        // Whoever gives it to somebody waits for this, or this for them.
        let held =
            self.query(|connection| for_update!(this.select(roles::id)).first::<RowId>(connection).optional())?;
        held.ok_or_else(Error::not_found)?;
        let by_members = memberships::table.filter(memberships::role_id.eq(RowId(id.0)));
        let in_teams = team_members::table.filter(team_members::role_id.eq(RowId(id.0)));
        let by_programs = service_accounts::table.filter(service_accounts::role_id.eq(RowId(id.0)));
        let had = diesel::select(exists(by_members).or(exists(in_teams)).or(exists(by_programs)));
        if self.query(|connection| had.get_result(connection))? {
            return Err(Error::because(Code::Conflict, "Somebody has this role: give them another one first."));
        }
        self.query(|connection| diesel::delete(this).execute(connection))?;
        self.changed(Change::Organization(scope.organization()));
        Ok(())
    }
}

impl Tx<'_> {
    fn role(&mut self, row: Option<RoleRow>) -> Result<Option<CustomRole>> {
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(RoleRow::into_role).transpose()
    }
}

fn actions(role: &CustomRole) -> Json<Vec<String>> {
    Json(role.actions.iter().map(ActionPattern::to_string).collect())
}

impl RoleRow {
    fn into_role(self) -> Result<CustomRole> {
        Ok(CustomRole {
            id: RoleId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            name: intact(RoleName::parse(&self.name))?,
            description: self.description,
            actions: intact(ActionSet::parse(self.actions.0.iter().map(String::as_str)))?,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
