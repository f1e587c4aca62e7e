//! What was delivered to an endpoint, and what was not.

use authz::{
    Acting,
    action::{WebhookManage, WebhookRead},
};
use kernel::{
    Code, Error, Page, Result, Timestamp,
    id::{DeliveryId, WebhookId},
};
use platform::Replay;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use webhooks::{DeliveryFilter, DeliveryStatus, EventFilter};

use super::organizations::cursor;
use crate::{
    answer::{Answer, Created},
    request::{ForRequest, OptionalBody, PathId, Query},
};

/// An event on its way to an endpoint.
#[derive(Serialize, ToSchema)]
pub struct WebhookDelivery {
    id: Uuid,
    webhook_id: Uuid,
    event_id: Uuid,
    event_kind: String,
    /// `pending`, `success`, or `failed`: then it was given up.
    status: &'static str,
    /// What the endpoint answered last.
    status_code: Option<i32>,
    /// Why it did not arrive the last time.
    error_message: Option<String>,
    /// How often it was tried.
    attempt: i32,
    /// How long the last attempt took.
    latency_ms: Option<i32>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it arrived, or was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// When it is tried next, while it is pending.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
}

impl From<webhooks::Delivery> for WebhookDelivery {
    fn from(delivery: webhooks::Delivery) -> Self {
        let last = delivery.last.as_ref();
        Self {
            id: delivery.id.0,
            webhook_id: delivery.endpoint.0,
            event_id: delivery.event.0,
            status: delivery.status.name(),
            status_code: last.and_then(|attempt| attempt.status_code),
            error_message: last.and_then(|attempt| attempt.error.clone()),
            attempt: delivery.attempts,
            latency_ms: last.map(|attempt| attempt.latency_ms),
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            next_attempt_at: delivery.due_at,
            event_kind: delivery.kind,
        }
    }
}

/// One try to deliver.
#[derive(Serialize, ToSchema)]
pub struct WebhookAttempt {
    /// Which one: the first is 1.
    attempt: i32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    latency_ms: i32,
    status_code: Option<i32>,
    /// The first 2 kB of what the endpoint answered; nothing where the delivery carried a token.
    answer: Option<String>,
    error_message: Option<String>,
}

impl From<webhooks::Attempt> for WebhookAttempt {
    fn from(attempt: webhooks::Attempt) -> Self {
        Self {
            attempt: attempt.number,
            at: attempt.at,
            latency_ms: attempt.latency_ms,
            status_code: attempt.status_code,
            answer: attempt.answer,
            error_message: attempt.error,
        }
    }
}

/// A delivery with all attempts at it.
#[derive(Serialize, ToSchema)]
pub struct WebhookDeliveryDetails {
    #[serde(flatten)]
    delivery: WebhookDelivery,
    /// The first one first.
    attempts: Vec<WebhookAttempt>,
}

/// Which deliveries, and which part of them. All that is given has to fit.
#[derive(Deserialize, IntoParams)]
pub struct DeliveriesQuery {
    /// `pending`, `success` or `failed`.
    status: Option<String>,
    /// An event's kind: `auth.login`.
    event_kind: Option<String>,
    /// At most this many; 50 without, and at most 200.
    limit: Option<u32>,
    /// Where the last page ended: its `meta.pagination.next_cursor`.
    cursor: Option<String>,
    /// Skips this many more. The further, the slower: there are cursors.
    offset: Option<u32>,
    /// Whether to count them all, which takes longer the more there are.
    #[serde(default)]
    include_total: bool,
}

/// Lists an endpoint's deliveries, newest first.
pub async fn list(
    caller: Acting<WebhookRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<WebhookId>, Query<DeliveriesQuery>),
) -> Result<Answer<Vec<WebhookDelivery>>> {
    let after: Option<DeliveryId> = cursor(query.cursor.as_deref())?;
    let page = Page::new(after, query.offset.unwrap_or(0), query.limit.unwrap_or(50))?.counted(query.include_total);
    if query.event_kind.as_ref().is_some_and(|kind| kind.contains('\0')) {
        return Err(Error::new(Code::InvalidParameter));
    }
    let status = query.status.as_deref().map(DeliveryStatus::parse).transpose()?;
    let filter = DeliveryFilter { status, kind: query.event_kind };
    let listed = platform.deliveries(caller, id, filter, page).await?;
    Ok(Answer::page(listed.map(WebhookDelivery::from), page.limit))
}

/// Shows a delivery with all attempts at it.
pub async fn read(
    caller: Acting<WebhookRead>,
    (platform, PathId(id), PathId(delivery)): (ForRequest, PathId<WebhookId>, PathId<DeliveryId>),
) -> Result<Answer<WebhookDeliveryDetails>> {
    let (delivery, attempts) = platform.delivery(caller, id, delivery).await?;
    let attempts = attempts.into_iter().map(WebhookAttempt::from).collect();
    Ok(Answer::ok(WebhookDeliveryDetails { delivery: delivery.into(), attempts }))
}

/// Sends a delivery anew, with the id that it has.
pub async fn replay(
    caller: Acting<WebhookManage>,
    (platform, PathId(id), PathId(delivery)): (ForRequest, PathId<WebhookId>, PathId<DeliveryId>),
) -> Result<Answer<WebhookDelivery>> {
    Ok(Answer::ok(platform.replay_delivery(caller, id, delivery).await?.into()))
}

/// Which deliveries are sent anew.
#[derive(Default, Deserialize, ToSchema)]
pub struct ReplayWebhookRequest {
    /// Those that were made since then.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// And before then.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `failed`, which it is without: those that were given up. `success`: those that arrived. `any`: both.
    status: Option<String>,
    /// Only events of these kinds: `auth.login`, `auth.*`.
    #[serde(default, alias = "event_filter")]
    events: Vec<String>,
}

/// What is sent anew.
#[derive(Serialize, ToSchema)]
pub struct Replayed {
    /// How many deliveries.
    replayed: usize,
}

/// Sends deliveries anew that were given up, by time and by kind; or what had arrived.
pub async fn replay_many(
    caller: Acting<WebhookManage>,
    (platform, PathId(id), OptionalBody(which)): (ForRequest, PathId<WebhookId>, OptionalBody<ReplayWebhookRequest>),
) -> Result<Answer<Replayed>> {
    let status = match which.status.as_deref() {
        None => Some(DeliveryStatus::Failed),
        Some("any") => None,
        Some(status) => Some(DeliveryStatus::parse(status)?),
    };
    let which = Replay { from: which.from, to: which.to, status, events: EventFilter::parse(which.events)? };
    Ok(Answer::ok(Replayed { replayed: platform.replay_deliveries(caller, id, which).await? }))
}

/// Tries an endpoint out: sends a `webhook.test` event there, and to nobody else.
pub async fn test(
    caller: Acting<WebhookManage>,
    (platform, PathId(id)): (ForRequest, PathId<WebhookId>),
) -> Result<Created<WebhookDelivery>> {
    Ok(Created(platform.test_webhook(caller, id).await?.into()))
}
