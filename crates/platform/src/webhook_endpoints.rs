//! Endpoints: make one, list, show, change, pause, resume, delete, give it another secret.

use std::time::Duration;

use authz::{
    Acting, Permit, Resource,
    action::{WebhookManage, WebhookRead, WebhookRevoke},
};
use kernel::{
    Error, EventKind, Listed, Page, Result,
    id::{OrganizationId, WebhookId},
};
use webhooks::{Endpoint, write_signing_secret};

use crate::{
    Platform, Transaction,
    key_making::{Author, check_overlap},
    keys::Sealing,
    permit::{Owned, locate, permit},
    webhook_making::{EndpointChange, IssuedWebhook, NewEndpoint, Webhook, change, list, make, rotate, shown, told},
    webhook_permits::{may_learn_shared_secret, permit_tokens},
};

impl Owned for Endpoint {
    type Id = WebhookId;

    fn find(tx: &mut dyn Transaction, id: WebhookId) -> Result<Option<Self>> {
        tx.endpoint(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("webhook", self.id.0)
    }
}

impl Platform {
    /// Makes an endpoint. It is signed for with the secret that is given, or with the organization's, which is made where
    /// there is none; with one of its own, where the organization's is not for its maker to know.
    ///
    /// # Errors
    /// `not_found` for the organization, and for an app that it does not own; `forbidden` below the role admin, and for an
    /// app whose secret the caller may not replace; `session_required` for an app that acts for its user; `invalid_url`;
    /// `invalid_request`; `conflict` when there are too many.
    pub async fn create_webhook(
        &self,
        acting: Acting<WebhookManage>,
        id: OrganizationId,
        new: NewEndpoint,
    ) -> Result<IssuedWebhook> {
        self.check_webhook_url(&new.url)?;
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let made = self.store().write(move |tx| {
            // First of all: those who come at once are counted one after the other, and agree on one secret.
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            permit_tokens(tx, &permit, new.app)?;
            permit.in_own_name()?;
            let mut new = new.clone();
            if new.secret.is_none() && !may_learn_shared_secret(tx, &permit)? {
                new.secret = Some(write_signing_secret(rand::random()));
            }
            make(tx, &permit, &sealing, Author::of(acting.caller(), now), &new)
        });
        made.await
    }

    /// The organization's endpoints, oldest first.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn webhooks(
        &self,
        acting: Acting<WebhookRead>,
        id: OrganizationId,
        page: Page<WebhookId>,
    ) -> Result<Listed<Webhook, WebhookId>> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            list(tx, &permit, &sealing, &page, now)
        });
        listed.await
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn webhook(&self, acting: Acting<WebhookRead>, id: WebhookId) -> Result<Webhook> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let found = self.store().read(move |tx| {
            let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            shown(tx, &permit, &sealing, endpoint, now)
        });
        found.await
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one that is bound to an app whose secret the caller may not
    /// replace; `invalid_url`; `invalid_request`, also for another place without the headers.
    pub async fn change_webhook(
        &self,
        acting: Acting<WebhookManage>,
        id: WebhookId,
        wanted: EndpointChange,
    ) -> Result<Webhook> {
        if let Some(url) = &wanted.url {
            self.check_webhook_url(url)?;
        }
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let changed = self.store().write(move |tx| {
            let (permit, before): (_, Endpoint) = locate(tx, &acting, id)?;
            permit_tokens(tx, &permit, before.app)?;
            let author = Author::of(acting.caller(), now);
            let after = change(tx, &permit, &sealing, author, &before, wanted.clone())?;
            shown(tx, &permit, &sealing, after, now)
        });
        let changed = changed.await?;
        self.in_hand().changed(id);
        Ok(changed)
    }

    /// Lets what is to be delivered wait, until it is resumed. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn pause_webhook(&self, acting: Acting<WebhookRevoke>, id: WebhookId) -> Result<Webhook> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let paused = self.store().write(move |tx| {
            let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            switch(tx, &permit, &sealing, Author::of(acting.caller(), now), endpoint, false)
        });
        let paused = paused.await?;
        self.in_hand().changed(id);
        Ok(paused)
    }

    /// Delivers again, what has waited first. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one that is bound to an app whose secret the caller may not
    /// replace.
    pub async fn resume_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId) -> Result<Webhook> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let resumed = self.store().write(move |tx| {
            let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            permit_tokens(tx, &permit, endpoint.app)?;
            switch(tx, &permit, &sealing, Author::of(acting.caller(), now), endpoint, true)
        });
        let resumed = resumed.await?;
        self.in_hand().changed(id);
        Ok(resumed)
    }

    /// Deletes an endpoint, with what is on its way there.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn delete_webhook(&self, acting: Acting<WebhookRevoke>, id: WebhookId) -> Result<()> {
        let platform = self.clone();
        let deleting = tokio::spawn(async move {
            // There may be very much on its way there: that goes some at a time.
            while !platform.delete_some_of_webhook(acting.clone(), id).await? {
                platform.in_hand().changed(id);
            }
            Ok(())
        });
        // Once it has begun it goes on, whether or not who asked waits for it.
        deleting.await.map_err(Error::internal)?
    }

    /// Tells whether it is gone.
    async fn delete_some_of_webhook(&self, acting: Acting<WebhookRevoke>, id: WebhookId) -> Result<bool> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            if tx.clear_deliveries(id)? {
                // What is left of it goes nowhere any more.
                tx.update_endpoint(&permit, &Endpoint { active: false, ..endpoint })?;
                return Ok(false);
            }
            tx.delete_endpoint(&permit, id)?;
            told(tx, Author::of(acting.caller(), now), EventKind::WebhookDeleted, &endpoint, &[])?;
            Ok(true)
        });
        deleted.await
    }

    /// Gives an endpoint a secret of its own, or another one. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one that is bound to an app whose secret the caller may not
    /// replace; `session_required` for an app that acts for its user; `invalid_setting` for too long an overlap.
    pub async fn rotate_webhook(
        &self,
        acting: Acting<WebhookManage>,
        id: WebhookId,
        overlap: Duration,
    ) -> Result<IssuedWebhook> {
        check_overlap(overlap)?;
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let rotated = self.store().write(move |tx| {
            let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            permit_tokens(tx, &permit, endpoint.app)?;
            permit.in_own_name()?;
            rotate(tx, &permit, &sealing, Author::of(acting.caller(), now), endpoint, overlap)
        });
        let rotated = rotated.await?;
        self.in_hand().changed(id);
        Ok(rotated)
    }
}

/// Lets deliveries go out, or wait. What is so already stays as it is.
fn switch<A>(
    tx: &mut dyn Transaction,
    permit: &Permit<A>,
    sealing: &Sealing,
    author: Author,
    endpoint: Endpoint,
    active: bool,
) -> Result<Webhook> {
    let endpoint = if endpoint.active == active {
        endpoint
    } else {
        let wanted = EndpointChange { active: Some(active), ..EndpointChange::default() };
        change(tx, permit, sealing, author, &endpoint, wanted)?
    };
    shown(tx, permit, sealing, endpoint, author.now)
}
