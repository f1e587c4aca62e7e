//! The endpoints that this process delivers to at the moment, and how to call those who do.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::id::WebhookId;
use tokio::sync::Notify;

/// Who looks after what.
#[derive(Default)]
pub(crate) struct InHand(Mutex<HashMap<WebhookId, Arc<Call>>>);

/// How whoever looks after an endpoint is called.
#[derive(Default)]
pub(crate) struct Call {
    more: Notify,
    changed: AtomicBool,
    lost: AtomicBool,
}

impl Call {
    /// Waits until there is more for the endpoint, or there was since the last time.
    pub async fn more(&self) {
        self.more.notified().await;
    }

    /// Whether there was a call that nobody has waited for.
    pub fn is_waiting(&self) -> bool {
        pin!(self.more.notified()).enable()
    }

    /// Whether the endpoint is another one than it was when this was last asked.
    pub fn has_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Whether somebody else may have the endpoint by now.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// An endpoint in hand, until this is dropped.
pub(crate) struct Held {
    platform: crate::Platform,
    id: WebhookId,
    pub call: Arc<Call>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.platform.in_hand().map().remove(&self.id);
    }
}

impl InHand {
    /// Calls those who look after these endpoints; tells whether there is one that nobody looks after.
    pub fn call(&self, endpoints: &[WebhookId]) -> bool {
        let map = self.map();
        let mut left = false;
        for id in endpoints {
            match map.get(id) {
                Some(call) => call.more.notify_one(),
                None => left = true,
            }
        }
        left
    }

    /// Tells those who look after this endpoint that it has changed.
    pub fn changed(&self, endpoint: WebhookId) {
        if let Some(call) = self.map().get(&endpoint) {
            call.changed.store(true, Ordering::Relaxed);
            call.more.notify_one();
        }
    }

    /// What is in hand.
    pub fn all(&self) -> Vec<WebhookId> {
        self.map().keys().copied().collect()
    }

    /// What was in hand and is not among these is somebody else's.
    pub fn keep(&self, before: &[WebhookId], held: &[WebhookId]) {
        let map = self.map();
        let held: HashSet<_> = held.iter().collect();
        for id in before.iter().filter(|id| !held.contains(id)) {
            if let Some(call) = map.get(id) {
                call.lost.store(true, Ordering::Relaxed);
            }
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<WebhookId, Arc<Call>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl crate::Platform {
    /// Takes an endpoint in hand, unless it is.
    pub(crate) fn take_in_hand(&self, id: WebhookId) -> Option<Held> {
        let mut map = self.in_hand().map();
        if map.contains_key(&id) {
            return None;
        }
        let call = Arc::<Call>::default();
        map.insert(id, Arc::clone(&call));
        drop(map);
        Some(Held { platform: self.clone(), id, call })
    }
}
