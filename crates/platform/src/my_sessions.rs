//! The caller's sessions: where they are signed in, and signing out elsewhere.

use authz::SignedIn;
use identity::Session;
use kernel::{Error, Event, EventKind, Listed, Page, Result, id::SessionId};
use serde_json::json;

use crate::{Platform, accounts::account_event};

impl Platform {
    /// The sessions of the caller's account that go on, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn my_sessions(&self, caller: SignedIn, page: Page<SessionId>) -> Result<Listed<Session, SessionId>> {
        let now = self.now();
        self.store().read(move |tx| tx.sessions_of(caller.account, now, &page)).await
    }

    /// Ends one of the caller's sessions with all its tokens; this one, too, if it is meant.
    ///
    /// # Errors
    /// `not_found`, the same for a session that has ended, for another's, and for what never was one.
    pub async fn end_my_session(&self, caller: SignedIn, id: SessionId) -> Result<()> {
        let now = self.now();
        let ended = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            let session = tx.live_session(id)?.filter(|session| session.account == account.id);
            if session.is_none_or(|session| session.expires_at <= now) || !tx.end_session(id, now)? {
                return Err(Error::not_found());
            }
            tx.append(&Event {
                payload: json!({ "principal_id": account.principal, "session_id": id }),
                ..account_event(EventKind::AuthLogout, &account, now)
            })
        });
        ended.await
    }

    /// Ends every session of the caller's but this one; tells how many. What was mailed to sign in with stays good.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_my_other_sessions(&self, caller: SignedIn) -> Result<usize> {
        let now = self.now();
        let ended = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            let ended = tx.end_other_sessions(account.id, account.epoch, caller.session, now)?;
            if ended > 0 {
                tx.append(&Event {
                    payload: json!({ "principal_id": account.principal, "session_id": caller.session, "count": ended }),
                    ..account_event(EventKind::AuthOtherSessionsEnded, &account, now)
                })?;
            }
            Ok(ended)
        });
        ended.await
    }
}
