//! Settings of organizations.

use authz::{
    Acting,
    action::{SettingsRead, SettingsUpdate},
};
use kernel::{Name, Result, WebUrl, id::OrganizationId};
use serde::{Deserialize, Serialize};
use tenancy::OrganizationSettingsChange;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    request::{Body, ForRequest, PathId, present},
};

/// How an organization behaves.
#[derive(Serialize, ToSchema)]
pub struct OrganizationSettings {
    /// The organization's own.
    id: Uuid,
    organization_id: Uuid,
    /// What it is called in mails; its name without.
    display_name: Option<String>,
    logo_url: Option<String>,
    /// In whose name its mails are sent; the app's without.
    email_from_name: Option<String>,
    webhook_url: Option<String>,
    webhook_events: Option<Vec<String>>,
    /// How many invitations may wait for an answer at once.
    max_pending_invitations: u32,
    /// How many may be sent in an hour.
    max_invitations_per_hour: u32,
    /// Whether the link of an invitation shows a button first.
    confirm_invitations: bool,
    /// How many days the organization stays after its deletion was asked for.
    deletion_grace_days: u32,
}

impl OrganizationSettings {
    pub(super) fn new(id: OrganizationId, settings: tenancy::OrganizationSettings) -> Self {
        let url = |url: Option<WebUrl>| url.map(|url| url.as_str().to_owned());
        let name = |name: Option<Name>| name.map(|name| name.as_str().to_owned());
        Self {
            id: id.0,
            organization_id: id.0,
            display_name: name(settings.display_name),
            logo_url: url(settings.logo_url),
            email_from_name: name(settings.email_from_name),
            webhook_url: url(settings.webhook_url),
            webhook_events: settings.webhook_events,
            max_pending_invitations: settings.max_pending_invitations,
            max_invitations_per_hour: settings.max_invitations_per_hour,
            confirm_invitations: settings.confirm_invitations,
            deletion_grace_days: settings.deletion_grace_days,
        }
    }
}

/// Shows an organization's settings.
pub async fn read(
    caller: Acting<SettingsRead>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<OrganizationSettings>> {
    let settings = platform.organization_settings(caller, id).await?;
    Ok(Answer::ok(OrganizationSettings::new(id, settings)))
}

/// What shall be different. null clears a text, a URL and the list of events.
#[derive(Deserialize, ToSchema)]
pub struct UpdateOrganizationSettingsRequest {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    logo_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email_from_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    webhook_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    webhook_events: Option<Option<Vec<String>>>,
    max_pending_invitations: Option<u32>,
    max_invitations_per_hour: Option<u32>,
    confirm_invitations: Option<bool>,
    deletion_grace_days: Option<u32>,
}

/// What is absent stays, null clears, a value is parsed.
fn parsed<T>(field: Option<Option<String>>, parse: fn(&str) -> Result<T>) -> Result<Option<Option<T>>> {
    field.map(|value| value.map(|text| parse(&text)).transpose()).transpose()
}

/// Changes an organization's settings.
pub async fn update(
    caller: Acting<SettingsUpdate>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<OrganizationId>, Body<UpdateOrganizationSettingsRequest>),
) -> Result<Answer<OrganizationSettings>> {
    let change = OrganizationSettingsChange {
        display_name: parsed(change.display_name, Name::parse)?,
        logo_url: parsed(change.logo_url, WebUrl::parse)?,
        email_from_name: parsed(change.email_from_name, Name::parse)?,
        webhook_url: parsed(change.webhook_url, WebUrl::parse)?,
        webhook_events: change.webhook_events,
        max_pending_invitations: change.max_pending_invitations,
        max_invitations_per_hour: change.max_invitations_per_hour,
        confirm_invitations: change.confirm_invitations,
        deletion_grace_days: change.deletion_grace_days,
    };
    let settings = platform.change_organization_settings(caller, id, change).await?;
    Ok(Answer::ok(OrganizationSettings::new(id, settings)))
}
