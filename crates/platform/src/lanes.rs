//! Two lanes: one for endpoints that answer, a narrow one for those that keep us waiting. So those who hang, or answer
//! just in time, wait for each other and for nobody else, however many there are. Of both lanes each organization has a
//! share, so that its slow endpoints hold up none of its others, and nobody else's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::id::{OrganizationId, WebhookId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Requests that take longer keep others waiting.
pub(crate) const SLOW: Duration = Duration::from_millis(500);
/// So long an endpoint is taken for slow after it was, however quick it was since: who hangs now and then hangs again.
const REMEMBERED: Duration = Duration::from_mins(1);
/// So many are remembered; then those are forgotten that were slow longest ago.
const MOST_REMEMBERED: usize = 10_000;

/// How many endpoints, and how many requests, at once.
pub(crate) struct Lanes {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    slow_since: Mutex<HashMap<WebhookId, Instant>>,
    shares: Mutex<HashMap<OrganizationId, Arc<Share>>>,
}

/// What an organization has of both lanes.
struct Share {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

impl Share {
    fn lane(&self, slow: bool) -> &Arc<Semaphore> {
        if slow { &self.slow } else { &self.quick }
    }
}

/// A place in one of the lanes, out of an organization's share of it.
pub(crate) struct Place {
    lane: OwnedSemaphorePermit,
    of_share: OwnedSemaphorePermit,
    share: Arc<Share>,
    slow: bool,
}

impl Lanes {
    /// So many endpoints are in hand at the most that answer quickly, or are not known yet.
    pub const QUICK_ENDPOINTS: usize = 256;
    /// So many that do not are taken in hand.
    pub const SLOW_ENDPOINTS: usize = 128;
    /// And so many in all: who turns out to be slow stays for a while.
    pub const MOST_ENDPOINTS: usize = 640;
    const QUICK_REQUESTS: usize = 512;
    const SLOW_REQUESTS: usize = 256;
    /// So many requests are for one organization, whatever it has to hear.
    const SHARE: usize = 128;
    /// And so many besides for those of its endpoints that keep us waiting.
    const SLOW_SHARE: usize = 64;

    pub fn new() -> Self {
        Self {
            quick: Arc::new(Semaphore::new(Self::QUICK_REQUESTS)),
            slow: Arc::new(Semaphore::new(Self::SLOW_REQUESTS)),
            slow_since: Mutex::default(),
            shares: Mutex::default(),
        }
    }

    /// A place for one request, if there is one.
    pub fn free_place(&self, endpoint: WebhookId, organization: OrganizationId) -> Option<Place> {
        let (share, slow) = (self.share(organization), self.is_slow(endpoint));
        let of_share = Arc::clone(share.lane(slow)).try_acquire_owned().ok()?;
        let lane = Arc::clone(self.lane(slow)).try_acquire_owned().ok()?;
        Some(Place { lane, of_share, share, slow })
    }

    /// Waits for one: behind those who have come before, in the lane where the endpoint belongs by then.
    pub async fn place(&self, endpoint: WebhookId, organization: OrganizationId) -> Option<Place> {
        let share = self.share(organization);
        loop {
            let slow = self.is_slow(endpoint);
            let of_share = Arc::clone(share.lane(slow)).acquire_owned().await.ok()?;
            let lane = Arc::clone(self.lane(slow)).acquire_owned().await.ok()?;
            if slow || !self.is_slow(endpoint) {
                return Some(Place { lane, of_share, share, slow });
            }
        }
    }

    fn lane(&self, slow: bool) -> &Arc<Semaphore> {
        if slow { &self.slow } else { &self.quick }
    }

    fn share(&self, organization: OrganizationId) -> Arc<Share> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() > 2 * Self::MOST_ENDPOINTS {
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = shares.entry(organization).or_insert_with(|| {
            let [quick, slow] = [Self::SHARE, Self::SLOW_SHARE].map(|places| Arc::new(Semaphore::new(places)));
            Arc::new(Share { quick, slow })
        });
        Arc::clone(share)
    }

    /// A request is slow: its endpoint is from now on, and it moves to the slow lane, and to the share of that, where
    /// there is room.
    pub fn keeps_waiting(&self, endpoint: WebhookId, place: &mut Place) {
        self.note_slow(endpoint);
        if place.slow {
            return;
        }
        if let Ok(of_share) = Arc::clone(&place.share.slow).try_acquire_owned() {
            place.of_share = of_share;
        }
        if let Ok(lane) = Arc::clone(&self.slow).try_acquire_owned() {
            (place.lane, place.slow) = (lane, true);
        }
    }

    fn note_slow(&self, endpoint: WebhookId) {
        let mut map = self.map();
        if map.len() >= MOST_REMEMBERED && !map.contains_key(&endpoint) {
            map.retain(|_, since| since.elapsed() < REMEMBERED);
            if let Some(oldest) = map.iter().min_by_key(|(_, since)| **since).map(|(id, _)| *id)
                && map.len() >= MOST_REMEMBERED
            {
                map.remove(&oldest);
            }
        }
        map.insert(endpoint, Instant::now());
    }

    /// Whether it was slow not long ago.
    pub fn is_slow(&self, endpoint: WebhookId) -> bool {
        self.map().get(&endpoint).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    /// All that were.
    pub fn slow_ones(&self) -> Vec<WebhookId> {
        let mut map = self.map();
        map.retain(|_, since| since.elapsed() < REMEMBERED);
        map.keys().copied().collect()
    }

    fn map(&self) -> MutexGuard<'_, HashMap<WebhookId, Instant>> {
        self.slow_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places for quick requests, taken for many organizations.
    async fn full(lanes: &Lanes, endpoint: WebhookId) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..Lanes::QUICK_REQUESTS {
            places.push(lanes.place(endpoint, OrganizationId::generate()).await.unwrap());
        }
        assert_eq!(lanes.quick.available_permits(), 0);
        places
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_us_waiting_makes_room_for_others() {
        let (lanes, slow) = (Lanes::new(), WebhookId::generate());
        let mut places = full(&lanes, slow).await;
        for place in &mut places {
            lanes.keeps_waiting(slow, place);
        }
        assert_eq!(lanes.quick.available_permits(), Lanes::SLOW_REQUESTS, "as many as the slow lane takes");
        assert_eq!(lanes.slow.available_permits(), 0);
        assert!(lanes.is_slow(slow));
        tokio::time::advance(REMEMBERED).await;
        assert!(!lanes.is_slow(slow));
        assert!(lanes.slow_ones().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_turned_out_to_be_slow_while_it_waited_waits_among_the_slow() {
        let (lanes, waiting, place) = (Lanes::new(), WebhookId::generate(), OrganizationId::generate());
        let mut places = full(&lanes, WebhookId::generate()).await;
        assert!(lanes.free_place(waiting, place).is_none());
        let place = lanes.place(waiting, place);
        tokio::pin!(place);
        assert!(tokio::time::timeout(SLOW, &mut place).await.is_err());
        lanes.note_slow(waiting);
        places.pop();
        assert!(place.await.unwrap().slow);
        assert_eq!(lanes.quick.available_permits(), 1);
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share() {
        let (lanes, one, other) = (Lanes::new(), OrganizationId::generate(), OrganizationId::generate());
        let endpoint = WebhookId::generate();
        let places: Vec<_> = (0..Lanes::SHARE).map(|_| lanes.free_place(endpoint, one).unwrap()).collect();
        assert!(lanes.free_place(endpoint, one).is_none() && lanes.free_place(endpoint, other).is_some());
        drop(places);
        assert!(lanes.free_place(endpoint, one).is_some());
        for _ in 0..3 * Lanes::MOST_ENDPOINTS {
            lanes.free_place(endpoint, OrganizationId::generate()).unwrap();
        }
        assert!(lanes.shares.lock().unwrap().len() <= 2 * Lanes::MOST_ENDPOINTS + 1, "who wants nothing is forgotten");
    }

    #[tokio::test]
    async fn slow_endpoints_hold_up_no_others_of_their_organization() {
        let (lanes, place) = (Lanes::new(), OrganizationId::generate());
        let [slow, healthy] = [(); 2].map(|()| WebhookId::generate());
        // All at once, before anybody knows that they hang.
        let mut hanging: Vec<_> = (0..Lanes::SHARE).map(|_| lanes.free_place(slow, place).unwrap()).collect();
        assert!(lanes.free_place(healthy, place).is_none());
        for place in &mut hanging {
            lanes.keeps_waiting(slow, place);
        }
        let room: Vec<_> = std::iter::from_fn(|| lanes.free_place(healthy, place)).collect();
        assert_eq!(room.len(), Lanes::SLOW_SHARE);
        drop((room, hanging));
        // From then on they wait for each other.
        let slow: Vec<_> = std::iter::from_fn(|| lanes.free_place(slow, place)).collect();
        assert_eq!(slow.len(), Lanes::SLOW_SHARE);
        let room: Vec<_> = std::iter::from_fn(|| lanes.free_place(healthy, place)).collect();
        assert_eq!(room.len(), Lanes::SHARE);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_remembered_than_there_is_room_for() {
        let (lanes, first) = (Lanes::new(), WebhookId::generate());
        lanes.note_slow(first);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..MOST_REMEMBERED {
            lanes.note_slow(WebhookId::generate());
        }
        assert_eq!(lanes.slow_ones().len(), MOST_REMEMBERED);
        assert!(!lanes.is_slow(first), "the one that was slow longest ago is forgotten");
    }
}
