//! Sessions: one sign-in, and every token that came of it.

use kernel::{
    Client, Listed, Page, Result, SecretHash, Timestamp,
    id::{AccountId, SessionId},
    ip::network_of,
};

use crate::SecondFactor;

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// With a password, or by signing up with one.
    Password,
    /// By a link that was mailed.
    MagicLink,
    /// By a code that was mailed.
    EmailCode,
    /// By who they are at another provider, for whom their app vouched.
    Social,
    /// With a passkey.
    Passkey,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Password, Self::MagicLink, Self::EmailCode, Self::Social, Self::Passkey];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
            Self::Social => "social",
            Self::Passkey => "passkey",
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
    /// How.
    pub method: SignInMethod,
    /// From where.
    pub client: Client,
    /// With which second factor, where one was shown.
    pub second_factor: Option<SecondFactor>,
    /// When.
    pub created_at: Timestamp,
    /// When they showed last who they are: at first as they signed in.
    pub authenticated_at: Timestamp,
    /// When it was used last, give or take a minute.
    pub last_seen_at: Timestamp,
    /// When its last refresh token expires.
    pub expires_at: Timestamp,
}

/// What a device is known by: what it calls itself, and the network that it is in, of which an IPv4 address has 24 bits and
/// an IPv6 one 64.
#[must_use]
pub fn device(client: &Client) -> SecretHash {
    let network = client.ip.and_then(|ip| network_of(ip, 24, 64)).unwrap_or_default();
    SecretHash::of(&format!("{network}\n{}", client.user_agent.as_deref().unwrap_or_default()))
}

/// How a person has shown who they are, as a token's `amr` says it (RFC 8176): `pwd` for a password, and with a second
/// factor `otp` and `mfa` as well; for a passkey, which its owner's device lets only its owner use, `pop`, `user` and `mfa`.
/// It has no names for the other ways.
#[must_use]
pub fn authentication_methods(method: SignInMethod, second_factor: Option<SecondFactor>) -> Vec<String> {
    let first: &[&str] = match method {
        SignInMethod::Password => &["pwd"],
        // Whether the key is in hardware (`hwk`) or in software (`swk`) nobody has vouched for.
        SignInMethod::Passkey => &["pop", "user", "mfa"],
        SignInMethod::MagicLink | SignInMethod::EmailCode | SignInMethod::Social => &[],
    };
    let second: &[&str] = if second_factor.is_some() { &["otp", "mfa"] } else { &[] };
    first.iter().chain(second).map(|&method| method.to_owned()).collect()
}

/// Sessions of one database transaction.
pub trait SessionRepository {
    /// Begins a session.
    fn insert_session(&mut self, session: &Session) -> Result<()>;

    /// Whether the account has signed in from this [device], as far as its sessions are still known; `None` where none is.
    fn knows_device(&mut self, account: AccountId, client: &Client) -> Result<Option<bool>>;

    /// Lets a session that was used now go on until its next refresh token expires, if that is later.
    fn prolong_session(&mut self, id: SessionId, until: Timestamp, now: Timestamp) -> Result<()>;

    /// Notes when sessions were used, unless that is known to within a minute.
    fn note_session_uses(&mut self, uses: &[(SessionId, Timestamp)]) -> Result<()>;

    /// Notes that whoever is signed in there has just shown once more who they are.
    fn note_authentication(&mut self, id: SessionId, now: Timestamp) -> Result<()>;

    /// The account's sessions that go on, newest first.
    fn sessions_of(
        &mut self,
        account: AccountId,
        now: Timestamp,
        page: &Page<SessionId>,
    ) -> Result<Listed<Session, SessionId>>;

    /// The session, unless it has ended.
    fn live_session(&mut self, id: SessionId) -> Result<Option<Session>>;

    /// Whether a session still counts. In a transaction that writes, it goes on to do so until the commit.
    fn keep_session(&mut self, id: SessionId) -> Result<bool>;

    /// Ends a session and its refresh tokens; tells whether it was this that did. Ending one that has ended, or never was,
    /// changes nothing.
    fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool>;

    /// Ends every session of the account's epoch but one; tells how many.
    fn end_other_sessions(
        &mut self,
        account: AccountId,
        epoch: i32,
        but: Option<SessionId>,
        now: Timestamp,
    ) -> Result<usize>;

    /// Forgets refresh tokens that expired before `before`, and sessions whose last one did, some at a time. Tells how
    /// many of both.
    fn sweep_sessions(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_by_its_name_and_its_network() {
        let client =
            |ip: &str, agent: &str| Client { ip: ip.parse().ok(), user_agent: Some(agent.to_owned()), language: None };
        let known = device(&client("203.0.113.9", "a browser"));
        assert!(device(&client("203.0.113.200", "a browser")) == known);
        assert!(device(&client("::ffff:203.0.113.1", "a browser")) == known);
        assert!(device(&client("203.0.114.9", "a browser")) != known);
        assert!(device(&client("203.0.113.9", "another")) != known);
        assert!(device(&client("2001:db8::1", "a")) == device(&client("2001:db8::ffff:1", "a")));
        assert!(device(&client("2001:db8::1", "a")) != device(&client("2001:db8:0:1::1", "a")));
        assert!(device(&client("", "a")) != device(&client("2001:db8::1", "a")));
    }
}
