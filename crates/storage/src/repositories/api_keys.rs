//! API keys.

use std::time::Duration;

use diesel::prelude::*;
use identity::{ApiKey, ApiKeyRepository, Rotation};
use kernel::{
    AllowedIps, Change, Error, Listed, Name, Page, Result, Role, Scope, SecretHash, Timestamp,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId, ServiceAccountId, TeamId},
};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, fixed, intact},
    races::LockName,
    schema::{api_keys, organizations, service_accounts},
};

/// A use is noted this long after the one that was noted before it, and no sooner.
const NOTED_EVERY: Duration = Duration::from_mins(1);

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
    role: Option<String>,
    scopes: Json<Vec<String>>,
    disabled_at: Option<Moment>,
    expires_at: Option<Moment>,
    created_at: Moment,
    service_account_id: Option<RowId>,
    description: Option<String>,
    allowed_ips: Json<Vec<String>>,
    last_used_at: Option<Moment>,
    previous_hash: Option<Vec<u8>>,
    previous_expires_at: Option<Moment>,
    created_by: Option<RowId>,
    updated_at: Moment,
    disabled_by: Option<RowId>,
    own_roles: bool,
}

/// A key, the app of its organization, and the team of its service account.
type Row = (ApiKeyRow, Option<RowId>, Option<RowId>);

macro_rules! columns {
    () => {
        (ApiKeyRow::as_select(), organizations::app_id, service_accounts::team_id.nullable())
    };
}

macro_rules! keys {
    () => {
        api_keys::table.inner_join(organizations::table).left_join(service_accounts::table)
    };
}

impl ApiKeyRepository for Tx<'_> {
    fn api_key_by_prefix(&mut self, prefix: &str) -> Result<Option<ApiKey>> {
        let query = keys!().filter(api_keys::prefix.eq(prefix)).select(columns!());
        let row: Option<Row> = self.query(|connection| query.first(connection).optional())?;
        if let Some((row, ..)) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(into_key).transpose()
    }

    fn api_key(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        let query = keys!().filter(api_keys::id.eq(RowId(id.0))).select(columns!());
        let row: Option<Row> = self.query(|connection| query.first(connection).optional())?;
        if let Some((row, ..)) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(into_key).transpose()
    }

    fn api_keys_in(
        &mut self,
        scope: &dyn Scope,
        principal: Option<PrincipalId>,
        page: &Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>> {
        let all = || {
            let here = keys!().filter(api_keys::organization_id.eq(RowId(scope.organization().0)));
            match principal {
                Some(principal) => here.filter(api_keys::principal_id.eq(RowId(principal.0))).into_boxed::<Db>(),
                None => here.into_boxed(),
            }
        };
        let (rows, total): (Vec<Row>, _) = paged!(self, page, all by api_keys::id, columns!());
        let found = rows.into_iter().map(into_key).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |key: &ApiKey| key.id))
    }

    fn api_keys_held(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>> {
        let held = || {
            let held = keys!().filter(api_keys::principal_id.eq(RowId(principal.0))).into_boxed::<Db>();
            let held = match within {
                Some(organization) => held.filter(api_keys::organization_id.eq(RowId(organization.0))),
                None => held,
            };
            within_app!(held, app)
        };
        let (rows, total): (Vec<Row>, _) = paged!(self, page, held by api_keys::id, columns!());
        let found = rows.into_iter().map(into_key).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |key: &ApiKey| key.id))
    }

    fn count_api_keys_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64> {
        if self.writes() {
            self.lock(LockName::ApiKeys(principal))?;
        }
        let count = api_keys::table
            .filter(api_keys::organization_id.eq(RowId(organization.0)))
            .filter(api_keys::principal_id.eq(RowId(principal.0)))
            .count();
        self.query(|connection| count.get_result(connection))
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
            role: key.role.map(|role| role.name().to_owned()),
            scopes: Json(key.scopes.clone()),
            disabled_at: key.disabled_at.map(Moment),
            expires_at: key.expires_at.map(Moment),
            created_at: Moment(key.created_at),
            service_account_id: key.service_account.map(|id| RowId(id.0)),
            description: key.description.clone(),
            allowed_ips: Json(key.allowed_ips.iter().collect()),
            last_used_at: key.last_used_at.map(Moment),
            previous_hash: key.previous.map(|(hash, _)| hash.0.to_vec()),
            previous_expires_at: key.previous.map(|(_, until)| Moment(until)),
            created_by: key.created_by.map(|id| RowId(id.0)),
            updated_at: Moment(key.updated_at),
            disabled_by: key.disabled_by.map(|id| RowId(id.0)),
            own_roles: key.own_roles,
        };
        let insert = diesel::insert_into(api_keys::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::ApiKey(key.id));
        Ok(())
    }

    fn update_api_key(&mut self, scope: &dyn Scope, key: &ApiKey) -> Result<()> {
        let this = api_keys::table
            .filter(api_keys::id.eq(RowId(key.id.0)))
            .filter(api_keys::organization_id.eq(RowId(scope.organization().0)));
        let mut update = diesel::update(this)
            .set((
                api_keys::name.eq(key.name.as_str()),
                api_keys::description.eq(key.description.as_deref()),
                api_keys::allowed_ips.eq(Json(key.allowed_ips.iter().collect::<Vec<_>>())),
                api_keys::disabled_at.eq(key.disabled_at.map(Moment)),
                api_keys::disabled_by.eq(key.disabled_by.map(|id| RowId(id.0))),
                api_keys::updated_at.eq(Moment(key.updated_at)),
            ))
            .into_boxed();
        if let Some(seen) = self.seen(key.id.0) {
            update = update.filter(api_keys::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(api_keys::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(key.id.0, present));
        }
        self.saw(key.id.0, Moment(key.updated_at));
        self.changed(Change::ApiKey(key.id));
        Ok(())
    }

    fn rotate_api_key(&mut self, scope: &dyn Scope, id: ApiKeyId, rotation: Rotation) -> Result<()> {
        let Rotation { hash, previous_until, at } = rotation;
        let this = diesel::update(api_keys::table)
            .filter(api_keys::id.eq(RowId(id.0)))
            .filter(api_keys::organization_id.eq(RowId(scope.organization().0)));
        let new = (api_keys::hash.eq(hash.0.to_vec()), api_keys::updated_at.eq(Moment(at)));
        let previous = api_keys::previous_expires_at.eq(previous_until.map(Moment));
        let rotated = match previous_until {
            // What stands to the right is the row as it was.
            Some(_) => {
                let rotate = this.set((new, previous, api_keys::previous_hash.eq(api_keys::hash.nullable())));
                self.query(|connection| rotate.execute(connection))?
            }
            None => {
                let rotate = this.set((new, previous, api_keys::previous_hash.eq(None::<Vec<u8>>)));
                self.query(|connection| rotate.execute(connection))?
            }
        };
        if rotated == 0 {
            return Err(Error::not_found());
        }
        self.saw(id.0, Moment(at));
        self.changed(Change::ApiKey(id));
        Ok(())
    }

    fn delete_api_key(&mut self, scope: &dyn Scope, id: ApiKeyId) -> Result<()> {
        let delete = diesel::delete(api_keys::table)
            .filter(api_keys::id.eq(RowId(id.0)))
            .filter(api_keys::organization_id.eq(RowId(scope.organization().0)));
        if self.query(|connection| delete.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::ApiKey(id));
        Ok(())
    }

    fn delete_api_keys_of(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()> {
        let delete = diesel::delete(api_keys::table)
            .filter(api_keys::organization_id.eq(RowId(scope.organization().0)))
            .filter(api_keys::principal_id.eq(RowId(principal.0)))
            .returning(api_keys::id);
        let gone: Vec<RowId> = self.query(|connection| delete.load(connection))?;
        self.changes.extend(gone.into_iter().map(|id| Change::ApiKey(ApiKeyId(id.0))));
        Ok(())
    }

    // No change that anybody has to hear of: what is kept of a key in memory decides nothing by this.
    fn note_api_key_uses(&mut self, uses: &[(ApiKeyId, Timestamp)]) -> Result<()> {
        for (id, at) in uses {
            let long_ago = Moment(at.before(NOTED_EVERY));
            let note = diesel::update(api_keys::table)
                .filter(api_keys::id.eq(RowId(id.0)))
                .filter(api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(long_ago)))
                .set(api_keys::last_used_at.eq(Moment(*at)));
            self.query(|connection| note.execute(connection))?;
        }
        Ok(())
    }
}

fn into_key((row, app, team): Row) -> Result<ApiKey> {
    let previous = match (row.previous_hash, row.previous_expires_at) {
        (Some(hash), Some(until)) => Some((SecretHash(fixed(hash)?), until.0)),
        _ => None,
    };
    Ok(ApiKey {
        id: ApiKeyId(row.id.0),
        prefix: row.prefix,
        hash: SecretHash(fixed(row.hash)?),
        previous,
        organization: OrganizationId(row.organization_id.0),
        app: app.map(|id| AppId(id.0)),
        principal: PrincipalId(row.principal_id.0),
        account: row.account_id.map(|id| AccountId(id.0)),
        service_account: row.service_account_id.map(|id| ServiceAccountId(id.0)),
        team: team.map(|id| TeamId(id.0)),
        name: intact(Name::parse(&row.name))?,
        description: row.description,
        role: row.role.map(|role| intact(Role::parse(&role))).transpose()?,
        scopes: row.scopes.0,
        allowed_ips: intact(AllowedIps::parse(row.allowed_ips.0.iter().map(String::as_str)))?,
        disabled_at: row.disabled_at.map(|at| at.0),
        disabled_by: row.disabled_by.map(|id| PrincipalId(id.0)),
        own_roles: row.own_roles,
        expires_at: row.expires_at.map(|at| at.0),
        last_used_at: row.last_used_at.map(|at| at.0),
        created_by: row.created_by.map(|id| PrincipalId(id.0)),
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    })
}
