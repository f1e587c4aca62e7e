//! Where callers are signed in.

use authz::SignedIn;
use identity::Session;
use kernel::{Page, Result, Timestamp, id::SessionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::Answer,
    request::{ForRequest, PathId, Query},
};

/// One sign-in that goes on.
#[derive(Serialize, ToSchema)]
pub struct MySession {
    id: Uuid,
    /// What the device called itself: its user agent.
    device: Option<String>,
    /// From where it signed in.
    ip: Option<String>,
    /// How: `password`, `magic_link`, `email_code`, `social` or `passkey`.
    method: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was used last, give or take a minute.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

impl MySession {
    fn new(session: Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.0,
            device: session.client.user_agent,
            ip: session.client.ip.map(|ip| ip.to_string()),
            method: session.method.name(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: current == Some(session.id),
        }
    }
}

/// Lists the caller's sessions, newest first.
pub async fn list(
    caller: SignedIn,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<MySession>>> {
    let (page, current): (Page<SessionId>, _) = (query.page()?, caller.session);
    let listed = platform.my_sessions(caller, page).await?;
    Ok(Answer::page(listed.map(|session| MySession::new(session, current)), page.limit))
}

/// Ends one of them.
pub async fn end(caller: SignedIn, (platform, PathId(id)): (ForRequest, PathId<SessionId>)) -> Result<Answer<Done>> {
    platform.end_my_session(caller, id).await?;
    Ok(Answer::ok(Done { message: "The session has ended." }))
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
pub struct EndedSessions {
    ended: usize,
}

/// Ends all of them but the one that asks.
pub async fn end_others(caller: SignedIn, platform: ForRequest) -> Result<Answer<EndedSessions>> {
    let ended = platform.end_my_other_sessions(caller).await?;
    Ok(Answer::ok(EndedSessions { ended }))
}
