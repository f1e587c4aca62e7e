//! What organizations have at providers.

use authz::{
    Acting,
    action::{AssetCreate, AssetDelete, AssetRead},
};
use kernel::{
    Metadata, Name, Page, Result, Timestamp,
    id::{AssetId, OrganizationId, TeamId},
};
use platform::NewAsset;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenancy::{AssetFilter, Label, ProviderId};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// Something that an organization has at a provider. Fabric keeps this record, and none of the bytes.
#[derive(Serialize, ToSchema)]
pub struct Asset {
    id: Uuid,
    organization_id: Uuid,
    /// For which team; for the whole organization without.
    team_id: Option<Uuid>,
    asset_type: String,
    name: String,
    provider: Option<String>,
    /// What it is called there.
    provider_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Metadata,
    created_by: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Since when it is deleted; never but in an export.
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Option<Timestamp>,
}

impl From<tenancy::Asset> for Asset {
    fn from(asset: tenancy::Asset) -> Self {
        Self {
            id: asset.id.0,
            organization_id: asset.organization.0,
            team_id: asset.team.map(|id| id.0),
            asset_type: asset.kind.as_str().to_owned(),
            name: asset.name.as_str().to_owned(),
            provider: asset.provider.map(|provider| provider.as_str().to_owned()),
            provider_id: asset.provider_id.map(|id| id.as_str().to_owned()),
            metadata: asset.metadata,
            created_by: asset.created_by.0,
            created_at: asset.created_at,
            deleted_at: asset.deleted_at,
        }
    }
}

/// A new asset.
#[derive(Deserialize, ToSchema)]
pub struct CreateAssetRequest {
    /// What kind of thing it is, in the app's own words: 1 to 64 ASCII letters, digits, `_`, `-`, `.` and `:`.
    asset_type: String,
    name: String,
    /// Who has it.
    provider: Option<String>,
    /// What it is called there: 1 to 512 bytes in one line.
    provider_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Value,
    /// For which team; for the whole organization without.
    team_id: Option<Uuid>,
}

/// Registers something that an organization has at a provider.
pub async fn create(
    caller: Acting<AssetCreate>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<CreateAssetRequest>),
) -> Result<Created<Asset>> {
    let new = NewAsset {
        kind: Label::parse(&new.asset_type)?,
        name: Name::parse(&new.name)?,
        provider: new.provider.as_deref().map(Name::parse).transpose()?,
        provider_id: new.provider_id.as_deref().map(ProviderId::parse).transpose()?,
        metadata: Metadata::parse(new.metadata)?,
        team: new.team_id.map(TeamId),
    };
    Ok(Created(platform.create_asset(caller, id, new).await?.into()))
}

/// Which assets. All that is given has to fit.
#[derive(Deserialize, IntoParams)]
pub struct AssetsQuery {
    /// Of this kind; `type` means the same.
    #[serde(alias = "type")]
    asset_type: Option<String>,
    /// For this team.
    team_id: Option<Uuid>,
}

/// Lists an organization's assets, oldest first.
pub async fn list(
    caller: Acting<AssetRead>,
    (platform, PathId(id), Query(which), Query(query)): (
        ForRequest,
        PathId<OrganizationId>,
        Query<AssetsQuery>,
        Query<PageQuery>,
    ),
) -> Result<Answer<Vec<Asset>>> {
    let page: Page<AssetId> = query.page()?;
    let filter = AssetFilter {
        kind: which.asset_type.as_deref().map(Label::parse).transpose()?,
        team: which.team_id.map(TeamId),
        deleted: false,
    };
    let listed = platform.assets(caller, id, filter, page).await?;
    Ok(Answer::page(listed.map(Asset::from), page.limit))
}

/// Shows an asset.
pub async fn read(
    caller: Acting<AssetRead>,
    (platform, PathId(id), PathId(asset)): (ForRequest, PathId<OrganizationId>, PathId<AssetId>),
) -> Result<Answer<Asset>> {
    Ok(Answer::ok(platform.asset(caller, id, asset).await?.into()))
}

/// Deletes an asset here; what it is at its provider stays there.
pub async fn delete(
    caller: Acting<AssetDelete>,
    (platform, PathId(id), PathId(asset)): (ForRequest, PathId<OrganizationId>, PathId<AssetId>),
) -> Result<Answer<Done>> {
    platform.delete_asset(caller, id, asset).await?;
    Ok(Answer::ok(Done { message: "The asset is deleted." }))
}
