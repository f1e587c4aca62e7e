//! Providers that apps have named.

use ::apps::{AppProvider, ProviderKind, SocialProvider, SocialProviderRepository};
use diesel::prelude::*;
use kernel::{Result, Sealed, Timestamp, WebUrl, id::AppId};

use super::Tx;
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{apps, social_providers},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = social_providers, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ProviderRow {
    app_id: RowId,
    name: String,
    kind: String,
    url: String,
    client_id: String,
    client_secret: Vec<u8>,
    scopes: Json<Vec<String>>,
    created_at: Moment,
    updated_at: Moment,
}

impl SocialProviderRepository for Tx<'_> {
    fn social_provider(&mut self, app: AppId, name: &str) -> Result<Option<AppProvider>> {
        let query = social_providers::table
            .find((RowId(app.0), name.to_owned()))
            .filter(social_providers::deleted_at.is_null())
            .select(ProviderRow::as_select());
        let row: Option<ProviderRow> = self.query(|connection| query.first(connection).optional())?;
        row.map(ProviderRow::into_provider).transpose()
    }

    fn hold_social_providers(&mut self, app: AppId) -> Result<()> {
        let place = apps::table.find(RowId(app.0)).select(apps::id);
        self.query(|connection| for_no_key_update!(place).first::<RowId>(connection).optional()).map(drop)
    }

    fn social_providers(&mut self, app: AppId) -> Result<Vec<AppProvider>> {
        let query = social_providers::table
            .filter(social_providers::app_id.eq(RowId(app.0)))
            .filter(social_providers::deleted_at.is_null())
            .order(social_providers::name)
            .select(ProviderRow::as_select());
        let rows: Vec<ProviderRow> = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(ProviderRow::into_provider).collect()
    }

    fn put_social_provider(&mut self, put: &AppProvider) -> Result<()> {
        let AppProvider { provider, secret, .. } = put;
        let said = (
            social_providers::kind.eq(provider.kind.as_str()),
            social_providers::url.eq(provider.url.as_str().to_owned()),
            social_providers::client_id.eq(provider.client_id.clone()),
            social_providers::client_secret.eq(secret.0.clone()),
            social_providers::scopes.eq(Json(provider.scopes.clone())),
            social_providers::updated_at.eq(Moment(put.updated_at)),
            social_providers::deleted_at.eq(None::<Moment>),
        );
        let put = diesel::insert_into(social_providers::table)
            .values((
                social_providers::app_id.eq(RowId(put.app.0)),
                social_providers::name.eq(put.name.clone()),
                social_providers::created_at.eq(Moment(put.created_at)),
                said.clone(),
            ))
            .on_conflict((social_providers::app_id, social_providers::name))
            .do_update()
            .set(said);
        self.query(|connection| put.execute(connection)).map(drop)
    }

    fn place_of_social_provider(&mut self, app: AppId, name: &str) -> Result<Option<(ProviderKind, WebUrl)>> {
        let query = social_providers::table
            .find((RowId(app.0), name.to_owned()))
            .select((social_providers::kind, social_providers::url));
        let row: Option<(String, String)> = self.query(|connection| query.first(connection).optional())?;
        row.map(|(kind, url)| Ok((intact(ProviderKind::parse(&kind))?, intact(WebUrl::parse(&url))?))).transpose()
    }

    fn delete_social_provider(&mut self, app: AppId, name: &str, now: Timestamp) -> Result<bool> {
        let delete = diesel::update(social_providers::table.find((RowId(app.0), name.to_owned())))
            .filter(social_providers::deleted_at.is_null())
            .set((
                social_providers::deleted_at.eq(Some(Moment(now))),
                social_providers::client_secret.eq(Vec::<u8>::new()),
            ));
        self.query(|connection| delete.execute(connection)).map(|deleted| deleted > 0)
    }
}

impl ProviderRow {
    fn into_provider(self) -> Result<AppProvider> {
        Ok(AppProvider {
            app: AppId(self.app_id.0),
            name: self.name,
            provider: SocialProvider {
                kind: intact(ProviderKind::parse(&self.kind))?,
                url: intact(WebUrl::parse(&self.url))?,
                client_id: self.client_id,
                scopes: self.scopes.0,
            },
            secret: Sealed(self.client_secret),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
