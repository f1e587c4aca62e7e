//! The secret that an organization's webhooks are signed with.

use authz::{Acting, action::WebhookSecretRotate};
use kernel::{Event, EventKind, Result, Secret, Timestamp, id::OrganizationId};
use webhooks::{Signing, write_signing_secret};

use crate::{Platform, permit::permit};

/// A new secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedWebhookSecret {
    /// Whose.
    pub organization: OrganizationId,
    /// The secret in clear.
    pub secret: Secret,
    /// Since when.
    pub created_at: Timestamp,
}

impl Platform {
    /// Gives an organization another signing secret, or its first. The one before signs nothing any more.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn rotate_webhook_secret(
        &self,
        acting: Acting<WebhookSecretRotate>,
        id: OrganizationId,
    ) -> Result<IssuedWebhookSecret> {
        let (now, secret, sealing) = (self.now(), write_signing_secret(rand::random()), &self.keys().sealing);
        let (key, sealed) = (sealing.current()?, sealing.seal(&secret, &place(id))?);
        let rotated = self.store().write(move |tx| {
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            tx.note_sealing_key(key, now)?;
            let url = tx.signing(&permit)?.and_then(|before| before.url);
            tx.set_signing(&permit, &Signing { secret: sealed.clone(), url, previous: None, created_at: now })?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                ..Event::new(EventKind::OrganizationWebhookSecretRotated, now)
            })
        });
        rotated.await?;
        Ok(IssuedWebhookSecret { organization: id, secret, created_at: now })
    }
}

/// What a signing secret is bound to.
pub(crate) fn place(organization: OrganizationId) -> Vec<u8> {
    [b"signing secret ".as_slice(), organization.0.as_bytes()].concat()
}
