//! Sign-out: of one session, of one token, of everything.

use authz::SignedIn;
use identity::access_token::{Claims, Grant};
use kernel::{Event, EventKind, Result, Timestamp};
use serde_json::json;

use crate::Platform;

impl Platform {
    /// Ends what a token belongs to: a sign-in's session with its refresh tokens, or else the token alone. Expired ones
    /// are good enough to end a session with, and what is no token of ours ends nothing: whoever asks learns nothing
    /// (RFC 7009, 2.2).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let now = self.now();
        if let Some(claims) = self.keys().issuer.read_at_any_time(token) {
            return self.end(claims, now).await;
        }
        let Some(refresh) = self.keys().read_refresh_token(token) else { return Ok(()) };
        let end = self.store().write(move |tx| match tx.refresh_token(refresh)? {
            Some(token) => tx.end_session(token.session, now),
            None => Ok(()),
        });
        end.await
    }

    async fn end(&self, claims: Claims, now: Timestamp) -> Result<()> {
        let end = self.store().write(move |tx| match claims.grant {
            Grant::Session { sid, .. } => tx.end_session(sid, now),
            Grant::Exchange { .. } | Grant::App { .. } | Grant::Client { .. } => {
                let expires_at = Timestamp::from_unix_seconds(claims.exp).unwrap_or(now);
                if expires_at > now { tx.revoke_token(claims.jti, expires_at) } else { Ok(()) }
            }
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
            tx.raise_epoch(caller.account, now)?;
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
