//! Memberships.

use std::collections::HashMap;

use diesel::{
    dsl::{auto_type, count_star},
    prelude::*,
};
use kernel::{
    Change, Error, Listed, Page, Result, Role, Scope,
    id::{AppId, MembershipId, OrganizationId, PrincipalId, RoleId},
};
use tenancy::{Membership, MembershipRepository, Place, Standing};

use super::{AT_ONCE, Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::{memberships, organizations},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = memberships, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct MembershipRow {
    id: RowId,
    organization_id: RowId,
    principal_id: RowId,
    role: String,
    created_at: Moment,
    role_id: Option<RowId>,
}

/// The organization's app, when it was archived and when it is deleted, the role, the own role.
type StandingRow = (RowId, Option<RowId>, Option<Moment>, Option<Moment>, String, Option<RowId>);

impl MembershipRepository for Tx<'_> {
    fn standing(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Option<Standing>> {
        // Beside the row and not joined to it: an organization never changes its app, so only the membership is locked.
        let app = organizations::table
            .filter(organizations::id.eq(memberships::organization_id))
            .select(organizations::app_id)
            .single_value();
        let archived = organizations::table
            .filter(organizations::id.eq(memberships::organization_id))
            .select(organizations::archived_at)
            .single_value();
        let delete_at = organizations::table
            .filter(organizations::id.eq(memberships::organization_id))
            .select(organizations::delete_at)
            .single_value();
        let standing = memberships::table
            .filter(memberships::organization_id.eq(RowId(organization.0)))
            .filter(memberships::principal_id.eq(RowId(principal.0)))
            .select((memberships::id, app, archived, delete_at, memberships::role, memberships::role_id));
        let row: Option<StandingRow> = first_kept!(self, standing)?;
        let standing = |(id, app, archived, delete_at, role, custom): StandingRow| {
            Ok(Standing {
                id: MembershipId(id.0),
                app: app.map(|id| AppId(id.0)),
                archived: archived.is_some() || delete_at.is_some(),
                role: intact(Role::parse(&role))?,
                custom_role: custom.map(|id| RoleId(id.0)),
            })
        };
        row.map(standing).transpose()
    }

    fn membership(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<Option<Membership>> {
        let query = of(RowId(scope.organization().0), RowId(principal.0)).select(MembershipRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(MembershipRow::into_membership).transpose()
    }

    fn members_in(&mut self, scope: &dyn Scope, page: &Page<MembershipId>) -> Result<Listed<Membership, MembershipId>> {
        let here = || {
            memberships::table.filter(memberships::organization_id.eq(RowId(scope.organization().0))).into_boxed::<Db>()
        };
        let (rows, total): (Vec<MembershipRow>, _) =
            paged!(self, page, here by memberships::id, MembershipRow::as_select());
        let found = rows.into_iter().map(MembershipRow::into_membership).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |membership: &Membership| membership.id))
    }

    fn set_role(
        &mut self,
        scope: &dyn Scope,
        principal: PrincipalId,
        role: Role,
        custom_role: Option<RoleId>,
    ) -> Result<()> {
        let update = diesel::update(of(RowId(scope.organization().0), RowId(principal.0)))
            .set((memberships::role.eq(role.name()), memberships::role_id.eq(custom_role.map(|id| RowId(id.0)))));
        if self.query(|connection| update.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::Authority(scope.organization(), principal));
        Ok(())
    }

    fn owners_in(&mut self, scope: &dyn Scope, limit: i64) -> Result<Vec<PrincipalId>> {
        let owners = memberships::table
            .filter(memberships::organization_id.eq(RowId(scope.organization().0)))
            .filter(memberships::role.eq(Role::Owner.name()))
            .order(memberships::id)
            .limit(limit)
            .select(memberships::principal_id);
        let found: Vec<RowId> = self.query(|connection| owners.load(connection))?;
        Ok(found.into_iter().map(|id| PrincipalId(id.0)).collect())
    }

    fn owners_besides(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64> {
        let here = RowId(organization.0);
        if self.writes() {
            let place = organizations::table.find(here).select(organizations::id);
            self.query(|connection| for_no_key_update!(place).first::<RowId>(connection).optional())?;
        }
        let others = memberships::table
            .filter(memberships::organization_id.eq(here))
            .filter(memberships::role.eq(Role::Owner.name()))
            .filter(memberships::principal_id.ne(RowId(principal.0)))
            .count();
        self.query(|connection| others.get_result(connection))
    }

    fn insert_membership(&mut self, membership: &Membership) -> Result<()> {
        let row = MembershipRow {
            id: RowId(membership.id.0),
            organization_id: RowId(membership.organization.0),
            principal_id: RowId(membership.principal.0),
            role: membership.role.name().to_owned(),
            created_at: Moment(membership.created_at),
            role_id: membership.custom_role.map(|id| RowId(id.0)),
        };
        let insert = diesel::insert_into(memberships::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::Authority(membership.organization, membership.principal));
        Ok(())
    }

    fn delete_membership(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()> {
        let delete = diesel::delete(of(RowId(scope.organization().0), RowId(principal.0)));
        if self.query(|connection| delete.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::Authority(scope.organization(), principal));
        Ok(())
    }

    fn belongs_to(
        &mut self,
        principal: PrincipalId,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<(Option<AppId>, OrganizationId), OrganizationId>> {
        let mut query = memberships::table
            .inner_join(organizations::table)
            .filter(memberships::principal_id.eq(RowId(principal.0)))
            .order(memberships::organization_id)
            .offset(page.offset.into())
            .limit(i64::from(page.limit) + 1)
            .select((organizations::app_id, memberships::organization_id))
            .into_boxed::<Db>();
        if let Some(after) = page.after {
            query = query.filter(memberships::organization_id.gt(RowId(after.0)));
        }
        let rows: Vec<(Option<RowId>, RowId)> = self.query(|connection| query.load(connection))?;
        let places = rows.into_iter().map(|(app, id)| (app.map(|id| AppId(id.0)), OrganizationId(id.0))).collect();
        Ok(Listed::cut(places, page, None, |(_, organization)| *organization))
    }

    fn places(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Vec<Place>> {
        let mut own = self.own_roles(app, principal)?;
        if own.is_empty() {
            return Ok(Vec::new());
        }
        if self.writes() {
            for some in own.chunks(AT_ONCE) {
                self.hold_owners(some.iter().map(|(id, _)| *id).collect())?;
            }
            // As it is now that nothing moves any more.
            own = self.own_roles(app, principal)?;
        }
        let mut counts: Vec<(RowId, String, i64)> = Vec::new();
        for some in own.chunks(AT_ONCE) {
            let ids: Vec<_> = some.iter().map(|(id, _)| *id).collect();
            let query = memberships::table
                .filter(memberships::organization_id.eq_any(ids))
                .filter(memberships::principal_id.ne(RowId(principal.0)))
                .group_by((memberships::organization_id, memberships::role))
                .select((memberships::organization_id, memberships::role, count_star()));
            counts.extend(self.query(|connection| query.load(connection))?);
        }
        let (mut others, mut owners) = (HashMap::new(), HashMap::new());
        for (id, role, count) in counts {
            *others.entry(id).or_insert(0) += count;
            if role == Role::Owner.name() {
                owners.insert(id, count);
            }
        }
        let place = |(id, role): (RowId, String)| {
            Ok(Place {
                organization: OrganizationId(id.0),
                role: intact(Role::parse(&role))?,
                others: others.get(&id).copied().unwrap_or(0),
                other_owners: owners.get(&id).copied().unwrap_or(0),
            })
        };
        own.into_iter().map(place).collect()
    }
}

/// The membership of one principal.
#[auto_type]
fn of(organization: RowId, principal: RowId) -> _ {
    memberships::table
        .filter(memberships::organization_id.eq(organization))
        .filter(memberships::principal_id.eq(principal))
}

impl MembershipRow {
    fn into_membership(self) -> Result<Membership> {
        Ok(Membership {
            id: MembershipId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            principal: PrincipalId(self.principal_id.0),
            role: intact(Role::parse(&self.role))?,
            custom_role: self.role_id.map(|id| RoleId(id.0)),
            created_at: self.created_at.0,
        })
    }
}

impl Tx<'_> {
    fn own_roles(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Vec<(RowId, String)>> {
        let query = memberships::table
            .inner_join(organizations::table)
            .filter(memberships::principal_id.eq(RowId(principal.0)))
            .order(organizations::id)
            .select((memberships::organization_id, memberships::role))
            .into_boxed::<Db>();
        let query = within_app!(query, app);
        self.query(|connection| query.load(connection))
    }

    /// Lets no member come, and no owner go, until the commit: whoever changes an owner asks [`owners_besides`] first, which
    /// waits for this. Always in the same order, so that two who do this wait for each other and not both at once.
    ///
    /// [`owners_besides`]: MembershipRepository::owners_besides
    fn hold_owners(&mut self, organizations: Vec<RowId>) -> Result<()> {
        let places = organizations::table
            .filter(organizations::id.eq_any(organizations))
            .order(organizations::id)
            .select(organizations::id);
        self.query(|connection| for_update!(places).load::<RowId>(connection)).map(drop)
    }
}
