//! Finds endpoints for which something is due, takes them for this process, and lets a task look after each.
//!
//! Endpoints are taken and not deliveries: all that waits for one is in one hand, so that its order and its pace need no
//! agreement, and one that is slow or dead holds up itself alone. Who has one has it for a while only, and prolongs that
//! while at work; should it die, others go on when the time is over.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::Result;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use uuid::Uuid;
use webhooks::{Attempt, Lease};

use crate::{
    Platform,
    courier::{Courier, Parcel, Receipt, Undelivered},
    delivery_log::DeliveryLog,
    endpoint_line::EndpointLine,
};

/// So many endpoints are in hand at the most.
const ENDPOINTS: usize = 256;
/// And so many requests under way.
const REQUESTS: usize = 512;
/// How long an endpoint is ours: after that others may have it, should we have died.
const LEASE: Duration = Duration::from_secs(30);
/// How often that is prolonged.
const RENEW_EVERY: Duration = Duration::from_secs(8);
/// So much earlier we stop ourselves: a request may be that long on its way.
const MARGIN: Duration = Duration::from_secs(12);

/// Delivers, for one process.
pub(crate) struct Dispatcher {
    platform: Platform,
    courier: Arc<dyn Courier>,
    /// What this process calls itself in leases.
    holder: Uuid,
    requests: Semaphore,
    log: DeliveryLog,
    leases: Mutex<Leases>,
    stop: watch::Receiver<bool>,
    lines: Mutex<JoinSet<()>>,
}

/// What is known of our leases.
#[derive(Clone, Copy)]
struct Leases {
    renewed: Option<Instant>,
    /// Until when nobody else has what is ours.
    safe_until: Instant,
}

impl Dispatcher {
    pub fn new(platform: &Platform, courier: Arc<dyn Courier>, stop: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            platform: platform.clone(),
            courier,
            holder: Uuid::new_v4(),
            requests: Semaphore::new(REQUESTS),
            log: DeliveryLog::begin(platform),
            leases: Mutex::new(Leases { renewed: None, safe_until: Instant::now() }),
            stop,
            lines: Mutex::default(),
        })
    }

    /// Takes what is due and free, as much as there is room for; tells how much, if there may be more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn round(self: Arc<Self>) -> Result<usize> {
        self.renew().await?;
        let room = ENDPOINTS.saturating_sub(self.platform.in_hand().count());
        if room == 0 || *self.stop.borrow() {
            return Ok(0);
        }
        let (now, lease) = (self.platform.now(), self.lease());
        let most = i64::try_from(room).unwrap_or(i64::MAX);
        let leased = self.platform.store().write(move |tx| tx.lease_endpoints(lease, now, most)).await?;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.try_join_next().is_some() {}
        for id in &leased {
            if let Some(held) = self.platform.take_in_hand(*id) {
                lines.spawn(EndpointLine::new(Arc::clone(&self), *id, held).run());
            }
        }
        Ok(if leased.len() == room { room } else { 0 })
    }

    /// Lets what is under way finish.
    pub async fn finish(&self) {
        let mut lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        while lines.join_next().await.is_some() {}
    }

    /// Prolongs what we have, when that is due, and lets go what we have lost.
    async fn renew(&self) -> Result<()> {
        let begun = Instant::now();
        let first = match self.leases().renewed {
            Some(renewed) if begun.duration_since(renewed) < RENEW_EVERY => return Ok(()),
            renewed => renewed.is_none(),
        };
        let lease = self.lease();
        let renewed = self.platform.store().write(move |tx| {
            if first {
                tx.end_leases_of_the_dead()?;
            }
            tx.renew_leases(lease)
        });
        let held = renewed.await?;
        self.platform.in_hand().keep(&held);
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        *leases = Leases { renewed: Some(begun), safe_until: begun + LEASE - MARGIN };
        Ok(())
    }

    fn lease(&self) -> Lease {
        Lease { holder: self.holder, until: self.platform.now().after(LEASE) }
    }

    fn leases(&self) -> Leases {
        *self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    pub fn holder(&self) -> Uuid {
        self.holder
    }

    pub fn log(&self) -> &DeliveryLog {
        &self.log
    }

    /// Whether another request may begin: nobody wants us to stop, and nobody else can have what is ours.
    pub fn goes_on(&self) -> bool {
        !*self.stop.borrow() && Instant::now() < self.leases().safe_until
    }

    /// There is room for one more endpoint: where there was none, others may be waiting.
    pub fn has_room(&self) {
        if self.platform.in_hand().count() + 1 >= ENDPOINTS {
            self.platform.news().queued.tell();
        }
    }

    /// Waits until we are to stop.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends, once there is room for one more request. `None` when we are not to send any more by then.
    pub async fn send(&self, parcel: Parcel) -> Option<Sent> {
        let _permit = self.requests.acquire().await.ok()?;
        if !self.goes_on() {
            return None;
        }
        let (at, begun) = (self.platform.now(), Instant::now());
        let answer = self.courier.carry(parcel, Attempt::KEPT).await;
        Some(Sent { at, took: begun.elapsed(), answer })
    }
}

/// A request that was made.
pub(crate) struct Sent {
    pub at: kernel::Timestamp,
    pub took: Duration,
    pub answer: std::result::Result<Receipt, Undelivered>,
}
