//! Settings of organizations.

use authz::{
    Acting,
    action::{SettingsRead, SettingsUpdate},
};
use kernel::{Event, EventKind, Result, WebUrl, id::OrganizationId};
use serde_json::{Value, json};
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
            let before = tx.organization_settings(&permit)?;
            let settings = before.clone().changed(change.clone())?;
            tx.set_organization_settings(&permit, &settings)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: about(&before, &settings),
                ..Event::new(EventKind::OrganizationSettingsUpdated, now)
            })?;
            Ok(settings)
        });
        changed.await
    }
}

/// All settings and which of them changed. Of a URL that events are sent to, the host: the rest may be a secret.
fn about(before: &OrganizationSettings, after: &OrganizationSettings) -> Value {
    let webhook = after.webhook_url.as_ref().and_then(WebUrl::host);
    let (before, mut after) = (json!(before), json!(after));
    let fields = after.as_object().into_iter().flatten();
    let changed: Vec<_> =
        fields.filter(|(name, value)| before[name] != **value).map(|(name, _)| name.clone()).collect();
    after["webhook_url"] = json!(webhook);
    after["changed"] = json!(changed);
    after
}
