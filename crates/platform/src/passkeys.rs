//! The passkeys that somebody has: listed, renamed, removed.

use authz::SignedIn;
use identity::{Account, Passkey};
use kernel::{Error, Event, EventKind, Name, Result, Timestamp, id::PasskeyId};
use serde_json::json;

use crate::{Platform, accounts::account_event, reauthentication::Reauthentication};

impl Platform {
    /// The caller's passkeys, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn passkeys(&self, caller: SignedIn) -> Result<Vec<Passkey>> {
        self.store().read(move |tx| tx.passkeys_of(caller.account)).await
    }

    /// Gives one of the caller's passkeys another name.
    ///
    /// # Errors
    /// `not_found`, the same for another's and for what never was one.
    pub async fn rename_passkey(&self, caller: SignedIn, id: PasskeyId, name: Name) -> Result<Passkey> {
        let now = self.now();
        let renamed = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            let passkey = tx.rename_passkey(account.id, id, &name)?.ok_or_else(Error::not_found)?;
            tx.append(&passkey_event(EventKind::AuthPasskeyRenamed, &account, &passkey, now))?;
            Ok(passkey)
        });
        renamed.await
    }

    /// Removes one of the caller's passkeys. Sessions that began with it go on.
    ///
    /// # Errors
    /// `not_found`, as above; `last_auth_method` where there would be no way in any more; `reauthentication_required` long
    /// after the sign-in; `invalid_credentials`, `invalid_code`, `account_locked` or `mfa_locked` for what was shown.
    pub async fn remove_passkey(&self, caller: SignedIn, id: PasskeyId, shown: Reauthentication) -> Result<()> {
        let reauthenticated = self.compare(&caller, shown).await?;
        let (ways_in, now) = (self.ways_in(), self.now());
        let removed = self.store().write(move |tx| {
            tx.hold_principal(caller.principal)?;
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)? {
                return Ok(Err(refused));
            }
            let passkey = tx.remove_passkey(account.id, id)?.ok_or_else(Error::not_found)?;
            ways_in.keep_one(tx, &account)?;
            tx.append(&passkey_event(EventKind::AuthPasskeyRemoved, &account, &passkey, now))?;
            Ok(Ok(()))
        });
        removed.await?.map_err(Error::new)
    }
}

/// What the ledger has of a passkey: not what its owner calls it, for that may be their own name.
pub(crate) fn passkey_event(kind: EventKind, account: &Account, passkey: &Passkey, now: Timestamp) -> Event {
    let payload = json!({ "principal_id": account.principal, "passkey_id": passkey.id });
    Event { payload, ..account_event(kind, account, now) }
}
