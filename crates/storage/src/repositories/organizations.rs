//! Organizations.

use diesel::{dsl::exists, prelude::*};
use kernel::{
    AppScope, Change, Code, Error, Listed, Metadata, Name, Page, Result, Role, Scope, Slug, Timestamp,
    id::{ApiKeyId, AppId, OrganizationId, PrincipalId, ServiceAccountId, TeamId},
};
use tenancy::{Organization, OrganizationRepository};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{api_keys, apps, memberships, organizations, service_accounts, teams},
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
    delete_at: Option<Moment>,
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
        self.seen_organization(row)
    }

    fn organization_by_slug(&mut self, scope: &dyn AppScope, slug: &Slug) -> Result<Option<Organization>> {
        let named = of_app(scope.app()).filter(organizations::slug.eq(slug.as_str().to_owned()));
        let query = named.select(OrganizationRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        self.seen_organization(row)
    }

    fn organizations_in(
        &mut self,
        scope: &dyn AppScope,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<Organization, OrganizationId>> {
        let app = scope.app();
        let all = || of_app(app);
        let (rows, total): (Vec<OrganizationRow>, _) =
            paged!(self, page, all by organizations::id, OrganizationRow::as_select());
        let found = rows.into_iter().map(OrganizationRow::into_organization).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |organization: &Organization| organization.id))
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
                organizations::delete_at.eq(row.delete_at),
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
        // In one that is archived, or about to be deleted, nobody changes anything.
        self.changed(Change::Organization(scope.organization()));
        Ok(())
    }

    fn organization_slug_taken(&mut self, app: Option<AppId>, slug: &Slug) -> Result<bool> {
        let taken = of_app(app).filter(organizations::slug.eq(slug.as_str().to_owned()));
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
            within_app!(own, app)
        };
        let (rows, total): (Vec<(OrganizationRow, String)>, _) =
            paged!(self, page, own by organizations::id, (OrganizationRow::as_select(), memberships::role));
        let own = |(row, role): (OrganizationRow, String)| Ok((row.into_organization()?, intact(Role::parse(&role))?));
        let own = rows.into_iter().map(own).collect::<Result<_>>()?;
        Ok(Listed::cut(own, page, total, |(organization, _): &(Organization, Role)| organization.id))
    }

    fn organization_due(&mut self, now: Timestamp) -> Result<Option<Organization>> {
        let due = organizations::table
            .filter(organizations::delete_at.le(Moment(now)))
            .order(organizations::delete_at)
            .select(OrganizationRow::as_select())
            .limit(1);
        let row = self.query(|connection| for_update_skip_locked!(due).first(connection).optional())?;
        self.seen_organization(row)
    }

    fn delete_organization(&mut self, scope: &dyn Scope) -> Result<()> {
        let organization = scope.organization();
        let here = RowId(organization.0);
        let this = organizations::table.find(here);
        // Whoever begins to refer to it waits for this, or this for them.
        let held =
            self.query(|connection| for_update!(this.select(organizations::id)).first::<RowId>(connection).optional())?;
        held.ok_or_else(Error::not_found)?;
        let owned = apps::table.filter(apps::owner_organization_id.eq(here));
        if self.query(|connection| diesel::select(exists(owned)).get_result(connection))? {
            return Err(Error::because(Code::Conflict, "This organization owns apps: delete them first."));
        }
        // What somebody may hold a copy of goes by itself, to be told; the rest goes with the organization.
        let members = diesel::delete(memberships::table.filter(memberships::organization_id.eq(here)))
            .returning(memberships::principal_id);
        for principal in self.query(|connection| members.load::<RowId>(connection))? {
            self.changed(Change::Authority(organization, PrincipalId(principal.0)));
        }
        let gone = diesel::delete(teams::table.filter(teams::organization_id.eq(here))).returning(teams::id);
        for team in self.query(|connection| gone.load::<RowId>(connection))? {
            self.changed(Change::Team(TeamId(team.0)));
        }
        let keys = diesel::delete(api_keys::table.filter(api_keys::organization_id.eq(here))).returning(api_keys::id);
        for key in self.query(|connection| keys.load::<RowId>(connection))? {
            self.changed(Change::ApiKey(ApiKeyId(key.0)));
        }
        let programs = diesel::delete(service_accounts::table.filter(service_accounts::organization_id.eq(here)))
            .returning(service_accounts::id);
        for program in self.query(|connection| programs.load::<RowId>(connection))? {
            self.changed(Change::ServiceAccount(ServiceAccountId(program.0)));
        }
        self.query(|connection| diesel::delete(this).execute(connection))?;
        self.changed(Change::Organization(organization));
        Ok(())
    }
}

/// The organizations of an app, or of the platform itself.
fn of_app(app: Option<AppId>) -> organizations::BoxedQuery<'static, Db> {
    match app {
        Some(app) => organizations::table.filter(organizations::app_id.eq(RowId(app.0))).into_boxed(),
        None => organizations::table.filter(organizations::app_id.is_null()).into_boxed(),
    }
}

impl Tx<'_> {
    fn seen_organization(&mut self, row: Option<OrganizationRow>) -> Result<Option<Organization>> {
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(OrganizationRow::into_organization).transpose()
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
            delete_at: self.delete_at.map(|at| at.0),
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
            delete_at: organization.delete_at.map(Moment),
            created_at: Moment(organization.created_at),
            updated_at: Moment(organization.updated_at),
        }
    }
}
