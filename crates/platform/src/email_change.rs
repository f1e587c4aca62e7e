//! Another address for an account.
//!
//! Whoever wants it has signed in a moment ago, and confirms it signed in, by what was mailed there: so nobody takes an
//! address that is not theirs, and nobody who follows a link in a mail gives theirs to a stranger's account. The address of
//! before is told, where its owner had proven it, and can take the change back for three days; until then nobody else
//! gets it.

use authz::SignedIn;
use identity::{Account, EmailProof, FormerAddress, Purpose};
use kernel::{
    Code, Email, Error, Event, EventKind, Result, Secret, Timestamp,
    id::{AccountId, AppId, FormerAddressId},
    secret::ExposeSecret,
};
use serde_json::{Value, json};

use crate::{
    Platform, Transaction,
    accounts::{account_event, is_closed},
    reauthentication::Reauthentication,
    records::{MailOrder, QueuedMail},
    take_over::{Kept, hand_over},
};

impl Platform {
    /// Asks for a link that gives the caller's account another address. The same is answered whether the address is
    /// another account's already or not: nothing is mailed to it then.
    ///
    /// # Errors
    /// `reauthentication_required` long after the sign-in, and what a wrong password or code is; `invalid_request` for the
    /// address that the account has; `too_many_requests` for who has asked for too many mails.
    pub async fn request_email_change(&self, caller: SignedIn, email: Email, shown: Reauthentication) -> Result<()> {
        let (compared, desk, now) = (self.compare(&caller, shown).await?, self.mail_desk(), self.now());
        let asked = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = compared.settle(tx, &caller, &account, now)? {
                return Ok(Some(refused));
            }
            // As errors, here and below, so that no code is used up where nothing comes of it.
            if account.email == email {
                return Err(Error::because(Code::InvalidRequest, "The account has this address already."));
            }
            let payload = json!({ "account_id": account.id, "epoch": account.epoch });
            let mail = QueuedMail::new(account.app, email.clone(), MailOrder::ChangeEmail, now);
            desk.order(tx, QueuedMail { payload: Some(payload), ..mail })?;
            Ok(None)
        });
        asked.await?.map_or(Ok(()), |refused| Err(Error::new(refused)))
    }

    /// Gives the caller's account the address that the token was mailed to. Sessions go on; links that were mailed to the
    /// address of before are good for nothing any more.
    ///
    /// # Errors
    /// `invalid_token` when the token was used, has expired, or is of another account; `email_taken` when somebody else was
    /// faster.
    pub async fn confirm_email_change(&self, caller: SignedIn, token: &Secret) -> Result<()> {
        let hash = self.keys().one_time.hash(Purpose::ChangeEmail, token.expose_secret());
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.consume_one_time_token(Purpose::ChangeEmail, hash, now)?.ok_or_else(invalid)?;
            // As an error, so that the token of another's account is not used up.
            let account = tx.account(token.account)?.filter(|account| account.id == caller.account);
            let account = account.filter(|account| account.email != token.email).ok_or_else(invalid)?;
            if is_closed(tx, &account)? {
                return Err(invalid());
            }
            change(tx, account, token.email, now)
        });
        changed.await
    }

    /// Whether the token of a link takes a change back. Nothing is used up: mail scanners follow links.
    ///
    /// # Errors
    /// `invalid_token`.
    pub async fn email_change_to_undo(&self, token: &Secret) -> Result<()> {
        let hash = self.keys().one_time.hash(Purpose::UndoEmailChange, token.expose_secret());
        let now = self.now();
        let found = self.store().read(move |tx| tx.one_time_token(Purpose::UndoEmailChange, hash, now));
        found.await?.map(drop).ok_or_else(|| Error::new(Code::InvalidToken))
    }

    /// Gives an account back to who had the address that the token was mailed to. Whoever changed it was somebody else: so
    /// nothing that opened the account does any more, and a link for another password is mailed.
    ///
    /// # Errors
    /// `invalid_token` when the token was used or has expired, or what came before was taken back.
    pub async fn undo_email_change(&self, token: &Secret) -> Result<()> {
        let hash = self.keys().one_time.hash(Purpose::UndoEmailChange, token.expose_secret());
        let (now, locale) = (self.now(), self.language());
        let undone = self.store().write(move |tx| {
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.consume_one_time_token(Purpose::UndoEmailChange, hash, now)?.ok_or_else(invalid)?;
            let account = tx.account(token.account)?.ok_or_else(invalid)?;
            if is_closed(tx, &account)? {
                return Err(invalid());
            }
            let left = tx.former_addresses_of(account.id, now)?;
            let back = left.iter().position(|former| former.email == token.email).ok_or_else(invalid)?;
            // Whoever changed the address may have enrolled a second factor of theirs. What the owner had made before goes on.
            let changed_at = left.get(back).map(|former| former.expires_at.before(Purpose::UndoEmailChange.lifetime()));
            let kept = Kept { second_factor: false, made_before: changed_at };
            // What was left later was never theirs: only what they had before they may still come back to.
            for later in left.iter().skip(back) {
                forget(tx, later, now)?;
            }
            let left = account.email.clone();
            let account = Account { email: token.email, ..account };
            let account = hand_over(tx, account, EmailProof::Confirmed, now, kept, now)?;
            tx.readdress_principal(account.principal, &left, &account.email)?;
            tx.append(&changed_event(EventKind::AuthEmailChangeUndone, &account, &left, now))?;
            let mail = QueuedMail::new(account.app, account.email, MailOrder::ResetPassword, now);
            tx.enqueue_mail(&QueuedMail { locale, ..mail })
        });
        undone.await
    }
}

fn change(tx: &mut dyn Transaction, account: Account, email: Email, now: Timestamp) -> Result<()> {
    let left = account.email.clone();
    // Proven by a link that was merely fetched, too: whoever reads the mail of that address could have asked for another
    // password a moment ago.
    let proven = account.email_verified();
    let account = Account { email, proof: Some(EmailProof::Confirmed), updated_at: now, ..account };
    tx.update_account(&account)?;
    refuse_kept(tx, account.app, &account.email, Some(account.id), now)?;
    tx.readdress_principal(account.principal, &left, &account.email)?;
    for purpose in
        [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::MagicLink, Purpose::EmailCode, Purpose::ChangeEmail]
    {
        tx.void_one_time_tokens(account.id, purpose, now)?;
    }
    let before = tx.former_addresses_of(account.id, now)?;
    let back = before.iter().position(|former| former.email == account.email);
    tx.append(&changed_event(EventKind::AuthEmailChanged, &account, &left, now))?;
    if let Some(back) = back {
        // Whoever goes back to what they had takes with it what came after, as the link does: a thief is told nothing, and
        // has no link.
        for later in before.iter().skip(back) {
            forget(tx, later, now)?;
        }
    } else if proven {
        tx.keep_former_address(&FormerAddress {
            id: FormerAddressId::generate(),
            app: account.app,
            account: account.id,
            email: left.clone(),
            expires_at: FormerAddress::term(now, &before),
        })?;
        tx.enqueue_mail(&QueuedMail::new(account.app, left, MailOrder::EmailChanged, now))?;
    } else {
        tx.enqueue_mail(&QueuedMail::new(account.app, left, MailOrder::AddressLeft, now))?;
    }
    Ok(())
}

/// Lets a former address go, with what was mailed there to come back to it.
fn forget(tx: &mut dyn Transaction, former: &FormerAddress, now: Timestamp) -> Result<()> {
    for token in tx.live_one_time_tokens(former.account, Purpose::UndoEmailChange, now)? {
        if token.email == former.email {
            tx.consume_one_time_token(Purpose::UndoEmailChange, token.hash, now)?;
        }
    }
    tx.forget_former_address(former.id)
}

/// Refuses an address that somebody has left and may come back to. Asked after the account has it: whoever left it at the
/// same moment is waited for, and seen.
///
/// # Errors
/// `email_taken`.
pub(crate) fn refuse_kept(
    tx: &mut dyn Transaction,
    app: Option<AppId>,
    email: &Email,
    account: Option<AccountId>,
    now: Timestamp,
) -> Result<()> {
    match tx.former_address(app, email, now)? {
        Some(former) if Some(former.account) != account => Err(Error::new(Code::EmailTaken)),
        _ => Ok(()),
    }
}

/// The account that a mail may give its address to. `None` for an address that is not to be had, and when every session of
/// the account has ended since it was asked for.
pub(crate) fn account_to_readdress(
    tx: &mut dyn Transaction,
    mail: &QueuedMail,
    now: Timestamp,
) -> Result<Option<Account>> {
    let said = |name: &str| mail.payload.as_ref().and_then(|payload| payload.get(name));
    let id = said("account_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let account = id.map(|id| tx.account(id)).transpose()?.flatten();
    let account = account.filter(|account| said("epoch").and_then(Value::as_i64) == Some(account.epoch.into()));
    let kept = tx.former_address(mail.app, &mail.recipient, now)?;
    let others = kept.is_some_and(|former| account.as_ref().is_none_or(|account| account.id != former.account));
    if others || tx.account_by_email(mail.app, &mail.recipient)?.is_some() {
        return Ok(None);
    }
    Ok(account)
}

fn changed_event(kind: EventKind, account: &Account, left: &Email, now: Timestamp) -> Event {
    Event {
        payload: json!({
            "principal_id": account.principal, "email": account.email.as_str(), "former_email": left.as_str(),
        }),
        ..account_event(kind, account, now)
    }
}
