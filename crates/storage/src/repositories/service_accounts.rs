//! Service accounts.

use diesel::prelude::*;
use identity::{ServiceAccount, ServiceAccountRepository};
use kernel::{
    Change, Error, Listed, Name, Page, Result, Role, Scope,
    id::{OrganizationId, PrincipalId, RoleId, ServiceAccountId, TeamId},
};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    races::LockName,
    schema::service_accounts,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = service_accounts, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ServiceAccountRow {
    id: RowId,
    organization_id: RowId,
    team_id: Option<RowId>,
    name: String,
    description: Option<String>,
    role: String,
    created_by: Option<RowId>,
    disabled_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
    role_id: Option<RowId>,
}

impl ServiceAccountRepository for Tx<'_> {
    fn service_account(&mut self, id: ServiceAccountId) -> Result<Option<ServiceAccount>> {
        let query = service_accounts::table.find(RowId(id.0)).select(ServiceAccountRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        self.service_account_in(row)
    }

    fn service_account_of(
        &mut self,
        organization: OrganizationId,
        principal: PrincipalId,
    ) -> Result<Option<ServiceAccount>> {
        let query = service_accounts::table
            .filter(service_accounts::id.eq(RowId(principal.0)))
            .filter(service_accounts::organization_id.eq(RowId(organization.0)))
            .select(ServiceAccountRow::as_select());
        let row: Option<ServiceAccountRow> = first_kept!(self, query)?;
        self.service_account_in(row)
    }

    fn service_account_by_name(&mut self, scope: &dyn Scope, name: &Name) -> Result<Option<ServiceAccount>> {
        let query = service_accounts::table
            .filter(service_accounts::organization_id.eq(RowId(scope.organization().0)))
            .filter(service_accounts::name.eq(name.as_str()))
            .order(service_accounts::id)
            .select(ServiceAccountRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        self.service_account_in(row)
    }

    fn service_accounts_in(
        &mut self,
        scope: &dyn Scope,
        page: &Page<ServiceAccountId>,
    ) -> Result<Listed<ServiceAccount, ServiceAccountId>> {
        let here = RowId(scope.organization().0);
        let all = || service_accounts::table.filter(service_accounts::organization_id.eq(here)).into_boxed::<Db>();
        let (rows, total): (Vec<ServiceAccountRow>, _) =
            paged!(self, page, all by service_accounts::id, ServiceAccountRow::as_select());
        let found = rows.into_iter().map(ServiceAccountRow::into_account).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |account: &ServiceAccount| account.id))
    }

    fn count_service_accounts(&mut self, scope: &dyn Scope) -> Result<i64> {
        if self.writes() {
            self.lock(LockName::ServiceAccounts(scope.organization()))?;
        }
        let here = RowId(scope.organization().0);
        let count = service_accounts::table.filter(service_accounts::organization_id.eq(here)).count();
        self.query(|connection| count.get_result(connection))
    }

    fn insert_service_account(&mut self, scope: &dyn Scope, account: &ServiceAccount) -> Result<()> {
        let row = ServiceAccountRow {
            id: RowId(account.id.0),
            organization_id: RowId(scope.organization().0),
            team_id: account.team.map(|id| RowId(id.0)),
            name: account.name.as_str().to_owned(),
            description: account.description.clone(),
            role: account.role.name().to_owned(),
            created_by: account.created_by.map(|id| RowId(id.0)),
            disabled_at: account.disabled_at.map(Moment),
            created_at: Moment(account.created_at),
            updated_at: Moment(account.updated_at),
            role_id: account.custom_role.map(|id| RowId(id.0)),
        };
        let insert = diesel::insert_into(service_accounts::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.service_account_changed(scope, account.id);
        Ok(())
    }

    fn update_service_account(&mut self, scope: &dyn Scope, account: &ServiceAccount) -> Result<()> {
        let this = service_accounts::table
            .filter(service_accounts::id.eq(RowId(account.id.0)))
            .filter(service_accounts::organization_id.eq(RowId(scope.organization().0)));
        let mut update = diesel::update(this)
            .set((
                service_accounts::name.eq(account.name.as_str()),
                service_accounts::description.eq(account.description.as_deref()),
                service_accounts::role.eq(account.role.name()),
                service_accounts::role_id.eq(account.custom_role.map(|id| RowId(id.0))),
                service_accounts::disabled_at.eq(account.disabled_at.map(Moment)),
                service_accounts::updated_at.eq(Moment(account.updated_at)),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(account.id.0) {
            update = update.filter(service_accounts::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(service_accounts::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(account.id.0, present));
        }
        self.saw(account.id.0, Moment(account.updated_at));
        self.service_account_changed(scope, account.id);
        Ok(())
    }

    fn delete_service_account(&mut self, scope: &dyn Scope, id: ServiceAccountId) -> Result<()> {
        let delete = diesel::delete(service_accounts::table)
            .filter(service_accounts::id.eq(RowId(id.0)))
            .filter(service_accounts::organization_id.eq(RowId(scope.organization().0)));
        if self.query(|connection| delete.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.service_account_changed(scope, id);
        Ok(())
    }
}

impl Tx<'_> {
    fn service_account_in(&mut self, row: Option<ServiceAccountRow>) -> Result<Option<ServiceAccount>> {
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(ServiceAccountRow::into_account).transpose()
    }

    /// Its keys and its client need no word of their own: none of them is good without it.
    fn service_account_changed(&mut self, scope: &dyn Scope, id: ServiceAccountId) {
        self.changed(Change::ServiceAccount(id));
        self.changed(Change::Authority(scope.organization(), id.into()));
    }
}

impl ServiceAccountRow {
    fn into_account(self) -> Result<ServiceAccount> {
        Ok(ServiceAccount {
            id: ServiceAccountId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            team: self.team_id.map(|id| TeamId(id.0)),
            name: intact(Name::parse(&self.name))?,
            description: self.description,
            role: intact(Role::parse(&self.role))?,
            custom_role: self.role_id.map(|id| RoleId(id.0)),
            created_by: self.created_by.map(|id| PrincipalId(id.0)),
            disabled_at: self.disabled_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
