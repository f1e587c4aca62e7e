//! Organizations: tenants of an app, or of the platform itself.

use kernel::{
    AppScope, Email, Listed, Metadata, Name, Page, Result, Role, Scope, Slug, Timestamp,
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
    /// When it is deleted, if that was asked for.
    pub delete_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Organization {
    /// Whether it is read and not changed: it is archived, or about to be deleted. The two stand beside each other, so
    /// that an organization which is not deleted after all is as it was.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.archived_at.is_some() || self.delete_at.is_some()
    }

    /// Its name, where that may be kept for good. One that has the form of those that are made after an address may not,
    /// whoever chose it: it would tell of somebody who is to be forgotten.
    #[must_use]
    pub fn lasting_name(&self) -> Option<&Name> {
        Some(&self.name).filter(|name| !name.as_str().ends_with(OWN))
    }
}

/// What follows the beginning of somebody's address in the name of their own organization.
const OWN: &str = "'s organization";

/// What a new user's own organization is called.
#[must_use]
pub fn personal_name(email: &Email) -> Name {
    let named = Name::parse(&format!("{}{OWN}", email.local_part()));
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

    /// The app's organization with this slug.
    fn organization_by_slug(&mut self, scope: &dyn AppScope, slug: &Slug) -> Result<Option<Organization>>;

    /// The app's organizations, oldest first.
    fn organizations_in(
        &mut self,
        scope: &dyn AppScope,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<Organization, OrganizationId>>;

    /// Whether the app has an organization with this slug.
    fn organization_slug_taken(&mut self, app: Option<AppId>, slug: &Slug) -> Result<bool>;

    /// Writes name, slug, metadata and state: whether it is archived, and when it is deleted.
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

    /// The organization whose deletion has been due for longest. Nobody else takes, changes or refers to it until the
    /// commit; one that somebody is about to is left out.
    fn organization_due(&mut self, now: Timestamp) -> Result<Option<Organization>>;

    /// Deletes an organization with everything in it. What happened there stays in the ledger.
    ///
    /// # Errors
    /// `not_found` when it is gone; `conflict` while it owns apps, which have users of their own.
    fn delete_organization(&mut self, scope: &dyn Scope) -> Result<()>;
}
