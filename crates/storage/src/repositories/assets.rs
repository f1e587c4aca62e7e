//! What organizations have at providers.

use diesel::prelude::*;
use kernel::{
    Error, Listed, Metadata, Name, Page, Result, Scope, Timestamp,
    id::{AssetId, OrganizationId, PrincipalId, TeamId},
};
use tenancy::{Asset, AssetFilter, AssetRepository, Label, ProviderId};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::assets,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = assets, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct AssetRow {
    id: RowId,
    organization_id: RowId,
    team_id: Option<RowId>,
    kind: String,
    name: String,
    provider: Option<String>,
    provider_id: Option<String>,
    metadata: Json<Metadata>,
    created_by: RowId,
    deleted_at: Option<Moment>,
    created_at: Moment,
}

impl AssetRepository for Tx<'_> {
    fn asset(&mut self, scope: &dyn Scope, id: AssetId) -> Result<Option<Asset>> {
        let query = assets::table
            .filter(assets::id.eq(RowId(id.0)))
            .filter(assets::organization_id.eq(RowId(scope.organization().0)))
            .filter(assets::deleted_at.is_null())
            .select(AssetRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(AssetRow::into_asset).transpose()
    }

    fn assets_in(
        &mut self,
        scope: &dyn Scope,
        filter: &AssetFilter,
        page: &Page<AssetId>,
    ) -> Result<Listed<Asset, AssetId>> {
        let here = RowId(scope.organization().0);
        let all = || {
            let mut all = assets::table.filter(assets::organization_id.eq(here)).into_boxed::<Db>();
            if let Some(kind) = &filter.kind {
                all = all.filter(assets::kind.eq(kind.as_str().to_owned()));
            }
            if let Some(team) = filter.team {
                all = all.filter(assets::team_id.eq(RowId(team.0)));
            }
            if filter.deleted { all } else { all.filter(assets::deleted_at.is_null()) }
        };
        let (rows, total): (Vec<AssetRow>, _) = paged!(self, page, all by assets::id, AssetRow::as_select());
        let found = rows.into_iter().map(AssetRow::into_asset).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |asset: &Asset| asset.id))
    }

    fn count_assets(&mut self, scope: &dyn Scope) -> Result<i64> {
        let here = assets::table
            .filter(assets::organization_id.eq(RowId(scope.organization().0)))
            .filter(assets::deleted_at.is_null())
            .count();
        self.query(|connection| here.get_result(connection))
    }

    fn insert_asset(&mut self, scope: &dyn Scope, asset: &Asset) -> Result<()> {
        let row = AssetRow {
            id: RowId(asset.id.0),
            organization_id: RowId(scope.organization().0),
            team_id: asset.team.map(|id| RowId(id.0)),
            kind: asset.kind.as_str().to_owned(),
            name: asset.name.as_str().to_owned(),
            provider: asset.provider.as_ref().map(|provider| provider.as_str().to_owned()),
            provider_id: asset.provider_id.as_ref().map(|id| id.as_str().to_owned()),
            metadata: Json(asset.metadata.clone()),
            created_by: RowId(asset.created_by.0),
            deleted_at: asset.deleted_at.map(Moment),
            created_at: Moment(asset.created_at),
        };
        let insert = diesel::insert_into(assets::table).values(row);
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn delete_asset(&mut self, scope: &dyn Scope, id: AssetId, now: Timestamp) -> Result<()> {
        // Of those who come at once, one deletes it.
        let this = assets::table
            .filter(assets::id.eq(RowId(id.0)))
            .filter(assets::organization_id.eq(RowId(scope.organization().0)))
            .filter(assets::deleted_at.is_null());
        let delete = diesel::update(this).set(assets::deleted_at.eq(Moment(now)));
        match self.query(|connection| delete.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }
}

impl AssetRow {
    fn into_asset(self) -> Result<Asset> {
        Ok(Asset {
            id: AssetId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            team: self.team_id.map(|id| TeamId(id.0)),
            kind: intact(Label::parse(&self.kind))?,
            name: intact(Name::parse(&self.name))?,
            provider: self.provider.map(|provider| intact(Name::parse(&provider))).transpose()?,
            provider_id: self.provider_id.map(|id| intact(ProviderId::parse(&id))).transpose()?,
            metadata: self.metadata.0,
            created_by: PrincipalId(self.created_by.0),
            deleted_at: self.deleted_at.map(|at| at.0),
            created_at: self.created_at.0,
        })
    }
}
