//! The passkeys of somebody else, for whoever manages their account: to look at, and to remove for who has lost the device.

use authz::{
    Acting,
    action::{UserManage, UserRead},
};
use identity::Passkey;
use kernel::{
    Error, Event, EventKind, Result,
    id::{PasskeyId, PrincipalId},
};

use crate::{AppHint, Platform, passkeys::passkey_event, user_administration::managed_for};

impl Platform {
    /// An account's passkeys, oldest first.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`.
    pub async fn passkeys_of_user(
        &self,
        acting: Acting<UserRead>,
        hint: Option<AppHint>,
        principal: PrincipalId,
    ) -> Result<Vec<Passkey>> {
        let held = self.store().read(move |tx| {
            let permit = managed_for(tx, &acting, hint.as_ref(), Some(principal))?;
            let account = tx.account_in(&permit, principal)?.ok_or_else(Error::not_found)?;
            tx.passkeys_of(account.id)
        });
        held.await
    }

    /// Removes one of an account's passkeys, the last one and the last way in too: its owner may be helped to another.
    /// Sessions that began with it go on.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`, the same for what is not this account's.
    pub async fn remove_passkey_of_user(
        &self,
        acting: Acting<UserManage>,
        hint: Option<AppHint>,
        principal: PrincipalId,
        id: PasskeyId,
    ) -> Result<()> {
        let now = self.now();
        let removed = self.store().write(move |tx| {
            let permit = managed_for(tx, &acting, hint.as_ref(), Some(principal))?;
            let account = tx.account_in(&permit, principal)?.ok_or_else(Error::not_found)?;
            let passkey = tx.remove_passkey(account.id, id)?.ok_or_else(Error::not_found)?;
            let event = passkey_event(EventKind::AuthPasskeyRemoved, &account, &passkey, now);
            tx.append(&Event { actor: Some(permit.principal()), ..event })
        });
        removed.await
    }
}
