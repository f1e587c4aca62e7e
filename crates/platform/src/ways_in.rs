//! Nobody takes their own last way in away.

use apps::{App, AppSettings};
use identity::{Account, SignInMethod};
use kernel::{Code, Error, Result};

use crate::{
    Transaction,
    mail_sign_in::{allowed, may_enter_by_mail},
};

/// Makes sure that an account has a way in, once one was taken away: a password, who its owner is at another provider, a
/// passkey, or what the app mails. The principal is held, or of two who take away at once each would leave the other's.
///
/// # Errors
/// `last_auth_method` where there is none left.
pub(crate) fn keep_a_way_in(tx: &mut dyn Transaction, account: &Account, platform: &AppSettings) -> Result<()> {
    if account.password.is_some() || !tx.links_of(account.id)?.is_empty() {
        return Ok(());
    }
    let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
    if enters_by_passkey(tx, account, app.as_ref().map_or(platform, |app| &app.settings))? {
        return Ok(());
    }
    if app.is_some_and(|app| enters_by_mail(&app, account)) { Ok(()) } else { Err(Error::new(Code::LastAuthMethod)) }
}

/// Whether the account has a passkey that signs in where it is used now: one for another domain does not.
fn enters_by_passkey(tx: &mut dyn Transaction, account: &Account, settings: &AppSettings) -> Result<bool> {
    let party = settings.passkeys.relying_party(settings.site_url.as_ref()).ok().flatten();
    let Some(party) = party.filter(|_| cfg!(feature = "passkeys")) else { return Ok(false) };
    Ok(tx.passkeys_of(account.id)?.iter().any(|passkey| passkey.rp_id == party.id.as_str()))
}

/// Whether the account's app lets its owner in with what is mailed to them. For the platform's own accounts it does not
/// count: whether anything is mailed is the operator's business.
fn enters_by_mail(app: &App, account: &Account) -> bool {
    let mailed = [SignInMethod::MagicLink, SignInMethod::EmailCode];
    may_enter_by_mail(account) && mailed.into_iter().any(|method| allowed(&app.settings, method))
}
