//! What waits for one endpoint, and how it gets there: in order or side by side, at the pace that the endpoint wants and
//! as wide as it can take.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::pending,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use audit::Entry;
use kernel::{
    Result, Timestamp,
    id::{DeliveryId, EventId, WebhookId},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use webhooks::{Delivery, DeliveryStatus};

use crate::{
    delivery_request::{Addressee, signing_of},
    dispatcher::Dispatcher,
    flight::{Flight, Landed, Went},
    in_hand::Held,
    lanes::Place,
    pace::{Pace, Width},
};

/// How long it is waited for more before the endpoint is given back.
const LINGER: Duration = Duration::from_millis(100);
/// How often it is looked what others have added or changed: what is loaded is no older.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long an endpoint is kept while others wait for a place.
const TENURE: Duration = Duration::from_secs(5);
/// How often it is tried to give an endpoint back, and after which pauses. Then it is free when the lease is over.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// One endpoint in the hands of one task.
pub(crate) struct EndpointLine {
    dispatcher: Arc<Dispatcher>,
    id: WebhookId,
    held: Held,
    addressee: Option<Arc<Addressee>>,
    ready: VecDeque<(Delivery, Option<Entry>)>,
    loaded: Instant,
    begun: Instant,
    under_way: HashSet<DeliveryId>,
    flights: JoinSet<Landed>,
    /// A place for one more flight, and who waits for one: what flies is dated and signed only then.
    place: Option<Place>,
    waiting: Option<Pin<Box<dyn Future<Output = Option<Place>> + Send>>>,
    pace: Pace,
    width: Width,
    /// There may be more than was loaded.
    look: bool,
}

impl EndpointLine {
    pub fn new(dispatcher: Arc<Dispatcher>, id: WebhookId, held: Held) -> Self {
        Self {
            dispatcher,
            id,
            held,
            addressee: None,
            ready: VecDeque::new(),
            loaded: Instant::now(),
            begun: Instant::now(),
            under_way: HashSet::new(),
            flights: JoinSet::new(),
            place: None,
            waiting: None,
            pace: Pace::default(),
            width: Width::default(),
            look: true,
        }
    }

    /// Delivers what there is, and gives the endpoint back.
    pub async fn run(mut self) {
        if let Err(error) = self.deliver().await {
            let (code, cause) = (error.code.as_str(), &error.cause);
            tracing::warn!(webhook = %self.id, code, ?cause, "deliveries to an endpoint stopped for now");
            self.pace.rest(self.dispatcher.platform().now());
        }
        // Others wait for places.
        (self.place, self.waiting) = (None, None);
        // Nobody cuts off what was sent: how it ends is not known to anybody else.
        while self.flights.join_next().await.is_some() {}
        let Self { dispatcher, id, held, pace, .. } = self;
        let paced_until = pace.until(dispatcher.platform().now());
        let due = give_back(&dispatcher, id, paced_until).await;
        // Only now: what is not in hand is prolonged no more, and may be taken by anybody, also by us.
        let call = Arc::clone(&held.call);
        drop(held);
        dispatcher.has_room(due || call.is_waiting());
    }

    async fn deliver(&mut self) -> Result<()> {
        while self.dispatcher.goes_on() && !self.held.call.is_lost() {
            if self.held.call.has_changed() || self.loaded.elapsed() > LOOK_EVERY && !self.ready.is_empty() {
                self.ready.clear();
                self.look = true;
            }
            if self.begun.elapsed() > TENURE && self.dispatcher.is_crowded(self.id) {
                break;
            }
            if self.look && self.ready.is_empty() && !self.load().await? {
                break;
            }
            let resting = self.start();
            if self.flights.is_empty() {
                if resting {
                    break;
                }
                if !self.ready.is_empty() && self.waiting.is_none() && self.paced_out() {
                    continue;
                }
                if self.ready.is_empty() && !self.look {
                    tokio::select! {
                        () = self.held.call.more() => self.look = true,
                        () = sleep(LINGER) => break,
                        () = self.dispatcher.stopped() => break,
                    }
                    continue;
                }
            }
            let pause = match self.pace.pause(self.dispatcher.platform().now()) {
                pause if self.ready.is_empty() || pause.is_zero() => LOOK_EVERY,
                pause => pause.min(LOOK_EVERY),
            };
            let waiting = &mut self.waiting;
            let place = async move {
                match waiting {
                    Some(waiting) => waiting.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                place = place => (self.place, self.waiting) = (place, None),
                Some(landed) = self.flights.join_next() => {
                    if !self.land(landed.ok().and_then(|Landed(landed)| landed)) {
                        break;
                    }
                }
                () = self.held.call.more() => self.look = true,
                () = sleep(pause) => {
                    self.pace.passed();
                    self.look = true;
                }
                () = self.dispatcher.stopped() => break,
            }
        }
        Ok(())
    }

    /// Whether the pause that something waited for is over by now.
    fn paced_out(&self) -> bool {
        self.pace.allows(self.dispatcher.platform().now())
    }

    /// Loads some of what is due. `false` when the endpoint is gone or wants nothing now.
    async fn load(&mut self) -> Result<bool> {
        let platform = self.dispatcher.platform().clone();
        let (id, now) = (self.id, platform.now());
        let wanted = self.width.batch() + self.under_way.len();
        let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
        let loaded = platform.store().read(move |tx| {
            let Some(endpoint) = tx.endpoint(id)?.filter(|endpoint| endpoint.active) else { return Ok(None) };
            let mut deliveries =
                if endpoint.ordered { tx.deliveries_in_order(id, limit)? } else { tx.due_deliveries(id, now, limit)? };
            if endpoint.ordered {
                // Behind one that is not due yet, all wait.
                let due = deliveries.iter().take_while(|delivery| delivery.due_at.is_some_and(|due| due <= now));
                let due = due.count();
                deliveries.truncate(due);
            }
            let events: Vec<EventId> = deliveries.iter().map(|delivery| delivery.event).collect();
            let entries = tx.entries_by_id(&events)?;
            let signing = signing_of(tx, &endpoint)?;
            Ok(Some((endpoint, signing, deliveries, entries)))
        });
        let Some((endpoint, signing, deliveries, entries)) = loaded.await? else { return Ok(false) };
        self.look = deliveries.len() == wanted;
        self.pace.set(endpoint.rate_per_minute);
        self.width.set_ordered(endpoint.ordered);
        let failed = deliveries.first().is_some_and(|delivery| delivery.attempts > delivery.forgiven);
        if self.addressee.is_none()
            && (failed || endpoint.failing_since.is_some() || self.dispatcher.lanes().is_slow(id))
        {
            self.width.narrow();
        }
        self.loaded = Instant::now();
        self.addressee = Some(Arc::new(platform.addressee(endpoint, signing)?));
        let entries: HashMap<EventId, Entry> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        let fresh = deliveries.into_iter().filter(|delivery| !self.under_way.contains(&delivery.id));
        self.ready = fresh
            .map(|delivery| {
                let entry = entries.get(&delivery.event).cloned();
                (delivery, entry)
            })
            .collect();
        Ok(true)
    }

    /// Sends what may be sent now. `true` when the rest has to wait for so long that nobody need hold the endpoint.
    fn start(&mut self) -> bool {
        let Some(addressee) = &self.addressee else { return false };
        if self.ready.is_empty() {
            (self.place, self.waiting) = (None, None);
        }
        let organization = addressee.endpoint.organization;
        while self.flights.len() < self.width.get() && !self.ready.is_empty() {
            let now = self.dispatcher.platform().now();
            if !self.pace.allows(now) {
                return self.pace.is_long(now);
            }
            let free = self.place.take().or_else(|| self.dispatcher.lanes().free_place(self.id, organization));
            let Some(place) = free else {
                let (dispatcher, id) = (Arc::clone(&self.dispatcher), self.id);
                let waits = async move { dispatcher.lanes().place(id, organization).await };
                self.waiting.get_or_insert_with(|| Box::pin(waits));
                break;
            };
            let Some((delivery, entry)) = self.ready.pop_front() else { break };
            self.pace.go(now);
            self.under_way.insert(delivery.id);
            let (dispatcher, addressee) = (Arc::clone(&self.dispatcher), Arc::clone(addressee));
            let call = Arc::clone(&self.held.call);
            self.flights.spawn(Flight { dispatcher, addressee, call, delivery }.fly(entry, place));
        }
        false
    }

    /// Takes note of a flight that ended; tells whether to go on.
    fn land(&mut self, landed: Option<(DeliveryId, DeliveryStatus, Went)>) -> bool {
        let Some((id, status, went)) = landed else {
            // It was not sent, or nobody knows that it was: not again at once.
            if self.dispatcher.goes_on() {
                self.pace.rest(self.dispatcher.platform().now());
            }
            return false;
        };
        self.under_way.remove(&id);
        // The others wait for this one, whenever that is tried again; or nobody wants anything there any more.
        if status == DeliveryStatus::Pending && self.width.is_ordered() || went.gone {
            self.ready.clear();
            self.look = true;
        }
        if self.width.note(&went) {
            return true;
        }
        self.pace.rest(self.dispatcher.platform().now());
        false
    }
}

/// Lets others have the endpoint when the next of its deliveries is due; tells whether one is now. What was added meanwhile
/// is seen: who adds waits for this to be over, or this waits for them.
async fn give_back(dispatcher: &Dispatcher, id: WebhookId, paced_until: Option<Timestamp>) -> bool {
    let (platform, holder) = (dispatcher.platform(), dispatcher.holder());
    for _ in 0..TRIES {
        let now = platform.now();
        let given = platform.store().write(move |tx| {
            let Some(endpoint) = tx.endpoint(id)? else { return Ok(None) };
            if !tx.holds_lease(holder, id)? {
                return Ok(None);
            }
            let due = if endpoint.active { tx.next_due(id, endpoint.ordered)? } else { None };
            // Its pace outlasts what waits for it. And whoever has waited for longer is before it from now on.
            let due = due.max(paced_until).map(|due| due.max(now));
            match due {
                Some(due_at) => tx.give_back(id, due_at, paced_until)?,
                None => tx.leave_queue(id)?,
            }
            Ok(due)
        });
        match given.await {
            Ok(due) => return due.is_some_and(|due| due <= now),
            Err(error) => {
                tracing::warn!(webhook = %id, code = error.code.as_str(), "an endpoint is not given back yet");
                sleep(PAUSE).await;
            }
        }
    }
    false
}
