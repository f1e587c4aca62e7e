//! Settings of organizations.

use authz::{
    Acting,
    action::{SettingsRead, SettingsUpdate},
};
use kernel::{Event, EventKind, Result, WebUrl, id::OrganizationId};
use serde_json::{Value, json};
use tenancy::{OrganizationSettings, OrganizationSettingsChange};
use webhooks::EndpointUrl;

use crate::{
    Platform,
    key_making::Author,
    permit::permit,
    settings_webhook::{WantedEndpoint, clear, keep_in_step},
};

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

    /// Changes an organization's settings, and with them the endpoint that they ask for.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for `webhook_url` and `webhook_events` to who may not manage
    /// endpoints; `invalid_setting`; those of making and changing endpoints.
    pub async fn change_organization_settings(
        &self,
        acting: Acting<SettingsUpdate>,
        id: OrganizationId,
        change: OrganizationSettingsChange,
    ) -> Result<OrganizationSettings> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let about_webhooks = change.webhook_url.is_some() || change.webhook_events.is_some();
        if let Some(Some(url)) = &change.webhook_url {
            self.check_webhook_url(&EndpointUrl::parse(url.as_str())?)?;
        }
        if change.webhook_url == Some(None) {
            self.clear_endpoint_of_settings(&acting, id).await?;
        }
        let changed = self.store().write(move |tx| {
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            let before = tx.organization_settings(&permit)?;
            let mut settings = before.clone().changed(change.clone())?;
            if about_webhooks {
                let wanted = WantedEndpoint::of(&settings)?;
                let author = Author::of(acting.caller(), now);
                settings.webhook_endpoint = keep_in_step(tx, &permit, &sealing, author, &before, wanted)?;
            }
            tx.set_organization_settings(&permit, &settings)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: about(&before, &settings),
                ..Event::new(EventKind::OrganizationSettingsUpdated, now)
            })?;
            Ok((settings, before.webhook_endpoint))
        });
        let (settings, before) = changed.await?;
        for endpoint in settings.webhook_endpoint.into_iter().chain(before) {
            self.in_hand().changed(endpoint);
        }
        Ok(settings)
    }

    /// What is on its way to the endpoint that is about to go is deleted some at a time: it may be very much.
    async fn clear_endpoint_of_settings(&self, acting: &Acting<SettingsUpdate>, id: OrganizationId) -> Result<()> {
        loop {
            let acting = acting.clone();
            let cleared = self.store().write(move |tx| {
                let permit = permit(tx, &acting, id)?;
                let settings = tx.organization_settings(&permit)?;
                clear(tx, &permit, &settings)
            });
            if !cleared.await? {
                return Ok(());
            }
        }
    }
}

/// All settings and which of them changed. Of a URL that events are sent to, the host: the rest may be a secret.
fn about(before: &OrganizationSettings, after: &OrganizationSettings) -> Value {
    let webhook = after.webhook_url.as_ref().and_then(WebUrl::host);
    let shown = |settings: &OrganizationSettings| {
        let mut shown = json!(settings);
        // What happens to the endpoint is told by its own events.
        shown.as_object_mut().map(|shown| shown.remove("webhook_endpoint"));
        shown
    };
    let (before, mut after) = (shown(before), shown(after));
    let fields = after.as_object().into_iter().flatten();
    let changed: Vec<_> =
        fields.filter(|(name, value)| before[name] != **value).map(|(name, _)| name.clone()).collect();
    after["webhook_url"] = json!(webhook);
    after["changed"] = json!(changed);
    after
}
