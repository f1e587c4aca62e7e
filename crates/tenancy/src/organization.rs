//! Organizations: tenants of an app, or of the platform itself.

use kernel::{
    Email, Listed, Metadata, Name, Page, Result, Role, Scope, Slug, Timestamp,
    id::{AppId, OrganizationId, PrincipalId},
};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The organization's id.
    pub id: OrganizationId,
    /// `None`: an organization of the platform itself, where developers work together.
    pub app: Option<AppId>,
    /// Its name in URLs, unique within the app.
    pub slug: Slug,
    /// What people call it.
    pub name: Name,
    /// What the app keeps about it.
    pub metadata: Metadata,
    /// Since when it is only kept, not used.
    pub archived_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What a new user's own organization is called.
#[must_use]
pub fn personal_name(email: &Email) -> Name {
    let named = Name::parse(&format!("{}'s organization", email.local_part()));
    // An address has a local part of at most 64 bytes without control characters, so that this is a name already.
    named.unwrap_or_else(|_| Name::constant("Personal organization"))
}

/// Organizations of one database transaction.
pub trait OrganizationRepository {
    /// # Errors
    /// `slug_taken` when the app already has an organization with this slug.
    fn insert_organization(&mut self, organization: &Organization) -> Result<()>;

    /// Whoever it belongs to: for `platform::locate` alone, which permits before it shows.
    fn organization(&mut self, id: OrganizationId) -> Result<Option<Organization>>;

    /// The organization with this slug: for the operator at the console.
    fn organization_by_slug(&mut self, app: Option<AppId>, slug: &Slug) -> Result<Option<Organization>>;

    /// Whether the app has an organization with this slug.
    fn organization_slug_taken(&mut self, app: Option<AppId>, slug: &Slug) -> Result<bool>;

    /// Writes name, slug, metadata and state.
    ///
    /// # Errors
    /// `slug_taken`; `not_found` when it is gone.
    fn update_organization(&mut self, scope: &dyn Scope, organization: &Organization) -> Result<()>;

    /// A principal's own organizations in an app with their role there, oldest first.
    fn organizations_of(
        &mut self,
        app: Option<AppId>,
        principal: PrincipalId,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<(Organization, Role), OrganizationId>>;
}
