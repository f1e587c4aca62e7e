//! Signing access tokens, and reading them again: with the shared secret, or with a key.
//!
//! A token names the key that it was signed with, and no more. What is not in memory may be new: it is looked for in the
//! database, once in a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use identity::{
    KeyId,
    access_token::{Claims, SignedBy},
    signing_key::{KeyPair, Occasion},
};
use kernel::{Code, Error, Result, Secret, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::{
    Platform,
    authentication::Verified,
    key_ring::{KeyRing, Published},
};

/// However many tokens come whose keys nobody knows: the database is asked once in this time.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What this process has of the signing keys beside the ring itself.
pub(crate) struct SigningState {
    /// What was open last, so that nothing is opened twice.
    last: Mutex<Option<Arc<KeyRing>>>,
    /// When the database was asked for a key that nobody here knew.
    asked: AsyncMutex<Option<Instant>>,
    /// Held by who makes the first keys.
    making: AsyncMutex<()>,
    /// So many slow signatures are made at once.
    slow: Semaphore,
}

impl SigningState {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            last: Mutex::default(),
            asked: AsyncMutex::default(),
            making: AsyncMutex::default(),
            slow: Semaphore::new(cores),
        }
    }
}

/// What signs a token. It is got before what the token is for is committed: after that nothing may fail.
#[derive(Clone)]
pub(crate) enum Signer {
    /// `OAUTH_SIGNING_SECRET`.
    Secret,
    /// The current key.
    Key(Arc<KeyPair>),
}

impl Platform {
    /// The public halves of all keys that sign, have signed or will, as a JWK set. There are none where the shared secret
    /// signs.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn published_keys(&self) -> Result<Published> {
        // Nobody shall remember for minutes that there are none yet.
        let ring = match self.settings().token_algorithm {
            Some(_) => self.ring_that_signs().await?,
            None => self.ring().await?,
        };
        Ok(ring.published().clone())
    }

    /// What signs now.
    pub(crate) async fn signer(&self) -> Result<Signer> {
        if self.settings().token_algorithm.is_none() {
            return Ok(Signer::Secret);
        }
        let ring = self.ring_that_signs().await?;
        ring.current().map(Signer::Key).ok_or_else(|| Error::internal("the key that signs can't be opened"))
    }

    /// Signs an access token.
    pub(crate) async fn sign(&self, signer: Signer, claims: Claims) -> Result<Secret> {
        match signer {
            Signer::Secret => self.keys().issuer.sign(&claims),
            Signer::Key(pair) if pair.public().algorithm().is_slow() => {
                let _place = self.inner.signing.slow.acquire().await.map_err(Error::internal)?;
                tokio::task::spawn_blocking(move || claims.sign_with(&pair)).await.map_err(Error::internal)?
            }
            Signer::Key(pair) => claims.sign_with(&pair),
        }
        .map(Secret::from)
    }

    /// What a bearer token says, if somebody we believe signed it and its time has come and not gone. A signature is
    /// checked once; whether its key still counts is asked every time.
    pub(crate) async fn read_bearer(&self, token: &str, now: Timestamp) -> Result<Verified> {
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        if let Some(verified) = self.facts().verified.get(&hash) {
            if let Verified::Ours { by, .. } = &verified
                && !self.believes(*by, now).await?
            {
                self.facts().verified.forget(&hash);
                return Err(Error::new(Code::Unauthorized));
            }
            return if verified.is_current(now) { Ok(verified) } else { Err(Error::new(Code::TokenExpired)) };
        }
        let verified = match (self.read_ours(token, now).await, &self.keys().supabase) {
            (Ok((claims, by)), _) => Verified::Ours { claims: Arc::new(claims), by },
            (Err(error), Some(supabase)) if error.code == Code::Unauthorized => {
                Verified::Supabase(Arc::new(supabase.read(token, now)?))
            }
            (Err(error), _) => return Err(error),
        };
        self.facts().verified.keep(hash, verified.clone());
        Ok(verified)
    }

    async fn read_ours(&self, token: &str, now: Timestamp) -> Result<(Claims, SignedBy)> {
        let unauthorized = || Error::new(Code::Unauthorized);
        let by = SignedBy::of(token).ok_or_else(unauthorized)?;
        let issuer = &self.keys().issuer;
        let claims = match by {
            SignedBy::Secret if self.believes(by, now).await? => issuer.read(token, None, now)?,
            SignedBy::Secret => return Err(unauthorized()),
            SignedBy::Key(id) => {
                let ring = self.ring_with(id, now).await?;
                let key = ring.public(id, now).ok_or_else(unauthorized)?;
                issuer.read(token, Some(key), now)?
            }
        };
        Ok((claims, by))
    }

    /// Claims that we signed for any time: to end a session, an expired token is good enough.
    pub(crate) async fn read_at_any_time(&self, token: &str, now: Timestamp) -> Result<Option<Claims>> {
        let issuer = &self.keys().issuer;
        let Some(by) = SignedBy::of(token) else { return Ok(None) };
        Ok(match by {
            SignedBy::Secret => {
                let believed = self.believes(by, now).await?;
                believed.then(|| issuer.read_at_any_time(token, None)).flatten()
            }
            SignedBy::Key(id) => {
                let ring = self.ring_with(id, now).await?;
                ring.public(id, now).and_then(|key| issuer.read_at_any_time(token, Some(key)))
            }
        })
    }

    /// Whether what was signed with this is believed now.
    async fn believes(&self, by: SignedBy, now: Timestamp) -> Result<bool> {
        match by {
            SignedBy::Secret if self.settings().token_algorithm.is_none() => Ok(true),
            SignedBy::Secret => Ok(self.ring().await?.believes_the_secret(now)),
            SignedBy::Key(id) => Ok(self.ring().await?.verifies(id, now)),
        }
    }

    /// The keys, as they are kept in memory or in the database.
    async fn ring(&self) -> Result<Arc<KeyRing>> {
        let load = async {
            let stored = self.store().read(|tx| tx.signing_keys()).await?;
            let last = &self.inner.signing.last;
            let before = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let ring = Arc::new(KeyRing::open(&stored, before.as_deref(), &self.keys().sealing, self.now())?);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
            Ok(ring)
        };
        self.facts().signing_keys.get(&(), load).await
    }

    /// The keys, asked for again where this one is not among them: another server may have made it just now. Whoever sends
    /// tokens of keys that there are not makes us ask once a second, and nobody else wait.
    async fn ring_with(&self, id: KeyId, now: Timestamp) -> Result<Arc<KeyRing>> {
        let ring = self.ring().await?;
        if ring.verifies(id, now) {
            return Ok(ring);
        }
        // Those who come meanwhile wait for the same answer.
        let mut asked = self.inner.signing.asked.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= ASK_AGAIN_AFTER) {
            *asked = Some(Instant::now());
            self.facts().signing_keys.forget(&());
        }
        self.ring().await
    }

    /// The keys, with one that signs: on a new database it is made first.
    async fn ring_that_signs(&self) -> Result<Arc<KeyRing>> {
        let ring = self.ring().await?;
        if ring.current().is_some() {
            return Ok(ring);
        }
        let _alone = self.inner.signing.making.lock().await;
        let ring = self.ring().await?;
        if ring.current().is_some() {
            return Ok(ring);
        }
        self.turn_signing_keys(Occasion::Schedule).await?;
        self.facts().signing_keys.forget(&());
        self.ring().await
    }
}
