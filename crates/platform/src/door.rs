//! The door of an app, or of the platform itself: where people come who have not signed in yet.

use std::sync::Arc;

use apps::{App, AppSettings, ClientId, Origin};
use identity::lockout::LockoutPolicy;
#[cfg(feature = "passkeys")]
use kernel::Name;
use kernel::{Code, Error, Result, id::AppId};

use crate::Platform;

/// The app that a request names, or the platform itself.
#[derive(Clone, Debug)]
pub struct Door {
    app: Option<Arc<App>>,
    settings: Box<AppSettings>,
}

impl Door {
    /// The app's id.
    #[must_use]
    pub fn app(&self) -> Option<AppId> {
        self.app.as_ref().map(|app| app.id)
    }

    /// How the app behaves.
    #[must_use]
    pub fn settings(&self) -> &AppSettings {
        &self.settings
    }

    /// Whether the app is switched off.
    pub(crate) fn is_closed(&self) -> bool {
        self.app.as_ref().is_some_and(|app| app.disabled_at.is_some())
    }

    /// What the app calls itself to its users: as in its mails, or by its name.
    #[cfg(feature = "passkeys")]
    pub(crate) fn name(&self) -> Option<&Name> {
        self.settings.branding.from_name.as_ref().or_else(|| self.app.as_ref().map(|app| &app.name))
    }

    /// The door of an app that was just looked up.
    pub(crate) fn of_app(app: App) -> Self {
        Self { settings: Box::new(app.settings.clone()), app: Some(Arc::new(app)) }
    }

    pub(crate) fn lockout_policy(&self) -> LockoutPolicy {
        LockoutPolicy {
            threshold: i32::try_from(self.settings.lockout_threshold).unwrap_or(i32::MAX),
            duration: std::time::Duration::from_secs(self.settings.lockout_seconds.into()),
        }
    }

    /// The `aud` of tokens that are issued here.
    pub(crate) fn audience(&self) -> String {
        audience(self.app.as_deref())
    }
}

/// The `aud` of an app's tokens: its client id. The platform's own have its name.
pub(crate) fn audience(app: Option<&App>) -> String {
    app.map_or_else(|| "fabric".to_owned(), |app| app.client_id.as_str().to_owned())
}

impl Platform {
    /// The door that `X-Fabric-App-Id` names; the platform's own without one.
    ///
    /// # Errors
    /// `unknown_app`; `app_disabled`.
    pub async fn door(&self, client_id: Option<&str>) -> Result<Door> {
        let Some(client_id) = client_id else { return Ok(self.platform_door()) };
        let app = self.named_app(client_id).await?;
        if app.disabled_at.is_some() {
            return Err(Error::new(Code::AppDisabled));
        }
        Ok(Door { settings: Box::new(app.settings.clone()), app: Some(app) })
    }

    /// The door of an account's app, whatever its state.
    pub(crate) async fn door_of(&self, app: Option<AppId>) -> Result<Door> {
        let Some(id) = app else { return Ok(self.platform_door()) };
        let app = self.app_facts(id).await?.ok_or_else(Error::not_found)?;
        Ok(Door { settings: Box::new(app.settings.clone()), app: Some(app) })
    }

    fn platform_door(&self) -> Door {
        Door { app: None, settings: Box::new(self.settings().of_the_platform()) }
    }

    /// The app that a header names.
    pub(crate) async fn named_app(&self, client_id: &str) -> Result<Arc<App>> {
        let unknown = || Error::new(Code::UnknownApp);
        let client_id = ClientId::parse(client_id).ok_or_else(unknown)?;
        self.app_by_client_id(&client_id).await?.ok_or_else(unknown)
    }

    /// Whether pages of this origin may read our answers: those of the named app, or of any app where none is named, as
    /// in a browser's preflight.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_origin_allowed(&self, origin: &str, client_id: Option<&str>) -> Result<bool> {
        let Ok(parsed) = Origin::parse(origin) else { return Ok(false) };
        let app = match client_id {
            Some(client_id) => Some(self.named_app(client_id).await?.id),
            None => None,
        };
        let load = self.store().read(move |tx| tx.is_origin_allowed(&parsed, app));
        self.facts().origins.get(&(origin.to_owned(), app), load).await
    }
}
