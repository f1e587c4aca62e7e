//! What waits for one endpoint, and how it gets there: in order or side by side, at the pace that the endpoint wants and
//! as wide as it can take.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use audit::Entry;
use kernel::{
    Result, Timestamp,
    id::{DeliveryId, EventId, WebhookId},
};
use tokio::{task::JoinSet, time::sleep};
use webhooks::{Attempt, Delivery, DeliveryStatus, GONE, asked_to_wait, carries_token};

use crate::{
    delivery_request::{Addressee, signing_of},
    dispatcher::{Dispatcher, Sent},
    in_hand::Held,
    pace::{Pace, Width},
};

/// So many deliveries are loaded at a time.
const BATCH: usize = 200;
/// How long it is waited for more before the endpoint is given back.
const LINGER: Duration = Duration::from_millis(100);
/// How often it is looked what others have added.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One endpoint in the hands of one task.
pub(crate) struct EndpointLine {
    dispatcher: Arc<Dispatcher>,
    id: WebhookId,
    held: Held,
    addressee: Option<Arc<Addressee>>,
    ready: VecDeque<(Delivery, Option<Entry>)>,
    under_way: HashSet<DeliveryId>,
    flights: JoinSet<Landed>,
    pace: Pace,
    width: Width,
    /// There may be more than was loaded.
    look: bool,
}

/// How a flight ended: with what the delivery came to, if it was sent and that is written down.
struct Landed(Option<(DeliveryId, DeliveryStatus, Went)>);

/// How the endpoint did.
pub(crate) struct Went {
    pub arrived: bool,
    /// It wants nothing any more.
    pub gone: bool,
    pub took: Duration,
}

impl EndpointLine {
    pub fn new(dispatcher: Arc<Dispatcher>, id: WebhookId, held: Held) -> Self {
        Self {
            dispatcher,
            id,
            held,
            addressee: None,
            ready: VecDeque::new(),
            under_way: HashSet::new(),
            flights: JoinSet::new(),
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
        // Nobody cuts off what was sent: how it ends is not known to anybody else.
        while self.flights.join_next().await.is_some() {}
        let Self { dispatcher, id, held, pace, .. } = self;
        drop(held);
        let paced_until = pace.until(dispatcher.platform().now());
        if let Err(error) = give_back(&dispatcher, id, paced_until).await {
            // It is free when the lease is over.
            tracing::warn!(webhook = %id, code = error.code.as_str(), "an endpoint was not given back");
        }
        dispatcher.has_room();
    }

    async fn deliver(&mut self) -> Result<()> {
        while self.dispatcher.goes_on() && !self.held.call.is_lost() {
            if self.look && self.ready.is_empty() && !self.load().await? {
                break;
            }
            let resting = self.start();
            if self.flights.is_empty() {
                if resting {
                    break;
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
            let pause = self.pace.pause(self.dispatcher.platform().now()).min(LOOK_EVERY);
            let pause = if self.ready.is_empty() || pause.is_zero() { LOOK_EVERY } else { pause };
            tokio::select! {
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

    /// Loads some of what is due. `false` when the endpoint is gone or wants nothing now.
    async fn load(&mut self) -> Result<bool> {
        let platform = self.dispatcher.platform().clone();
        let (id, now) = (self.id, platform.now());
        let wanted = BATCH + self.under_way.len();
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
        while self.flights.len() < self.width.get() && !self.ready.is_empty() {
            if !self.pace.go(self.dispatcher.platform().now()) {
                return self.pace.is_long(self.dispatcher.platform().now());
            }
            let Some((delivery, entry)) = self.ready.pop_front() else { break };
            self.under_way.insert(delivery.id);
            self.flights.spawn(fly(Arc::clone(&self.dispatcher), Arc::clone(addressee), delivery, entry));
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

/// One attempt at one delivery, and a note of it.
async fn fly(
    dispatcher: Arc<Dispatcher>,
    addressee: Arc<Addressee>,
    delivery: Delivery,
    entry: Option<Entry>,
) -> Landed {
    let (id, endpoint) = (delivery.id, &addressee.endpoint);
    let number = delivery.attempts.saturating_add(1);
    let now = dispatcher.platform().now();
    let Some(entry) = entry else {
        let why = "the ledger does not keep this event any more";
        let attempt =
            Attempt { number, at: now, latency_ms: 0, status_code: None, answer: None, error: Some(why.to_owned()) };
        let tried = delivery.tried(attempt, 0, 0.0, None);
        let noted = dispatcher.log().note(tried.clone()).await;
        return Landed(noted.then_some((id, tried.status, Went { arrived: true, gone: false, took: Duration::ZERO })));
    };
    let parcel = match addressee.parcel(&delivery, &entry, now) {
        Ok(parcel) => parcel,
        Err(error) => {
            tracing::error!(delivery = %id, cause = ?error.cause, "a delivery can't be written");
            return Landed(None);
        }
    };
    let Some(sent) = dispatcher.send(parcel).await else { return Landed(None) };
    let (took, asked) = (sent.took, retry_after(&sent));
    let attempt = attempt(number, sent, carries_token(&delivery.kind));
    let went = Went { arrived: attempt.arrived(), gone: attempt.status_code == Some(GONE), took };
    let tried = delivery.tried(attempt, endpoint.max_retries, rand::random(), asked);
    let status = tried.status;
    Landed(dispatcher.log().note(tried).await.then_some((id, status, went)))
}

fn retry_after(sent: &Sent) -> Option<Duration> {
    let receipt = sent.answer.as_ref().ok()?;
    asked_to_wait(receipt.retry_after.as_deref()?, sent.at)
}

/// How it went, as it is kept. Of an answer to what carried a token nothing is: it may repeat it.
fn attempt(number: i32, sent: Sent, secret: bool) -> Attempt {
    let latency_ms = i32::try_from(sent.took.as_millis()).unwrap_or(i32::MAX);
    let (status_code, answer, error) = match sent.answer {
        Ok(receipt) => (Some(i32::from(receipt.status)), Some(receipt.answer), None),
        Err(undelivered) => (None, None, Some(undelivered.0)),
    };
    let answer = answer.filter(|answer| !secret && !answer.is_empty()).map(|answer| readable(&answer));
    Attempt { number, at: sent.at, latency_ms, status_code, answer, error }
}

/// Bytes as text that every database keeps, and no more of it than there may be.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    while text.len() > Attempt::KEPT {
        text.pop();
    }
    text
}

/// Lets others have the endpoint when the next of its deliveries is due. What was added meanwhile is seen: who adds waits
/// for this to be over, or this waits for them.
async fn give_back(dispatcher: &Dispatcher, id: WebhookId, paced_until: Option<Timestamp>) -> Result<()> {
    let (platform, holder) = (dispatcher.platform(), dispatcher.holder());
    let given = platform.store().write(move |tx| {
        let Some(endpoint) = tx.endpoint(id)? else { return Ok(()) };
        if !tx.holds_lease(holder, id)? {
            return Ok(());
        }
        let due = if endpoint.active { tx.next_due(id, endpoint.ordered)? } else { None };
        // Its pace outlasts what waits for it.
        match due.max(paced_until) {
            Some(due_at) => tx.give_back(id, due_at, paced_until),
            None => tx.leave_queue(id),
        }
    });
    given.await
}
