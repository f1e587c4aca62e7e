//! When keys and sessions were used last. A request only notes it in memory; a worker writes it down, at most once a minute
//! for each.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Result, Timestamp};

use crate::{Platform, Transaction};

/// How long a use stands for those that follow.
const STANDS_FOR: Duration = Duration::from_mins(1);
/// So many are remembered until the next round. The uses of more are not: it is no more than a hint.
const MOST: usize = 20_000;
/// So many are written in one unit of work.
const AT_ONCE: usize = 500;

/// Writes down when things were used.
type Write<I> = fn(&mut dyn Transaction, &[(I, Timestamp)]) -> Result<()>;

/// What was used since the last round.
pub(crate) struct Uses<I>(Mutex<HashMap<I, Timestamp>>);

impl<I> Default for Uses<I> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<I: Copy + Eq + Hash + Ord> Uses<I> {
    /// Notes that something was used, unless it is known well enough when it was last.
    pub fn note(&self, id: I, last: Option<Timestamp>, now: Timestamp) {
        if last.is_some_and(|last| last.until(now) < STANDS_FOR) {
            return;
        }
        let mut noted = self.noted();
        if noted.len() < MOST || noted.contains_key(&id) {
            noted.insert(id, now);
        }
    }

    /// Takes some, in the order in which everybody takes them: nobody waits for anybody in a circle.
    fn take(&self) -> Vec<(I, Timestamp)> {
        let mut noted = self.noted();
        let some: Vec<_> = noted.keys().take(AT_ONCE).copied().collect();
        let mut some: Vec<_> = some.into_iter().filter_map(|id| noted.remove_entry(&id)).collect();
        some.sort_unstable();
        some
    }

    /// Puts back what could not be written.
    fn put_back(&self, uses: Vec<(I, Timestamp)>) {
        let mut noted = self.noted();
        for (id, at) in uses {
            if noted.len() < MOST {
                noted.entry(id).or_insert(at);
            }
        }
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<I, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform {
    /// Writes down when keys were used, some at a time; tells how many.
    ///
    /// # Errors
    /// Those of the database. What could not be written is tried again later.
    pub async fn write_key_uses(&self) -> Result<usize> {
        self.write_uses(self.key_uses(), |tx, uses| tx.note_api_key_uses(uses)).await
    }

    /// Writes down when sessions were used, some at a time; tells how many.
    ///
    /// # Errors
    /// Those of the database. What could not be written is tried again later.
    pub async fn write_session_uses(&self) -> Result<usize> {
        self.write_uses(self.session_uses(), |tx, uses| tx.note_session_uses(uses)).await
    }

    async fn write_uses<I>(&self, noted: &Uses<I>, write: Write<I>) -> Result<usize>
    where
        I: Copy + Eq + Hash + Ord + Send + 'static,
    {
        let uses = noted.take();
        if uses.is_empty() {
            return Ok(0);
        }
        let written = uses.clone();
        match self.store().write(move |tx| write(tx, &written)).await {
            Ok(()) => Ok(uses.len()),
            Err(error) => {
                noted.put_back(uses);
                Err(error)
            }
        }
    }
}
