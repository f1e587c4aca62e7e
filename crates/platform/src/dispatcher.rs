//! Finds endpoints for which something is due, takes them for this process, and lets a task look after each.
//!
//! Endpoints are taken and not deliveries: all that waits for one is in one hand, so that its order and its pace need no
//! agreement, and one that is slow or dead holds up itself alone. Who has one has it for a while only, and prolongs that
//! while at work; should it die, others go on when the time is over.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Result, Timestamp, id::WebhookId};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use uuid::Uuid;
use webhooks::{Among, Lease};

use crate::{Platform, courier::Courier, delivery_log::DeliveryLog, endpoint_line::EndpointLine, lanes::Lanes};

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
    lanes: Lanes,
    /// There was no room for all that was due, in one lane and in the other.
    crowded_quick: AtomicBool,
    crowded_slow: AtomicBool,
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
    /// The same by the clock on the wall, which goes on when a machine is suspended.
    until: Option<Timestamp>,
}

impl Dispatcher {
    pub fn new(platform: &Platform, courier: Arc<dyn Courier>, stop: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            platform: platform.clone(),
            courier,
            holder: Uuid::new_v4(),
            lanes: Lanes::new(),
            crowded_quick: AtomicBool::new(false),
            crowded_slow: AtomicBool::new(false),
            log: DeliveryLog::begin(platform),
            leases: Mutex::new(Leases { renewed: None, safe_until: Instant::now(), until: None }),
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
        if *self.stop.borrow() {
            return Ok(0);
        }
        let (in_hand, slow) = (self.platform.in_hand().all(), self.lanes.slow_ones());
        let slow_in_hand = {
            let slow: HashSet<_> = slow.iter().collect();
            in_hand.iter().filter(|id| slow.contains(id)).count()
        };
        let slow_room = Lanes::SLOW_ENDPOINTS.saturating_sub(slow_in_hand);
        let quick_room = Lanes::QUICK_ENDPOINTS.saturating_sub(in_hand.len() - slow_in_hand);
        let quick_room = quick_room.min(Lanes::MOST_ENDPOINTS.saturating_sub(in_hand.len()));
        // What is in hand is ours, also when its lease has run out meanwhile.
        let waiting: Vec<_> = slow.iter().filter(|id| !in_hand.contains(id)).copied().collect();
        let passed_over: Vec<_> = in_hand.into_iter().chain(waiting.iter().copied()).collect();
        let mut leased = self.lease_some(Among::AllBut(passed_over), quick_room).await?;
        let quick = leased.len();
        self.crowded_quick.store(quick == quick_room, Ordering::Relaxed);
        // Without room nobody knows whether somebody waits for it.
        let mut crowded_slow = slow_room == 0 && !waiting.is_empty();
        if slow_room > 0 && !waiting.is_empty() {
            let few = self.lease_some(Among::These(waiting), slow_room).await?;
            crowded_slow = few.len() == slow_room;
            leased.extend(few);
        }
        self.crowded_slow.store(crowded_slow, Ordering::Relaxed);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.try_join_next().is_some() {}
        for id in &leased {
            if let Some(held) = self.platform.take_in_hand(*id) {
                lines.spawn(EndpointLine::new(Arc::clone(&self), *id, held).run());
            }
        }
        Ok(if quick == quick_room { quick } else { 0 })
    }

    async fn lease_some(&self, among: Among, room: usize) -> Result<Vec<WebhookId>> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let (now, lease) = (self.platform.now(), self.lease());
        let most = i64::try_from(room).unwrap_or(i64::MAX);
        self.platform.store().write(move |tx| tx.lease_endpoints(lease, &among, now, most)).await
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
            Some(renewed) if begun.duration_since(renewed) < RENEW_EVERY && self.is_awake() => return Ok(()),
            renewed => renewed.is_none(),
        };
        let (lease, in_hand) = (self.lease(), self.platform.in_hand().all());
        let ours = in_hand.clone();
        let renewed = self.platform.store().write(move |tx| {
            if first {
                tx.end_leases_of_the_dead()?;
            }
            // No others: what nobody here looks after shall be free when its lease is over.
            tx.renew_leases(lease, &ours)
        });
        let held = renewed.await?;
        self.platform.in_hand().keep(&in_hand, &held);
        let until = Some(lease.until.before(MARGIN));
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        *leases = Leases { renewed: Some(begun), safe_until: begun + LEASE - MARGIN, until };
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
        self.is_awake() && Instant::now() < self.leases().safe_until && !*self.stop.borrow()
    }

    /// Whether no more time has passed on the wall than leases last.
    fn is_awake(&self) -> bool {
        self.leases().until.is_some_and(|until| self.platform.now() < until)
    }

    /// There is room for one more endpoint: where there was none, others may be waiting, or something is known to be.
    pub fn has_room(&self, waiting: bool) {
        if waiting || self.crowded_quick.load(Ordering::Relaxed) || self.crowded_slow.load(Ordering::Relaxed) {
            self.platform.news().queued.tell();
        }
    }

    /// Whether there was no room for all that was due, where this endpoint belongs.
    pub fn is_crowded(&self, endpoint: WebhookId) -> bool {
        let crowded = if self.lanes.is_slow(endpoint) { &self.crowded_slow } else { &self.crowded_quick };
        crowded.load(Ordering::Relaxed)
    }

    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub fn courier(&self) -> &dyn Courier {
        &*self.courier
    }

    /// Waits until we are to stop.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
