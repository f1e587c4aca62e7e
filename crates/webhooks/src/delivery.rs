//! One event on its way to one endpoint.

use std::time::Duration;

use kernel::{
    Code, Error, Result, Timestamp,
    id::{DeliveryId, EventId, WebhookId},
};

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It is tried, or waits to be.
    Pending,
    /// It arrived.
    Success,
    /// It was given up: nobody tries again who is not told to.
    Failed,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Success, Self::Failed];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// # Errors
    /// `invalid_request` for another word.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|status| status.name() == text);
        found.ok_or_else(|| Error::because(Code::InvalidRequest, "A delivery is pending, success or failed."))
    }
}

/// One event on its way to one endpoint. It is signed and written anew for each attempt, so that nothing it says is kept
/// here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery's id.
    pub id: DeliveryId,
    /// To whom.
    pub endpoint: WebhookId,
    /// What.
    pub event: EventId,
    /// What kind of event that is, by its name.
    pub kind: String,
    /// Where the event is in the ledger.
    pub position: i64,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// So many of them count no more: it was sent anew after them.
    pub forgiven: i32,
    /// When it is tried next; never once it is done.
    pub due_at: Option<Timestamp>,
    /// How the last attempt went.
    pub last: Option<Attempt>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it arrived, or was given up.
    pub finished_at: Option<Timestamp>,
}

/// How one attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one: the first is 1.
    pub number: i32,
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub latency_ms: i32,
    /// The HTTP status, where there was an answer.
    pub status_code: Option<i32>,
    /// The beginning of the answer; nothing of it where the delivery carried a token.
    pub answer: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// One more attempt at a delivery, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// To whom.
    pub endpoint: WebhookId,
    /// How it went.
    pub attempt: Attempt,
    /// How far the delivery has come by that.
    pub status: DeliveryStatus,
    /// When it is tried again, where it is.
    pub due_at: Option<Timestamp>,
    /// Whether it says something of the endpoint. What was never sent does not.
    pub telling: bool,
    /// When the endpoint that was asked had last been changed: a later one was not asked.
    pub asked: Timestamp,
}

/// Which deliveries that are done. What is `None` does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What has become of them.
    pub status: Option<DeliveryStatus>,
    /// Not those from before then.
    pub from: Option<Timestamp>,
    /// And only those from before then.
    pub to: Option<Timestamp>,
}

/// Which deliveries. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// How far they have come.
    pub status: Option<DeliveryStatus>,
    /// The name of the kind of their events.
    pub kind: Option<String>,
}

impl Delivery {
    /// An event on its way, which nobody has tried to deliver yet.
    #[must_use]
    pub fn new(endpoint: WebhookId, event: EventId, kind: String, position: i64, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::generate(),
            endpoint,
            event,
            kind,
            position,
            status: DeliveryStatus::Pending,
            attempts: 0,
            forgiven: 0,
            due_at: Some(now),
            last: None,
            created_at: now,
            finished_at: None,
        }
    }
}

impl Attempt {
    /// So much of an answer is kept, in bytes.
    pub const KEPT: usize = 2048;

    /// When it was over.
    #[must_use]
    pub fn ended_at(&self) -> Timestamp {
        self.at.after(Duration::from_millis(u64::try_from(self.latency_ms).unwrap_or_default()))
    }

    /// Whether it arrived.
    #[must_use]
    pub fn arrived(&self) -> bool {
        self.error.is_none() && self.status_code.is_some_and(|status| (200..300).contains(&status))
    }
}
