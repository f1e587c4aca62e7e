//! Settings of organizations.

use authz::{
    Acting,
    action::{SettingsRead, SettingsUpdate},
};
use kernel::{Event, EventKind, Result, id::OrganizationId};
use serde_json::json;
use tenancy::{OrganizationSettings, OrganizationSettingsChange};

use crate::{Platform, permit::permit};

impl Platform {
    /// An organization's settings.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn organization_settings(
        &self,
        acting: Acting<SettingsRead>,
        id: OrganizationId,
    ) -> Result<OrganizationSettings> {
        let found = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.organization_settings(&permit)
        });
        found.await
    }

    /// Changes an organization's settings.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `invalid_setting`.
    pub async fn change_organization_settings(
        &self,
        acting: Acting<SettingsUpdate>,
        id: OrganizationId,
        change: OrganizationSettingsChange,
    ) -> Result<OrganizationSettings> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            let settings = tx.organization_settings(&permit)?.changed(change.clone())?;
            tx.set_organization_settings(&permit, &settings)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({
                    "max_pending_invitations": settings.max_pending_invitations,
                    "max_invitations_per_hour": settings.max_invitations_per_hour,
                    "confirm_invitations": settings.confirm_invitations,
                    "deletion_grace_days": settings.deletion_grace_days,
                }),
                ..Event::new(EventKind::OrganizationSettingsUpdated, now)
            })?;
            Ok(settings)
        });
        changed.await
    }
}
