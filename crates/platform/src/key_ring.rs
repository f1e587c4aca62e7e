//! The signing keys that count now, opened.

use std::sync::Arc;

use identity::{
    KeyId, StoredKey,
    signing_key::{KeyPair, KeyState, PublicJwk, PublicKey},
};
use kernel::{Error, Result, Timestamp, secret::ExposeSecret};
use serde::Serialize;

use crate::keys::Sealing;

/// What verifies tokens, and what signs them. It is of one moment: [`crate::cache::STALE_AFTER`] later there is another.
pub(crate) struct KeyRing {
    keys: Vec<RingKey>,
    secret_until: Option<Timestamp>,
    published: Published,
}

struct RingKey {
    state: KeyState,
    believed_until: Option<Timestamp>,
    opened: Arc<Opened>,
}

/// A key out of its seal.
enum Opened {
    Pair(Arc<KeyPair>),
    /// Of a retired key there is nothing else.
    Public(PublicKey),
}

impl Opened {
    fn public(&self) -> &PublicKey {
        match self {
            Self::Pair(pair) => pair.public(),
            Self::Public(public) => public,
        }
    }
}

/// The public halves as a JWK set (RFC 7517, 5), and what names this version of it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The document.
    pub json: Arc<str>,
    /// An entity tag, in its quotes (RFC 9110, 8.8.3).
    pub tag: Arc<str>,
}

#[derive(Serialize)]
struct Set<'a> {
    keys: Vec<&'a PublicJwk>,
}

impl KeyRing {
    /// Opens what the database keeps; what was open before need not be opened again.
    pub fn open(stored: &[StoredKey], before: Option<&Self>, sealing: &Sealing, now: Timestamp) -> Result<Self> {
        let believed = stored.iter().filter(|key| key.believed_until.is_none_or(|until| now < until));
        let opened = believed.filter_map(|key| match before.and_then(|ring| ring.known(key)) {
            Some(opened) => Some(RingKey::new(key, opened)),
            None => match open(key, sealing) {
                Ok(opened) => Some(RingKey::new(key, Arc::new(opened))),
                Err(error) => {
                    // The others go on.
                    tracing::error!(kid = %key.id, cause = ?error.cause, "a signing key can't be opened");
                    None
                }
            },
        });
        let mut keys: Vec<_> = opened.collect();
        // Whoever takes the first one and looks no further gets the one that signs.
        keys.sort_by_key(|key| match key.state {
            KeyState::Current => 0,
            KeyState::Next => 1,
            KeyState::Retired => 2,
        });
        let set = Set { keys: keys.iter().map(|key| key.opened.public().jwk()).collect() };
        let json = serde_json::to_string(&set).map_err(Error::internal)?;
        let tag = format!("\"{:.32}\"", blake3::hash(json.as_bytes()).to_hex());
        let current = stored.iter().find(|key| key.state == KeyState::Current);
        // Where no key signs, the secret does.
        let secret_until = current.map(|current| current.secret_until.unwrap_or(current.created_at));
        Ok(Self { keys, secret_until, published: Published { json: json.into(), tag: tag.into() } })
    }

    /// What is open of a key already. Once it is retired, its private half goes from memory too.
    fn known(&self, key: &StoredKey) -> Option<Arc<Opened>> {
        let known = self.keys.iter().find(|known| known.opened.public().id() == key.id)?;
        let whole = matches!(*known.opened, Opened::Pair(_));
        (whole == key.private.is_some()).then(|| Arc::clone(&known.opened))
    }

    /// Whether there is a key of that id, and what it signed is believed.
    pub fn verifies(&self, id: KeyId, now: Timestamp) -> bool {
        self.public(id, now).is_some()
    }

    /// The half that verifies.
    pub fn public(&self, id: KeyId, now: Timestamp) -> Option<&PublicKey> {
        let key = self.keys.iter().find(|key| key.opened.public().id() == id)?;
        key.believed_until.is_none_or(|until| now < until).then(|| key.opened.public())
    }

    /// The key that signs.
    pub fn current(&self) -> Option<Arc<KeyPair>> {
        let current = self.keys.iter().find(|key| key.state == KeyState::Current)?;
        match &*current.opened {
            Opened::Pair(pair) => Some(Arc::clone(pair)),
            Opened::Public(_) => None,
        }
    }

    /// Whether tokens are believed that the shared secret signed.
    pub fn believes_the_secret(&self, now: Timestamp) -> bool {
        self.secret_until.is_none_or(|until| now < until)
    }

    /// What everybody may see.
    pub fn published(&self) -> &Published {
        &self.published
    }
}

impl RingKey {
    fn new(key: &StoredKey, opened: Arc<Opened>) -> Self {
        Self { state: key.state, believed_until: key.believed_until, opened }
    }
}

fn open(key: &StoredKey, sealing: &Sealing) -> Result<Opened> {
    let opened = match &key.private {
        Some(private) => {
            let pem = sealing.open(private, &StoredKey::private_place(key.id))?;
            Opened::Pair(Arc::new(KeyPair::from_pem(key.algorithm, &pem)?))
        }
        None => {
            let pem = sealing.open(&key.public, &StoredKey::public_place(key.id))?;
            Opened::Public(PublicKey::from_pem(key.algorithm, pem.expose_secret())?)
        }
    };
    if opened.public().id() != key.id {
        return Err(Error::internal("a key with the name of another"));
    }
    Ok(opened)
}
