//! OAuth clients.

use apps::{ClientId, OauthClient, OauthClientRepository, RedirectUrl};
use diesel::prelude::*;
use kernel::{
    Error, Listed, Name, Page, Result, Scope, SecretHash,
    id::{AppId, OauthClientId, OrganizationId, ServiceAccountId},
};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, fixed, intact},
    schema::{oauth_clients, organizations, service_accounts},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_clients, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct OauthClientRow {
    id: RowId,
    service_account_id: RowId,
    client_id: String,
    hash: Vec<u8>,
    redirect_uris: Json<Vec<RedirectUrl>>,
    scopes: Json<Vec<String>>,
    created_at: Moment,
}

/// What a client has from its service account.
#[derive(Queryable, Selectable)]
#[diesel(table_name = service_accounts, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct OwnerRow {
    organization_id: RowId,
    name: String,
    disabled_at: Option<Moment>,
}

/// A client, its service account, and the app of that one's organization.
type Row = (OauthClientRow, OwnerRow, Option<RowId>);

macro_rules! columns {
    () => {
        (OauthClientRow::as_select(), OwnerRow::as_select(), organizations::app_id)
    };
}

macro_rules! clients {
    () => {
        oauth_clients::table.inner_join(service_accounts::table.inner_join(organizations::table))
    };
}

impl OauthClientRepository for Tx<'_> {
    fn oauth_client(&mut self, id: OauthClientId) -> Result<Option<OauthClient>> {
        let query = clients!().filter(oauth_clients::id.eq(RowId(id.0))).select(columns!());
        let row: Option<Row> = self.query(|connection| query.first(connection).optional())?;
        row.map(into_client).transpose()
    }

    fn oauth_client_by_client_id(&mut self, client_id: &ClientId) -> Result<Option<OauthClient>> {
        let query = clients!().filter(oauth_clients::client_id.eq(client_id.as_str())).select(columns!());
        let row: Option<Row> = self.query(|connection| query.first(connection).optional())?;
        row.map(into_client).transpose()
    }

    fn oauth_client_of(&mut self, account: ServiceAccountId) -> Result<Option<OauthClient>> {
        let query = clients!().filter(oauth_clients::service_account_id.eq(RowId(account.0))).select(columns!());
        let row: Option<Row> = self.query(|connection| query.first(connection).optional())?;
        row.map(into_client).transpose()
    }

    fn oauth_clients_in(
        &mut self,
        scopes: &[&dyn Scope],
        page: &Page<OauthClientId>,
    ) -> Result<Listed<OauthClient, OauthClientId>> {
        let places: Vec<_> = scopes.iter().map(|scope| RowId(scope.organization().0)).collect();
        let all = || clients!().filter(service_accounts::organization_id.eq_any(places.clone())).into_boxed::<Db>();
        let (rows, total): (Vec<Row>, _) = paged!(self, page, all by oauth_clients::id, columns!());
        let found = rows.into_iter().map(into_client).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |client: &OauthClient| client.id))
    }

    fn insert_oauth_client(&mut self, scope: &dyn Scope, client: &OauthClient) -> Result<()> {
        let own = service_accounts::table
            .filter(service_accounts::id.eq(RowId(client.service_account.0)))
            .filter(service_accounts::organization_id.eq(RowId(scope.organization().0)))
            .select(service_accounts::id);
        let own: Option<RowId> = first_kept!(self, own)?;
        own.ok_or_else(Error::not_found)?;
        let row = OauthClientRow {
            id: RowId(client.id.0),
            service_account_id: RowId(client.service_account.0),
            client_id: client.client_id.as_str().to_owned(),
            hash: client.hash.0.to_vec(),
            redirect_uris: Json(client.redirect_uris.clone()),
            scopes: Json(client.scopes.clone()),
            created_at: Moment(client.created_at),
        };
        let insert = diesel::insert_into(oauth_clients::table).values(row);
        self.query(|connection| insert.execute(connection)).map(drop)
    }
}

fn into_client((row, owner, app): Row) -> Result<OauthClient> {
    let client_id = ClientId::parse(&row.client_id).ok_or("a client id of another form");
    Ok(OauthClient {
        id: OauthClientId(row.id.0),
        service_account: ServiceAccountId(row.service_account_id.0),
        name: intact(Name::parse(&owner.name))?,
        organization: OrganizationId(owner.organization_id.0),
        app: app.map(|id| AppId(id.0)),
        disabled_at: owner.disabled_at.map(|at| at.0),
        client_id: intact(client_id)?,
        hash: SecretHash(fixed(row.hash)?),
        redirect_uris: row.redirect_uris.0,
        scopes: row.scopes.0,
        created_at: row.created_at.0,
    })
}
