//! What was delivered to an endpoint, and what was not: to look at, and to send anew.

use authz::{
    Acting,
    action::{WebhookManage, WebhookRead},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Page, Result, Timestamp,
    id::{DeliveryId, EventId, WebhookId},
};
use serde_json::{Value, json};
use webhooks::{Attempt, Delivery, DeliveryFilter, DeliveryStatus, Done, Endpoint, EventFilter};

use crate::{Platform, Transaction, key_making::Author, operator_webhooks::of_operator, permit::locate};

/// So many are looked at at a time when many are sent anew.
const REPLAYED_AT_ONCE: i64 = 200;

/// Which deliveries are sent anew. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Not those from before then.
    pub from: Option<Timestamp>,
    /// And only those from before then.
    pub to: Option<Timestamp>,
    /// Only those that have come so far; pending ones are on their way as it is.
    pub status: Option<DeliveryStatus>,
    /// Only of these kinds.
    pub events: EventFilter,
}

impl Platform {
    /// An endpoint's deliveries, newest first.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn deliveries(
        &self,
        acting: Acting<WebhookRead>,
        id: WebhookId,
        filter: DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Listed<Delivery, DeliveryId>> {
        let listed = self.store().read(move |tx| {
            let (_, endpoint) = locate(tx, &acting, id)?;
            tx.deliveries_to(&endpoint, &filter, &page)
        });
        listed.await
    }

    /// One of them, and all attempts at it.
    ///
    /// # Errors
    /// As [`Self::deliveries`].
    pub async fn delivery(
        &self,
        acting: Acting<WebhookRead>,
        id: WebhookId,
        delivery: DeliveryId,
    ) -> Result<(Delivery, Vec<Attempt>)> {
        let found = self.store().read(move |tx| {
            let (_, endpoint) = locate(tx, &acting, id)?;
            let delivery = tx.delivery(&endpoint, delivery)?.ok_or_else(Error::not_found)?;
            let attempts = tx.attempts(&delivery)?;
            Ok((delivery, attempts))
        });
        found.await
    }

    /// Sends a delivery anew, whether it had arrived or was given up.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `conflict` while it is on its way.
    pub async fn replay_delivery(
        &self,
        acting: Acting<WebhookManage>,
        id: WebhookId,
        delivery: DeliveryId,
    ) -> Result<Delivery> {
        self.replay_one(Asker::Caller(acting), id, delivery).await
    }

    pub(crate) async fn replay_one(&self, asker: Asker, id: WebhookId, delivery: DeliveryId) -> Result<Delivery> {
        let now = self.now();
        let replayed = self.store().write(move |tx| {
            let (endpoint, author) = asker.find(tx, id, now)?;
            let found = tx.delivery(&endpoint, delivery)?.ok_or_else(Error::not_found)?;
            let what = json!({ "webhook_id": id, "delivery_id": found.id, "event_kind": found.kind });
            told(tx, author, &endpoint, EventKind::WebhookReplayed, what)?;
            if tx.send_anew(&endpoint, &[found.id], now)? == 0 {
                return Err(Error::because(Code::Conflict, "This delivery is on its way."));
            }
            tx.queue_endpoints(&[id], now)?;
            tx.delivery(&endpoint, delivery)?.ok_or_else(Error::not_found)
        });
        let replayed = replayed.await?;
        self.call_for(&[id]);
        Ok(replayed)
    }

    /// Sends many deliveries anew, some at a time and the oldest first; tells how many. Once it has begun it goes on, whether
    /// or not who asked waits for it.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn replay_deliveries(
        &self,
        acting: Acting<WebhookManage>,
        id: WebhookId,
        which: Replay,
    ) -> Result<usize> {
        let platform = self.clone();
        let replaying = tokio::spawn(async move { platform.replay_all(Asker::Caller(acting), id, which).await });
        replaying.await.map_err(Error::internal)?
    }

    pub(crate) async fn replay_all(&self, asker: Asker, id: WebhookId, which: Replay) -> Result<usize> {
        let (now, asks, what) = (self.now(), asker.clone(), which.told(id));
        let begun = self.store().write(move |tx| {
            let (endpoint, author) = asks.find(tx, id, now)?;
            told(tx, author, &endpoint, EventKind::WebhookReplayed, what.clone()).map(drop)
        });
        begun.await?;
        // Not what arrives meanwhile: that would be sent twice, and it would never end.
        let to = Some(which.to.map_or(now, |to| to.min(now)));
        let done = Done { status: which.status, from: which.from, to };
        let (mut after, mut replayed) = (None, 0);
        loop {
            // What is looked for takes nobody else's time.
            let asks = asker.clone();
            let found = self.store().read(move |tx| {
                let (endpoint, _) = asks.find(tx, id, now)?;
                tx.done_deliveries(&endpoint, &done, after, REPLAYED_AT_ONCE)
            });
            let found = found.await?;
            let Some(last) = found.last() else { return Ok(replayed) };
            after = Some(last.id);
            let wanted = found.into_iter().filter(|delivery| which.events.wants(&delivery.kind));
            let wanted: Vec<_> = wanted.map(|delivery| delivery.id).collect();
            if wanted.is_empty() {
                continue;
            }
            let asks = asker.clone();
            let anew = self.store().write(move |tx| {
                let (endpoint, _) = asks.find(tx, id, now)?;
                let count = tx.send_anew(&endpoint, &wanted, now)?;
                tx.queue_endpoints(&[id], now)?;
                Ok(count)
            });
            replayed += anew.await?;
            self.call_for(&[id]);
        }
    }

    /// Tries an endpoint out: it alone is sent an event, once.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `conflict` while it is not active.
    pub async fn test_webhook(&self, acting: Acting<WebhookManage>, id: WebhookId) -> Result<Delivery> {
        self.try_out(Asker::Caller(acting), id).await
    }

    pub(crate) async fn try_out(&self, asker: Asker, id: WebhookId) -> Result<Delivery> {
        let now = self.now();
        let sent = self.store().write(move |tx| {
            let (endpoint, author) = asker.find(tx, id, now)?;
            if !endpoint.active {
                return Err(Error::because(Code::Conflict, "This endpoint is not active: activate it first."));
            }
            let what = json!({ "webhook_id": id, "message": "This endpoint is being tried out." });
            let event = told(tx, author, &endpoint, EventKind::WebhookTest, what)?;
            // Ahead of everything that waits there: it has a position only later, and its order matters to nobody.
            let kind = EventKind::WebhookTest.as_str().to_owned();
            let first = Some(endpoint.created_at);
            let delivery = Delivery { due_at: first, ..Delivery::new(id, event, kind, 0, now) };
            tx.insert_deliveries(std::slice::from_ref(&delivery))?;
            tx.queue_endpoints(&[id], now)?;
            Ok(delivery)
        });
        let delivery = sent.await?;
        self.call_for(&[id]);
        Ok(delivery)
    }
}

/// Who wants something sent.
#[derive(Clone)]
pub(crate) enum Asker {
    Caller(Acting<WebhookManage>),
    /// At the console.
    Operator,
}

impl Asker {
    /// Looks the endpoint up, and permits, in one step.
    fn find(&self, tx: &mut dyn Transaction, id: WebhookId, now: Timestamp) -> Result<(Endpoint, Author)> {
        match self {
            Self::Caller(acting) => Ok((locate(tx, acting, id)?.1, Author::of(acting.caller(), now))),
            Self::Operator => of_operator(tx, id, now),
        }
    }
}

fn told(
    tx: &mut dyn Transaction,
    author: Author,
    endpoint: &Endpoint,
    kind: EventKind,
    payload: Value,
) -> Result<EventId> {
    let event = Event {
        app: author.app,
        organization: Some(endpoint.organization),
        actor: author.actor,
        payload,
        ..Event::new(kind, author.now)
    };
    tx.append(&event)?;
    Ok(event.id)
}

impl Replay {
    /// What the ledger says of it.
    fn told(&self, id: WebhookId) -> Value {
        let status = self.status.map_or("any", DeliveryStatus::name);
        json!({
            "webhook_id": id, "from": self.from, "to": self.to, "status": status, "events": self.events.patterns(),
        })
    }
}
