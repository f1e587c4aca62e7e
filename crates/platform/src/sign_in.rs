//! Sign-in with a password.

use identity::{Account, SignInMethod, password::Password};
use kernel::{Client, Code, Email, Error, Event, EventKind, Result};
use serde_json::json;

use crate::{
    Door, Platform,
    accounts::account_event,
    sessions::{Begun, SignedInUser, begin_session},
};

/// What somebody shows to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Where they come to.
    pub door: Door,
    /// Their address.
    pub email: Email,
    /// What they say their password is.
    pub password: Password,
    /// Their device.
    pub client: Client,
}

enum Outcome {
    In(Box<Account>, Begun),
    Refused(Code),
}

impl Platform {
    /// Begins a session.
    ///
    /// # Errors
    /// `invalid_credentials`, the same for an unknown address and a wrong password; `account_locked` after too many of
    /// them; with the right password `account_disabled` or `email_not_verified`.
    pub async fn sign_in(&self, presented: SignIn) -> Result<SignedInUser> {
        let SignIn { door, email, password, client } = presented;
        let compared = self.compare_password(&door, &email, password).await?;
        let (settings, signer, now) = (door.settings().clone(), self.signer().await?, self.now());
        let outcome = self.store().write(move |tx| {
            let Some(account) = compared.settle(tx, now)? else {
                return Ok(Outcome::Refused(Code::InvalidCredentials));
            };
            if account.disabled_at.is_some() {
                return Ok(Outcome::Refused(Code::AccountDisabled));
            }
            if settings.require_verified_email && !account.email_verified() {
                return Ok(Outcome::Refused(Code::EmailNotVerified));
            }
            let begun =
                begin_session(tx, &account, SignInMethod::Password, &client, settings.refresh_token_seconds, now)?;
            tx.append(&Event {
                payload: json!({ "principal_id": account.principal, "method": SignInMethod::Password.name() }),
                ..account_event(EventKind::AuthLogin, &account, now)
            })?;
            Ok(Outcome::In(Box::new(account), begun))
        });
        match outcome.await? {
            Outcome::Refused(code) => Err(Error::new(code)),
            Outcome::In(account, begun) => {
                metrics::counter!("fabric_sign_ins_total").increment(1);
                let tokens = self.write_tokens(signer, &door, &account, begun, now).await?;
                Ok(SignedInUser { account: *account, tokens })
            }
        }
    }
}
