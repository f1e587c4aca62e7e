//! Endpoints, at the console.

use std::time::Duration;

use kernel::{
    Code, Error, Listed, Page, Result, Unchecked,
    id::{OrganizationId, WebhookId},
};

use crate::{
    Platform,
    key_making::{Author, check_overlap},
    webhook_making::{IssuedWebhook, NewEndpoint, Webhook, list, make, rotate},
};

impl Platform {
    /// Makes an endpoint. It is bound to an app that the organization owns, or to none.
    ///
    /// # Errors
    /// `not_found`; `invalid_url`; `invalid_request`; `conflict` when there are too many.
    pub async fn operator_create_webhook(&self, id: OrganizationId, new: NewEndpoint) -> Result<IssuedWebhook> {
        self.check_webhook_url(&new.url)?;
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let made = self.store().write(move |tx| {
            tx.hold_organization(id)?;
            let organization = tx.organization(id)?.ok_or_else(Error::not_found)?;
            let bound = new.app.map(|app| tx.app(app)).transpose()?;
            if bound.is_some_and(|app| app.is_none_or(|app| app.owner != id)) {
                return Err(Error::because(Code::NotFound, "This organization owns no such app."));
            }
            let author = Author { app: organization.app, actor: None, now };
            make(tx, &Unchecked(id), &sealing, author, &new)
        });
        made.await
    }

    /// The endpoints of an organization, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_webhooks(
        &self,
        id: OrganizationId,
        page: Page<WebhookId>,
    ) -> Result<Listed<Webhook, WebhookId>> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        self.store().read(move |tx| list(tx, &Unchecked(id), &sealing, &page, now)).await
    }

    /// Gives an endpoint a secret of its own, or another one. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `invalid_setting` for too long an overlap.
    pub async fn operator_rotate_webhook(&self, id: WebhookId, overlap: Duration) -> Result<IssuedWebhook> {
        check_overlap(overlap)?;
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let rotated = self.store().write(move |tx| {
            let unknown =
                || Error::because(Code::NotFound, "There is no such endpoint: fabric webhook list shows them.");
            let endpoint = tx.endpoint(id)?.ok_or_else(unknown)?;
            let within = Unchecked(endpoint.organization);
            let app = tx.organization(within.0)?.and_then(|organization| organization.app);
            rotate(tx, &within, &sealing, Author { app, actor: None, now }, endpoint, overlap)
        });
        rotated.await
    }
}
