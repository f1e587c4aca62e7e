//! Whom a person is linked to at other providers.

use authz::SignedIn;
use identity::{Link, link::Provider};
use kernel::{Error, Event, EventKind, Result};
use serde_json::json;

use crate::{Platform, reauthentication::Reauthentication};

impl Platform {
    /// Whom the caller's account is linked to, by provider.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn social_connections(&self, caller: SignedIn) -> Result<Vec<Link>> {
        self.store().read(move |tx| tx.links_of(caller.account)).await
    }

    /// Cuts the link to a provider. What it issued before lets nobody in any more.
    ///
    /// # Errors
    /// `reauthentication_required` long after the sign-in; `not_found`; `last_auth_method` where there would be no way in
    /// any more.
    pub async fn disconnect_social(&self, caller: SignedIn, provider: Provider, shown: Reauthentication) -> Result<()> {
        let (reauthenticated, now) = (self.compare(&caller, shown).await?, self.now());
        let ways_in = self.ways_in();
        let severed = self.store().write(move |tx| {
            // Of two who cut at once, each would leave the other's link.
            tx.hold_principal(caller.principal)?;
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            // When somebody signed in at another issuer is not known, and they have nothing to show.
            if caller.session.is_some()
                && let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)?
            {
                return Ok(Some(refused));
            }
            if !tx.sever(account.id, provider.as_str(), now)? {
                return Err(Error::not_found());
            }
            ways_in.keep_one(tx, &account)?;
            tx.append(&Event {
                app: account.app,
                actor: Some(account.principal),
                payload: json!({ "principal_id": account.principal, "provider": provider.as_str() }),
                ..Event::new(EventKind::AuthSocialDisconnected, now)
            })?;
            Ok(None)
        });
        severed.await?.map_or(Ok(()), |refused| Err(Error::new(refused)))
    }
}
