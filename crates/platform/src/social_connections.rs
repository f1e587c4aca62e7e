//! Whom a person is linked to at other providers.

use authz::SignedIn;
use identity::{Account, Link, SignInMethod, link::Provider};
use kernel::{Code, Error, Event, EventKind, Result};
use serde_json::json;

use crate::{
    Platform, Transaction,
    mail_sign_in::{allowed, may_enter_by_mail},
    reauthentication::Reauthentication,
};

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
    /// `reauthentication_required` long after the sign-in; `not_found`; `last_auth_method` where neither a password nor another link is left to sign in with, and the app lets
    /// nobody in by mail.
    pub async fn disconnect_social(&self, caller: SignedIn, provider: Provider, shown: Reauthentication) -> Result<()> {
        let (reauthenticated, now) = (self.compare(&caller, shown).await?, self.now());
        let severed = self.store().write(move |tx| {
            // Of two who cut at once, each would leave the other's link.
            tx.hold_principal(caller.principal)?;
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)? {
                return Ok(Some(refused));
            }
            let left = tx.links_of(account.id)?.iter().any(|link| link.provider != provider.as_str());
            if !tx.sever(account.id, provider.as_str(), now)? {
                return Err(Error::not_found());
            }
            if account.password.is_none() && !left && !enters_by_mail(tx, &account)? {
                return Err(Error::new(Code::LastAuthMethod));
            }
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

/// Whether the account's app lets its owner in with what is mailed to them. For the platform's own accounts it does not
/// count: whether anything is mailed is the operator's business.
fn enters_by_mail(tx: &mut dyn Transaction, account: &Account) -> Result<bool> {
    let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
    let mailed = [SignInMethod::MagicLink, SignInMethod::EmailCode];
    let by_mail = app.is_some_and(|app| mailed.into_iter().any(|method| allowed(&app.settings, method)));
    Ok(by_mail && may_enter_by_mail(account))
}
