//! Memberships.

use std::collections::HashMap;

use diesel::{dsl::count_star, prelude::*};
use kernel::{
    Error, Result, Role, Scope,
    id::{AppId, OrganizationId, PrincipalId},
};
use tenancy::{Membership, MembershipRepository, Place, Standing};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::{memberships, organizations},
};

/// So many ids go into one query: SQLite binds 32,766 values at the most.
const AT_ONCE: usize = 1000;

impl MembershipRepository for Tx<'_> {
    #[allow(clippy::if_same_then_else, reason = "they differ where there is something to lock")]
    fn standing(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Option<Standing>> {
        // Beside the row and not joined to it: an organization never changes its app, so only the membership is locked.
        let app = organizations::table
            .filter(organizations::id.eq(memberships::organization_id))
            .select(organizations::app_id)
            .single_value();
        let standing = memberships::table
            .filter(memberships::organization_id.eq(RowId(organization.0)))
            .filter(memberships::principal_id.eq(RowId(principal.0)))
            .select((app, memberships::role));
        let writes = self.writes();
        let row: Option<(Option<RowId>, String)> = self.query(|connection| {
            if writes {
                for_share!(standing).first(connection).optional()
            } else {
                standing.first(connection).optional()
            }
        })?;
        row.map(|(app, role)| Ok(Standing { app: app.map(|id| AppId(id.0)), role: intact(Role::parse(&role))? }))
            .transpose()
    }

    fn insert_membership(&mut self, membership: &Membership) -> Result<()> {
        let insert = diesel::insert_into(memberships::table).values((
            memberships::id.eq(RowId(membership.id.0)),
            memberships::organization_id.eq(RowId(membership.organization.0)),
            memberships::principal_id.eq(RowId(membership.principal.0)),
            memberships::role.eq(membership.role.name()),
            memberships::created_at.eq(Moment(membership.created_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn delete_membership(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()> {
        let delete = diesel::delete(memberships::table)
            .filter(memberships::organization_id.eq(RowId(scope.organization().0)))
            .filter(memberships::principal_id.eq(RowId(principal.0)));
        match self.query(|connection| delete.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
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

impl Tx<'_> {
    fn own_roles(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Vec<(RowId, String)>> {
        let query = memberships::table
            .inner_join(organizations::table)
            .filter(memberships::principal_id.eq(RowId(principal.0)))
            .order(organizations::id)
            .select((memberships::organization_id, memberships::role))
            .into_boxed::<Db>();
        let query = match app {
            Some(app) => query.filter(organizations::app_id.eq(RowId(app.0))),
            None => query.filter(organizations::app_id.is_null()),
        };
        self.query(|connection| query.load(connection))
    }

    /// Lets no member come, and no owner go, until the commit. Always in the same order, so that two who do this wait
    /// for each other and not both at once.
    fn hold_owners(&mut self, organizations: Vec<RowId>) -> Result<()> {
        let places = organizations::table
            .filter(organizations::id.eq_any(organizations.clone()))
            .order(organizations::id)
            .select(organizations::id);
        self.query(|connection| for_update!(places).load::<RowId>(connection))?;
        let owners = memberships::table
            .filter(memberships::organization_id.eq_any(organizations))
            .filter(memberships::role.eq(Role::Owner.name()))
            .order(memberships::id)
            .select(memberships::id);
        self.query(|connection| for_update!(owners).load::<RowId>(connection)).map(drop)
    }
}
