//! One attempt at one delivery, and a note of it.

use std::{sync::Arc, time::Duration};

use audit::Entry;
use kernel::id::DeliveryId;
use tokio::{pin, select, time::sleep};
use webhooks::{Attempt, Delivery, DeliveryStatus, GONE, asked_to_wait, carries_token};

use crate::{
    DomainEvent,
    courier::{Parcel, Receipt, Undelivered},
    delivery_request::Addressee,
    dispatcher::Dispatcher,
    in_hand::Call,
    lanes::{Place, SLOW},
};

/// An attempt that is about to be made.
pub(crate) struct Flight {
    pub dispatcher: Arc<Dispatcher>,
    pub addressee: Arc<Addressee>,
    pub call: Arc<Call>,
    pub delivery: Delivery,
}

/// How a flight ended: with what the delivery came to, if it was sent and that is written down.
pub(crate) struct Landed(pub Option<(DeliveryId, DeliveryStatus, Went)>);

/// How the endpoint did.
pub(crate) struct Went {
    pub arrived: bool,
    /// It wants nothing any more.
    pub gone: bool,
    pub took: Duration,
}

/// A request that was made.
struct Sent {
    at: kernel::Timestamp,
    took: Duration,
    answer: Result<Receipt, Undelivered>,
}

impl Flight {
    /// Sends what the ledger says of the delivery's event.
    pub async fn fly(self, entry: Option<Entry>, place: Place) -> Landed {
        if !self.dispatcher.goes_on() || self.call.is_lost() {
            return Landed(None);
        }
        let Some(entry) = entry else {
            return self.pointless("the ledger does not keep this event any more").await;
        };
        let platform = self.dispatcher.platform();
        let parcel = match platform.payload_with_token(&entry).await {
            Ok(None) => {
                return self.pointless("the link was used, or does not open anything more").await;
            }
            Ok(Some(payload)) => {
                let event = DomainEvent { payload, ..DomainEvent::from(&entry) };
                self.addressee.parcel(&self.delivery, &event, platform.now())
            }
            Err(error) => Err(error),
        };
        let parcel = match parcel {
            Ok(parcel) => parcel,
            Err(error) => {
                tracing::error!(delivery = %self.delivery.id, cause = ?error.cause, "a delivery can't be written");
                return Landed(None);
            }
        };
        let sent = self.send(parcel, place).await;
        let took = sent.took;
        let over = sent.at.after(took);
        let asked = retry_after(&sent).and_then(|asked| asked_to_wait(asked, over));
        let attempt = attempt(self.number(), sent, carries_token(&self.delivery.kind));
        let went = Went { arrived: attempt.arrived(), gone: attempt.status_code == Some(GONE), took };
        let endpoint = &self.addressee.endpoint;
        let tried = self.delivery.tried(attempt, endpoint, rand::random(), asked);
        let status = tried.status;
        Landed(self.dispatcher.log().note(tried).await.then_some((self.delivery.id, status, went)))
    }

    async fn send(&self, parcel: Parcel, mut place: Place) -> Sent {
        let (lanes, endpoint) = (self.dispatcher.lanes(), self.delivery.endpoint);
        let (at, begun) = (self.dispatcher.platform().now(), tokio::time::Instant::now());
        let carry = self.dispatcher.courier().carry(parcel, Attempt::KEPT);
        pin!(carry);
        let quick = select! {
            answer = &mut carry => Some(answer),
            () = sleep(SLOW) => None,
        };
        let answer = match quick {
            Some(answer) => answer,
            None => {
                lanes.keeps_waiting(endpoint, &mut place);
                self.dispatcher.has_room(false);
                carry.await
            }
        };
        Sent { at, took: begun.elapsed(), answer }
    }

    /// Gives a delivery up that says nothing any more, through no fault of the endpoint's.
    async fn pointless(&self, why: &str) -> Landed {
        let (number, at) = (self.number(), self.dispatcher.platform().now());
        let attempt =
            Attempt { number, at, latency_ms: 0, status_code: None, answer: None, error: Some(why.to_owned()) };
        let tried = self.delivery.given_up(attempt);
        let status = tried.status;
        let noted = self.dispatcher.log().note(tried).await;
        let went = Went { arrived: true, gone: false, took: Duration::ZERO };
        Landed(noted.then_some((self.delivery.id, status, went)))
    }

    fn number(&self) -> i32 {
        self.delivery.attempts.saturating_add(1)
    }
}

fn retry_after(sent: &Sent) -> Option<&str> {
    sent.answer.as_ref().ok()?.retry_after.as_deref()
}

/// How it went, as it is kept. Of an answer to what carried a token nothing is: it may repeat it.
fn attempt(number: i32, sent: Sent, secret: bool) -> Attempt {
    let latency_ms = i32::try_from(sent.took.as_millis()).unwrap_or(i32::MAX);
    let (status_code, answer, error) = match sent.answer {
        Ok(receipt) => (Some(i32::from(receipt.status)), Some(receipt.answer), None),
        Err(undelivered) => (None, None, Some(readable(undelivered.0.as_bytes()))),
    };
    let answer = answer.filter(|answer| !secret && !answer.is_empty()).map(|answer| readable(&answer));
    Attempt { number, at: sent.at, latency_ms, status_code, answer, error }
}

/// Bytes as text that every database keeps, and no more of it than there may be.
fn readable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..Attempt::KEPT).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    while text.len() > Attempt::KEPT {
        text.pop();
    }
    text
}
