//! Signing in with what was mailed: whoever reads the mail owns the address.

use apps::AppSettings;
use identity::{Account, EmailProof, SignInMethod};
use kernel::{Result, Timestamp};

use crate::{
    Transaction,
    admission::{Admission, Admitted, WayIn},
    take_over::take_over,
};

/// Whether a mail may open the account. Who runs the platform under an address that nobody has proven yet signs in with
/// what they have: the mailbox may be a stranger's.
pub(crate) fn may_enter_by_mail(account: &Account) -> bool {
    !account.platform_admin || account.proof.is_some_and(EmailProof::by_the_owner)
}

/// Lets somebody in who has shown what was mailed to the account's address, and proves the address by it: a session begins,
/// or a second factor is asked for, as its app or the platform wants it. A lock on the password stays as it is, and stops
/// nobody here. `None` for an account that is closed, or that no mail may open.
pub(crate) fn enter_by_mail(
    tx: &mut dyn Transaction,
    account: Account,
    platform: &AppSettings,
    way_in: &WayIn,
    now: Timestamp,
) -> Result<Option<Admitted>> {
    let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
    let closed = account.disabled_at.is_some() || app.as_ref().is_some_and(|app| app.disabled_at.is_some());
    let settings = app.as_ref().map_or(platform, |app| &app.settings);
    if closed || !may_enter_by_mail(&account) || !allowed(settings, way_in.method()) {
        return Ok(None);
    }
    let account = take_over(tx, account, EmailProof::Confirmed, now, now)?;
    // It is neither closed nor unproven any more, so that nothing is refused behind what was done.
    way_in.admit(tx, settings, account, now).map(Admission::ok)
}

/// Whether an app lets people in like this.
pub(crate) fn allowed(settings: &AppSettings, method: SignInMethod) -> bool {
    match method {
        SignInMethod::MagicLink => settings.magic_links,
        SignInMethod::EmailCode => settings.email_codes,
        SignInMethod::Passkey => settings.passkeys.enabled,
        SignInMethod::Password | SignInMethod::Social => true,
    }
}
