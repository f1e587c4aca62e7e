//! Challenges: somebody has shown what they know, and has yet to show what they have.

use std::{fmt, time::Duration};

use kernel::{
    Result, SecretHash, Timestamp,
    id::{AccountId, AppId},
};

/// How long a challenge can be met.
pub const LIFETIME: Duration = Duration::from_mins(5);

/// So many wrong tries, and a challenge is over.
pub const MOST_FAILURES: i32 = 5;

/// What the holder of a challenge is to do. A challenge for the one is worth nothing for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// To show the second factor.
    SignIn,
    /// To enrol one, where the app requires it and there is none.
    Enroll,
}

impl ChallengePurpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SignIn, Self::Enroll];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Enroll => "enroll",
        }
    }
}

/// With what a challenge was met, or a session got its second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// A code of an authenticator app.
    Totp,
    /// A recovery code.
    RecoveryCode,
}

impl SecondFactor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Totp, Self::RecoveryCode];

    /// Its name in the database, in events and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// The key of the challenges' hashes.
#[derive(Clone)]
pub struct ChallengeKey([u8; 32]);

impl ChallengeKey {
    /// From key material that is used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// What is stored of a challenge's token. What the token is bound to goes in: shown for another purpose, at the door of
    /// another app, or by another program, it is one that nobody has issued. The address is not among it: telephones change
    /// theirs within a minute.
    #[must_use]
    pub fn hash(&self, purpose: ChallengePurpose, app: Option<AppId>, agent: Option<&str>, token: &str) -> SecretHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.name().as_bytes()).update(&[0]);
        hasher.update(app.map_or([0; 16], |app| *app.0.as_bytes()).as_slice());
        // Of a fixed length, so that no agent runs into a token.
        hasher.update(blake3::hash(agent.unwrap_or_default().as_bytes()).as_bytes());
        hasher.update(token.as_bytes());
        SecretHash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeKey(…)")
    }
}

/// What is stored of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The token's hash.
    pub hash: SecretHash,
    /// What is to be done.
    pub purpose: ChallengePurpose,
    /// By whom.
    pub account: AccountId,
    /// What they have shown already, as a sign-in's event calls it.
    pub method: String,
    /// The account's epoch then: whatever ends sessions ends challenges.
    pub epoch: i32,
    /// How often a wrong code was shown.
    pub failures: i32,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Challenges of one database transaction.
pub trait ChallengeRepository {
    /// Adds a challenge.
    fn insert_challenge(&mut self, challenge: &Challenge) -> Result<()>;

    /// The challenge, as long as it can be met: nobody has, it has not expired, and there were not too many wrong tries.
    /// Nothing is used up. In a transaction that writes nobody else meets it, or fails to, until the commit.
    fn challenge(&mut self, hash: SecretHash, now: Timestamp) -> Result<Option<Challenge>>;

    /// Uses the challenge up, if it can be met: the one way to meet it. Tells whether it was this that did.
    fn consume_challenge(&mut self, hash: SecretHash, now: Timestamp) -> Result<bool>;

    /// Counts a wrong try.
    fn fail_challenge(&mut self, hash: SecretHash) -> Result<()>;

    /// Forgets challenges that expired before `before`, some at a time. Tells how many.
    fn sweep_challenges(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_purpose_app_and_agent() {
        use ChallengePurpose::{Enroll, SignIn};
        let (key, app) = (ChallengeKey::new([3; 32]), AppId::generate());
        let hash = key.hash(SignIn, Some(app), Some("curl"), "token");
        assert_eq!(key.hash(SignIn, Some(app), Some("curl"), "token"), hash);
        for other in [
            key.hash(Enroll, Some(app), Some("curl"), "token"),
            key.hash(SignIn, None, Some("curl"), "token"),
            key.hash(SignIn, Some(AppId::generate()), Some("curl"), "token"),
            key.hash(SignIn, Some(app), None, "token"),
            key.hash(SignIn, Some(app), Some("curlt"), "oken"),
            key.hash(SignIn, Some(app), Some("curl"), "Token"),
            ChallengeKey::new([4; 32]).hash(SignIn, Some(app), Some("curl"), "token"),
        ] {
            assert_ne!(other, hash);
        }
    }
}
