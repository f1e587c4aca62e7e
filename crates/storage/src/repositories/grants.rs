//! Grants.

use authz::{ActionPattern, Effect, Grant, GrantRepository, ResourcePattern};
use diesel::prelude::*;
use kernel::{
    Change, Error, Listed, Page, Result, Scope, Unchecked,
    id::{AppId, GrantId, OrganizationId, PrincipalId, TeamId},
};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::{grants, organizations},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = grants, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct GrantRow {
    id: RowId,
    organization_id: RowId,
    team_id: Option<RowId>,
    principal_id: RowId,
    effect: String,
    action: String,
    resource_type: Option<String>,
    resource_id: Option<String>,
    created_at: Moment,
}

impl GrantRepository for Tx<'_> {
    fn grants_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Vec<Grant>> {
        let query = grants::table
            .filter(grants::organization_id.eq(RowId(organization.0)))
            .filter(grants::principal_id.eq(RowId(principal.0)))
            .order(grants::id)
            .select(GrantRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(GrantRow::into_grant).collect()
    }

    fn grants_in(
        &mut self,
        scope: &dyn Scope,
        principal: Option<PrincipalId>,
        page: &Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>> {
        let all = || {
            let here = grants::table.filter(grants::organization_id.eq(RowId(scope.organization().0)));
            match principal {
                Some(principal) => here.filter(grants::principal_id.eq(RowId(principal.0))).into_boxed::<Db>(),
                None => here.into_boxed(),
            }
        };
        let (rows, total): (Vec<GrantRow>, _) = paged!(self, page, all by grants::id, GrantRow::as_select());
        let found = rows.into_iter().map(GrantRow::into_grant).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |grant: &Grant| grant.id))
    }

    fn grants_held(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>> {
        let held = || {
            let held = grants::table
                .inner_join(organizations::table)
                .filter(grants::principal_id.eq(RowId(principal.0)))
                .into_boxed::<Db>();
            let held = match within {
                Some(organization) => held.filter(grants::organization_id.eq(RowId(organization.0))),
                None => held,
            };
            within_app!(held, app)
        };
        let (rows, total): (Vec<GrantRow>, _) = paged!(self, page, held by grants::id, GrantRow::as_select());
        let found = rows.into_iter().map(GrantRow::into_grant).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |grant: &Grant| grant.id))
    }

    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>> {
        let query = grants::table.find(RowId(id.0)).select(GrantRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(GrantRow::into_grant).transpose()
    }

    fn count_grants_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64> {
        let count = grants::table
            .filter(grants::organization_id.eq(RowId(organization.0)))
            .filter(grants::principal_id.eq(RowId(principal.0)))
            .count();
        self.query(|connection| count.get_result(connection))
    }

    fn insert_grant(&mut self, scope: &dyn Scope, grant: &Grant) -> Result<()> {
        let organization = scope.organization();
        let row = GrantRow {
            id: RowId(grant.id.0),
            organization_id: RowId(organization.0),
            team_id: grant.team.map(|id| RowId(id.0)),
            principal_id: RowId(grant.principal.0),
            effect: grant.effect.name().to_owned(),
            action: grant.action.as_str().to_owned(),
            resource_type: grant.resource.as_ref().map(|resource| resource.kind().to_owned()),
            resource_id: grant.resource.as_ref().map(|resource| resource.id().to_owned()),
            created_at: Moment(grant.created_at),
        };
        let insert = diesel::insert_into(grants::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::Authority(organization, grant.principal));
        Ok(())
    }

    fn delete_grant(&mut self, scope: &dyn Scope, id: GrantId) -> Result<()> {
        let delete = diesel::delete(grants::table)
            .filter(grants::id.eq(RowId(id.0)))
            .filter(grants::organization_id.eq(RowId(scope.organization().0)))
            .returning(grants::principal_id);
        let principal: Option<RowId> = self.query(|connection| delete.get_result(connection).optional())?;
        let principal = principal.ok_or_else(Error::not_found)?;
        self.changed(Change::Authority(scope.organization(), PrincipalId(principal.0)));
        Ok(())
    }

    fn delete_grants_of(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()> {
        let organization = scope.organization();
        let delete = diesel::delete(grants::table)
            .filter(grants::organization_id.eq(RowId(organization.0)))
            .filter(grants::principal_id.eq(RowId(principal.0)));
        if self.query(|connection| delete.execute(connection))? > 0 {
            self.changed(Change::Authority(organization, principal));
        }
        Ok(())
    }

    fn delete_grants_in_app(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<()> {
        let own = grants::table
            .inner_join(organizations::table)
            .filter(grants::principal_id.eq(RowId(principal.0)))
            .select(grants::organization_id)
            .distinct()
            .into_boxed::<Db>();
        let own = within_app!(own, app);
        let places: Vec<RowId> = self.query(|connection| own.load(connection))?;
        for organization in places {
            self.delete_grants_of(&Unchecked(OrganizationId(organization.0)), principal)?;
        }
        Ok(())
    }
}

impl GrantRow {
    fn into_grant(self) -> Result<Grant> {
        let resource = match (&self.resource_type, &self.resource_id) {
            (Some(kind), Some(id)) => Some(intact(ResourcePattern::new(kind, id))?),
            _ => None,
        };
        Ok(Grant {
            id: GrantId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            team: self.team_id.map(|id| TeamId(id.0)),
            principal: PrincipalId(self.principal_id.0),
            effect: intact(Effect::parse(&self.effect))?,
            action: intact(ActionPattern::parse(&self.action, None))?,
            resource,
            created_at: self.created_at.0,
        })
    }
}
