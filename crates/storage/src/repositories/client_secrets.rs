//! Client secrets.

use std::time::Duration;

use apps::{ClientSecret, ClientSecretRepository};
use diesel::prelude::*;
use kernel::{
    Change, Result, SecretHash, Timestamp,
    id::{AppId, ClientSecretId},
};

use super::Tx;
use crate::{
    columns::{Moment, RowId, fixed},
    schema::{apps as apps_table, client_secrets},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = client_secrets, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ClientSecretRow {
    id: RowId,
    app_id: RowId,
    hash: Vec<u8>,
    created_at: Moment,
    expires_at: Option<Moment>,
}

/// How long an expired secret is kept, for whoever asks why it does not count any more.
const LONGEST_KEPT: Duration = Duration::from_hours(30 * 24);

impl ClientSecretRepository for Tx<'_> {
    fn insert_client_secret(&mut self, secret: &ClientSecret) -> Result<()> {
        let row = ClientSecretRow {
            id: RowId(secret.id.0),
            app_id: RowId(secret.app.0),
            hash: secret.hash.0.to_vec(),
            created_at: Moment(secret.created_at),
            expires_at: secret.expires_at.map(Moment),
        };
        let insert = diesel::insert_into(client_secrets::table).values(row);
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::App(secret.app));
        Ok(())
    }

    fn client_secrets(&mut self, app: AppId, now: Timestamp) -> Result<Vec<ClientSecret>> {
        let query = client_secrets::table
            .filter(client_secrets::app_id.eq(RowId(app.0)))
            .filter(client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(Moment(now))))
            .order(client_secrets::id)
            .select(ClientSecretRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(ClientSecretRow::into_secret).collect()
    }

    fn expire_client_secrets(&mut self, app: AppId, at: Timestamp) -> Result<()> {
        let this = apps_table::table.find(RowId(app.0)).select(apps_table::id);
        self.query(|connection| for_no_key_update!(this).first::<RowId>(connection).optional())?;
        let long_gone = diesel::delete(client_secrets::table)
            .filter(client_secrets::app_id.eq(RowId(app.0)))
            .filter(client_secrets::expires_at.lt(Moment(at.before(LONGEST_KEPT))));
        self.query(|connection| long_gone.execute(connection))?;
        let expire = diesel::update(client_secrets::table)
            .filter(client_secrets::app_id.eq(RowId(app.0)))
            .filter(client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(Moment(at))))
            .set(client_secrets::expires_at.eq(Moment(at)));
        self.query(|connection| expire.execute(connection))?;
        self.changed(Change::App(app));
        Ok(())
    }
}

impl ClientSecretRow {
    fn into_secret(self) -> Result<ClientSecret> {
        Ok(ClientSecret {
            id: ClientSecretId(self.id.0),
            app: AppId(self.app_id.0),
            hash: SecretHash(fixed(self.hash)?),
            created_at: self.created_at.0,
            expires_at: self.expires_at.map(|at| at.0),
        })
    }
}
