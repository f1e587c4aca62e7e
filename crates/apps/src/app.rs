//! Consumer apps.

use kernel::{
    Listed, Metadata, Name, Page, Result, Scope, Slug, Timestamp,
    id::{AppId, OrganizationId, PrincipalId},
};

use crate::{AppSettings, ClientId, Origin};

/// A registered app: its users, their organizations and everything in them are its own world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The app's id.
    pub id: AppId,
    /// The organization of developers that owns it.
    pub owner: OrganizationId,
    /// What people call it.
    pub name: Name,
    /// Its name in URLs, unique within its owner.
    pub slug: Slug,
    /// Its public name in every request.
    pub client_id: ClientId,
    /// How it behaves.
    pub settings: AppSettings,
    /// What its developers keep about it.
    pub metadata: Metadata,
    /// Since when nobody signs in and nothing acts through it.
    pub disabled_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// How much there is in an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its organizations.
    pub organizations: i64,
    /// Its accounts.
    pub accounts: i64,
}

/// Apps of one database transaction.
pub trait AppRepository {
    /// # Errors
    /// `slug_taken` when the owner already has an app with this slug.
    fn insert_app(&mut self, scope: &dyn Scope, app: &App) -> Result<()>;

    /// Whoever owns it: for the way in, and for `platform::locate_app`, which permits before it shows.
    fn app(&mut self, id: AppId) -> Result<Option<App>>;

    /// The app that a request names.
    fn app_by_client_id(&mut self, client_id: &ClientId) -> Result<Option<App>>;

    /// Writes name, settings, metadata and state.
    ///
    /// # Errors
    /// `not_found` when it is gone.
    fn update_app(&mut self, scope: &dyn Scope, app: &App) -> Result<()>;

    /// Removes the app with its accounts, organizations and everything in them.
    fn delete_app(&mut self, scope: &dyn Scope, id: AppId) -> Result<()>;

    /// One organization's apps, oldest first.
    fn apps_in(&mut self, scope: &dyn Scope, page: &Page<AppId>) -> Result<Listed<App, AppId>>;

    /// The apps of every organization of the platform that somebody belongs to, oldest first.
    fn apps_of(&mut self, principal: PrincipalId, page: &Page<AppId>) -> Result<Listed<App, AppId>>;

    /// Every app there is, oldest first: for administrators of the platform.
    fn all_apps(&mut self, page: &Page<AppId>) -> Result<Listed<App, AppId>>;

    /// The app of that name, for a set-up that is run again.
    fn app_by_name(&mut self, scope: &dyn Scope, name: &Name) -> Result<Option<App>>;

    /// Whether the owner has an app with this slug.
    fn app_slug_taken(&mut self, scope: &dyn Scope, slug: &Slug) -> Result<bool>;

    /// Whether pages of the app live at an origin; of any app, where none is named.
    fn is_origin_allowed(&mut self, origin: &Origin, app: Option<AppId>) -> Result<bool>;

    /// How much there is in an app.
    fn app_usage(&mut self, id: AppId) -> Result<Usage>;
}
