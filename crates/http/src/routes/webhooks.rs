//! Endpoints that hear of events.

use std::collections::BTreeMap;

use authz::{
    Acting,
    action::{WebhookManage, WebhookRead, WebhookRevoke},
};
use kernel::{
    Code, Error, Page, Result, Secret, Timestamp,
    id::{AppId, OrganizationId, WebhookId},
    secret::ExposeSecret,
};
use platform::{EndpointChange, IssuedWebhook, NewEndpoint};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use webhooks::{CustomHeaders, EndpointUrl, EventFilter, ResourceFilter};

use super::{api_keys::RotateKeyRequest, auth::Done, organizations::PageQuery, roles::description};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, OptionalBody, PathId, Query, present},
};

/// Somebody who wants to be told what happens.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    id: Uuid,
    organization_id: Uuid,
    /// The app that it is bound to: it hears of that app alone, and is told the tokens that the app's users are sent.
    app_id: Option<Uuid>,
    url: String,
    description: Option<String>,
    /// Kinds of events, `auth.login` or `auth.*`; every kind without any.
    event_filter: Vec<String>,
    /// The same list.
    events: Vec<String>,
    /// Fields of the payload and what they have to be.
    resource_filter: BTreeMap<String, String>,
    /// Headers of its own. Every value is masked as `***`.
    headers: BTreeMap<String, &'static str>,
    /// Whether deliveries go out. While it is not active, they wait.
    active: bool,
    /// Whether each delivery waits until the one before has arrived, or was given up.
    ordered: bool,
    max_retries: i32,
    rate_limit_per_minute: Option<i32>,
    /// Since when every delivery fails.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// When it was switched off, because nothing had arrived for too long, or it answered 410.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// Until when deliveries are signed with the secret before as well.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<platform::Webhook> for Webhook {
    fn from(platform::Webhook { endpoint, header_names, previous_until }: platform::Webhook) -> Self {
        Self {
            id: endpoint.id.0,
            organization_id: endpoint.organization.0,
            app_id: endpoint.app.map(|id| id.0),
            url: endpoint.url.as_str().to_owned(),
            description: endpoint.description,
            event_filter: endpoint.filter.patterns().to_vec(),
            events: endpoint.filter.patterns().to_vec(),
            resource_filter: endpoint.resources.fields().clone(),
            headers: header_names.into_iter().map(|name| (name, CustomHeaders::MASK)).collect(),
            active: endpoint.active,
            ordered: endpoint.ordered,
            max_retries: endpoint.max_retries,
            rate_limit_per_minute: endpoint.rate_per_minute,
            failing_since: endpoint.failing_since,
            disabled_at: endpoint.disabled_at,
            previous_secret_until: previous_until,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// An endpoint, with what its deliveries are signed with.
#[derive(Serialize, ToSchema)]
pub struct SecretWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// All of the secret, this once.
    secret: String,
}

impl From<IssuedWebhook> for SecretWebhook {
    fn from(issued: IssuedWebhook) -> Self {
        Self { webhook: issued.webhook.into(), secret: issued.secret.expose_secret().to_owned() }
    }
}

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
pub struct NewWebhookRequest {
    /// https, without user name, password and fragment.
    url: String,
    /// At most 1000 bytes.
    description: Option<String>,
    /// At most 100 kinds of events, `auth.login` or `auth.*`; every kind without any.
    event_filter: Option<Vec<String>>,
    /// The same by another name. Where both are given, they say the same.
    events: Option<Vec<String>>,
    /// Fields of the payload, or `organization_id`, `app_id` and `actor_id`, and what they have to be: at most 20. All have
    /// to fit.
    resource_filter: Option<BTreeMap<String, String>>,
    /// Headers that deliveries carry besides Fabric's own: at most 20.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<BTreeMap<String, Secret>>,
    /// A secret that the receiver has already: 16 to 256 visible ASCII characters, behind whsec_ base64. Without, deliveries are signed with the
    /// organization's own.
    #[schema(value_type = Option<String>, format = Password)]
    secret: Option<Secret>,
    /// Binds it to an app that the organization owns.
    app_id: Option<Uuid>,
    /// How often a delivery is tried again after the first time: 0 to 20, and 3 without.
    max_retries: Option<u32>,
    /// How many deliveries it wants in a minute at the most: 1 to 60000.
    rate_limit_per_minute: Option<u32>,
    /// Whether each delivery waits until the one before has arrived, or was given up.
    #[serde(default)]
    ordered: bool,
    /// `false` lets deliveries wait until it is resumed.
    active: Option<bool>,
}

/// The same, in an organization that is named beside it.
#[derive(Deserialize, ToSchema)]
pub struct CreateWebhookRequest {
    organization_id: Uuid,
    #[serde(flatten)]
    new: NewWebhookRequest,
}

/// The kinds of events that are asked for, by either name.
///
/// # Errors
/// `invalid_request` for two that differ.
fn kinds(event_filter: Option<Vec<String>>, events: Option<Vec<String>>) -> Result<Option<EventFilter>> {
    let kinds = match (event_filter, events) {
        (Some(one), Some(other)) if one != other => {
            return Err(Error::because(Code::InvalidRequest, "event_filter and events differ: give one of them."));
        }
        (one, other) => one.or(other),
    };
    kinds.map(EventFilter::parse).transpose()
}

/// How many, for whoever knows how many there may be: what is too much stays too much.
fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl NewWebhookRequest {
    fn parse(self) -> Result<NewEndpoint> {
        let usual = NewEndpoint::new(EndpointUrl::parse(&self.url)?);
        Ok(NewEndpoint {
            app: self.app_id.map(AppId),
            description: self.description.map(description).transpose()?,
            filter: kinds(self.event_filter, self.events)?.unwrap_or_default(),
            resources: ResourceFilter::parse(self.resource_filter.unwrap_or_default())?,
            headers: self.headers.unwrap_or_default(),
            secret: self.secret,
            max_retries: self.max_retries.map_or(usual.max_retries, count),
            rate_per_minute: self.rate_limit_per_minute.map(count),
            ordered: self.ordered,
            active: self.active.unwrap_or(usual.active),
            ..usual
        })
    }
}

/// Makes an endpoint.
pub async fn create(
    caller: Acting<WebhookManage>,
    (platform, Body(new)): (ForRequest, Body<CreateWebhookRequest>),
) -> Result<Created<SecretWebhook>> {
    let id = OrganizationId(new.organization_id);
    Ok(Created(platform.create_webhook(caller, id, new.new.parse()?).await?.into()))
}

/// Makes an endpoint of this organization.
pub async fn create_in(
    caller: Acting<WebhookManage>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<NewWebhookRequest>),
) -> Result<Created<SecretWebhook>> {
    Ok(Created(platform.create_webhook(caller, id, new.parse()?).await?.into()))
}

/// Lists an organization's endpoints, oldest first.
pub async fn list_in(
    caller: Acting<WebhookRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<Webhook>>> {
    let page: Page<WebhookId> = query.page()?;
    let limit = page.limit;
    let listed = platform.webhooks(caller, id, page).await?;
    Ok(Answer::page(listed.map(Webhook::from), limit))
}

/// Shows an endpoint.
pub async fn read(
    caller: Acting<WebhookRead>,
    (platform, PathId(id)): (ForRequest, PathId<WebhookId>),
) -> Result<Answer<Webhook>> {
    Ok(Answer::ok(platform.webhook(caller, id).await?.into()))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateWebhookRequest {
    /// One that differs in more than its query needs all headers anew.
    url: Option<String>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    event_filter: Option<Vec<String>>,
    events: Option<Vec<String>>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    resource_filter: Option<Option<BTreeMap<String, String>>>,
    /// All that there shall be. `***` keeps the value that is there; null takes them all away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<Option<BTreeMap<String, Secret>>>,
    max_retries: Option<u32>,
    /// null lifts the limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    rate_limit_per_minute: Option<Option<u32>>,
    ordered: Option<bool>,
    /// `false` lets deliveries wait, `true` sends what has waited.
    active: Option<bool>,
}

/// Changes an endpoint. Its organization, its app and its secret stay.
pub async fn update(
    caller: Acting<WebhookManage>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<WebhookId>, Body<UpdateWebhookRequest>),
) -> Result<Answer<Webhook>> {
    let change = EndpointChange {
        url: change.url.as_deref().map(EndpointUrl::parse).transpose()?,
        description: change.description.map(|text| text.map(description).transpose()).transpose()?,
        filter: kinds(change.event_filter, change.events)?,
        resources: change.resource_filter.map(Option::unwrap_or_default).map(ResourceFilter::parse).transpose()?,
        headers: change.headers.map(Option::unwrap_or_default),
        max_retries: change.max_retries.map(count),
        rate_per_minute: change.rate_limit_per_minute.map(|rate| rate.map(count)),
        ordered: change.ordered,
        active: change.active,
    };
    Ok(Answer::ok(platform.change_webhook(caller, id, change).await?.into()))
}

/// Lets what is to be delivered wait.
pub async fn pause(
    caller: Acting<WebhookRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<WebhookId>),
) -> Result<Answer<Webhook>> {
    Ok(Answer::ok(platform.pause_webhook(caller, id).await?.into()))
}

/// Delivers again, what has waited first.
pub async fn resume(
    caller: Acting<WebhookManage>,
    (platform, PathId(id)): (ForRequest, PathId<WebhookId>),
) -> Result<Answer<Webhook>> {
    Ok(Answer::ok(platform.resume_webhook(caller, id).await?.into()))
}

/// Gives an endpoint a secret of its own, or another one.
pub async fn rotate_secret(
    caller: Acting<WebhookManage>,
    (platform, PathId(id), OptionalBody(how)): (ForRequest, PathId<WebhookId>, OptionalBody<RotateKeyRequest>),
) -> Result<Answer<SecretWebhook>> {
    Ok(Answer::ok(platform.rotate_webhook(caller, id, how.overlap()).await?.into()))
}

/// Deletes an endpoint, with what is on its way there.
pub async fn delete(
    caller: Acting<WebhookRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<WebhookId>),
) -> Result<Answer<Done>> {
    platform.delete_webhook(caller, id).await?;
    Ok(Answer::ok(Done { message: "The webhook endpoint is deleted." }))
}
