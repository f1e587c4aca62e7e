//! What a sign-in hands out.

use identity::{
    Account, Purpose, RefreshToken, Session, SignInMethod,
    access_token::{Claims, Grant},
};
use kernel::{
    Client, Event, EventKind, Result, Secret, Timestamp,
    id::{AccountId, AppId, PrincipalId, RefreshTokenId, SessionId, TokenId},
};
use serde_json::json;
use std::time::Duration;

use crate::{Door, Platform, Transaction, accounts::account_event, signing_keys::Signer};

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

/// A session that has begun, before its tokens are written.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub session: SessionId,
    pub refresh: RefreshTokenId,
}

/// Begins a session. The ledger is told when the account has never been used from this device.
pub(crate) fn begin_session(
    tx: &mut dyn Transaction,
    account: &Account,
    method: SignInMethod,
    client: &Client,
    refresh_token_seconds: u32,
    now: Timestamp,
) -> Result<Begun> {
    let begun = Begun { session: SessionId::generate(), refresh: RefreshTokenId::generate() };
    let expires_at = now.after(Duration::from_secs(refresh_token_seconds.into()));
    if tx.is_new_device(account.id, client)? {
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
        second_factor: None,
        created_at: now,
        last_seen_at: now,
        expires_at,
    })?;
    tx.insert_refresh_token(&RefreshToken { id: begun.refresh, session: begun.session, expires_at, spent: None })?;
    Ok(begun)
}

/// Ends every session and every token of an account, and voids what was mailed to sign in with; hands back the new epoch.
/// Tokens of other issuers count from `from` on.
pub(crate) fn end_everything(
    tx: &mut dyn Transaction,
    account: AccountId,
    from: Timestamp,
    now: Timestamp,
) -> Result<i32> {
    for purpose in [Purpose::MagicLink, Purpose::EmailCode] {
        tx.void_one_time_tokens(account, purpose, now)?;
    }
    tx.raise_epoch(account, from)
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
        Ok(Tokens {
            access_token: self.write_access_token(signer, door, account.principal, grant, expires_in, now).await?,
            refresh_token: self.keys().write_refresh_token(begun.refresh),
            expires_in,
        })
    }

    /// Signs an access token.
    pub(crate) async fn write_access_token(
        &self,
        signer: Signer,
        door: &Door,
        subject: PrincipalId,
        grant: Grant,
        expires_in: u32,
        now: Timestamp,
    ) -> Result<Secret> {
        let app_id: Option<AppId> = door.app();
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
            amr: Vec::new(),
            grant,
        };
        self.sign(signer, claims).await
    }
}
