//! What an endpoint is made of and how it changes, whoever asks for it.

use std::{collections::BTreeMap, time::Duration};

use kernel::{
    Code, Error, Event, EventKind, Listed, Page, Result, Scope, Sealed, Secret, Timestamp,
    id::{AppId, WebhookId},
};
use serde_json::{Value, json};
use webhooks::{
    CustomHeaders, Endpoint, EndpointUrl, EventFilter, PreviousSecret, ResourceFilter, Signing, check_signing_secret,
    write_signing_secret,
};

use crate::{Platform, Transaction, key_making::Author, keys::Sealing, webhook_secrets};

/// The most endpoints that one organization has.
const MOST: i64 = 50;

/// A new endpoint.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Where to.
    pub url: EndpointUrl,
    /// The app that it is bound to.
    pub app: Option<AppId>,
    /// What people call it.
    pub description: Option<String>,
    /// Which kinds of events it wants.
    pub filter: EventFilter,
    /// About which things.
    pub resources: ResourceFilter,
    /// Headers of its own.
    pub headers: BTreeMap<String, Secret>,
    /// A secret that its receiver has already; without, the organization's does.
    pub secret: Option<Secret>,
    /// How often a delivery is tried again.
    pub max_retries: i32,
    /// How many deliveries it wants in a minute at the most.
    pub rate_per_minute: Option<i32>,
    /// Whether each delivery waits for the one before.
    pub ordered: bool,
    /// Whether deliveries go out at once.
    pub active: bool,
}

impl NewEndpoint {
    /// One that hears everything, as usual.
    #[must_use]
    pub fn new(url: EndpointUrl) -> Self {
        Self {
            url,
            app: None,
            description: None,
            filter: EventFilter::default(),
            resources: ResourceFilter::default(),
            headers: BTreeMap::new(),
            secret: None,
            max_retries: Endpoint::USUAL_RETRIES,
            rate_per_minute: None,
            ordered: false,
            active: true,
        }
    }
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where to.
    pub url: Option<EndpointUrl>,
    /// What people call it; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Which kinds of events it wants.
    pub filter: Option<EventFilter>,
    /// About which things.
    pub resources: Option<ResourceFilter>,
    /// All its headers. Those that are masked stay as they are, unless it moves.
    pub headers: Option<BTreeMap<String, Secret>>,
    /// How often a delivery is tried again.
    pub max_retries: Option<i32>,
    /// How many deliveries it wants in a minute; `Some(None)` lifts the limit.
    pub rate_per_minute: Option<Option<i32>>,
    /// Whether each delivery waits for the one before.
    pub ordered: Option<bool>,
    /// Whether deliveries go out.
    pub active: Option<bool>,
}

/// An endpoint as people see it.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The names of its own headers. Their values are for the receiver alone.
    pub header_names: Vec<String>,
    /// Until when deliveries are signed with the secret before as well, be it the endpoint's own or its organization's.
    pub previous_until: Option<Timestamp>,
}

/// An endpoint with the secret that its deliveries are signed with, which is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedWebhook {
    /// The endpoint.
    pub webhook: Webhook,
    /// The secret in clear.
    pub secret: Secret,
}

impl Platform {
    /// # Errors
    /// `invalid_url` for Fabric itself, and in production for a place where what is sent can be read on the way.
    pub(crate) fn check_webhook_url(&self, url: &EndpointUrl) -> Result<()> {
        let settings = self.settings();
        // On a developer's own machine everything has the same name.
        let own = Some(&settings.public_base_url).filter(|_| !settings.shortcuts());
        let own = own.and_then(|own| EndpointUrl::parse(own).ok()?.host());
        if own.is_some() && url.host() == own {
            return Err(Error::because(Code::InvalidUrl, "Give a URL of another host: this one is Fabric's own."));
        }
        if url.is_encrypted() || settings.plain_webhooks {
            return Ok(());
        }
        Err(Error::because(Code::InvalidUrl, "Give a URL that begins with https://."))
    }
}

/// Adds an endpoint. What its maker may do has been seen to, and the organization is held.
///
/// # Errors
/// `invalid_request` for a limit, a header or a secret that is no good; `conflict` when there are too many.
pub(crate) fn make(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    author: Author,
    new: &NewEndpoint,
) -> Result<IssuedWebhook> {
    check_limits(new.max_retries, new.rate_per_minute)?;
    if tx.count_endpoints(scope)? >= MOST {
        let why = format!("An organization has at most {MOST} webhook endpoints: delete one first.");
        return Err(Error::because(Code::Conflict, why));
    }
    let id = WebhookId::generate();
    let headers = CustomHeaders::parse(new.headers.clone(), &CustomHeaders::default())?;
    let (secret, own) = match &new.secret {
        Some(chosen) => {
            check_signing_secret(chosen)?;
            (chosen.clone(), Some(sealing.seal(chosen, &secret_place(id))?))
        }
        None => (webhook_secrets::known_or_new(tx, scope, sealing, author.now)?, None),
    };
    tx.note_sealing_key(sealing.current()?, author.now)?;
    let endpoint = Endpoint {
        app: new.app,
        description: new.description.clone(),
        filter: new.filter.clone(),
        resources: new.resources.clone(),
        headers: seal_headers(sealing, id, &headers)?,
        secret: own,
        max_retries: new.max_retries,
        rate_per_minute: new.rate_per_minute,
        ordered: new.ordered,
        active: new.active,
        created_by: author.actor,
        ..Endpoint::new(id, scope.organization(), new.url.clone(), author.now)
    };
    tx.insert_endpoint(scope, &endpoint)?;
    told(tx, author, EventKind::WebhookCreated, &endpoint, &[])?;
    Ok(IssuedWebhook { webhook: shown(tx, scope, sealing, endpoint, author.now)?, secret })
}

/// Changes an endpoint. Who moves it says its headers anew, so that what one receiver was given is not sent to another one
/// by somebody who never knew it: behind one name there may be several, told apart by the path.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn change(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    author: Author,
    before: &Endpoint,
    change: EndpointChange,
) -> Result<Endpoint> {
    let moves = change.url.as_ref().is_some_and(|url| !url.is_where(&before.url));
    let (said_headers, active) = (change.headers.is_some(), change.active.unwrap_or(before.active));
    let headers = match change.headers {
        Some(given) => {
            let kept = if moves { CustomHeaders::default() } else { headers_of(sealing, before)? };
            tx.note_sealing_key(sealing.current()?, author.now)?;
            seal_headers(sealing, before.id, &CustomHeaders::parse(given, &kept)?)?
        }
        None if moves && before.headers.is_some() => {
            let why = "Give all headers anew together with another URL: they were meant for the one before.";
            return Err(Error::because(Code::InvalidRequest, why));
        }
        None => before.headers.clone(),
    };
    let resumed = active && !before.active;
    let after = Endpoint {
        url: change.url.unwrap_or_else(|| before.url.clone()),
        description: change.description.unwrap_or_else(|| before.description.clone()),
        filter: change.filter.unwrap_or_else(|| before.filter.clone()),
        resources: change.resources.unwrap_or_else(|| before.resources.clone()),
        headers,
        max_retries: change.max_retries.unwrap_or(before.max_retries),
        rate_per_minute: change.rate_per_minute.unwrap_or(before.rate_per_minute),
        ordered: change.ordered.unwrap_or(before.ordered),
        active,
        // Whoever switches it on again lets it begin anew.
        failing_since: before.failing_since.filter(|_| !resumed),
        disabled_at: before.disabled_at.filter(|_| !resumed),
        updated_at: author.now,
        ..before.clone()
    };
    check_limits(after.max_retries, after.rate_per_minute)?;
    tx.update_endpoint(scope, &after)?;
    // Nobody waits any more for the one that is tried next.
    if resumed || before.ordered && !after.ordered {
        tx.wake_endpoint(scope, after.id, author.now)?;
    }
    told(tx, author, EventKind::WebhookUpdated, &after, &differences(before, &after, said_headers))?;
    Ok(after)
}

/// Gives an endpoint a secret of its own, or another one. The one before counts for the overlap, be it its own or its
/// organization's, and none before that.
pub(crate) fn rotate(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    author: Author,
    endpoint: Endpoint,
    overlap: Duration,
) -> Result<IssuedWebhook> {
    let (id, secret) = (endpoint.id, write_signing_secret(rand::random()));
    let previous = if overlap.is_zero() { None } else { known_secret(tx, scope, sealing, &endpoint)? };
    let until = author.now.after(overlap);
    let endpoint = Endpoint {
        secret: Some(sealing.seal(&secret, &secret_place(id))?),
        previous: previous.map(|secret| PreviousSecret { secret, until }),
        updated_at: author.now,
        ..endpoint
    };
    tx.note_sealing_key(sealing.current()?, author.now)?;
    tx.update_endpoint(scope, &endpoint)?;
    told(tx, author, EventKind::WebhookSecretRotated, &endpoint, &["secret"])?;
    Ok(IssuedWebhook { webhook: shown(tx, scope, sealing, endpoint, author.now)?, secret })
}

/// What an endpoint's deliveries are signed with so far, sealed for its place.
fn known_secret(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    endpoint: &Endpoint,
) -> Result<Option<Sealed>> {
    if let Some(own) = &endpoint.secret {
        return Ok(Some(own.clone()));
    }
    let Some(signing) = tx.signing(scope)? else { return Ok(None) };
    let clear = sealing.open(&signing.secret, &webhook_secrets::place(scope.organization()))?;
    sealing.seal(&clear, &secret_place(endpoint.id)).map(Some)
}

/// An endpoint as people see it.
pub(crate) fn shown(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    endpoint: Endpoint,
    now: Timestamp,
) -> Result<Webhook> {
    let signing = tx.signing(scope)?;
    shown_with(sealing, signing.as_ref(), endpoint, now)
}

/// A page of an organization's endpoints as people see them.
pub(crate) fn list(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    sealing: &Sealing,
    page: &Page<WebhookId>,
    now: Timestamp,
) -> Result<Listed<Webhook, WebhookId>> {
    let signing = tx.signing(scope)?;
    let Listed { items, next, total } = tx.endpoints_in(scope, page)?;
    let items = items.into_iter().map(|endpoint| shown_with(sealing, signing.as_ref(), endpoint, now));
    Ok(Listed { items: items.collect::<Result<_>>()?, next, total })
}

fn shown_with(sealing: &Sealing, signing: Option<&Signing>, endpoint: Endpoint, now: Timestamp) -> Result<Webhook> {
    let previous = match endpoint.secret {
        Some(_) => endpoint.previous.as_ref(),
        None => signing.and_then(|signing| signing.previous.as_ref()),
    };
    let previous_until = previous.map(|previous| previous.until).filter(|until| *until > now);
    let header_names = headers_of(sealing, &endpoint)?.names().map(str::to_owned).collect();
    Ok(Webhook { endpoint, header_names, previous_until })
}

/// An endpoint's own headers, opened.
pub(crate) fn headers_of(sealing: &Sealing, endpoint: &Endpoint) -> Result<CustomHeaders> {
    match &endpoint.headers {
        Some(sealed) => CustomHeaders::read(&sealing.open(sealed, &headers_place(endpoint.id))?),
        None => Ok(CustomHeaders::default()),
    }
}

fn seal_headers(sealing: &Sealing, id: WebhookId, headers: &CustomHeaders) -> Result<Option<Sealed>> {
    if headers.is_empty() {
        return Ok(None);
    }
    sealing.seal(&headers.write(), &headers_place(id)).map(Some)
}

/// What an endpoint's own secret is bound to, and the one before.
pub(crate) fn secret_place(id: WebhookId) -> Vec<u8> {
    [b"webhook secret ".as_slice(), id.0.as_bytes()].concat()
}

/// What its headers are bound to.
pub(crate) fn headers_place(id: WebhookId) -> Vec<u8> {
    [b"webhook headers ".as_slice(), id.0.as_bytes()].concat()
}

fn check_limits(max_retries: i32, rate_per_minute: Option<i32>) -> Result<()> {
    Endpoint::check_retries(max_retries)?;
    rate_per_minute.map_or(Ok(()), Endpoint::check_rate)
}

/// What is different, by its name on the wire.
fn differences(before: &Endpoint, after: &Endpoint, said_headers: bool) -> Vec<&'static str> {
    let fields = [
        ("url", before.url != after.url),
        ("description", before.description != after.description),
        ("event_filter", before.filter != after.filter),
        ("resource_filter", before.resources != after.resources),
        ("headers", said_headers),
        ("max_retries", before.max_retries != after.max_retries),
        ("rate_limit_per_minute", before.rate_per_minute != after.rate_per_minute),
        ("ordered", before.ordered != after.ordered),
        ("active", before.active != after.active),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

/// Says in the ledger what happened to an endpoint. Of its URL the origin: the rest may be a secret.
pub(crate) fn told(
    tx: &mut dyn Transaction,
    author: Author,
    kind: EventKind,
    endpoint: &Endpoint,
    changed: &[&str],
) -> Result<()> {
    let mut payload = json!({
        "webhook_id": endpoint.id, "origin": endpoint.url.origin(), "event_filter": endpoint.filter.patterns(),
        "app_id": endpoint.app, "active": endpoint.active,
    });
    if kind == EventKind::WebhookUpdated {
        payload["changed"] = json!(changed);
    }
    if let Some(previous) = endpoint.previous.as_ref().filter(|_| kind == EventKind::WebhookSecretRotated) {
        payload["previous_secret_until"] = Value::String(previous.until.to_string());
    }
    tx.append(&Event {
        app: author.app,
        organization: Some(endpoint.organization),
        actor: author.actor,
        payload,
        ..Event::new(kind, author.now)
    })
}
