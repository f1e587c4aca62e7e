//! What a sign-in hands out.

use std::time::Duration;

use apps::{AppSettings, Mfa};
use identity::{
    Account, Challenge, ChallengeKey, ChallengePurpose, Purpose, RefreshToken, SecondFactor, Session, SignInMethod,
    access_token::{Claims, Grant},
    mfa_challenge::LIFETIME,
    session::authentication_methods,
};
use kernel::{
    Client, Code, Error, Event, EventKind, Result, Secret, Timestamp,
    error::SecondStep,
    id::{AccountId, AppId, PrincipalId, RefreshTokenId, SessionId, TokenId},
    secret::letters,
};
use serde_json::json;

use crate::{Door, Platform, Transaction, accounts::account_event, second_factor::Proven, signing_keys::Signer};

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

/// The way in of somebody who has shown what they know: the one place where sessions begin. What an app asks for besides is
/// asked here, so that no way of signing in can pass it by.
#[derive(Clone)]
pub(crate) struct WayIn {
    client: Client,
    challenges: ChallengeKey,
    method: SignInMethod,
}

/// What comes of it. To be committed either way.
pub(crate) enum Opened {
    /// The session has begun.
    In(Begun),
    /// There is a second step.
    SecondStep(ChallengePurpose, Secret),
}

impl WayIn {
    /// What was shown.
    pub fn method(&self) -> SignInMethod {
        self.method
    }

    /// Begins a session, or asks for a second factor, as the account's app wants it.
    pub fn open(
        &self,
        tx: &mut dyn Transaction,
        settings: &AppSettings,
        account: &Account,
        now: Timestamp,
    ) -> Result<Opened> {
        // A passkey is two factors already: its owner's device, and what that asks its owner for.
        let mfa = if self.method == SignInMethod::Passkey { Mfa::Off } else { settings.mfa };
        let has_one = match mfa {
            Mfa::Off => false,
            Mfa::Optional | Mfa::Required => tx.totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some()),
        };
        let purpose = match (mfa, has_one) {
            (Mfa::Off, _) | (Mfa::Optional, false) => {
                let lives = settings.refresh_token_seconds;
                return begin(tx, account, self.method, &self.client, lives, None, now).map(Opened::In);
            }
            (Mfa::Optional | Mfa::Required, true) => ChallengePurpose::SignIn,
            (Mfa::Required, false) => ChallengePurpose::Enroll,
        };
        let token = letters(&rand::random::<[u8; 32]>());
        tx.insert_challenge(&Challenge {
            hash: self.challenges.hash(purpose, account.app, self.client.user_agent.as_deref(), &token),
            purpose,
            account: account.id,
            method: self.method.name().to_owned(),
            epoch: account.epoch,
            failures: 0,
            expires_at: now.after(LIFETIME),
        })?;
        tx.append(&Event {
            payload: json!({
                "principal_id": account.principal, "method": self.method.name(), "purpose": purpose.name(),
            }),
            ..account_event(EventKind::AuthMfaChallenged, account, now)
        })?;
        Ok(Opened::SecondStep(purpose, token.into()))
    }
}

/// Begins the session of somebody who has shown a second factor as well.
pub(crate) fn begin_proven(
    tx: &mut dyn Transaction,
    account: &Account,
    method: SignInMethod,
    client: &Client,
    refresh_token_seconds: u32,
    proven: Proven,
    now: Timestamp,
) -> Result<Begun> {
    begin(tx, account, method, client, refresh_token_seconds, Some(proven.factor()), now)
}

/// The ledger is told when the account has never been used from this device.
fn begin(
    tx: &mut dyn Transaction,
    account: &Account,
    method: SignInMethod,
    client: &Client,
    refresh_token_seconds: u32,
    second_factor: Option<SecondFactor>,
    now: Timestamp,
) -> Result<Begun> {
    let begun = Begun { session: SessionId::generate(), refresh: RefreshTokenId::generate(), method, second_factor };
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
        second_factor,
        created_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at,
    })?;
    tx.insert_refresh_token(&RefreshToken { id: begun.refresh, session: begun.session, expires_at, spent: None })?;
    Ok(begun)
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
    /// The way in for who has shown what the method says.
    pub(crate) fn way_in(&self, client: Client, method: SignInMethod) -> WayIn {
        WayIn { client, challenges: self.keys().challenges.clone(), method }
    }

    /// Hands out what the way in has opened.
    ///
    /// # Errors
    /// `mfa_required` or `mfa_enrollment_required`, with the challenge, where there is a second step.
    pub(crate) async fn hand_out(
        &self,
        signer: Signer,
        door: &Door,
        account: Account,
        opened: Opened,
        now: Timestamp,
    ) -> Result<SignedInUser> {
        let (code, methods, token): (_, &[_], _) = match opened {
            Opened::In(begun) => {
                let tokens = self.write_tokens(signer, door, &account, begun, now).await?;
                return Ok(SignedInUser { account, tokens });
            }
            Opened::SecondStep(ChallengePurpose::SignIn, token) => {
                (Code::MfaRequired, &["totp", "recovery_code"], token)
            }
            Opened::SecondStep(ChallengePurpose::Enroll, token) => (Code::MfaEnrollmentRequired, &["totp"], token),
        };
        Err(Error::new(code).second_step(SecondStep { token, methods, expires_in: LIFETIME }))
    }

    /// The same for who has signed in, and not just signed up: it is counted.
    ///
    /// # Errors
    /// As [`Self::hand_out`].
    pub(crate) async fn let_in(
        &self,
        signer: Signer,
        door: &Door,
        account: Account,
        opened: Opened,
        now: Timestamp,
    ) -> Result<SignedInUser> {
        let signed_in = self.hand_out(signer, door, account, opened, now).await?;
        metrics::counter!("fabric_sign_ins_total").increment(1);
        Ok(signed_in)
    }

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
