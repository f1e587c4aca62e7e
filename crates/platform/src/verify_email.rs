//! Proving an address.

use identity::{Account, EmailProof, Purpose};
use kernel::{Code, Email, Error, Event, EventKind, Result, Secret, Timestamp, secret::ExposeSecret};
use serde_json::json;

use crate::{
    Door, Platform, Transaction,
    accounts::{account_event, is_closed},
    records::MailOrder,
};

/// An address that was just proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where the person goes on: the app's own site or the platform's, if there is one.
    pub site: Option<String>,
}

/// Notes that an address is its owner's, unless that is known better already.
pub(crate) fn prove(tx: &mut dyn Transaction, account: &Account, proof: EmailProof, now: Timestamp) -> Result<()> {
    if account.proof.is_some_and(EmailProof::by_the_owner) {
        return Ok(());
    }
    tx.update_account(&Account { proof: Some(proof), updated_at: now, ..account.clone() })?;
    tx.append(&Event {
        payload: json!({ "principal_id": account.principal, "email": account.email.as_str() }),
        ..account_event(EventKind::AuthEmailVerified, account, now)
    })
}

impl Platform {
    /// Asks for another link. The same is done and answered for every address.
    ///
    /// # Errors
    /// `too_many_requests` for who has asked for too many mails, to whatever addresses.
    pub async fn resend_verification(&self, door: Door, email: Email) -> Result<()> {
        self.order_mail(door, email, MailOrder::VerifyEmail).await
    }

    /// Proves an address by the token that was sent there. `proof` says whether somebody acted or a link was merely
    /// fetched.
    ///
    /// # Errors
    /// `invalid_token` when the link was used, has expired, or went to an address that is not the account's any more;
    /// `confirmation_required` when a link was fetched and the app wants a button in between: it is not spent then.
    pub async fn verify_email(&self, token: &Secret, proof: EmailProof) -> Result<Verified> {
        let hash = self.keys().one_time.hash(Purpose::VerifyEmail, token.expose_secret());
        let (now, site) = (self.now(), self.settings().site_url.clone());
        let verified = self.store().write(move |tx| {
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.consume_one_time_token(Purpose::VerifyEmail, hash, now)?.ok_or_else(invalid)?;
            let account = tx.account(token.account)?.filter(|account| account.email == token.email);
            let account = account.ok_or_else(invalid)?;
            if is_closed(tx, &account)? {
                return Err(invalid());
            }
            tx.void_one_time_tokens(account.id, Purpose::VerifyEmail, now)?;
            let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
            let settings = app.map(|app| app.settings);
            if proof == EmailProof::Link && settings.as_ref().is_some_and(|settings| settings.confirm_links) {
                return Err(Error::new(Code::ConfirmationRequired));
            }
            prove(tx, &account, proof, now)?;
            let own = settings.and_then(|settings| settings.site_url).map(|url| url.as_str().to_owned());
            Ok(Verified { site: own.or_else(|| site.clone()) })
        });
        verified.await
    }
}
