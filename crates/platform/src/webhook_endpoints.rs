//! Endpoints: make one, list, show, change, pause, resume, delete, give it another secret.

use std::time::Duration;

use authz::{
    Acting, Permit, Resource,
    action::{AppRotateSecret, WebhookManage, WebhookRead},
};
use kernel::{
    Error, EventKind, Listed, Page, Result, Scope as _,
    id::{AppId, OrganizationId, WebhookId},
};
use webhooks::Endpoint;

use crate::{
    Platform, Transaction,
    key_making::{Author, check_overlap},
    permit::{Owned, locate, locate_app, permit},
    webhook_making::{EndpointChange, IssuedWebhook, NewEndpoint, Webhook, change, list, make, rotate, shown, told},
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
    /// there is none.
    ///
    /// # Errors
    /// `not_found` for the organization, and for an app that it does not own; `forbidden` below the role admin, and for an
    /// app whose secret the caller may not replace; `invalid_url`; `invalid_request`; `conflict` when there are too many.
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
    /// replace; `invalid_url`; `invalid_request`, also for a URL of another origin without the headers.
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
    pub async fn pause_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId) -> Result<Webhook> {
        self.switch_webhook(acting, id, false).await
    }

    /// Delivers again, what has waited first. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one that is bound to an app whose secret the caller may not
    /// replace.
    pub async fn resume_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId) -> Result<Webhook> {
        self.switch_webhook(acting, id, true).await
    }

    async fn switch_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId, active: bool) -> Result<Webhook> {
        let (now, sealing) = (self.now(), self.keys().sealing.clone());
        let switched = self.store().write(move |tx| {
            let (permit, mut endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
            if active {
                permit_tokens(tx, &permit, endpoint.app)?;
            }
            if endpoint.active != active {
                let wanted = EndpointChange { active: Some(active), ..EndpointChange::default() };
                endpoint = change(tx, &permit, &sealing, Author::of(acting.caller(), now), &endpoint, wanted)?;
            }
            shown(tx, &permit, &sealing, endpoint, now)
        });
        let switched = switched.await?;
        self.in_hand().changed(id);
        Ok(switched)
    }

    /// Deletes an endpoint, with what is on its way there.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn delete_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId) -> Result<()> {
        let now = self.now();
        loop {
            let acting = acting.clone();
            let deleted = self.store().write(move |tx| {
                let (permit, endpoint): (_, Endpoint) = locate(tx, &acting, id)?;
                if tx.clear_deliveries(id)? {
                    // There may be very many: some at a time, and no more come while it is not active.
                    tx.update_endpoint(&permit, &Endpoint { active: false, ..endpoint })?;
                    return Ok(false);
                }
                tx.delete_endpoint(&permit, id)?;
                told(tx, Author::of(acting.caller(), now), EventKind::WebhookDeleted, &endpoint, &[])?;
                Ok(true)
            });
            if deleted.await? {
                self.in_hand().changed(id);
                return Ok(());
            }
        }
    }

    /// Gives an endpoint a secret of its own, or another one. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one that is bound to an app whose secret the caller may not
    /// replace; `invalid_setting` for too long an overlap.
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
            rotate(tx, &permit, &sealing, Author::of(acting.caller(), now), endpoint, overlap)
        });
        let rotated = rotated.await?;
        self.in_hand().changed(id);
        Ok(rotated)
    }
}

/// An endpoint that is bound to an app hears the tokens that the app's users are sent: whoever decides where it is can act
/// as each of them. So can who has the app's client secret, and therefore that is what one must be able to get.
///
/// # Errors
/// `not_found` for an app that is not the organization's; `forbidden` for who may not replace its secret.
fn permit_tokens(tx: &mut dyn Transaction, permit: &Permit<WebhookManage>, app: Option<AppId>) -> Result<()> {
    let Some(app) = app else { return Ok(()) };
    let (_, app) = locate_app(tx, &Acting::<AppRotateSecret>::new(permit.caller().clone())?, app)?;
    if app.owner == permit.organization() { Ok(()) } else { Err(Error::not_found()) }
}
