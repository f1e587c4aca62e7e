//! Tokens in links: single use, short-lived, for one account and one purpose.

use std::{fmt, time::Duration};

use kernel::{
    Email, Result, Secret, SecretHash, Timestamp,
    id::{AccountId, EventId, OneTimeTokenId},
};

/// What a link is good for. A link of one kind is worth nothing where another is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves the address.
    VerifyEmail,
    /// Sets another password.
    ResetPassword,
    /// Joins an organization. Kept with the invitation.
    Invitation,
    /// Signs in.
    MagicLink,
    /// Signs in, as a code that somebody types.
    EmailCode,
    /// Gives the account the address that it was sent to.
    ChangeEmail,
    /// Gives the account back to who had the address that it was sent to.
    UndoEmailChange,
}

impl Purpose {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
            Self::ChangeEmail => "change_email",
            Self::UndoEmailChange => "undo_email_change",
        }
    }

    /// How long a link lives.
    #[must_use]
    pub fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword | Self::ChangeEmail => Duration::from_hours(1),
            Self::UndoEmailChange => Duration::from_hours(3 * 24),
            Self::Invitation => Duration::from_hours(7 * 24),
            Self::MagicLink | Self::EmailCode => Duration::from_mins(15),
        }
    }
}

/// How long a code is that somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeLength {
    /// Six digits, which people type gladly: one of a million, so that guesses have to be counted.
    Short,
    /// Sixteen: whoever tries a thousand in every second of a year comes upon one of three hundred thousand such codes.
    Long,
}

impl CodeLength {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Short, Self::Long];

    /// How many digits.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Self::Short => 6,
            Self::Long => 16,
        }
    }
}

/// The key of the tokens' hashes.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// From the configured key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// What is stored of a token. The purpose goes in, so that no table look-up can mix two kinds up.
    #[must_use]
    pub fn hash(&self, purpose: Purpose, token: &str) -> SecretHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.name().as_bytes()).update(&[0]).update(token.as_bytes());
        SecretHash(*hasher.finalize().as_bytes())
    }

    /// What is stored of a code. There are few codes, so that two accounts may be sent the same one: its own id goes in.
    #[must_use]
    pub fn hash_code(&self, id: OneTimeTokenId, code: &str) -> SecretHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(Purpose::EmailCode.name().as_bytes()).update(&[0]).update(id.0.as_bytes());
        hasher.update(code.as_bytes());
        SecretHash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// The key that tokens are made with.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// From key material that is used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The token of the link that an event tells of, in clear: 32 bytes in hexadecimal. Whoever asks again gets the same
    /// one, so that a mail and a webhook, and every try of either, say the same; and nothing of it need be kept but its
    /// hash.
    #[must_use]
    pub fn token(&self, purpose: Purpose, event: EventId) -> Secret {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.name().as_bytes()).update(&[0]).update(event.0.as_bytes());
        hasher.finalize().to_hex().as_str().into()
    }

    /// The code of that length that an event tells of, the same for whoever asks again.
    #[must_use]
    pub fn code(&self, event: EventId, length: CodeLength) -> Secret {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(Purpose::EmailCode.name().as_bytes()).update(&[0]).update(event.0.as_bytes());
        let codes = match length {
            CodeLength::Short => 1_000_000,
            CodeLength::Long => {
                hasher.update(b"long");
                10_000_000_000_000_000
            }
        };
        let random = hasher.finalize().as_bytes().first_chunk().copied().map_or(0, u128::from_le_bytes);
        // No code is likelier than another by more than one in 10²².
        format!("{:0digits$}", random % codes, digits = length.digits()).into()
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

/// What is stored of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeToken {
    /// Its id.
    pub id: OneTimeTokenId,
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose it is.
    pub account: AccountId,
    /// Where it was sent: it is worth nothing once the account has another address. What changes the address, or takes it
    /// back, is sent to the other one.
    pub email: Email,
    /// The token's keyed hash.
    pub hash: SecretHash,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// One-time tokens of one database transaction.
pub trait OneTimeTokenRepository {
    /// Adds a token. Earlier ones stay good until one of them is used: anybody may ask for another, and must not take
    /// away from the owner what is in their mailbox already.
    fn insert_one_time_token(&mut self, token: &OneTimeToken) -> Result<()>;

    /// Gives a token that nobody has used another term; tells whether there is one.
    fn renew_one_time_token(&mut self, purpose: Purpose, hash: SecretHash, expires_at: Timestamp) -> Result<bool>;

    /// The token, as long as it can be used. Nothing is used up.
    fn one_time_token(&mut self, purpose: Purpose, hash: SecretHash, now: Timestamp) -> Result<Option<OneTimeToken>>;

    /// Uses the token up, if nobody has: the one way to use it. `None` when it is used, expired or unknown.
    fn consume_one_time_token(
        &mut self,
        purpose: Purpose,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>>;

    /// What the account has been sent for a purpose and can still use.
    fn live_one_time_tokens(
        &mut self,
        account: AccountId,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Vec<OneTimeToken>>;

    /// Voids what the account has been sent for a purpose.
    fn void_one_time_tokens(&mut self, account: AccountId, purpose: Purpose, now: Timestamp) -> Result<()>;

    /// Forgets tokens that expired before `before`, some at a time. Tells how many.
    fn sweep_one_time_tokens(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use kernel::secret::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_of_one_purpose_is_another_for_the_next() {
        let key = TokenKey::new([3; 32]);
        assert_ne!(key.hash(Purpose::VerifyEmail, "abc"), key.hash(Purpose::ResetPassword, "abc"));
        assert_ne!(key.hash(Purpose::VerifyEmail, "abc"), TokenKey::new([4; 32]).hash(Purpose::VerifyEmail, "abc"));
    }

    #[test]
    fn a_code_has_its_digits_and_is_another_for_each_event() {
        let key = LinkKey::new([3; 32]);
        for length in CodeLength::ALL {
            let code_of = |event| (event, key.code(event, length));
            let codes: Vec<_> = (0..500).map(|_| EventId::generate()).map(code_of).collect();
            for (event, code) in &codes {
                let code = code.expose_secret();
                assert!(code.len() == length.digits() && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
                assert_eq!(key.code(*event, length).expose_secret(), code);
            }
            let distinct: std::collections::HashSet<_> = codes.iter().map(|(_, code)| code.expose_secret()).collect();
            assert!(distinct.len() > 490, "{}", distinct.len());
        }
    }

    #[test]
    fn a_long_code_says_nothing_of_the_short_one() {
        let (key, event) = (LinkKey::new([3; 32]), EventId::generate());
        let [short, long] = CodeLength::ALL.map(|length| key.code(event, length).expose_secret().to_owned());
        assert!(!long.ends_with(&short) && !long.starts_with(&short), "{short} {long}");
    }

    #[test]
    fn attack_14_one_code_is_stored_in_as_many_ways_as_it_is_sent() {
        let key = TokenKey::new([3; 32]);
        let [one, other] = [(); 2].map(|()| OneTimeTokenId::generate());
        assert!(key.hash_code(one, "123456") == key.hash_code(one, "123456"));
        assert!(key.hash_code(one, "123456") != key.hash_code(other, "123456"));
        assert!(key.hash_code(one, "123456") != key.hash_code(one, "123457"));
        assert!(key.hash_code(one, "123456") != key.hash(Purpose::EmailCode, "123456"));
    }

    #[test]
    fn an_event_has_one_token_for_each_purpose() {
        let (key, event) = (LinkKey::new([3; 32]), EventId::generate());
        let token = |key: &LinkKey, purpose, event| key.token(purpose, event).expose_secret().to_owned();
        let first = token(&key, Purpose::VerifyEmail, event);
        assert!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
        assert_eq!(token(&key, Purpose::VerifyEmail, event), first);
        assert_ne!(token(&key, Purpose::ResetPassword, event), first);
        assert_ne!(token(&key, Purpose::VerifyEmail, EventId::generate()), first);
        assert_ne!(token(&LinkKey::new([4; 32]), Purpose::VerifyEmail, event), first);
    }
}
