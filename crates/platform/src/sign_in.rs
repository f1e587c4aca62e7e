//! Sign-in with a password.

use identity::{SignInMethod, password::Password};
use kernel::{Client, Code, Email, Error, Result};

use crate::{Door, Platform, sessions::SignedInUser};

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
        let (way_in, signer, now) = (self.way_in(client, SignInMethod::Password), self.signer().await?, self.now());
        let settings = door.settings().clone();
        let admission = self.store().write(move |tx| match compared.settle(tx, now)? {
            Some(account) => way_in.admit(tx, &settings, account, now),
            None => Ok(Err(Code::InvalidCredentials)),
        });
        let admitted = admission.await?.map_err(Error::new)?;
        self.let_in(signer, &door, admitted).await
    }
}
