//! What happens, as it happens.

use std::{sync::Arc, time::Duration};

use audit::Entry;
use authz::{Acting, action::EventRead};
use kernel::{
    Code, Error, Result,
    id::{EventId, OrganizationId},
};
use platform::{DomainEvent, EventPlace, EventStream};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use utoipa::IntoParams;
use uuid::Uuid;
use webhooks::EventFilter;

use super::admin::{AppQuery, hint};
use crate::{
    answer::{EventSource, Patience, Teller},
    request::{Again, ForRequest, LastEventId, Named, Query},
};

/// How often it is seen whether a listener still may hear.
const AUTHORIZE_EVERY: Duration = Duration::from_secs(5);
/// How often something is said when nothing happens: clients and proxies take silence for the end after half a minute.
const SAY_SOMETHING_EVERY: Duration = Duration::from_secs(15);

/// What an answer needs that goes on for as long as somebody listens.
type Listening = (Again, Patience);

/// What one wants to hear.
#[derive(Deserialize, IntoParams)]
pub struct StreamQuery {
    /// Of this organization; without, of the one that the key is for, of the app itself, or of one's only one.
    organization_id: Option<Uuid>,
    /// These kinds alone, separated by commas: `auth.login`, `team.*`.
    #[serde(alias = "event_filter")]
    events: Option<String>,
    /// Understood, and of no effect: Fabric runs no workflows whose inner events could be hidden.
    #[serde(rename = "include_internal")]
    _include_internal: Option<bool>,
}

impl StreamQuery {
    fn filter(&self) -> Result<EventFilter> {
        let kinds = self.events.as_deref().unwrap_or_default().split(',').map(str::trim);
        EventFilter::parse(kinds.filter(|kind| !kind.is_empty()).map(str::to_owned).collect())
    }
}

/// Tells what happens in an organization, in an app or everywhere, as it happens, as server-sent events. Who comes back
/// with `Last-Event-ID` is told what they missed.
pub async fn stream(
    caller: Acting<EventRead>,
    (platform, (again, patience), LastEventId(last), (header, Query(app)), Query(query)): (
        ForRequest,
        Listening,
        LastEventId,
        (Named, Query<AppQuery>),
        Query<StreamQuery>,
    ),
) -> Result<EventSource> {
    let filter = query.filter()?;
    let after = last.map(|id| id.parse::<EventId>()).transpose();
    let after = after.map_err(|_| Error::because(Code::InvalidRequest, "Last-Event-ID is no id of an event."))?;
    let place = match (query.organization_id, hint(app.app_id.as_deref(), &header)?) {
        (Some(organization), _) => EventPlace::Organization(OrganizationId(organization)),
        (None, Some(app)) => EventPlace::App(Some(app)),
        (None, None) => platform.usual_place(&caller).await?,
    };
    let listener = caller.caller().clone();
    let audience = platform.audience(caller, place.clone()).await?;
    let mut stream = platform.listen_as(&listener, audience, after).await?;
    Ok(EventSource::new(patience, async move |teller: Teller| {
        let mut authorized = Instant::now();
        let authorize = async |stream: &mut EventStream| -> Result<Instant> {
            let caller = again.admit::<Acting<EventRead>>().await?;
            stream.narrow(platform.audience(caller, place.clone()).await?);
            Ok(Instant::now())
        };
        let mut silence = interval_at(Instant::now() + SAY_SOMETHING_EVERY, SAY_SOMETHING_EVERY);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Who may not hear any more hears nothing of what has waited for them.
                biased;
                () = sleep_until(authorized + AUTHORIZE_EVERY) => authorized = authorize(&mut stream).await?,
                _ = silence.tick() => teller.room().await?.comment("nothing new"),
                next = next(&mut stream, &filter) => match next? {
                    None => {
                        teller.room().await?.comment("the server stops");
                        return Ok(());
                    }
                    Some(entries) => {
                        for entry in &entries {
                            // Whoever reads slowly makes this long.
                            let room = teller.room().await?;
                            if authorized.elapsed() >= AUTHORIZE_EVERY {
                                authorized = authorize(&mut stream).await?;
                            }
                            if stream.hears(entry) {
                                room.event(&DomainEvent::from(&**entry))?;
                            }
                        }
                        silence.reset();
                    }
                },
            }
        }
    }))
}

/// The next entries that are wanted.
async fn next(stream: &mut EventStream, filter: &EventFilter) -> Result<Option<Vec<Arc<Entry>>>> {
    loop {
        let Some(mut entries) = stream.next().await? else { return Ok(None) };
        entries.retain(|entry| filter.wants(&entry.kind));
        if !entries.is_empty() {
            return Ok(Some(entries));
        }
    }
}
