//! Making, rotating and forgetting signing keys. When what is to be done is a rule of `identity`; here it is done, once for
//! all servers: whoever looks first in their transaction does it.

use std::time::Duration;

use apps::AppSettings;
use identity::{
    KeyId, SigningAlgorithm, StoredKey,
    signing_key::{KeyPair, KeyState, Occasion, Policy, Turn, turn},
};
use kernel::{Code, Error, Event, EventKind, Result, Sealed, Secret, Timestamp};
use serde_json::json;

use crate::{Platform, Transaction, keys::Sealing, records::SealingKeyId};

/// How often it is tried to do what is to be done, while others do something else.
const TRIES: usize = 3;

/// A key that nobody knows yet, sealed.
#[derive(Clone)]
struct Fresh {
    id: KeyId,
    algorithm: SigningAlgorithm,
    public: Sealed,
    private: Sealed,
}

/// Keys to take from, and what they are sealed with.
struct Made {
    keys: Vec<Fresh>,
    sealed_with: SealingKeyId,
}

impl Platform {
    /// Does what is to be done about the signing keys by now. Many servers may: one of them does it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tend_signing_keys(&self) -> Result<()> {
        self.turn_signing_keys(Occasion::Schedule).await
    }

    /// All signing keys, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_signing_keys(&self) -> Result<Vec<StoredKey>> {
        self.store().read(|tx| tx.signing_keys()).await
    }

    /// Has another key sign from now on. The one before is believed until its last token has expired; where keys are
    /// compromised, no key of before is believed any more, and all that they signed is worth nothing at once.
    ///
    /// # Errors
    /// `conflict` where the shared secret signs; those of the database.
    pub async fn operator_rotate_signing_keys(&self, compromised: bool) -> Result<Vec<StoredKey>> {
        if self.settings().token_algorithm.is_none() {
            return Err(Error::because(
                Code::Conflict,
                "Tokens are signed with OAUTH_SIGNING_SECRET here (HS256), and there are no keys to rotate. Set \
                 FABRIC_TOKEN_ALGORITHM to EdDSA, ES256 or RS256; or give the secret another value, and the old one as \
                 OAUTH_SIGNING_SECRET_PREVIOUS.",
            ));
        }
        self.turn_signing_keys(if compromised { Occasion::Compromise } else { Occasion::Operator }).await?;
        self.operator_signing_keys().await
    }

    pub(crate) async fn turn_signing_keys(&self, occasion: Occasion) -> Result<()> {
        let (policy, now) = (self.key_policy(), self.now());
        for _ in 0..TRIES {
            let wanted = self.store().read(move |tx| Ok(turn(&tx.signing_keys()?, &policy, occasion, now))).await?;
            if wanted.is_nothing() {
                return Ok(());
            }
            // Before the transaction, which waits for nobody who looks for primes.
            let made = self.make_keys(wanted.keys_to_make()).await?;
            let sealed_with = self.keys().sealing.current()?;
            let done = self.store().write(move |tx| {
                let keys = tx.signing_keys()?;
                let turn = turn(&keys, &policy, occasion, now);
                if turn.keys_to_make() > made.len() {
                    return Ok(false);
                }
                take(tx, &keys, &turn, Made { keys: made.clone(), sealed_with }, now).map(|()| true)
            });
            if done.await? {
                return Ok(());
            }
        }
        Err(Error::unavailable("signing keys changed again and again meanwhile"))
    }

    fn key_policy(&self) -> Policy {
        Policy {
            algorithm: self.settings().token_algorithm,
            rotate_after: self.settings().token_key_rotation,
            longest_token: Duration::from_secs(AppSettings::LONGEST_ACCESS_TOKEN.into()),
        }
    }

    async fn make_keys(&self, count: usize) -> Result<Vec<Fresh>> {
        let Some(algorithm) = self.settings().token_algorithm.filter(|_| count > 0) else { return Ok(Vec::new()) };
        let (bits, sealing) = (self.settings().token_rsa_bits, self.keys().sealing.clone());
        let make = move || (0..count).map(|_| Fresh::make(algorithm, bits, &sealing)).collect();
        tokio::task::spawn_blocking(make).await.map_err(Error::internal)?
    }
}

impl Fresh {
    fn make(algorithm: SigningAlgorithm, rsa_bits: u32, sealing: &Sealing) -> Result<Self> {
        let pair = KeyPair::generate(algorithm, rsa_bits)?;
        let id = pair.public().id();
        let public = Secret::from(pair.public().to_pem());
        Ok(Self {
            id,
            algorithm,
            public: sealing.seal(&public, &StoredKey::public_place(id))?,
            private: sealing.seal(pair.to_pem(), &StoredKey::private_place(id))?,
        })
    }

    /// As the next one.
    fn stored(self, now: Timestamp) -> StoredKey {
        StoredKey {
            id: self.id,
            algorithm: self.algorithm,
            state: KeyState::Next,
            public: self.public,
            private: Some(self.private),
            created_at: now,
            current_since: None,
            believed_until: None,
            secret_until: None,
        }
    }
}

/// Does what a turn says.
fn take(tx: &mut dyn Transaction, keys: &[StoredKey], turn: &Turn, made: Made, now: Timestamp) -> Result<()> {
    let Made { keys: mut fresh, sealed_with } = made;
    let missing = || Error::internal("a turn of keys that there are not");
    let find = |id: KeyId| keys.iter().find(|key| key.id == id).cloned().ok_or_else(missing);
    let mut new = || fresh.pop().map(|fresh| fresh.stored(now)).ok_or_else(missing);
    tx.delete_signing_keys(&turn.gone)?;
    if let Some((id, until)) = turn.retired {
        let key = find(id)?;
        // What signs no more cannot be stolen any more.
        let retired = StoredKey {
            state: KeyState::Retired,
            private: None,
            believed_until: Some(until),
            secret_until: None,
            ..key
        };
        tx.update_signing_key(&retired)?;
        if turn.signs.is_none() {
            tx.append(&Event {
                payload: json!({ "signing_key_id": id }),
                ..Event::new(EventKind::SigningKeyRetired, now)
            })?;
        }
    }
    if let Some(signs) = turn.signs {
        let (key, is_new) = match signs.key {
            Some(id) => (find(id)?, false),
            None => (new()?, true),
        };
        let current = StoredKey {
            state: KeyState::Current,
            current_since: Some(now),
            secret_until: Some(signs.secret_until),
            ..key
        };
        if is_new {
            tx.insert_signing_key(&current)?;
        } else {
            tx.update_signing_key(&current)?;
        }
        tx.append(&Event {
            payload: json!({
                "signing_key_id": current.id,
                "algorithm": current.algorithm.name(),
                "previous_signing_key_id": signs.before,
                "reason": signs.reason.name(),
            }),
            ..Event::new(EventKind::SigningKeyRotated, now)
        })?;
    }
    if turn.publish {
        tx.insert_signing_key(&new()?)?;
    }
    if turn.keys_to_make() > 0 {
        tx.note_sealing_key(sealed_with, now)?;
    }
    Ok(())
}
