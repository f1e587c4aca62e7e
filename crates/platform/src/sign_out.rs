//! Sign-out: of one session, of one token, of everything.

use std::sync::Arc;

use authz::SignedIn;
use identity::access_token::{Claims, Grant};
use kernel::{
    Client, Event, EventKind, Origin, Result, Timestamp, Via,
    id::{OrganizationId, SessionId},
};
use serde_json::json;

use crate::{Platform, Transaction, accounts::account_event, sessions::end_everything};

impl Platform {
    /// Ends what a token belongs to: a sign-in's session with its refresh tokens, or else the token alone. Expired ones
    /// are good enough to end a session with, and what is no token of ours ends nothing: whoever asks learns nothing
    /// (RFC 7009, 2.2).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let (now, origin) = (self.now(), self.origin.clone());
        if let Some(claims) = self.read_at_any_time(token, now).await? {
            let end = self.store().write(move |tx| match claims.grant {
                Grant::Session { sid, .. } => end(tx, sid, origin.as_deref(), now),
                Grant::Exchange { .. } | Grant::App { .. } | Grant::Client { .. } => {
                    revoke(tx, &claims, origin.as_deref(), now)
                }
            });
            return end.await;
        }
        let Some(refresh) = self.keys().read_refresh_token(token) else { return Ok(()) };
        let end = self.store().write(move |tx| match tx.refresh_token(refresh)? {
            Some(token) => end(tx, token.session, origin.as_deref(), now),
            None => Ok(()),
        });
        end.await
    }

    /// Ends every session and every token of the caller's account, this one too.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sign_out_everywhere(&self, caller: SignedIn) -> Result<()> {
        let now = self.now();
        let end = self.store().write(move |tx| {
            end_everything(tx, caller.account, now, now)?;
            tx.append(&Event {
                app: caller.app,
                actor: Some(caller.principal),
                payload: json!({ "principal_id": caller.principal }),
                ..Event::new(EventKind::AuthLogoutAll, now)
            })
        });
        end.await
    }
}

/// Ends a session. The ledger is told, unless it had ended before, if only because its account was signed out everywhere.
fn end(tx: &mut dyn Transaction, id: SessionId, origin: Option<&Origin>, now: Timestamp) -> Result<()> {
    let live = tx.live_session(id)?;
    let account = live.map(|session| tx.account(session.account)).transpose()?.flatten();
    let (true, Some(account)) = (tx.end_session(id, now)?, account) else { return Ok(()) };
    tx.came_from(Arc::new(shown(origin, Via::Session(id))));
    tx.append(&Event {
        payload: json!({ "principal_id": account.principal, "session_id": id }),
        ..account_event(EventKind::AuthLogout, &account, now)
    })
}

/// Revokes a token that is in no session. The ledger is told, unless it was worth nothing any more.
fn revoke(tx: &mut dyn Transaction, claims: &Claims, origin: Option<&Origin>, now: Timestamp) -> Result<()> {
    let expires_at = Timestamp::from_unix_seconds(claims.exp).unwrap_or(now);
    if expires_at <= now {
        return Ok(());
    }
    let good = still_good(tx, claims, now)?;
    let (true, Some((organization, via))) = (tx.revoke_token(claims.jti, expires_at)?, good) else { return Ok(()) };
    tx.came_from(Arc::new(shown(origin, via)));
    tx.append(&Event {
        app: claims.app_id,
        organization,
        actor: Some(claims.sub),
        payload: json!({ "principal_id": claims.sub, "token_id": claims.jti }),
        ..Event::new(EventKind::AuthTokenRevoked, now)
    })
}

/// In which organization a token acts, if only in one, and as what; `None` when what it was issued for is gone.
fn still_good(
    tx: &mut dyn Transaction,
    claims: &Claims,
    now: Timestamp,
) -> Result<Option<(Option<OrganizationId>, Via)>> {
    Ok(match (&claims.grant, claims.app_id) {
        (Grant::Session { sid, .. }, _) => Some((None, Via::Session(*sid))),
        (Grant::Exchange { account, epoch, .. }, Some(app)) => {
            let account = tx.account(*account)?.filter(|account| account.epoch == *epoch);
            account.map(|_| (None, Via::Exchange(app)))
        }
        (Grant::App { secret }, Some(app)) => {
            let secrets = tx.client_secrets(app, now)?;
            secrets.iter().any(|live| live.id == *secret).then_some((None, Via::App))
        }
        (Grant::Client { client }, _) => {
            tx.oauth_client(*client)?.map(|client| (Some(client.organization), Via::Client(client.id)))
        }
        (Grant::Exchange { .. } | Grant::App { .. }, None) => None,
    })
}

/// Where it comes from: who ends something acts with the token that they show, and not with what they came with besides.
fn shown(origin: Option<&Origin>, via: Via) -> Origin {
    match origin {
        Some(origin) => Origin { via, ..origin.clone() },
        None => Origin { request_id: None, client: Client::default(), via },
    }
}
