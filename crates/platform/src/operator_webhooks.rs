//! Endpoints, at the console.

use std::time::Duration;

use kernel::{
    Code, Error, Listed, Page, Result, Timestamp, Unchecked,
    id::{DeliveryId, OrganizationId, WebhookId},
};
use webhooks::{Delivery, Endpoint};

use crate::{
    Platform, Transaction,
    deliveries::{Asker, Replay},
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
            let (endpoint, author) = of_operator(tx, id, now)?;
            rotate(tx, &Unchecked(endpoint.organization), &sealing, author, endpoint, overlap)
        });
        rotated.await
    }

    /// Tries an endpoint out: it alone is sent an event, once, by the servers.
    ///
    /// # Errors
    /// `not_found`; `conflict` while it is not active.
    pub async fn operator_test_webhook(&self, id: WebhookId) -> Result<Delivery> {
        self.try_out(Asker::Operator, id).await
    }

    /// Has a delivery sent anew, whether it had arrived or was given up.
    ///
    /// # Errors
    /// `not_found`; `conflict` while it is on its way.
    pub async fn operator_replay_delivery(&self, id: WebhookId, delivery: DeliveryId) -> Result<Delivery> {
        self.replay_one(Asker::Operator, id, delivery).await
    }

    /// Has many deliveries sent anew, some at a time; tells how many.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_replay_deliveries(&self, id: WebhookId, which: Replay) -> Result<usize> {
        self.replay_all(Asker::Operator, id, which).await
    }
}

/// An endpoint by its id alone, and the operator as whoever does something with it.
pub(crate) fn of_operator(tx: &mut dyn Transaction, id: WebhookId, now: Timestamp) -> Result<(Endpoint, Author)> {
    let unknown = || Error::because(Code::NotFound, "There is no such endpoint: fabric webhook list shows them.");
    let endpoint = tx.endpoint(id)?.ok_or_else(unknown)?;
    let app = tx.organization(endpoint.organization)?.and_then(|organization| organization.app);
    Ok((endpoint, Author { app, actor: None, now }))
}
