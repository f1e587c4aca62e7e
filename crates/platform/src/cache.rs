//! Facts in memory, so that a warm request touches no database.
//!
//! A fact is dropped by the commit that changes it, before that change is answered. A load that was under way meanwhile
//! keeps nothing: it notes the generation of its place before it reads, and what moved meanwhile is not kept. And
//! nothing is kept for longer than [`STALE_AFTER`], which is the bound on what another process changes and nobody tells.

use std::{
    future::Future,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::Result;
use moka::sync::Cache;

/// The longest that anything is believed without asking the database again.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

const PLACES: usize = 256;

/// A bounded cache of facts of one kind.
pub struct Facts<K, V> {
    kept: Cache<K, V>,
    generations: Arc<[AtomicU64]>,
    hasher: RandomState,
}

impl<K, V> Facts<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Keeps at most `capacity` facts.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self {
            kept: Cache::builder().max_capacity(capacity).time_to_live(STALE_AFTER).build(),
            generations: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The fact as it is kept, or as `load` finds it.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get(&self, key: &K, load: impl Future<Output = Result<V>>) -> Result<V> {
        if let Some(value) = self.kept.get(key) {
            return Ok(value);
        }
        let generation = self.generation(key);
        let before = generation.load(Ordering::SeqCst);
        let value = load.await?;
        if generation.load(Ordering::SeqCst) == before {
            self.kept.insert(key.clone(), value.clone());
            // It may have moved between the look and the insertion.
            if generation.load(Ordering::SeqCst) != before {
                self.kept.invalidate(key);
            }
        }
        Ok(value)
    }

    /// Drops a fact that has changed.
    pub fn forget(&self, key: &K) {
        self.generation(key).fetch_add(1, Ordering::SeqCst);
        self.kept.invalidate(key);
    }

    /// Drops everything.
    pub fn forget_all(&self) {
        for generation in &*self.generations {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        self.kept.invalidate_all();
    }

    fn generation(&self, key: &K) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "any part of the hash will do")]
        let place = self.hasher.hash_one(key) as usize % PLACES;
        &self.generations[place]
    }
}

/// A number for each of many things that moves when the thing changes. As part of the key of facts that hang on the
/// thing, it makes all of them forgotten at once.
pub struct Epochs<K> {
    moved: Cache<K, u64>,
    last: AtomicU64,
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Epochs<K> {
    /// Knows of at most `capacity` things that changed lately.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        // What was kept, or being loaded, under an earlier number is long gone by then.
        let moved = Cache::builder().max_capacity(capacity).time_to_live(STALE_AFTER * 12).build();
        Self { moved, last: AtomicU64::new(0) }
    }

    /// The thing's number now.
    pub fn of(&self, key: &K) -> u64 {
        self.moved.get(key).unwrap_or(0)
    }

    /// The thing has changed.
    pub fn advance(&self, key: &K) {
        self.moved.insert(key.clone(), self.last.fetch_add(1, Ordering::SeqCst) + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_moves_when_its_thing_changes_and_no_other_does() {
        let epochs = Epochs::new(10);
        assert_eq!((epochs.of(&"a"), epochs.of(&"b")), (0, 0));
        epochs.advance(&"a");
        let first = epochs.of(&"a");
        epochs.advance(&"b");
        epochs.advance(&"a");
        assert!(first != 0 && epochs.of(&"a") != first && epochs.of(&"b") != epochs.of(&"a"));
    }

    fn load(value: u32) -> impl Future<Output = Result<u32>> {
        std::future::ready(Ok(value))
    }

    #[tokio::test]
    async fn a_fact_is_kept_until_it_changes() {
        let facts = Facts::new(10);
        assert_eq!(facts.get(&"a", load(1)).await.unwrap(), 1);
        assert_eq!(facts.get(&"a", load(2)).await.unwrap(), 1);
        facts.forget(&"a");
        assert_eq!(facts.get(&"a", load(2)).await.unwrap(), 2);
        facts.forget_all();
        assert_eq!(facts.get(&"a", load(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_changes_while_it_is_loaded_is_not_kept() {
        let facts = Facts::new(10);
        let slow = async {
            facts.forget(&"a");
            Ok(1)
        };
        assert_eq!(facts.get(&"a", slow).await.unwrap(), 1);
        assert_eq!(facts.get(&"a", load(2)).await.unwrap(), 2);
    }
}
