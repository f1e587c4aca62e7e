//! Organizations: make one, list one's own, read one, change one.

use authz::{
    Acting,
    action::{OrganizationArchive, OrganizationCreate, OrganizationList, OrganizationRead, OrganizationUpdate},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Metadata, Name, Page, Result, Scope, Slug, Timestamp,
    id::{OrganizationId, PrincipalId},
};
use serde_json::json;
use tenancy::Organization;

use crate::{
    HeldRole, Platform, Transaction,
    accounts::{empty_organization, free_slug, insert_organization},
    permit::{locate, permit},
    role_choice::own_names,
};

/// A new organization.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// What people call it.
    pub name: Name,
    /// Its name in URLs; a random one without.
    pub slug: Option<Slug>,
    /// What the app keeps about it.
    pub metadata: Metadata,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// What people call it.
    pub name: Option<Name>,
    /// Its name in URLs.
    pub slug: Option<Slug>,
    /// What the app keeps about it.
    pub metadata: Option<Metadata>,
}

impl Platform {
    /// Makes an organization in the caller's app, with the caller as its owner.
    ///
    /// # Errors
    /// `slug_taken`; `user_required` for apps and keys, which can own nothing.
    pub async fn create_organization(
        &self,
        acting: Acting<OrganizationCreate>,
        new: NewOrganization,
    ) -> Result<Organization> {
        let owner = acting.caller().user()?;
        let app = acting.caller().app;
        let now = self.now();
        let made = self.store().write(move |tx| {
            // Memberships are for those who have an account in the organization's app.
            tx.keep_principal(owner)?;
            let account = tx.account_of(app, owner)?.filter(|account| account.disabled_at.is_none());
            account.ok_or_else(|| Error::new(Code::UserRequired))?;
            let slug = match &new.slug {
                Some(slug) => slug.clone(),
                None => free_slug(tx, app)?,
            };
            let organization = Organization {
                name: new.name.clone(),
                metadata: new.metadata.clone(),
                ..empty_organization(app, slug, now)
            };
            insert_organization(tx, organization, owner, Some(owner), now)
        });
        made.await
    }

    /// The caller's own organizations in this app, with their role in each. A key sees the one it acts in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn organizations(
        &self,
        acting: Acting<OrganizationList>,
        page: Page<OrganizationId>,
    ) -> Result<Listed<(Organization, HeldRole), OrganizationId>> {
        let caller = acting.caller().clone();
        let listed = self.store().read(move |tx| {
            let listed = match caller.key() {
                None => tx.organizations_of(caller.app, caller.principal, &page)?,
                Some(key) => {
                    let permit = permit(tx, &acting, key.organization)?;
                    let organization = tx.organization(key.organization)?;
                    Listed::whole(organization.map(|organization| (organization, permit.role())), &page)
                }
            };
            let mut names = own_names(tx, &caller, listed.items.iter().map(|(organization, _)| organization.id))?;
            Ok(listed.map(|(organization, built_in)| {
                let own = names.remove(&(organization.id, None));
                (organization, HeldRole { built_in, own })
            }))
        });
        listed.await
    }

    /// One organization.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn organization(&self, acting: Acting<OrganizationRead>, id: OrganizationId) -> Result<Organization> {
        let found = self.store().read(move |tx| locate(tx, &acting, id).map(|(_, organization)| organization));
        found.await
    }

    /// Archives an organization, or brings it back. An archived one is read and not changed. Doing it again changes
    /// nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role owner.
    pub async fn archive_organization(
        &self,
        acting: Acting<OrganizationArchive>,
        id: OrganizationId,
        archived: bool,
    ) -> Result<Organization> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, organization): (_, Organization) = locate(tx, &acting, id)?;
            archive(tx, &permit, organization, archived, Some(permit.principal()), now)
        });
        changed.await
    }

    /// Changes an organization.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `slug_taken`.
    pub async fn change_organization(
        &self,
        acting: Acting<OrganizationUpdate>,
        id: OrganizationId,
        change: OrganizationChange,
    ) -> Result<Organization> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, organization): (_, Organization) = locate(tx, &acting, id)?;
            let change = change.clone();
            let organization = Organization {
                name: change.name.unwrap_or(organization.name.clone()),
                slug: change.slug.unwrap_or(organization.slug.clone()),
                metadata: change.metadata.unwrap_or(organization.metadata.clone()),
                updated_at: now,
                ..organization
            };
            tx.update_organization(&permit, &organization)?;
            let actor = Some(permit.principal());
            tx.append(&organization_event(EventKind::OrganizationUpdated, &organization, actor, now))?;
            Ok(organization)
        });
        changed.await
    }
}

/// What happened to an organization. Nothing in it tells who somebody is.
pub(crate) fn organization_event(
    kind: EventKind,
    organization: &Organization,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Event {
    Event {
        app: organization.app,
        organization: Some(organization.id),
        actor,
        payload: json!({
            "name": organization.lasting_name().map(Name::as_str), "slug": organization.slug.as_str(),
        }),
        ..Event::new(kind, now)
    }
}

/// Archives an organization, or brings it back, unless it is so already.
pub(crate) fn archive(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    organization: Organization,
    archived: bool,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<Organization> {
    if organization.archived_at.is_some() == archived {
        return Ok(organization);
    }
    let organization = Organization { archived_at: archived.then_some(now), updated_at: now, ..organization };
    tx.update_organization(scope, &organization)?;
    let kind = if archived { EventKind::OrganizationArchived } else { EventKind::OrganizationRestored };
    tx.append(&organization_event(kind, &organization, actor, now))?;
    Ok(organization)
}
