//! What organizations have at providers: register something, list, read, delete. Fabric keeps the record alone; whoever
//! deletes it deletes nothing at the provider.

use authz::{
    Acting, Resource,
    action::{AssetCreate, AssetDelete, AssetManage, AssetRead},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Metadata, Name, Page, Result, Scope,
    id::{AssetId, OrganizationId, TeamId},
};
use serde_json::{Value, json};
use tenancy::{Asset, AssetFilter, Label, ProviderId};

use crate::{
    Platform, Transaction,
    permit::{permit, permit_for},
};

/// The most assets that one organization has, those that are deleted left out.
const MOST: i64 = 1000;

/// A new asset.
#[derive(Clone, Debug)]
pub struct NewAsset {
    /// What kind of thing it is.
    pub kind: Label,
    /// What people call it.
    pub name: Name,
    /// Who has it.
    pub provider: Option<Name>,
    /// What it is called there.
    pub provider_id: Option<ProviderId>,
    /// What the app keeps about it.
    pub metadata: Metadata,
    /// For which team; for the whole organization without.
    pub team: Option<TeamId>,
}

impl Platform {
    /// Registers something that an organization has at a provider.
    ///
    /// # Errors
    /// `not_found` for the organization and the team; `forbidden` below the role member; `conflict` when there are too
    /// many, and for an archived team.
    pub async fn create_asset(&self, acting: Acting<AssetCreate>, id: OrganizationId, new: NewAsset) -> Result<Asset> {
        let now = self.now();
        let made = self.store().write(move |tx| {
            // First of all: those who come at once are counted one after the other.
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            if let Some(team) = new.team {
                living_team(tx, &permit, team)?;
            }
            if tx.count_assets(&permit)? >= MOST {
                let why = format!("An organization has at most {MOST} assets: delete one first.");
                return Err(Error::because(Code::Conflict, why));
            }
            let new = new.clone();
            let asset = Asset {
                id: AssetId::generate(),
                organization: id,
                team: new.team,
                kind: new.kind,
                name: new.name,
                provider: new.provider,
                provider_id: new.provider_id,
                metadata: new.metadata,
                created_by: permit.principal(),
                deleted_at: None,
                created_at: now,
            };
            tx.insert_asset(&permit, &asset)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: about(&asset),
                ..Event::new(EventKind::AssetCreated, now)
            })?;
            Ok(asset)
        });
        made.await
    }

    /// The organization's assets, oldest first, without those that are deleted.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn assets(
        &self,
        acting: Acting<AssetRead>,
        id: OrganizationId,
        filter: AssetFilter,
        page: Page<AssetId>,
    ) -> Result<Listed<Asset, AssetId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.assets_in(&permit, &filter, &page)
        });
        listed.await
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`, also once it is deleted.
    pub async fn asset(&self, acting: Acting<AssetRead>, id: OrganizationId, asset: AssetId) -> Result<Asset> {
        let found = self.store().read(move |tx| {
            let permit = permit_for(tx, &acting, id, Resource::of("asset", asset.0))?;
            tx.asset(&permit, asset)?.ok_or_else(Error::not_found)
        });
        found.await
    }

    /// Deletes an asset: nobody finds it any more but who exports the organization.
    ///
    /// # Errors
    /// `not_found`, also once it is deleted; `forbidden` below the role member, and below the role admin for what
    /// somebody else has registered.
    pub async fn delete_asset(&self, acting: Acting<AssetDelete>, id: OrganizationId, asset: AssetId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let permit = permit_for(tx, &acting, id, Resource::of("asset", asset.0))?;
            let asset = tx.asset(&permit, asset)?.ok_or_else(Error::not_found)?;
            if asset.created_by != permit.principal() {
                permit.need_for::<AssetManage>(Resource::of("asset", asset.id.0))?;
            }
            tx.delete_asset(&permit, asset.id, now)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: about(&asset),
                ..Event::new(EventKind::AssetDeleted, now)
            })
        });
        deleted.await
    }
}

/// # Errors
/// `not_found` for a team that is not the organization's; `conflict` for one that is archived.
fn living_team(tx: &mut dyn Transaction, scope: &dyn Scope, team: TeamId) -> Result<()> {
    let found = tx.team(team)?.filter(|team| team.organization == scope.organization());
    if found.ok_or_else(Error::not_found)?.archived_at.is_some() {
        return Err(Error::because(Code::Conflict, "This team is archived: bring it back first."));
    }
    Ok(())
}

fn about(asset: &Asset) -> Value {
    json!({
        "asset_id": asset.id, "asset_type": asset.kind.as_str(), "name": asset.name.as_str(), "team_id": asset.team,
    })
}
