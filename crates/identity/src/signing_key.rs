//! Key pairs that sign access tokens, so that others can verify them without being able to sign any.
//!
//! There are at most one [next](KeyState::Next) and one [current](KeyState::Current) key, and a few that are
//! [retired](KeyState::Retired). When each of them changes its state is a plain rule: [`turn()`].

mod pair;
mod turn;

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kernel::{Code, Error, Result, Sealed, Timestamp};
use serde::{Serialize, Serializer};

pub use self::{
    pair::{KeyPair, PublicJwk, PublicKey},
    turn::{Occasion, PUBLISHED_AHEAD, Policy, Reason, SETTLED, SLACK, Turn, turn},
};

/// How a key pair signs (RFC 7518, 3.1; RFC 8037, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in headers, keys and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Whether a signature takes so long that nothing else may wait for it on the same thread: RSA takes one or two
    /// milliseconds, the others less than 50 µs.
    #[must_use]
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::Rs256)
    }
}

impl FromStr for SigningAlgorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::because(Code::InvalidSetting, "Give EdDSA, ES256 or RS256.");
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(unknown)
    }
}

/// What names a key: the SHA-256 thumbprint of its public half (RFC 7638). On the wire, as `kid`, in base64url.
///
/// A `kid` that somebody shows is one of these or nothing: 32 bytes reach no file and no query.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 32]);

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::because(Code::InvalidParameter, "Give a key's id: 43 letters, digits, - and _.");
        // One text for each id: the decoder refuses padding and stray bits at the end.
        let bytes = Some(text).filter(|text| text.len() == 43).and_then(|text| BASE64.decode(text).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a key is for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// It signs one day. It is published already, so that everybody knows it by then.
    Next,
    /// It signs.
    Current,
    /// It has signed, and what it signed is believed for a while. Its private half is gone.
    Retired,
}

impl KeyState {
    /// Its name in the database and at the console.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

impl FromStr for KeyState {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let states = [Self::Next, Self::Current, Self::Retired];
        states.into_iter().find(|state| state.name() == name).ok_or_else(|| Error::internal("no state of a key"))
    }
}

/// A key as the database keeps it. Both halves are sealed: the private one so that nobody reads it, the public one so
/// that nobody who can write to the database has us believe a key of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its thumbprint.
    pub id: KeyId,
    /// How it signs.
    pub algorithm: SigningAlgorithm,
    /// What it is for now.
    pub state: KeyState,
    /// The public half.
    pub public: Sealed,
    /// The private half, until the key is retired.
    pub private: Option<Sealed>,
    /// Since when it is published.
    pub created_at: Timestamp,
    /// Since when it signs, or from when on it did.
    pub current_since: Option<Timestamp>,
    /// Until when what it signed is believed, once it is retired.
    pub believed_until: Option<Timestamp>,
    /// Until when, while this key is the current one, tokens are believed that the shared secret signed: those from before
    /// there were keys.
    pub secret_until: Option<Timestamp>,
}

impl StoredKey {
    /// Where its public half is sealed for, and nowhere else.
    #[must_use]
    pub fn public_place(id: KeyId) -> Vec<u8> {
        [b"signing key, public half ".as_slice(), &id.0].concat()
    }

    /// Where its private half is sealed for, and nowhere else.
    #[must_use]
    pub fn private_place(id: KeyId) -> Vec<u8> {
        [b"signing key, private half ".as_slice(), &id.0].concat()
    }
}

/// The signing keys of one database transaction.
pub trait SigningKeyRepository {
    /// All of them, oldest first. In a unit that writes nobody else changes any until the commit.
    fn signing_keys(&mut self) -> Result<Vec<StoredKey>>;

    /// Keeps a new one.
    ///
    /// # Errors
    /// `conflict` when there is one already that is next, or current, as this one would be.
    fn insert_signing_key(&mut self, key: &StoredKey) -> Result<()>;

    /// Changes one: its state, its times and whether it has a private half.
    ///
    /// # Errors
    /// As [`Self::insert_signing_key`]; `not_found` when it is gone.
    fn update_signing_key(&mut self, key: &StoredKey) -> Result<()>;

    /// Forgets these.
    fn delete_signing_keys(&mut self, ids: &[KeyId]) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack 13: a `kid` that is a path, a query or another spelling names nothing.
    #[test]
    fn a_key_id_has_one_spelling() {
        let id = KeyId([0xA5; 32]);
        let text = id.to_string();
        assert_eq!((text.len(), text.parse::<KeyId>().unwrap()), (43, id));
        let last = format!("{}V", &text[..42]);
        assert_ne!(last, text);
        for other in [
            "",
            "../../../../../../../../../../dev/null_____",
            "' OR '1'='1' -- 43 characters long, really.",
            &format!("{text}="),
            &format!("{text}A"),
            &text[..42],
            &text.replace('p', "+"),
            &last,
            "ééééééééééééééééééééé-",
        ] {
            assert!(other.parse::<KeyId>().is_err(), "{other:?}");
        }
    }

    #[test]
    fn algorithms_and_states_are_read_as_they_are_written() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(algorithm.name().parse::<SigningAlgorithm>().unwrap(), algorithm);
        }
        for name in ["HS256", "none", "eddsa", "PS256", ""] {
            assert!(name.parse::<SigningAlgorithm>().is_err(), "{name}");
        }
        for state in [KeyState::Next, KeyState::Current, KeyState::Retired] {
            assert_eq!(state.name().parse::<KeyState>().unwrap(), state);
        }
    }
}
