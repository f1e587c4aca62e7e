//! Facts in memory, so that a warm request touches no database.
//!
//! A fact is dropped by the commit that changes it, before that change is answered. A load that was under way meanwhile
//! keeps nothing: it notes the generation of its place before it reads, and what moved meanwhile is not kept. And
//! nothing is kept for longer than [`STALE_AFTER`], which is the bound on what another process changes and nobody tells.

use std::{
    future::Future,
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use kernel::Result;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

/// The longest that anything is believed without asking the database again.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

/// Of how many counters the facts of one kind share one.
const GENERATIONS: usize = 256;

/// A bounded cache. The keys are hashed with a secret that an attacker who chooses them does not know, by a hash made for
/// that.
pub type Bounded<K, V> = Cache<K, V, UnitWeighter, RandomState>;

/// A cache of at most so many things.
#[must_use]
pub fn bounded<K: Eq + Hash, V: Clone>(capacity: usize) -> Bounded<K, V> {
    Cache::with(capacity, capacity as u64, UnitWeighter, RandomState::new(), DefaultLifecycle::default())
}

/// A bounded cache of facts of one kind.
pub struct Facts<K, V> {
    kept: Bounded<K, Kept<V>>,
    generations: Counters,
    /// Moves when everything is forgotten: what was kept in an earlier era is not believed.
    era: AtomicU64,
}

#[derive(Clone)]
struct Kept<V> {
    value: V,
    era: u64,
    since: Instant,
}

impl<K, V> Facts<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    /// Keeps at most `capacity` facts.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { kept: bounded(capacity), generations: Counters::new(GENERATIONS), era: AtomicU64::new(0) }
    }

    /// The fact as it is kept, or as `load` finds it.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get(&self, key: &K, load: impl Future<Output = Result<V>>) -> Result<V> {
        let era = self.era.load(Ordering::SeqCst);
        if let Some(kept) = self.kept.get(key)
            && kept.is_believed(era, Instant::now())
        {
            return Ok(kept.value);
        }
        let (before, since) = (self.generations.of(key), Instant::now());
        let value = load.await?;
        if self.generations.of(key) == before {
            self.kept.insert(key.clone(), Kept { value: value.clone(), era, since });
            // It may have moved between the look and the insertion.
            if self.generations.of(key) != before {
                self.kept.remove(key);
            }
        }
        Ok(value)
    }

    /// Drops a fact that has changed.
    pub fn forget(&self, key: &K) {
        self.generations.advance(key);
        self.kept.remove(key);
    }

    /// Drops everything, what is being loaded too.
    pub fn forget_all(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes room: nobody believes these any more.
    pub fn drop_stale(&self) {
        let (era, now) = (self.era.load(Ordering::SeqCst), Instant::now());
        self.kept.retain(|_, kept| kept.is_believed(era, now));
    }
}

impl<V> Kept<V> {
    fn is_believed(&self, era: u64, now: Instant) -> bool {
        self.era == era && now.saturating_duration_since(self.since) < STALE_AFTER
    }
}

/// A number for each of any number of things that moves when the thing changes. Few share one, and a change of the one is
/// then taken for a change of the other; none is ever lost.
///
/// As part of the key of facts that hang on a thing, it makes all of them forgotten at once.
pub struct Counters {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Counters {
    /// So many numbers for all of them.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places: (0..places).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// The thing's number now.
    pub fn of<K: Hash>(&self, key: &K) -> u64 {
        self.place(key).load(Ordering::SeqCst)
    }

    /// The thing has changed.
    pub fn advance<K: Hash>(&self, key: &K) {
        self.place(key).fetch_add(1, Ordering::SeqCst);
    }

    fn place<K: Hash>(&self, key: &K) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "any part of the hash will do")]
        let place = self.hasher.hash_one(key) as usize % self.places.len();
        &self.places[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_moves_when_its_thing_changes_and_hardly_any_other_does() {
        let counters = Counters::new(1_000);
        let before: Vec<u64> = (0..100).map(|thing| counters.of(&thing)).collect();
        counters.advance(&7_usize);
        let moved: Vec<usize> = (0..100).filter(|thing| counters.of(thing) != before[*thing]).collect();
        assert!(moved.contains(&7) && moved.len() < 5, "{moved:?}");
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

    #[tokio::test]
    async fn what_is_loaded_while_everything_is_forgotten_is_not_kept() {
        let facts = Facts::new(10);
        let slow = async {
            facts.forget_all();
            Ok(1)
        };
        assert_eq!(facts.get(&"a", slow).await.unwrap(), 1);
        assert_eq!(facts.get(&"a", load(2)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_nobody_believes_takes_no_room() {
        let facts = Facts::new(10);
        facts.get(&"a", load(1)).await.unwrap();
        facts.drop_stale();
        assert_eq!(facts.kept.len(), 1);
        facts.forget_all();
        facts.drop_stale();
        assert_eq!(facts.kept.len(), 0);
    }
}
