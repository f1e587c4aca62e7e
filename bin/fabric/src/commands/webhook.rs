//! `fabric webhook`: endpoints that hear of events, at the console.

use std::time::Duration;

use kernel::{
    Code, Error, Page, Result,
    id::{DeliveryId, WebhookId},
    secret::ExposeSecret,
};
use platform::{IssuedWebhook, NewEndpoint, Platform, Replay, Webhook};
use serde_json::{Value, json};
use webhooks::{Delivery, DeliveryStatus, EndpointUrl, EventFilter};

use super::{
    audit::moment,
    organization::{app, named},
};
use crate::{
    arguments::{self, CreateWebhook, ListWebhooks, ReplayStatus, ReplayWebhook, RotateWebhookSecret, WebhookCommand},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, webhook: arguments::Webhook, show: Output) -> Result<()> {
    let platform = start(config).await?.for_operator();
    match webhook.command {
        WebhookCommand::List(which) => list(&platform, &which, show).await?,
        WebhookCommand::Create(new) => issued(show, "Created", &create(&platform, new).await?),
        WebhookCommand::RotateSecret(which) => issued(show, "Rotated", &rotate(&platform, &which).await?),
        WebhookCommand::Test(which) => {
            let delivery = platform.operator_test_webhook(endpoint(&which.webhook)?).await?;
            waits(show, "A test event", &delivery);
        }
        WebhookCommand::Replay(which) => replay(&platform, which, show).await?,
    }
    Ok(())
}

async fn create(platform: &Platform, new: CreateWebhook) -> Result<IssuedWebhook> {
    let organization = named(platform, new.place.app.as_deref(), &new.place.organization).await?;
    let wanted = NewEndpoint {
        app: app(platform, new.bind_app.as_deref()).await?,
        description: new.description,
        filter: EventFilter::parse(new.event)?,
        max_retries: new.max_retries,
        rate_per_minute: new.rate_limit_per_minute,
        ordered: new.ordered,
        ..NewEndpoint::new(EndpointUrl::parse(&new.url)?)
    };
    platform.operator_create_webhook(organization.id, wanted).await
}

async fn rotate(platform: &Platform, which: &RotateWebhookSecret) -> Result<IssuedWebhook> {
    let id = endpoint(&which.webhook)?;
    platform.operator_rotate_webhook(id, Duration::from_secs(which.overlap_seconds)).await
}

async fn replay(platform: &Platform, which: ReplayWebhook, show: Output) -> Result<()> {
    let id = endpoint(&which.webhook)?;
    if let Some(delivery) = which.delivery {
        let wrong =
            |_| Error::because(Code::InvalidParameter, "Give the delivery's id, as X-Fabric-Delivery tells it.");
        let delivery: DeliveryId = delivery.parse().map_err(wrong)?;
        waits(show, "The delivery", &platform.operator_replay_delivery(id, delivery).await?);
        return Ok(());
    }
    let status = match which.status {
        ReplayStatus::Failed => Some(DeliveryStatus::Failed),
        ReplayStatus::Success => Some(DeliveryStatus::Success),
        ReplayStatus::Any => None,
    };
    let time = |text: Option<String>| text.as_deref().map(moment).transpose();
    let wanted =
        Replay { from: time(which.from)?, to: time(which.to)?, status, events: EventFilter::parse(which.event)? };
    let replayed = platform.operator_replay_deliveries(id, wanted).await?;
    show.say(&json!({ "replayed": replayed }), || match replayed {
        1 => "1 delivery is sent anew.".to_owned(),
        count => format!("{count} deliveries are sent anew."),
    });
    Ok(())
}

async fn list(platform: &Platform, which: &ListWebhooks, show: Output) -> Result<()> {
    let organization = named(platform, which.place.app.as_deref(), &which.place.organization).await?;
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the cursor as the last page printed it.");
    let after: Option<WebhookId> = which.cursor.as_deref().map(|text| text.parse().map_err(wrong)).transpose()?;
    let listed = platform.operator_webhooks(organization.id, Page::new(after, 0, which.limit)?).await?;
    let items: Vec<_> = listed.items.iter().map(as_json).collect();
    let next = listed.next.map(|next| next.to_string());
    show.say(&json!({ "items": items, "next_cursor": next }), || {
        let mut lines: Vec<_> = listed.items.iter().map(as_line).collect();
        lines.extend(next.iter().map(|next| format!("There are more: --cursor {next}")));
        if lines.is_empty() { "There are no webhook endpoints here.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

/// What the receiver verifies deliveries with.
fn issued(show: Output, done: &str, issued: &IssuedWebhook) {
    let (endpoint, secret) = (&issued.webhook.endpoint, issued.secret.expose_secret());
    let mut value = as_json(&issued.webhook);
    value["secret"] = json!(secret);
    show.say(&value, || {
        format!("{done} {} ({}). Its deliveries are signed with:\n{secret}", endpoint.url.as_str(), endpoint.id)
    });
}

/// It is in line for the servers, who do the sending.
fn waits(show: Output, what: &str, delivery: &Delivery) {
    let value = json!({
        "id": delivery.id,
        "webhook_id": delivery.endpoint,
        "event_id": delivery.event,
        "event_kind": delivery.kind,
        "status": delivery.status.name(),
        "created_at": delivery.created_at,
    });
    show.say(&value, || format!("{what} waits for a server to send it: {} ({})", delivery.id, delivery.kind));
}

fn endpoint(id: &str) -> Result<WebhookId> {
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the endpoint's id: fabric webhook list shows it.");
    id.parse().map_err(wrong)
}

fn as_line(Webhook { endpoint, .. }: &Webhook) -> String {
    let state = if endpoint.active { "active" } else { "paused" };
    let kinds = match endpoint.filter.patterns() {
        [] => "*".to_owned(),
        kinds => kinds.join(","),
    };
    format!("{}  {state}  {}  {kinds}", endpoint.id, endpoint.url.as_str())
}

fn as_json(Webhook { endpoint, header_names, previous_until }: &Webhook) -> Value {
    json!({
        "id": endpoint.id,
        "organization_id": endpoint.organization,
        "app_id": endpoint.app,
        "url": endpoint.url.as_str(),
        "description": endpoint.description,
        "event_filter": endpoint.filter.patterns(),
        "resource_filter": endpoint.resources.fields(),
        "header_names": header_names,
        "active": endpoint.active,
        "ordered": endpoint.ordered,
        "max_retries": endpoint.max_retries,
        "rate_limit_per_minute": endpoint.rate_per_minute,
        "failing_since": endpoint.failing_since,
        "disabled_at": endpoint.disabled_at,
        "previous_secret_until": previous_until,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    })
}
