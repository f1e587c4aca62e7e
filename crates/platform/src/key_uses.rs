//! When keys were used last. A request only notes it in memory; a worker writes it down, at most once a minute for a key.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use identity::ApiKey;
use kernel::{Result, Timestamp, id::ApiKeyId};

use crate::Platform;

/// How long a use stands for those that follow.
const STANDS_FOR: Duration = Duration::from_mins(1);
/// So many keys are remembered until the next round. The uses of more are not: it is no more than a hint.
const MOST: usize = 20_000;
/// So many are written in one unit of work.
const AT_ONCE: usize = 500;

/// The keys that were used since the last round.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<HashMap<ApiKeyId, Timestamp>>);

impl KeyUses {
    /// Notes that a key was used, unless that is known well enough.
    pub fn note(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_some_and(|last| last.until(now) < STANDS_FOR) {
            return;
        }
        let mut noted = self.noted();
        if noted.len() < MOST || noted.contains_key(&key.id) {
            noted.insert(key.id, now);
        }
    }

    /// Takes some, in the order in which everybody takes them: nobody waits for anybody in a circle.
    fn take(&self) -> Vec<(ApiKeyId, Timestamp)> {
        let mut noted = self.noted();
        let some: Vec<_> = noted.keys().take(AT_ONCE).copied().collect();
        let mut some: Vec<_> = some.into_iter().filter_map(|id| noted.remove_entry(&id)).collect();
        some.sort_unstable();
        some
    }

    /// Puts back what could not be written.
    fn put_back(&self, uses: Vec<(ApiKeyId, Timestamp)>) {
        let mut noted = self.noted();
        for (id, at) in uses {
            if noted.len() < MOST {
                noted.entry(id).or_insert(at);
            }
        }
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<ApiKeyId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform {
    /// Writes down when keys were used, some at a time; tells how many.
    ///
    /// # Errors
    /// Those of the database. What could not be written is tried again later.
    pub async fn write_key_uses(&self) -> Result<usize> {
        let uses = self.key_uses().take();
        if uses.is_empty() {
            return Ok(0);
        }
        let written = uses.clone();
        match self.store().write(move |tx| tx.note_api_key_uses(&written)).await {
            Ok(()) => Ok(uses.len()),
            Err(error) => {
                self.key_uses().put_back(uses);
                Err(error)
            }
        }
    }
}
