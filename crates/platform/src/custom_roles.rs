//! Roles that an organization makes for itself.

use authz::{
    Acting, ActionPattern, ActionSet, CustomRole, Resource, RoleName,
    action::{RoleManage, RoleRead},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Page, Result, Timestamp,
    id::{OrganizationId, PrincipalId, RoleId},
};
use serde_json::json;

use crate::{
    Platform, Transaction,
    permit::{permit, permit_for},
};

/// The most roles of its own that one organization has.
const MOST: u64 = 200;

/// A new role.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// What it is called.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<String>,
    /// What it adds to what a viewer may.
    pub actions: ActionSet,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// What it is called.
    pub name: Option<RoleName>,
    /// What it is for; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// What it adds to what a viewer may.
    pub actions: Option<ActionSet>,
}

impl Platform {
    /// The organization's own roles, oldest first.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn roles(
        &self,
        acting: Acting<RoleRead>,
        id: OrganizationId,
        page: Page<RoleId>,
    ) -> Result<Listed<CustomRole, RoleId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.custom_roles_in(&permit, &page)
        });
        listed.await
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn role(&self, acting: Acting<RoleRead>, id: OrganizationId, role: RoleId) -> Result<CustomRole> {
        let found = self.store().read(move |tx| {
            permit_for(tx, &acting, id, Resource::of("role", role.0))?;
            tx.custom_role(id, role)?.ok_or_else(Error::not_found)
        });
        found.await
    }

    /// Makes a role. It is never wider than its maker.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for actions that the caller may not do; `conflict` when there
    /// is one of that name, or too many.
    pub async fn create_role(
        &self,
        acting: Acting<RoleManage>,
        id: OrganizationId,
        new: NewRole,
    ) -> Result<CustomRole> {
        let now = self.now();
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            permit.hand_on(new.actions.iter())?;
            let present = tx.custom_roles_in(&permit, &Page::new(None, 0, 1)?.counted(true))?.total;
            if present.is_some_and(|present| present >= MOST) {
                return Err(Error::because(Code::Conflict, format!("An organization has at most {MOST} own roles.")));
            }
            let role = CustomRole {
                id: RoleId::generate(),
                organization: id,
                name: new.name.clone(),
                description: new.description.clone(),
                actions: new.actions.clone(),
                created_at: now,
                updated_at: now,
            };
            tx.insert_custom_role(&permit, &role)?;
            told(tx, &role, permit.principal(), EventKind::RoleCreated, now)?;
            Ok(role)
        });
        made.await
    }

    /// Changes a role, for everybody who has it. Neither before nor after is it wider than who changes it.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for actions that the caller may not do; `conflict` when there
    /// is another one of that name.
    pub async fn change_role(
        &self,
        acting: Acting<RoleManage>,
        id: OrganizationId,
        role: RoleId,
        change: RoleChange,
    ) -> Result<CustomRole> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let permit = permit_for(tx, &acting, id, Resource::of("role", role.0))?;
            let was = tx.custom_role_to_change(id, role)?.ok_or_else(Error::not_found)?;
            permit.hand_on(was.actions.iter())?;
            let change = change.clone();
            let role = CustomRole {
                name: change.name.unwrap_or(was.name.clone()),
                description: change.description.unwrap_or(was.description.clone()),
                actions: change.actions.unwrap_or(was.actions.clone()),
                updated_at: now,
                ..was
            };
            permit.hand_on(role.actions.iter())?;
            tx.update_custom_role(&permit, &role)?;
            told(tx, &role, permit.principal(), EventKind::RoleUpdated, now)?;
            Ok(role)
        });
        changed.await
    }

    /// Deletes a role that nobody has.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `conflict` while somebody has it.
    pub async fn delete_role(&self, acting: Acting<RoleManage>, id: OrganizationId, role: RoleId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let permit = permit_for(tx, &acting, id, Resource::of("role", role.0))?;
            let role = tx.custom_role_to_change(id, role)?.ok_or_else(Error::not_found)?;
            tx.delete_custom_role(&permit, role.id)?;
            told(tx, &role, permit.principal(), EventKind::RoleDeleted, now)
        });
        deleted.await
    }
}

fn told(
    tx: &mut dyn Transaction,
    role: &CustomRole,
    actor: PrincipalId,
    kind: EventKind,
    now: Timestamp,
) -> Result<()> {
    let app = tx.organization(role.organization)?.and_then(|organization| organization.app);
    let actions: Vec<_> = role.actions.iter().map(ActionPattern::as_str).collect();
    tx.append(&Event {
        app,
        organization: Some(role.organization),
        actor: Some(actor),
        payload: json!({ "role_id": role.id, "name": role.name.as_str(), "actions": actions }),
        ..Event::new(kind, now)
    })
}
