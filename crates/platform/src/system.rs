//! How the server is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Code, Error, Result};

use crate::{Platform, store::Health};

impl Platform {
    /// Whether the database answers, and whether its schema is this version's.
    ///
    /// # Errors
    /// `service_unavailable`.
    pub async fn health(&self) -> Result<Health> {
        // Whoever asks while somebody else does waits for that answer, and for a second it is everybody's.
        let mut known = self.inner.health.lock().await;
        if let Some((at, health)) = &*known
            && at.elapsed() < Duration::from_secs(1)
        {
            return health.clone().ok_or_else(|| Error::unavailable("the database was away a moment ago"));
        }
        let store = Arc::clone(&self.inner.store);
        let asked = tokio::task::spawn_blocking(move || store.health());
        let health = asked.await.map_err(Error::unavailable)?;
        *known = Some((Instant::now(), health.as_ref().ok().cloned()));
        health
    }

    /// A server that can't read what the database holds does not start.
    pub(crate) async fn check_sealing_keys(&self) -> Result<()> {
        let used = self.store().read(|tx| tx.sealing_keys()).await?;
        match used.iter().find(|id| !self.keys().sealing.knows(**id)) {
            None => Ok(()),
            Some(id) => Err(Error::because(
                Code::InvalidSetting,
                format!(
                    "The database holds secrets that are sealed with a key this server does not have (id {id}). Give \
                     FABRIC_ENCRYPTION_KEY, or the key from before as FABRIC_ENCRYPTION_KEY_PREVIOUS or \
                     OAUTH_SIGNING_SECRET_PREVIOUS.",
                ),
            )),
        }
    }
}
