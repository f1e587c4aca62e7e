//! `fabric event`: what happens, at the console.

use std::{io::Write as _, time::Duration};

use audit::Entry;
use kernel::{
    Code, Error, Result,
    id::{EventId, OrganizationId},
};
use platform::{Audience, DomainEvent, Platform};
use serde_json::json;
use tokio::time::interval;
use webhooks::EventFilter;

use crate::{
    arguments::{Event, EventCommand, TailEvents},
    config::Config,
    output::Output,
    start::start,
};

/// How often it is looked what the servers have added to the ledger.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, event: Event, show: Output) -> Result<()> {
    match event.command {
        EventCommand::Tail(which) => tail(&start(config).await?.for_operator(), which, show).await,
        EventCommand::Catalogue => catalogue(),
    }
}

/// Prints the catalogue as it is checked in.
///
/// # Errors
/// When nobody listens.
pub fn catalogue() -> Result<()> {
    let page = webhooks::catalogue().map_err(Error::internal)?;
    write!(std::io::stdout().lock(), "{page}").map_err(Error::internal)
}

async fn tail(platform: &Platform, which: TailEvents, show: Output) -> Result<()> {
    let filter = EventFilter::parse(which.events)?;
    let wrong = |what| Error::because(Code::InvalidParameter, format!("Give the {what} by its id."));
    let organization = which.organization.map(|id| id.parse::<OrganizationId>()).transpose();
    let after = which.after.map(|id| id.parse::<EventId>()).transpose().map_err(|_| wrong("event"))?;
    let audience = match (organization.map_err(|_| wrong("organization"))?, which.app) {
        (Some(organization), _) => Audience::Organization(organization),
        (None, Some(app)) => Audience::App(platform.operator_app(&app).await?),
        (None, None) => Audience::Platform,
    };
    let mut stream = platform.listen(audience, after).await?;
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = look.tick() => while platform.tell_listeners().await? > 0 {},
            entries = stream.next() => for entry in entries?.unwrap_or_default() {
                if filter.wants(&entry.kind) {
                    say(&entry, show);
                }
            },
        }
    }
}

fn say(entry: &Entry, show: Output) {
    let event = DomainEvent::from(entry);
    let place = event.organization_id.or(event.app_id).map(|id| format!(" {id}")).unwrap_or_default();
    let text = || format!("{} {}{place} {}", event.timestamp, event.kind, json!(event.payload));
    show.line(&json!(event), text);
}
