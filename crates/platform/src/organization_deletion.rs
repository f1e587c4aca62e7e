//! How an organization ends: somebody asks for it, has time to think better of it, and then it is gone with everything
//! in it.
//!
//! While it waits it is read and not changed, as if it were archived. That is not noted by archiving it: what was asked
//! for and what it was before stand beside each other, so that undoing the one brings back the other.

use std::time::Duration;

use authz::{Acting, action::OrganizationDelete};
use kernel::{Code, Error, Event, EventKind, Page, Result, Scope, Timestamp, Unchecked, id::OrganizationId};
use serde_json::json;
use tenancy::Organization;

use crate::{Platform, Transaction, organizations::organization_event, permit::locate};

const DAY: Duration = Duration::from_hours(24);

impl Platform {
    /// Asks for an organization to be deleted, after as many days as its settings say. Asking again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role owner; `conflict` while it owns apps, which have users of their own.
    pub async fn request_deletion(
        &self,
        acting: Acting<OrganizationDelete>,
        id: OrganizationId,
    ) -> Result<Organization> {
        let now = self.now();
        let requested = self.store().write(move |tx| {
            // First of all, before its members: as the worker does.
            tx.hold_organization(id)?;
            let (permit, organization): (_, Organization) = locate(tx, &acting, id)?;
            if organization.delete_at.is_some() {
                return Ok(organization);
            }
            if owns_apps(tx, &permit)? {
                return Err(Error::because(Code::Conflict, "This organization owns apps: delete them first."));
            }
            let grace = tx.organization_settings(&permit)?.deletion_grace_days;
            let delete_at = now.after(DAY.saturating_mul(grace));
            let organization = Organization { delete_at: Some(delete_at), updated_at: now, ..organization };
            tx.update_organization(&permit, &organization)?;
            tx.append(&Event {
                app: organization.app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "delete_at": delete_at }),
                ..Event::new(EventKind::OrganizationDeletionRequested, now)
            })?;
            Ok(organization)
        });
        requested.await
    }

    /// Thinks better of it, as long as the organization is there. It is as it was, archived if it was. Where nobody asked
    /// for its deletion, nothing changes.
    ///
    /// # Errors
    /// `not_found`, also once it is gone; `forbidden` below the role owner.
    pub async fn cancel_deletion(
        &self,
        acting: Acting<OrganizationDelete>,
        id: OrganizationId,
    ) -> Result<Organization> {
        let now = self.now();
        let cancelled = self.store().write(move |tx| {
            // The worker holds it while it deletes it: whoever is first wins, and the other finds nothing to do.
            tx.hold_organization(id)?;
            let (permit, organization): (_, Organization) = locate(tx, &acting, id)?;
            if organization.delete_at.is_none() {
                return Ok(organization);
            }
            let organization = Organization { delete_at: None, updated_at: now, ..organization };
            tx.update_organization(&permit, &organization)?;
            tx.append(&Event {
                app: organization.app,
                organization: Some(id),
                actor: Some(permit.principal()),
                ..Event::new(EventKind::OrganizationDeletionCancelled, now)
            })?;
            Ok(organization)
        });
        cancelled.await
    }

    /// Deletes one organization whose time has come, if there is one; tells how many. One at a time, so that a large one
    /// takes nobody else's time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delete_due_organization(&self) -> Result<usize> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let Some(organization) = tx.organization_due(now)? else { return Ok(0) };
            // What may be very much goes first, some at a time.
            for endpoint in tx.endpoints_of(&[organization.id])? {
                if tx.clear_deliveries(endpoint.id)? {
                    return Ok(1);
                }
            }
            delete(tx, organization, now).map(|()| 1)
        });
        deleted.await
    }
}

/// Deletes it, unless it has come by an app since: then it stays, and whoever wanted it gone is told.
fn delete(tx: &mut dyn Transaction, organization: Organization, now: Timestamp) -> Result<()> {
    let within = Unchecked(organization.id);
    if owns_apps(tx, &within)? {
        let app = organization.app;
        tx.update_organization(&within, &Organization { delete_at: None, updated_at: now, ..organization })?;
        return tx.append(&Event {
            app,
            organization: Some(within.0),
            payload: json!({ "reason": "owns_apps" }),
            ..Event::new(EventKind::OrganizationDeletionCancelled, now)
        });
    }
    tx.delete_organization(&within)?;
    tx.append(&organization_event(EventKind::OrganizationDeleted, &organization, None, now))
}

fn owns_apps(tx: &mut dyn Transaction, scope: &dyn Scope) -> Result<bool> {
    Ok(!tx.apps_in(scope, &Page::new(None, 0, 1)?)?.items.is_empty())
}
