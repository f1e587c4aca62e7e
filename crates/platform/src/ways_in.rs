//! Nobody takes their own last way in away.

use apps::{App, AppSettings};
use identity::{Account, Link, SignInMethod, link::SUPABASE};
use kernel::{Code, Error, Result};

use crate::{
    Platform, Transaction,
    mail_sign_in::{allowed, may_enter_by_mail},
};

/// How people get in to the platform itself; how they get in to an app is in the database.
pub(crate) struct WaysIn {
    settings: AppSettings,
    /// At which other providers.
    providers: Vec<String>,
    /// Whether anybody may vouch for them.
    development: bool,
}

impl Platform {
    pub(crate) fn ways_in(&self) -> WaysIn {
        let settings = self.settings();
        let own = settings.social_providers.iter().filter(|_| self.providers.is_some()).map(|own| own.name.clone());
        let supabase = self.keys().supabase.as_ref().map(|_| SUPABASE.to_owned());
        WaysIn {
            settings: settings.of_the_platform(),
            providers: own.chain(supabase).collect(),
            development: settings.development(),
        }
    }
}

impl WaysIn {
    /// Makes sure that an account has a way in, once one was taken away: a password, who its owner is at another provider, a
    /// passkey, or what the app mails. The principal is held, or of two who take away at once each would leave the other's.
    ///
    /// # Errors
    /// `last_auth_method` where there is none left.
    pub fn keep_one(&self, tx: &mut dyn Transaction, account: &Account) -> Result<()> {
        if account.password.is_some() {
            return Ok(());
        }
        for link in tx.links_of(account.id)? {
            if self.enters_by_link(tx, &link)? {
                return Ok(());
            }
        }
        let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
        if enters_by_passkey(tx, account, app.as_ref().map_or(&self.settings, |app| &app.settings))? {
            return Ok(());
        }
        if app.is_some_and(|app| enters_by_mail(&app, account)) {
            Ok(())
        } else {
            Err(Error::new(Code::LastAuthMethod))
        }
    }

    /// Whether somebody still gets in by who they are there. Of an app's providers, one that was taken away lets nobody in;
    /// for one that Fabric never knew the app vouches itself.
    fn enters_by_link(&self, tx: &mut dyn Transaction, link: &Link) -> Result<bool> {
        match link.app {
            None => Ok(self.development || self.providers.contains(&link.provider)),
            Some(app) => {
                let was_known = tx.place_of_social_provider(app, &link.provider)?.is_some();
                Ok(!was_known || tx.social_provider(app, &link.provider)?.is_some())
            }
        }
    }
}

/// Whether the account has a passkey that signs in where it is used now: one for another domain does not.
fn enters_by_passkey(tx: &mut dyn Transaction, account: &Account, settings: &AppSettings) -> Result<bool> {
    let party = settings.passkeys.relying_party(settings.site_url.as_ref()).ok().flatten();
    let Some(party) = party.filter(|_| cfg!(feature = "passkeys")) else { return Ok(false) };
    Ok(tx.passkeys_of(account.id)?.iter().any(|passkey| passkey.rp_id == party.id.as_str()))
}

/// Whether the account's app lets its owner in with what is mailed to them, to an address that was proven: another one may
/// be a stranger's. For the platform's own accounts it does not count: whether anything is mailed is the operator's business.
fn enters_by_mail(app: &App, account: &Account) -> bool {
    let mailed = [SignInMethod::MagicLink, SignInMethod::EmailCode];
    let is_theirs = account.email_verified() && may_enter_by_mail(account);
    is_theirs && mailed.into_iter().any(|method| allowed(&app.settings, method))
}
