//! Refresh: a spent token for a fresh pair.

use std::time::Duration;

use apps::AppSettings;
use identity::{Account, RefreshToken, SecondFactor, SignInMethod};
use kernel::{
    Code, Error, Event, EventKind, Result, Timestamp,
    id::{RefreshTokenId, SessionId},
};
use serde_json::json;

use crate::{
    Door, Platform, Transaction,
    sessions::{Begun, SignedInUser},
};

/// How a session began, and with which second factor.
type Factors = (SignInMethod, Option<SecondFactor>);

enum Outcome {
    Fresh(Box<Account>, Begun),
    Refused(Code),
}

impl Platform {
    /// Spends a refresh token. One that was spent before ends its whole family, unless the app grants a moment in which
    /// it gets the same successor again. Where a request names an app, the token of another is none.
    ///
    /// # Errors
    /// `unauthorized` for what is no refresh token of ours; `token_expired`; `token_revoked` when it was spent or its
    /// session has ended.
    pub async fn refresh(&self, door: &Door, token: &str) -> Result<SignedInUser> {
        let id = self.keys().read_refresh_token(token).ok_or_else(|| Error::new(Code::Unauthorized))?;
        let (signer, now, named) = (self.signer().await?, self.now(), door.app());
        let outcome = self.store().write(move |tx| {
            let successor = RefreshTokenId::generate();
            let outcome = match tx.spend_refresh_token(id, successor, now)? {
                Some(spent) => rotate(tx, &spent, successor, now)?,
                None => spent_before(tx, id, now)?,
            };
            match &outcome {
                // As an error, so that nothing is spent at the wrong door.
                Outcome::Fresh(account, _) if named.is_some() && account.app != named => {
                    Err(Error::new(Code::Unauthorized))
                }
                _ => Ok(outcome),
            }
        });
        match outcome.await? {
            Outcome::Refused(code) => Err(Error::new(code)),
            Outcome::Fresh(account, begun) => {
                let door = self.door_of(account.app).await?;
                let tokens = self.write_tokens(signer, &door, &account, begun, now).await?;
                Ok(SignedInUser { account: *account, tokens })
            }
        }
    }
}

fn rotate(
    tx: &mut dyn Transaction,
    spent: &RefreshToken,
    successor: RefreshTokenId,
    now: Timestamp,
) -> Result<Outcome> {
    // As an error, so that nothing is spent: an app that is switched off may be switched on again.
    let (account, settings, (method, second_factor)) =
        live(tx, spent.session)?.ok_or_else(|| Error::new(Code::TokenRevoked))?;
    let expires_at = now.after(Duration::from_secs(settings.refresh_token_seconds.into()));
    tx.insert_refresh_token(&RefreshToken { id: successor, session: spent.session, expires_at, spent: None })?;
    tx.prolong_session(spent.session, expires_at, now)?;
    let begun = Begun { session: spent.session, refresh: successor, method, second_factor };
    Ok(Outcome::Fresh(Box::new(account), begun))
}

fn spent_before(tx: &mut dyn Transaction, id: RefreshTokenId, now: Timestamp) -> Result<Outcome> {
    let Some(token) = tx.refresh_token(id)? else { return Ok(Outcome::Refused(Code::Unauthorized)) };
    let Some(spent) = token.spent else { return Ok(Outcome::Refused(Code::TokenExpired)) };
    let Some((account, settings, (method, second_factor))) = live(tx, token.session)? else {
        return Ok(Outcome::Refused(Code::TokenRevoked));
    };
    let grace = Duration::from_secs(settings.refresh_grace_seconds.into());
    let successor = tx.refresh_token(spent.successor)?;
    let unspent = successor.is_some_and(|successor| successor.spent.is_none());
    if !grace.is_zero() && unspent && now < spent.at.after(grace) {
        let begun = Begun { session: token.session, refresh: spent.successor, method, second_factor };
        return Ok(Outcome::Fresh(Box::new(account), begun));
    }
    // Two hold the same token, and one of them is a thief (RFC 9700, 4.14.2).
    tx.end_session(token.session, now)?;
    tx.append(&Event {
        app: account.app,
        payload: json!({ "principal_id": account.principal, "session_id": token.session }),
        ..Event::new(EventKind::AuthRefreshTokenReused, now)
    })?;
    Ok(Outcome::Refused(Code::TokenRevoked))
}

/// The account of a session that still counts, how its app behaves, and how and with which second factor it began: a
/// refresh takes nothing of that away, and adds nothing.
fn live(tx: &mut dyn Transaction, session: SessionId) -> Result<Option<(Account, AppSettings, Factors)>> {
    let Some(session) = tx.live_session(session)? else { return Ok(None) };
    let account = tx.account(session.account)?;
    let account = account.filter(|account| account.epoch == session.epoch && account.disabled_at.is_none());
    let Some(account) = account else { return Ok(None) };
    let settings = match account.app {
        None => AppSettings::default(),
        Some(id) => match tx.app(id)?.filter(|app| app.disabled_at.is_none()) {
            Some(app) => app.settings,
            None => return Ok(None),
        },
    };
    Ok(Some((account, settings, (session.method, session.second_factor))))
}
