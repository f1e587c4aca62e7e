//! Sessions: one sign-in, and every token that came of it.

use kernel::{
    Client, Result, Timestamp,
    id::{AccountId, SessionId},
};

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// With a password, or by signing up with one.
    Password,
    /// By a link that was mailed.
    MagicLink,
    /// By a code that was mailed.
    EmailCode,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Password, Self::MagicLink, Self::EmailCode];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
        }
    }
}

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's own id; its access tokens carry it.
    pub id: SessionId,
    /// Who signed in.
    pub account: AccountId,
    /// The account's epoch then: a session of an earlier epoch is dead.
    pub epoch: i32,
    /// From where.
    pub client: Client,
    /// When.
    pub created_at: Timestamp,
    /// When its last refresh token expires.
    pub expires_at: Timestamp,
}

/// Sessions of one database transaction.
pub trait SessionRepository {
    /// Begins a session.
    fn insert_session(&mut self, session: &Session) -> Result<()>;

    /// Lets a session go on until its next refresh token expires, if that is later.
    fn prolong_session(&mut self, id: SessionId, until: Timestamp) -> Result<()>;

    /// The session, unless it has ended.
    fn live_session(&mut self, id: SessionId) -> Result<Option<Session>>;

    /// Ends a session and its refresh tokens; tells whether it was this that did. Ending one that has ended, or never was,
    /// changes nothing.
    fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool>;

    /// Forgets refresh tokens that expired before `before`, and sessions whose last one did, some at a time. Tells how
    /// many of both.
    fn sweep_sessions(&mut self, before: Timestamp) -> Result<usize>;
}
