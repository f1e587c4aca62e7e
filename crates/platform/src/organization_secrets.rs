//! Secrets that organizations keep. They come in and never go out again: whoever works for an organization reads them
//! from the repository, where they lie sealed.

use authz::{
    Acting, Resource,
    action::{SecretRead, SecretWrite},
};
use kernel::{Code, Error, Event, EventKind, Listed, Page, Result, Secret, id::OrganizationId};
use serde_json::json;
use tenancy::{OrganizationSecret, SecretName, secret::check_value};

use crate::{
    Platform,
    permit::{permit, permit_for},
};

/// The most secrets that one organization has.
const MOST: i64 = 500;

impl Platform {
    /// The organization's secrets, by name; their values stay where they are.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member.
    pub async fn secrets(
        &self,
        acting: Acting<SecretRead>,
        id: OrganizationId,
        page: Page<SecretName>,
    ) -> Result<Listed<OrganizationSecret, SecretName>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.secrets_in(&permit, &page)
        });
        listed.await
    }

    /// Sets a secret: a new one, or another value of one that is there.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `invalid_request` for a value that is empty or too long;
    /// `conflict` when there are too many.
    pub async fn set_secret(
        &self,
        acting: Acting<SecretWrite>,
        id: OrganizationId,
        name: SecretName,
        value: Secret,
    ) -> Result<OrganizationSecret> {
        check_value(&value)?;
        let sealing = &self.keys().sealing;
        let (key, sealed) = (sealing.current()?, sealing.seal(&value, &name.place(id))?);
        let now = self.now();
        let set = self.store().write(move |tx| {
            // First of all: those who set secrets at once are counted one after the other.
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            tx.note_sealing_key(key, now)?;
            let secret = tx.set_secret(&permit, &name, &sealed, now)?;
            if tx.count_secrets(&permit)? > MOST {
                return Err(Error::because(Code::Conflict, format!("An organization has at most {MOST} secrets.")));
            }
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "name": name.as_str() }),
                ..Event::new(EventKind::SecretSet, now)
            })?;
            Ok(secret)
        });
        set.await
    }

    /// Deletes a secret.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn delete_secret(&self, acting: Acting<SecretWrite>, id: OrganizationId, name: SecretName) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let permit = permit_for(tx, &acting, id, Resource::new("secret", name.as_str())?)?;
            tx.delete_secret(&permit, &name)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "name": name.as_str() }),
                ..Event::new(EventKind::SecretDeleted, now)
            })
        });
        deleted.await
    }
}
