//! How an organization behaves.

use kernel::{
    Code, Error, Name, Result, Scope, WebUrl,
    id::{OrganizationId, WebhookId},
    setting,
};
use serde::{Deserialize, Serialize};

/// An organization's settings. What is missing in what was stored is as it is by default, so that a new setting needs no
/// migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationSettings {
    /// What it is called in mails and on pages; its name without.
    pub display_name: Option<Name>,
    /// Its logo, for the app's own pages.
    pub logo_url: Option<WebUrl>,
    /// In whose name its mails are sent; the app's without.
    pub email_from_name: Option<Name>,
    /// Where its events are sent.
    pub webhook_url: Option<WebUrl>,
    /// Which of them; all without.
    pub webhook_events: Option<Vec<String>>,
    /// The endpoint that these two are kept in step with, once there is one. No setting that anybody gives.
    pub webhook_endpoint: Option<WebhookId>,
    /// How many invitations may wait for an answer at once.
    pub max_pending_invitations: u32,
    /// How many may be sent in an hour, those that are sent again among them.
    pub max_invitations_per_hour: u32,
    /// Whether the link of an invitation shows a button first: mail scanners follow links, and press no buttons.
    pub confirm_invitations: bool,
    /// How many days an organization stays whose deletion was asked for.
    pub deletion_grace_days: u32,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            display_name: None,
            logo_url: None,
            email_from_name: None,
            webhook_url: None,
            webhook_events: None,
            webhook_endpoint: None,
            max_pending_invitations: 100,
            max_invitations_per_hour: 20,
            confirm_invitations: false,
            deletion_grace_days: 7,
        }
    }
}

/// What shall be different. What is `None` stays; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the setting of that name")]
pub struct OrganizationSettingsChange {
    pub display_name: Option<Option<Name>>,
    pub logo_url: Option<Option<WebUrl>>,
    pub email_from_name: Option<Option<Name>>,
    pub webhook_url: Option<Option<WebUrl>>,
    pub webhook_events: Option<Option<Vec<String>>>,
    pub max_pending_invitations: Option<u32>,
    pub max_invitations_per_hour: Option<u32>,
    pub confirm_invitations: Option<bool>,
    pub deletion_grace_days: Option<u32>,
}

/// The most kinds of events that are picked by name.
const MOST_EVENTS: usize = 100;

impl OrganizationSettings {
    /// The settings after a change.
    ///
    /// # Errors
    /// `invalid_setting` with the range that a number has, and for an event's name that is none.
    pub fn changed(self, change: OrganizationSettingsChange) -> Result<Self> {
        let events = change.webhook_events.unwrap_or(self.webhook_events);
        let named = |kind: &String| (1..=100).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_graphic());
        if events.as_ref().is_some_and(|events| events.len() > MOST_EVENTS || !events.iter().all(named)) {
            return Err(Error::because(
                Code::InvalidSetting,
                "Give webhook_events as a list of kinds such as membership.created.",
            ));
        }
        Ok(Self {
            display_name: change.display_name.unwrap_or(self.display_name),
            logo_url: change.logo_url.unwrap_or(self.logo_url),
            email_from_name: change.email_from_name.unwrap_or(self.email_from_name),
            webhook_url: change.webhook_url.unwrap_or(self.webhook_url),
            webhook_events: events,
            webhook_endpoint: self.webhook_endpoint,
            max_pending_invitations: setting::number(
                "max_pending_invitations",
                change.max_pending_invitations,
                self.max_pending_invitations,
                0..=10_000,
            )?,
            max_invitations_per_hour: setting::number(
                "max_invitations_per_hour",
                change.max_invitations_per_hour,
                self.max_invitations_per_hour,
                0..=10_000,
            )?,
            confirm_invitations: change.confirm_invitations.unwrap_or(self.confirm_invitations),
            deletion_grace_days: setting::number(
                "deletion_grace_days",
                change.deletion_grace_days,
                self.deletion_grace_days,
                0..=90,
            )?,
        })
    }
}

/// Settings of one database transaction.
pub trait OrganizationSettingsRepository {
    /// Lets nobody else who asks for this change the organization until the commit: ask before anything else, so that
    /// nobody waits for anybody in a circle.
    fn hold_organization(&mut self, id: OrganizationId) -> Result<()>;

    /// # Errors
    /// `not_found` when the organization is gone.
    fn organization_settings(&mut self, scope: &dyn Scope) -> Result<OrganizationSettings>;

    /// # Errors
    /// `not_found` when the organization is gone.
    fn set_organization_settings(&mut self, scope: &dyn Scope, settings: &OrganizationSettings) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_and_numbers_stay_in_their_range() {
        let change = OrganizationSettingsChange { confirm_invitations: Some(true), ..Default::default() };
        let settings = OrganizationSettings::default().changed(change).unwrap();
        assert_eq!(settings, OrganizationSettings { confirm_invitations: true, ..Default::default() });
        let change = OrganizationSettingsChange { deletion_grace_days: Some(91), ..Default::default() };
        let told = settings.clone().changed(change).unwrap_err();
        assert_eq!(told.message, "Give deletion_grace_days a value from 0 to 90.");
        let change =
            OrganizationSettingsChange { webhook_events: Some(Some(vec!["a b".to_owned()])), ..Default::default() };
        assert_eq!(settings.changed(change).unwrap_err().code, Code::InvalidSetting);
    }

    #[test]
    fn settings_of_an_older_version_are_read() {
        let settings: OrganizationSettings = serde_json::from_str(r#"{"gone": 1}"#).unwrap();
        assert_eq!(settings, OrganizationSettings::default());
    }
}
