//! Passwords that are forgotten, reset or changed.

use authz::SignedIn;
use identity::{
    Account, EmailProof, LockoutKey, Purpose,
    password::{Password, PasswordHash},
};
use kernel::{Code, Email, Error, Event, EventKind, Result, Secret, Timestamp, id::PrincipalId, secret::ExposeSecret};

use crate::{
    Door, Platform, Transaction,
    accounts::{account_event, is_closed},
    reauthentication::Reauthentication,
    records::MailOrder,
    second_factor::ShownFactor,
    sessions::end_everything,
    take_over::take_over,
};

impl Platform {
    /// Asks for a link that sets another password. The same is done and answered for every address; whether there is an
    /// account is found out when the mail is written.
    ///
    /// # Errors
    /// `too_many_requests` for who has asked for too many mails, to whatever addresses.
    pub async fn forgot_password(&self, door: Door, email: Email) -> Result<()> {
        self.order_mail(door, email, MailOrder::ResetPassword).await
    }

    /// Sets another password by link: every session ends, every lock too, and the address counts as proven.
    ///
    /// # Errors
    /// `invalid_token` when the link was used, has expired, or went to an address that is not the account's any more.
    pub async fn reset_password(&self, token: &Secret, password: Password) -> Result<()> {
        let hash = self.keys().one_time.hash(Purpose::ResetPassword, token.expose_secret());
        let password = self.hash_chosen(password).await?;
        let (now, lockout) = (self.now(), self.keys().lockout);
        let reset = self.store().write(move |tx| {
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.consume_one_time_token(Purpose::ResetPassword, hash, now)?.ok_or_else(invalid)?;
            let account = tx.account(token.account)?.filter(|account| account.email == token.email);
            let account = account.ok_or_else(invalid)?;
            if is_closed(tx, &account)? {
                return Err(invalid());
            }
            let account = take_over(tx, account, EmailProof::Confirmed, now, now)?;
            set_password(tx, &account, &password, Some(account.principal), now)?;
            tx.clear_lockout(LockoutKey::new(&lockout, account.app, &account.email))?;
            tx.append(&account_event(EventKind::AuthPasswordReset, &account, now))
        });
        reset.await
    }

    /// Changes the caller's password: every session ends, this one too. A second factor is shown as well where a sign-in
    /// takes one, unless that was a moment ago.
    ///
    /// # Errors
    /// `invalid_credentials` when the present password is another; `account_locked` after too many such;
    /// `reauthentication_required` for a password alone where a sign-in takes more; `invalid_code`, `mfa_locked`.
    pub async fn change_password(
        &self,
        caller: SignedIn,
        current: Password,
        factor: Option<ShownFactor>,
        new: Password,
    ) -> Result<()> {
        let shown = Reauthentication { password: Some(current), factor };
        let reauthenticated = self.compare(&caller, shown).await?;
        let password = self.hash_chosen(new).await?;
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)? {
                return Ok(Some(refused));
            }
            set_password(tx, &account, &password, Some(account.principal), now)?;
            Ok(None)
        });
        changed.await?.map_or(Ok(()), |refused| Err(Error::new(refused)))
    }
}

/// Sets another password and ends all that was signed in with the one before: sessions, tokens, and links to reset it.
/// However it came about, whoever wants to hear of changed passwords does.
pub(crate) fn set_password(
    tx: &mut dyn Transaction,
    account: &Account,
    password: &PasswordHash,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<()> {
    if !tx.replace_password(account.id, account.password.as_ref(), password)? {
        return Err(Error::because(Code::Conflict, "The password was changed at the same moment. Try again."));
    }
    end_everything(tx, account.id, now, now)?;
    tx.void_one_time_tokens(account.id, Purpose::ResetPassword, now)?;
    tx.append(&Event { actor, ..account_event(EventKind::AuthPasswordChanged, account, now) })
}
