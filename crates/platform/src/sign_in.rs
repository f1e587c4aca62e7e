//! Sign-in with a password.

use identity::{Account, SignInMethod, password::Password};
use kernel::{Client, Code, Email, Error, Result};

use crate::{
    Door, Platform,
    sessions::{Opened, SignedInUser, sign_in_event},
};

/// What the ledger calls it.
const METHOD: SignInMethod = SignInMethod::Password;

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
    Known(Box<Account>, Opened),
    Refused(Code),
}

impl Platform {
    /// Begins a session, or asks for a second factor.
    ///
    /// # Errors
    /// `invalid_credentials`, the same for an unknown address and a wrong password; `account_locked` after too many of
    /// them; with the right password `account_disabled`, `email_not_verified`, `mfa_required` or
    /// `mfa_enrollment_required`.
    pub async fn sign_in(&self, presented: SignIn) -> Result<SignedInUser> {
        let SignIn { door, email, password, client } = presented;
        let compared = self.compare_password(&door, &email, password).await?;
        let (way_in, signer, now) = (self.way_in(client, METHOD), self.signer().await?, self.now());
        let settings = door.settings().clone();
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
            let opened = way_in.open(tx, &settings, &account, now)?;
            if let Opened::In(_) = opened {
                tx.append(&sign_in_event(&account, METHOD.name(), None, now))?;
            }
            Ok(Outcome::Known(Box::new(account), opened))
        });
        match outcome.await? {
            Outcome::Refused(code) => Err(Error::new(code)),
            Outcome::Known(account, opened) => self.let_in(signer, &door, *account, opened, now).await,
        }
    }
}
