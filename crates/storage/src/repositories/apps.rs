//! Consumer apps.

use apps::{App, AppRepository, AppSettings, ClientId, Origin, Usage};
use diesel::{
    dsl::{auto_type, exists, not},
    prelude::*,
};
use kernel::{
    Change, Error, Listed, Metadata, Name, Page, Result, Scope, Slug,
    id::{AppId, OrganizationId, PrincipalId},
};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{accounts, app_origins, apps as table, memberships, organizations, principals},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct AppRow {
    id: RowId,
    owner_organization_id: RowId,
    name: String,
    slug: String,
    client_id: String,
    settings: Json<AppSettings>,
    metadata: Json<Metadata>,
    disabled_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

/// An app, if the organization owns it.
#[auto_type]
fn owned(organization: RowId, id: RowId) -> _ {
    table::table.filter(table::id.eq(id)).filter(table::owner_organization_id.eq(organization))
}

impl AppRepository for Tx<'_> {
    fn insert_app(&mut self, scope: &dyn Scope, app: &App) -> Result<()> {
        let row = AppRow { owner_organization_id: RowId(scope.organization().0), ..AppRow::from(app) };
        let insert = diesel::insert_into(table::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.set_origins(app)?;
        self.changed(Change::App(app.id));
        Ok(())
    }

    fn app(&mut self, id: AppId) -> Result<Option<App>> {
        self.one_app(table::table.find(RowId(id.0)).into_boxed())
    }

    fn app_by_client_id(&mut self, client_id: &ClientId) -> Result<Option<App>> {
        self.one_app(table::table.filter(table::client_id.eq(client_id.as_str().to_owned())).into_boxed())
    }

    fn update_app(&mut self, scope: &dyn Scope, app: &App) -> Result<()> {
        let this = || owned(RowId(scope.organization().0), RowId(app.id.0));
        let row = AppRow::from(app);
        let mut update = diesel::update(this())
            .set((
                table::name.eq(row.name),
                table::settings.eq(row.settings),
                table::metadata.eq(row.metadata),
                table::disabled_at.eq(row.disabled_at),
                table::updated_at.eq(row.updated_at),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(app.id.0) {
            update = update.filter(table::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this().select(table::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(app.id.0, present));
        }
        let forget = diesel::delete(app_origins::table.filter(app_origins::app_id.eq(RowId(app.id.0))));
        self.query(|connection| forget.execute(connection))?;
        self.set_origins(app)?;
        self.saw(app.id.0, Moment(app.updated_at));
        self.changed(Change::App(app.id));
        Ok(())
    }

    fn delete_app(&mut self, scope: &dyn Scope, id: AppId) -> Result<()> {
        let this = owned(RowId(scope.organization().0), RowId(id.0)).select(table::id);
        if self.query(|connection| for_update!(this).first::<RowId>(connection).optional())?.is_none() {
            return Err(Error::not_found());
        }
        while self.delete_some_accounts(id)? > 0 {}
        let delete = diesel::delete(owned(RowId(scope.organization().0), RowId(id.0)));
        if self.query(|connection| delete.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::App(id));
        Ok(())
    }

    fn apps_in(&mut self, scope: &dyn Scope, page: &Page<AppId>) -> Result<Listed<App, AppId>> {
        let owner = RowId(scope.organization().0);
        self.listed(|| table::table.filter(table::owner_organization_id.eq(owner)).into_boxed(), page)
    }

    fn apps_of(&mut self, principal: PrincipalId, page: &Page<AppId>) -> Result<Listed<App, AppId>> {
        let own = || {
            let own = memberships::table
                .inner_join(organizations::table)
                .filter(memberships::principal_id.eq(RowId(principal.0)))
                .select(organizations::id)
                .into_boxed::<Db>();
            let own = within_app!(own, None::<AppId>);
            table::table.filter(table::owner_organization_id.eq_any(own)).into_boxed()
        };
        self.listed(own, page)
    }

    fn all_apps(&mut self, page: &Page<AppId>) -> Result<Listed<App, AppId>> {
        self.listed(|| table::table.into_boxed(), page)
    }

    fn app_by_name(&mut self, scope: &dyn Scope, name: &Name) -> Result<Option<App>> {
        let named = table::table
            .filter(table::owner_organization_id.eq(RowId(scope.organization().0)))
            .filter(table::name.eq(name.as_str().to_owned()))
            .order(table::id);
        self.one_app(named.into_boxed())
    }

    fn app_slug_taken(&mut self, scope: &dyn Scope, slug: &Slug) -> Result<bool> {
        let taken = table::table
            .filter(table::owner_organization_id.eq(RowId(scope.organization().0)))
            .filter(table::slug.eq(slug.as_str()));
        self.query(|connection| diesel::select(exists(taken)).get_result(connection))
    }

    fn is_origin_allowed(&mut self, origin: &Origin, app: Option<AppId>) -> Result<bool> {
        let named = app_origins::table.filter(app_origins::origin.eq(origin.as_str().to_owned())).into_boxed::<Db>();
        let named = match app {
            Some(app) => named.filter(app_origins::app_id.eq(RowId(app.0))),
            None => named,
        };
        self.query(|connection| diesel::select(exists(named)).get_result(connection))
    }

    fn app_usage(&mut self, id: AppId) -> Result<Usage> {
        let organizations = organizations::table.filter(organizations::app_id.eq(RowId(id.0))).count();
        let accounts = accounts::table.filter(accounts::app_id.eq(RowId(id.0))).count();
        Ok(Usage {
            organizations: self.query(|connection| organizations.get_result(connection))?,
            accounts: self.query(|connection| accounts.get_result(connection))?,
        })
    }
}

impl Tx<'_> {
    /// Deletes some of the app's accounts, and forgets those who have none anywhere else.
    fn delete_some_accounts(&mut self, app: AppId) -> Result<usize> {
        let some = accounts::table.filter(accounts::app_id.eq(RowId(app.0))).limit(1000);
        let some = some.select((accounts::id, accounts::principal_id));
        let some: Vec<(RowId, RowId)> = self.query(|connection| some.load(connection))?;
        if some.is_empty() {
            return Ok(0);
        }
        let (some, people): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        // Whoever makes one of them an account elsewhere waits for this, or this for them.
        let known = principals::table.filter(principals::id.eq_any(&people)).order(principals::id);
        let known = known.select(principals::id);
        self.query(|connection| for_update!(known).load::<RowId>(connection))?;
        let delete = diesel::delete(accounts::table.filter(accounts::id.eq_any(&some)));
        self.query(|connection| delete.execute(connection))?;
        let elsewhere = accounts::table
            .filter(accounts::principal_id.eq(principals::id))
            .filter(accounts::email.nullable().eq(principals::email));
        let gone = principals::table.filter(principals::id.eq_any(people)).filter(not(exists(elsewhere)));
        let forget = diesel::update(gone).set(principals::email.eq(None::<String>));
        self.query(|connection| forget.execute(connection))?;
        Ok(some.len())
    }

    fn one_app(&mut self, query: table::BoxedQuery<'_, Db>) -> Result<Option<App>> {
        let query = query.select(AppRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(AppRow::into_app).transpose()
    }

    fn listed(
        &mut self,
        all: impl Fn() -> table::BoxedQuery<'static, Db>,
        page: &Page<AppId>,
    ) -> Result<Listed<App, AppId>> {
        let (rows, total): (Vec<AppRow>, _) = paged!(self, page, all by table::id, AppRow::as_select());
        let apps = rows.into_iter().map(AppRow::into_app).collect::<Result<_>>()?;
        Ok(Listed::cut(apps, page, total, |app: &App| app.id))
    }

    fn set_origins(&mut self, app: &App) -> Result<()> {
        for origin in &app.settings.allowed_origins {
            let row = (app_origins::origin.eq(origin.as_str()), app_origins::app_id.eq(RowId(app.id.0)));
            let insert = diesel::insert_into(app_origins::table).values(row).on_conflict_do_nothing();
            self.query(|connection| insert.execute(connection))?;
        }
        Ok(())
    }
}

fn client_id(text: &str) -> Result<ClientId> {
    intact(ClientId::parse(text).ok_or_else(|| format!("not a client id: {text}")))
}

impl AppRow {
    fn into_app(self) -> Result<App> {
        Ok(App {
            id: AppId(self.id.0),
            owner: OrganizationId(self.owner_organization_id.0),
            name: intact(Name::parse(&self.name))?,
            slug: intact(Slug::parse(&self.slug))?,
            client_id: client_id(&self.client_id)?,
            settings: self.settings.0,
            metadata: self.metadata.0,
            disabled_at: self.disabled_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

impl From<&App> for AppRow {
    fn from(app: &App) -> Self {
        Self {
            id: RowId(app.id.0),
            owner_organization_id: RowId(app.owner.0),
            name: app.name.as_str().to_owned(),
            slug: app.slug.as_str().to_owned(),
            client_id: app.client_id.as_str().to_owned(),
            settings: Json(app.settings.clone()),
            metadata: Json(app.metadata.clone()),
            disabled_at: app.disabled_at.map(Moment),
            created_at: Moment(app.created_at),
            updated_at: Moment(app.updated_at),
        }
    }
}
