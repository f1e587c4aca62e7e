//! Client credentials: an app shows its secret, and acts for itself or for one of its users (RFC 6749, 4.4; RFC 8693).

use apps::{App, ClientId, OauthClient, credentials};
use authz::{Caller, Credential};
use identity::access_token::{Actor, Grant};
use kernel::{
    Code, Error, Result, Secret, SecretHash, Timestamp,
    id::{ClientSecretId, PrincipalId},
    secret::ExposeSecret,
};

use crate::{Door, Platform, Transaction, sessions::Said};

/// What an app shows.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `foc_…`.
    pub client_id: String,
    /// `focs_…`.
    pub client_secret: Secret,
}

/// An access token for an app, or for a service account.
#[derive(Clone, Debug)]
pub struct AppToken {
    /// The token.
    pub access_token: Secret,
    /// How many seconds it lives.
    pub expires_in: u32,
    /// What it is good for; none at all means everything that its principal may.
    pub scopes: Vec<String>,
}

/// How many seconds an app may act for a user with one token.
const EXCHANGED_SECONDS: u32 = 15 * 60;

impl Platform {
    /// A token with which the app acts for itself, or an OAuth client as its service account.
    ///
    /// # Errors
    /// `invalid_client`; `app_disabled`; `account_disabled` for a disabled service account.
    pub async fn app_token(&self, credentials: ClientCredentials) -> Result<AppToken> {
        let now = self.now();
        let (door, principal, grant, scopes) = match self.store().read(move |tx| prove(tx, &credentials, now)).await? {
            Proven::App(app, secret) => {
                let principal = app.id.into();
                (Door::of_app(*app), principal, Grant::App { secret }, Vec::new())
            }
            Proven::Client(client) => {
                let door = self.door_of(client.app).await?;
                (door, client.principal(), Grant::Client { client: client.id }, client.scopes)
            }
        };
        let expires_in = door.settings().access_token_seconds;
        let signer = self.signer().await?;
        let said = Said { subject: principal, grant, amr: Vec::new() };
        let access_token = self.write_access_token(signer, &door, said, expires_in, now).await?;
        Ok(AppToken { access_token, expires_in, scopes })
    }

    /// An app that shows its secret, as a caller: what it gets with a token it has at once.
    ///
    /// # Errors
    /// `invalid_client`, for an OAuth client as well; `app_disabled`.
    pub async fn app_itself(&self, credentials: ClientCredentials) -> Result<Caller> {
        let now = self.now();
        match self.store().read(move |tx| prove(tx, &credentials, now)).await? {
            Proven::App(app, _) => {
                Ok(Caller { principal: app.id.into(), app: Some(app.id), credential: Credential::App })
            }
            Proven::Client(_) => Err(Error::new(Code::InvalidClient)),
        }
    }

    /// A short-lived token with which the app acts for one of its users.
    ///
    /// # Errors
    /// `invalid_client`; `app_disabled`; `not_found` for everybody without an account in this app; `account_disabled`.
    pub async fn exchange_token(&self, credentials: ClientCredentials, subject: PrincipalId) -> Result<AppToken> {
        let now = self.now();
        let found = self.store().read(move |tx| {
            let Proven::App(app, _) = prove(tx, &credentials, now)? else {
                return Err(Error::new(Code::InvalidClient));
            };
            let account = tx.account_of(Some(app.id), subject)?.ok_or_else(Error::not_found)?;
            Ok((app, account))
        });
        let (app, account) = found.await?;
        if account.disabled_at.is_some() {
            return Err(Error::new(Code::AccountDisabled));
        }
        let door = Door::of_app(*app);
        let act = Actor { sub: door.audience() };
        let grant = Grant::Exchange { account: account.id, epoch: account.epoch, act };
        let (signer, said) = (self.signer().await?, Said { subject: account.principal, grant, amr: Vec::new() });
        let access_token = self.write_access_token(signer, &door, said, EXCHANGED_SECONDS, now).await?;
        Ok(AppToken { access_token, expires_in: EXCHANGED_SECONDS, scopes: Vec::new() })
    }
}

/// Whose secret it was.
enum Proven {
    App(Box<App>, ClientSecretId),
    Client(OauthClient),
}

/// The app or the OAuth client whose secret this is. Whoever it is, they cost two look-ups and the same comparison: an
/// unknown client takes as long as a wrong secret.
fn prove(tx: &mut dyn Transaction, shown: &ClientCredentials, now: Timestamp) -> Result<Proven> {
    let invalid = || Error::new(Code::InvalidClient);
    let client_id = ClientId::parse(&shown.client_id).ok_or_else(invalid)?;
    let secret = shown.client_secret.expose_secret();
    let Some(app) = tx.app_by_client_id(&client_id)? else {
        let client = tx.oauth_client_by_client_id(&client_id)?;
        let hash = SecretHash::of(secret);
        let client = client.filter(|client| client.hash == hash).ok_or_else(invalid)?;
        return match client.disabled_at {
            Some(_) => Err(Error::new(Code::AccountDisabled)),
            None => enabled(tx, client),
        };
    };
    let secrets = tx.client_secrets(app.id, now)?;
    let proven = credentials::proven(&secrets, secret, now).ok_or_else(invalid)?;
    if app.disabled_at.is_some() {
        return Err(Error::new(Code::AppDisabled));
    }
    Ok(Proven::App(Box::new(app), proven))
}

/// A client acts where its organization's app does.
fn enabled(tx: &mut dyn Transaction, client: OauthClient) -> Result<Proven> {
    let app = client.app.map(|id| tx.app(id)).transpose()?.flatten();
    if app.is_some_and(|app| app.disabled_at.is_some()) {
        return Err(Error::new(Code::AppDisabled));
    }
    Ok(Proven::Client(client))
}
