//! The secret that an organization's webhooks are signed with.

use std::time::Duration;

use authz::{Acting, action::WebhookSecretRotate};
use kernel::{Event, EventKind, Result, Scope, Secret, Timestamp, id::OrganizationId};
use serde_json::json;
use webhooks::{PreviousSecret, Signing, write_signing_secret};

use crate::{
    Platform, Transaction, key_making::check_overlap, keys::Sealing, permit::permit,
    webhook_permits::permit_shared_secret,
};

/// A new secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedWebhookSecret {
    /// Whose.
    pub organization: OrganizationId,
    /// The secret in clear.
    pub secret: Secret,
    /// Until when deliveries are signed with the one before as well.
    pub previous_until: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Platform {
    /// Gives an organization another signing secret, or its first. The one before counts for the overlap, and none before
    /// that.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and where endpoints are signed for with it that are bound to an app
    /// whose secret the caller may not replace; `session_required` for an app that acts for its user; `invalid_setting`
    /// for too long an overlap.
    pub async fn rotate_webhook_secret(
        &self,
        acting: Acting<WebhookSecretRotate>,
        id: OrganizationId,
        overlap: Duration,
    ) -> Result<IssuedWebhookSecret> {
        check_overlap(overlap)?;
        let (now, secret, sealing) = (self.now(), write_signing_secret(rand::random()), &self.keys().sealing);
        let (key, sealed) = (sealing.current()?, sealing.seal(&secret, &place(id))?);
        let rotated = self.store().write(move |tx| {
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            permit_shared_secret(tx, &permit)?;
            permit.in_own_name()?;
            tx.note_sealing_key(key, now)?;
            let before = tx.signing(&permit)?.filter(|_| !overlap.is_zero());
            let previous = before.map(|before| PreviousSecret { secret: before.secret, until: now.after(overlap) });
            let previous_until = previous.as_ref().map(|previous| previous.until);
            tx.set_signing(&permit, &Signing { secret: sealed.clone(), previous, created_at: now })?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "previous_secret_until": previous_until }),
                ..Event::new(EventKind::OrganizationWebhookSecretRotated, now)
            })?;
            Ok((previous_until, tx.endpoints_of(&[id])?))
        });
        let (previous_until, endpoints) = rotated.await?;
        for endpoint in endpoints {
            self.in_hand().changed(endpoint.id);
        }
        Ok(IssuedWebhookSecret { organization: id, secret, previous_until, created_at: now })
    }
}

/// The organization's secret in clear; a new one, where it has none.
pub(crate) fn known_or_new(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    now: Timestamp,
) -> Result<Secret> {
    let place = place(scope.organization());
    if let Some(signing) = tx.signing(scope)? {
        return sealing.open(&signing.secret, &place);
    }
    let secret = write_signing_secret(rand::random());
    tx.note_sealing_key(sealing.current()?, now)?;
    let sealed = sealing.seal(&secret, &place)?;
    tx.insert_signing(scope, &Signing { secret: sealed, previous: None, created_at: now })?;
    Ok(secret)
}

/// What a signing secret is bound to.
pub(crate) fn place(organization: OrganizationId) -> Vec<u8> {
    [b"signing secret ".as_slice(), organization.0.as_bytes()].concat()
}
