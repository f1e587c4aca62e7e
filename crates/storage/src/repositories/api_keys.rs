//! API keys.

use diesel::prelude::*;
use identity::{ApiKey, ApiKeyRepository};
use kernel::{
    Change, Name, Result, Role, Scope, SecretHash,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId},
};

use super::Tx;
use crate::{
    columns::{Json, Moment, RowId, fixed, intact},
    schema::{api_keys, organizations},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ApiKeyRow {
    id: RowId,
    prefix: String,
    hash: Vec<u8>,
    organization_id: RowId,
    account_id: Option<RowId>,
    principal_id: RowId,
    name: String,
    role: String,
    scopes: Json<Vec<String>>,
    disabled_at: Option<Moment>,
    expires_at: Option<Moment>,
    created_at: Moment,
}

impl ApiKeyRepository for Tx<'_> {
    fn api_key_by_prefix(&mut self, prefix: &str) -> Result<Option<ApiKey>> {
        let query = api_keys::table
            .inner_join(organizations::table)
            .filter(api_keys::prefix.eq(prefix))
            .select((ApiKeyRow::as_select(), organizations::app_id));
        let row = self.query(|connection| query.first::<(ApiKeyRow, Option<RowId>)>(connection).optional())?;
        row.map(|(row, app)| row.into_key(app)).transpose()
    }

    fn insert_api_key(&mut self, scope: &dyn Scope, key: &ApiKey) -> Result<()> {
        let row = ApiKeyRow {
            id: RowId(key.id.0),
            prefix: key.prefix.clone(),
            hash: key.hash.0.to_vec(),
            organization_id: RowId(scope.organization().0),
            account_id: key.account.map(|id| RowId(id.0)),
            principal_id: RowId(key.principal.0),
            name: key.name.as_str().to_owned(),
            role: key.role.name().to_owned(),
            scopes: Json(key.scopes.clone()),
            disabled_at: key.disabled_at.map(Moment),
            expires_at: key.expires_at.map(Moment),
            created_at: Moment(key.created_at),
        };
        let insert = diesel::insert_into(api_keys::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::ApiKey(key.id));
        Ok(())
    }
}

impl ApiKeyRow {
    fn into_key(self, app: Option<RowId>) -> Result<ApiKey> {
        Ok(ApiKey {
            id: ApiKeyId(self.id.0),
            prefix: self.prefix,
            hash: SecretHash(fixed(self.hash)?),
            organization: OrganizationId(self.organization_id.0),
            app: app.map(|id| AppId(id.0)),
            principal: PrincipalId(self.principal_id.0),
            account: self.account_id.map(|id| AccountId(id.0)),
            name: intact(Name::parse(&self.name))?,
            role: intact(Role::parse(&self.role))?,
            scopes: self.scopes.0,
            disabled_at: self.disabled_at.map(|at| at.0),
            expires_at: self.expires_at.map(|at| at.0),
            created_at: self.created_at.0,
        })
    }
}
