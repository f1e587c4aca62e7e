//! Organizations.

use diesel::{dsl::exists, prelude::*};
use kernel::{
    Change, Listed, Metadata, Name, Page, Result, Role, Scope, Slug,
    id::{AppId, OrganizationId, PrincipalId},
};
use tenancy::{Organization, OrganizationRepository};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{memberships, organizations},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub(super) struct OrganizationRow {
    id: RowId,
    app_id: Option<RowId>,
    slug: String,
    name: String,
    metadata: Json<Metadata>,
    archived_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

impl OrganizationRepository for Tx<'_> {
    fn insert_organization(&mut self, organization: &Organization) -> Result<()> {
        let insert = diesel::insert_into(organizations::table).values(OrganizationRow::from(organization));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn organization(&mut self, id: OrganizationId) -> Result<Option<Organization>> {
        let query = organizations::table.find(RowId(id.0)).select(OrganizationRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(OrganizationRow::into_organization).transpose()
    }

    fn update_organization(&mut self, scope: &dyn Scope, organization: &Organization) -> Result<()> {
        let id = organization.id.0;
        let this = organizations::table
            .filter(organizations::id.eq(RowId(id)))
            .filter(organizations::id.eq(RowId(scope.organization().0)));
        let row = OrganizationRow::from(organization);
        let mut update = diesel::update(this)
            .set((
                organizations::slug.eq(row.slug),
                organizations::name.eq(row.name),
                organizations::metadata.eq(row.metadata),
                organizations::archived_at.eq(row.archived_at),
                organizations::updated_at.eq(row.updated_at),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(id) {
            update = update.filter(organizations::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(organizations::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(id, present));
        }
        self.saw(id, Moment(organization.updated_at));
        // In an archived one nobody changes anything.
        self.changed(Change::Organization(scope.organization()));
        Ok(())
    }

    fn organization_by_slug(&mut self, app: Option<AppId>, slug: &Slug) -> Result<Option<Organization>> {
        let query = called(app, slug).select(OrganizationRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(OrganizationRow::into_organization).transpose()
    }

    fn organization_slug_taken(&mut self, app: Option<AppId>, slug: &Slug) -> Result<bool> {
        let taken = called(app, slug);
        self.query(|connection| diesel::select(exists(taken)).get_result(connection))
    }

    fn organizations_of(
        &mut self,
        app: Option<AppId>,
        principal: PrincipalId,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<(Organization, Role), OrganizationId>> {
        let own = || {
            let own = memberships::table
                .inner_join(organizations::table)
                .filter(memberships::principal_id.eq(RowId(principal.0)))
                .into_boxed::<Db>();
            match app {
                Some(app) => own.filter(organizations::app_id.eq(RowId(app.0))),
                None => own.filter(organizations::app_id.is_null()),
            }
        };
        let (rows, total): (Vec<(OrganizationRow, String)>, _) =
            paged!(self, page, own by organizations::id, (OrganizationRow::as_select(), memberships::role));
        let own = |(row, role): (OrganizationRow, String)| Ok((row.into_organization()?, intact(Role::parse(&role))?));
        let own = rows.into_iter().map(own).collect::<Result<_>>()?;
        Ok(Listed::cut(own, page, total, |(organization, _): &(Organization, Role)| organization.id))
    }
}

/// The organization of an app, or of the platform, with this slug.
fn called(app: Option<AppId>, slug: &Slug) -> organizations::BoxedQuery<'_, Db> {
    let called = organizations::table.filter(organizations::slug.eq(slug.as_str())).into_boxed();
    match app {
        Some(app) => called.filter(organizations::app_id.eq(RowId(app.0))),
        None => called.filter(organizations::app_id.is_null()),
    }
}

impl OrganizationRow {
    pub(super) fn into_organization(self) -> Result<Organization> {
        Ok(Organization {
            id: OrganizationId(self.id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            slug: intact(Slug::parse(&self.slug))?,
            name: intact(Name::parse(&self.name))?,
            metadata: self.metadata.0,
            archived_at: self.archived_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

impl From<&Organization> for OrganizationRow {
    fn from(organization: &Organization) -> Self {
        Self {
            id: RowId(organization.id.0),
            app_id: organization.app.map(|id| RowId(id.0)),
            slug: organization.slug.as_str().to_owned(),
            name: organization.name.as_str().to_owned(),
            metadata: Json(organization.metadata.clone()),
            archived_at: organization.archived_at.map(Moment),
            created_at: Moment(organization.created_at),
            updated_at: Moment(organization.updated_at),
        }
    }
}
