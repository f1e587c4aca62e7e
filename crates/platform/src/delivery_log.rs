//! Writes down how deliveries went, many at a time: a commit for each would cost more than the deliveries.

use std::{collections::BTreeSet, time::Duration};

use kernel::{Event, EventKind, Result, Timestamp, id::WebhookId};
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};
use webhooks::{DeliveryStatus, GONE, SwitchOff, Tried};

use crate::{Platform, Transaction, webhook_disabled::order_webhook_disabled_letters};

/// So many go into one unit of work.
const MOST: usize = 300;
/// How long it is waited for others that end at about the same time.
const GATHER: Duration = Duration::from_millis(5);
/// How often it is tried while the database is away, and after which pauses: for about as long as the leases last.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(500);

/// Where what was tried is handed in.
pub(crate) struct DeliveryLog {
    line: mpsc::Sender<Noted>,
    _writer: JoinSet<()>,
}

struct Noted {
    tried: Tried,
    written: oneshot::Sender<()>,
}

impl DeliveryLog {
    pub fn begin(platform: &Platform) -> Self {
        let (line, noted) = mpsc::channel(2 * MOST);
        let mut writer = JoinSet::new();
        writer.spawn(write(platform.clone(), noted));
        Self { line, _writer: writer }
    }

    /// Waits until it is written down; tells whether it is.
    pub async fn note(&self, tried: Tried) -> bool {
        let (written, waiting) = oneshot::channel();
        self.line.send(Noted { tried, written }).await.is_ok() && waiting.await.is_ok()
    }
}

async fn write(platform: Platform, mut noted: mpsc::Receiver<Noted>) {
    let mut some = Vec::with_capacity(MOST);
    while let Some(first) = noted.recv().await {
        some.push(first);
        sleep(GATHER).await;
        while some.len() < MOST
            && let Ok(next) = noted.try_recv()
        {
            some.push(next);
        }
        let tried: Vec<_> = some.iter().map(|noted| noted.tried.clone()).collect();
        if write_some(&platform, &tried).await {
            for noted in some.drain(..) {
                // Who has gone away meanwhile wants no answer.
                let _ = noted.written.send(());
            }
        } else {
            some.clear();
        }
    }
}

/// Tells whether it is written. What is not will be tried again by whoever takes the endpoint next.
async fn write_some(platform: &Platform, tried: &[Tried]) -> bool {
    for _ in 0..TRIES {
        match platform.write_attempts(tried.to_vec()).await {
            Ok(()) => {
                for tried in tried {
                    metrics::counter!("fabric_webhook_attempts_total", "outcome" => outcome(tried)).increment(1);
                }
                return true;
            }
            Err(error) => {
                tracing::warn!(code = error.code.as_str(), cause = ?error.cause, "attempts are not written down yet");
                sleep(PAUSE).await;
            }
        }
    }
    tracing::error!(count = tried.len(), "attempts were not written down, and will be repeated");
    false
}

impl Platform {
    async fn write_attempts(&self, tried: Vec<Tried>) -> Result<()> {
        let (now, patience) = (self.now(), self.settings().webhook_disable_after);
        let written = self.store().write(move |tx| {
            tx.record_attempts(&tried)?;
            note_health(tx, &tried, patience.map(|patience| now.before(patience)), now)
        });
        written.await
    }
}

fn outcome(tried: &Tried) -> &'static str {
    match tried.status {
        DeliveryStatus::Success => "arrived",
        DeliveryStatus::Failed => "given_up",
        DeliveryStatus::Pending => "failed",
    }
}

/// Notes which endpoints work and which do not, and switches those off that have not for too long, or want no more.
fn note_health(
    tx: &mut dyn Transaction,
    tried: &[Tried],
    failing_since: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    let with = |arrived| {
        let some =
            tried.iter().filter(move |tried| tried.telling && (tried.status == DeliveryStatus::Success) == arrived);
        some.map(|tried| tried.endpoint).collect::<BTreeSet<WebhookId>>()
    };
    // From the first attempt on that failed, whether there will be others or not: nothing arrives.
    let (working, failed) = (with(true), with(false));
    let failing: Vec<_> = failed.difference(&working).copied().collect();
    if !working.is_empty() {
        tx.note_working(&working.into_iter().collect::<Vec<_>>())?;
    }
    if !failing.is_empty() {
        tx.note_failing(&failing, now)?;
    }
    for id in failed {
        // Who says that it is gone has answered something else to nobody since.
        let gone = tried.iter().filter(|tried| tried.endpoint == id && tried.attempt.status_code == Some(GONE));
        let gone = gone.map(|tried| tried.asked).max();
        let (reason, why) = match (gone, failing_since.filter(|_| failing.contains(&id))) {
            (Some(asked), _) => ("gone", SwitchOff::GoneAsOf(asked)),
            (None, Some(since)) => ("failing", SwitchOff::FailingSince(since)),
            (None, None) => continue,
        };
        if tx.switch_off(id, why, now)?
            && let Some(endpoint) = tx.endpoint(id)?
        {
            tracing::warn!(webhook = %id, reason, "an endpoint is switched off");
            let organization = tx.organization(endpoint.organization)?;
            if let Some(organization) = &organization {
                order_webhook_disabled_letters(tx, organization, &endpoint, now)?;
            }
            tx.append(&Event {
                organization: Some(endpoint.organization),
                app: organization.and_then(|organization| organization.app),
                payload: json!({
                    "webhook_id": id, "origin": endpoint.url.origin(), "reason": reason,
                    "failing_since": endpoint.failing_since,
                }),
                ..Event::new(EventKind::WebhookDisabled, now)
            })?;
        }
    }
    Ok(())
}
