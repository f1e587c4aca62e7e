//! What a sign-in hands out.

use std::time::Duration;

use identity::{
    Account, Purpose, RefreshToken, SecondFactor, Session, SignInMethod,
    access_token::{Claims, Grant},
    session::authentication_methods,
};
use kernel::{
    Client, Event, EventKind, Result, Secret, Timestamp,
    id::{AccountId, AppId, PrincipalId, RefreshTokenId, SessionId, TokenId},
};
use serde_json::json;

use crate::{Door, Platform, Transaction, accounts::account_event, second_factor::Proven, signing_keys::Signer};

/// For so long after an account was made its first device is no news.
const JUST_MADE: Duration = Duration::from_hours(24);

/// An access token, and what to get the next one with.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For the `Authorization` header.
    pub access_token: Secret,
    /// For one refresh.
    pub refresh_token: Secret,
    /// How many seconds the access token lives.
    pub expires_in: u32,
}

/// Somebody who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedInUser {
    /// What they signed in to.
    pub account: Account,
    /// What they go on with.
    pub tokens: Tokens,
}

/// What an access token says of who has it.
pub(crate) struct Said {
    pub subject: PrincipalId,
    pub grant: Grant,
    /// How they have shown who they are, where they came in person.
    pub amr: Vec<String>,
}

/// A session that has begun, before its tokens are written.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub session: SessionId,
    pub refresh: RefreshTokenId,
    /// How.
    pub method: SignInMethod,
    /// With which second factor it began.
    pub second_factor: Option<SecondFactor>,
}

/// What a session begins with.
pub(crate) struct Start<'a> {
    /// How its owner came in.
    pub method: SignInMethod,
    /// Their device.
    pub client: &'a Client,
    /// How many seconds it lives without a refresh.
    pub lives: u32,
}

impl Start<'_> {
    /// Begins the session of somebody of whom no second factor is asked. For `WayIn` alone, which asks for it.
    pub fn begin(self, tx: &mut dyn Transaction, account: &Account, now: Timestamp) -> Result<Begun> {
        self.begin_with(tx, account, None, now)
    }

    /// Begins the session of somebody who has shown a second factor as well.
    pub fn begin_proven(
        self,
        tx: &mut dyn Transaction,
        account: &Account,
        proven: Proven,
        now: Timestamp,
    ) -> Result<Begun> {
        self.begin_with(tx, account, Some(proven.factor()), now)
    }

    /// The ledger is told when the account has not been used from this device, as far as that is known. Of one that nobody
    /// has used for long nothing is known: then any device is new, but to who has just made it.
    fn begin_with(
        self,
        tx: &mut dyn Transaction,
        account: &Account,
        second_factor: Option<SecondFactor>,
        now: Timestamp,
    ) -> Result<Begun> {
        let Self { method, client, lives } = self;
        let begun =
            Begun { session: SessionId::generate(), refresh: RefreshTokenId::generate(), method, second_factor };
        let expires_at = now.after(Duration::from_secs(lives.into()));
        let is_known = tx.knows_device(account.id, client)?;
        if !is_known.unwrap_or_else(|| now < account.created_at.after(JUST_MADE)) {
            let payload = json!({
                "principal_id": account.principal, "session_id": begun.session, "method": method.name(),
            });
            tx.append(&Event { payload, ..account_event(EventKind::AuthNewDevice, account, now) })?;
        }
        tx.insert_session(&Session {
            id: begun.session,
            account: account.id,
            epoch: account.epoch,
            method,
            client: client.clone(),
            second_factor,
            created_at: now,
            authenticated_at: now,
            last_seen_at: now,
            expires_at,
        })?;
        tx.insert_refresh_token(&RefreshToken { id: begun.refresh, session: begun.session, expires_at, spent: None })?;
        Ok(begun)
    }
}

/// Ends every session and every token of an account, and voids what was mailed to sign in with, or to change the address;
/// hands back the new epoch.
/// Tokens of other issuers count from `from` on.
pub(crate) fn end_everything(
    tx: &mut dyn Transaction,
    account: AccountId,
    from: Timestamp,
    now: Timestamp,
) -> Result<i32> {
    for purpose in [Purpose::MagicLink, Purpose::EmailCode, Purpose::ChangeEmail] {
        tx.void_one_time_tokens(account, purpose, now)?;
    }
    tx.void_passkey_challenges(account)?;
    tx.raise_epoch(account, from)
}

/// What the ledger has of a sign-in.
pub(crate) fn sign_in_event(
    account: &Account,
    method: &str,
    second_factor: Option<SecondFactor>,
    now: Timestamp,
) -> Event {
    let mut event = account_event(EventKind::AuthLogin, account, now);
    event.payload["method"] = json!(method);
    if let Some(factor) = second_factor {
        event.payload["second_factor"] = json!(factor.name());
    }
    event
}

impl Platform {
    /// Writes the tokens of a session that is committed.
    pub(crate) async fn write_tokens(
        &self,
        signer: Signer,
        door: &Door,
        account: &Account,
        begun: Begun,
        now: Timestamp,
    ) -> Result<Tokens> {
        let grant = Grant::Session { sid: begun.session, account: account.id, epoch: account.epoch };
        let expires_in = door.settings().access_token_seconds;
        let amr = authentication_methods(begun.method, begun.second_factor);
        let said = Said { subject: account.principal, grant, amr };
        Ok(Tokens {
            access_token: self.write_access_token(signer, door, said, expires_in, now).await?,
            refresh_token: self.keys().write_refresh_token(begun.refresh),
            expires_in,
        })
    }

    /// Signs an access token.
    pub(crate) async fn write_access_token(
        &self,
        signer: Signer,
        door: &Door,
        said: Said,
        expires_in: u32,
        now: Timestamp,
    ) -> Result<Secret> {
        let (app_id, Said { subject, grant, amr }): (Option<AppId>, _) = (door.app(), said);
        let iat = now.unix_seconds();
        let claims = Claims {
            iss: self.keys().issuer.name.clone(),
            sub: subject,
            aud: door.audience(),
            exp: iat + i64::from(expires_in),
            nbf: iat,
            iat,
            jti: TokenId::generate(),
            app_id,
            amr,
            grant,
        };
        self.sign(signer, claims).await
    }
}
