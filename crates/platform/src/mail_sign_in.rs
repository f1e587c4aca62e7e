//! Signing in with what was mailed: whoever reads the mail owns the address.

use apps::AppSettings;
use identity::{Account, EmailProof, SignInMethod};
use kernel::{Client, Event, EventKind, Result, Timestamp};
use serde_json::json;

use crate::{
    Door, Platform, Transaction,
    accounts::account_event,
    sessions::{Begun, SignedInUser, begin_session},
    take_over::take_over,
};

/// Whether a mail may open the account. Who runs the platform under an address that nobody has proven yet signs in with
/// what they have: the mailbox may be a stranger's.
pub(crate) fn may_enter_by_mail(account: &Account) -> bool {
    !account.platform_admin || account.proof.is_some_and(EmailProof::by_the_owner)
}

/// Begins a session for whoever has shown what was mailed to the account's address, and proves the address by it. A lock
/// on the password stays as it is, and stops nobody here. `None` for an account that is closed, or that no mail may open.
pub(crate) fn enter_by_mail(
    tx: &mut dyn Transaction,
    account: Account,
    method: SignInMethod,
    client: &Client,
    now: Timestamp,
) -> Result<Option<(Account, Begun)>> {
    let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
    let closed = account.disabled_at.is_some() || app.as_ref().is_some_and(|app| app.disabled_at.is_some());
    let settings = app.map_or_else(AppSettings::default, |app| app.settings);
    if closed || !may_enter_by_mail(&account) || !allowed(&settings, method) {
        return Ok(None);
    }
    let account = take_over(tx, account, EmailProof::Confirmed, now, now)?;
    let begun = begin_session(tx, &account, method, client, settings.refresh_token_seconds, now)?;
    tx.append(&Event {
        payload: json!({ "principal_id": account.principal, "method": method.name() }),
        ..account_event(EventKind::AuthLogin, &account, now)
    })?;
    Ok(Some((account, begun)))
}

/// Whether an app lets people in like this.
pub(crate) fn allowed(settings: &AppSettings, method: SignInMethod) -> bool {
    match method {
        SignInMethod::MagicLink => settings.magic_links,
        SignInMethod::EmailCode => settings.email_codes,
        SignInMethod::Password => true,
    }
}

impl Platform {
    /// Writes the tokens of somebody who has entered, once that is committed.
    pub(crate) fn let_in(
        &self,
        door: &Door,
        (account, begun): (Account, Begun),
        now: Timestamp,
    ) -> Result<SignedInUser> {
        metrics::counter!("fabric_sign_ins_total").increment(1);
        let tokens = self.write_tokens(door, &account, begun, now)?;
        Ok(SignedInUser { account, tokens })
    }
}
