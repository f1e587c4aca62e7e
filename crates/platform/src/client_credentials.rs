//! Client credentials: an app shows its secret, and acts for itself or for one of its users (RFC 6749, 4.4; RFC 8693).

use apps::{App, ClientId, credentials};
use identity::access_token::{Actor, Grant};
use kernel::{
    Code, Error, Result, Secret, Timestamp,
    id::{ClientSecretId, PrincipalId},
    secret::ExposeSecret,
};

use crate::{Door, Platform, Transaction};

/// What an app shows.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `foc_…`.
    pub client_id: String,
    /// `focs_…`.
    pub client_secret: Secret,
}

/// An access token for an app.
#[derive(Clone, Debug)]
pub struct AppToken {
    /// The token.
    pub access_token: Secret,
    /// How many seconds it lives.
    pub expires_in: u32,
}

/// How many seconds an app may act for a user with one token.
const EXCHANGED_SECONDS: u32 = 15 * 60;

impl Platform {
    /// A token with which the app acts for itself.
    ///
    /// # Errors
    /// `invalid_client`; `app_disabled`.
    pub async fn app_token(&self, credentials: ClientCredentials) -> Result<AppToken> {
        let now = self.now();
        let (app, secret) = self.store().read(move |tx| prove(tx, &credentials, now)).await?;
        let (id, expires_in) = (app.id, app.settings.access_token_seconds);
        let grant = Grant::App { secret };
        let access_token = self.write_access_token(&Door::of_app(app), id.into(), grant, expires_in, now)?;
        Ok(AppToken { access_token, expires_in })
    }

    /// A short-lived token with which the app acts for one of its users.
    ///
    /// # Errors
    /// `invalid_client`; `app_disabled`; `not_found` for everybody without an account in this app; `account_disabled`.
    pub async fn exchange_token(&self, credentials: ClientCredentials, subject: PrincipalId) -> Result<AppToken> {
        let now = self.now();
        let found = self.store().read(move |tx| {
            let (app, _) = prove(tx, &credentials, now)?;
            let account = tx.account_of(Some(app.id), subject)?.ok_or_else(Error::not_found)?;
            Ok((app, account))
        });
        let (app, account) = found.await?;
        if account.disabled_at.is_some() {
            return Err(Error::new(Code::AccountDisabled));
        }
        let door = Door::of_app(app);
        let act = Actor { sub: door.audience() };
        let grant = Grant::Exchange { account: account.id, epoch: account.epoch, act };
        let access_token = self.write_access_token(&door, account.principal, grant, EXCHANGED_SECONDS, now)?;
        Ok(AppToken { access_token, expires_in: EXCHANGED_SECONDS })
    }
}

/// The app whose secret this is, and which of its secrets. An unknown client costs as much as a wrong secret.
fn prove(tx: &mut dyn Transaction, shown: &ClientCredentials, now: Timestamp) -> Result<(App, ClientSecretId)> {
    let app = match ClientId::parse(&shown.client_id) {
        Some(client_id) => tx.app_by_client_id(&client_id)?,
        None => None,
    };
    let secrets = match &app {
        Some(app) => tx.client_secrets(app.id, now)?,
        None => Vec::new(),
    };
    let proven = credentials::proven(&secrets, shown.client_secret.expose_secret(), now);
    let (app, secret) = app.zip(proven).ok_or_else(|| Error::new(Code::InvalidClient))?;
    if app.disabled_at.is_some() {
        return Err(Error::new(Code::AppDisabled));
    }
    Ok((app, secret))
}
