//! Members: who belongs to an organization, as what; change it, remove them, leave.

use std::collections::HashMap;

use authz::{
    Acting, Grant, Resource, RoleName,
    action::{MemberLeave, MemberRead, MemberRemove, MemberUpdate},
};
use kernel::{
    Code, Email, Error, Event, EventKind, Listed, Name, Page, Result, Role, Scope,
    id::{MembershipId, OrganizationId, PrincipalId},
};
use serde_json::json;
use tenancy::Membership;

use crate::{
    Platform, RoleChoice, Transaction,
    grants::take_back_all,
    key_making::{Author, end_all},
    permit::{permit, permit_for},
    role_choice::{ChosenRole, choose, own_roles},
};

/// A member, with what people know them by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// What their role is called, where it is one of the organization's own.
    pub own_role: Option<RoleName>,
    /// Their address in the organization's app.
    pub email: Option<Email>,
    /// What they are called.
    pub display_name: Option<Name>,
}

impl Member {
    /// What their role is called.
    #[must_use]
    pub fn role(&self) -> &str {
        self.own_role.as_ref().map_or(self.membership.role.name(), RoleName::as_str)
    }
}

/// Adds to memberships of one organization what people know their principals by.
pub(crate) fn introduce(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    memberships: Vec<Membership>,
) -> Result<Vec<Member>> {
    let organization = tx.organization(scope.organization())?.ok_or_else(Error::not_found)?;
    let principals: Vec<_> = memberships.iter().map(|membership| membership.principal).collect();
    let people = tx.people(organization.app, &principals)?;
    let mut people: HashMap<_, _> = people.into_iter().map(|person| (person.principal, person)).collect();
    let roles = own_roles(tx, organization.id, memberships.iter().filter_map(|membership| membership.custom_role))?;
    let introduced = memberships.into_iter().map(|membership| {
        let person = people.remove(&membership.principal);
        let own_role = membership.custom_role.and_then(|id| roles.get(&id)).map(|own| own.name.clone());
        let (email, display_name) = person.map_or((None, None), |person| (Some(person.email), person.display_name));
        Member { membership, own_role, email, display_name }
    });
    Ok(introduced.collect())
}

impl Platform {
    /// The members of an organization, in the order in which they came.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn members(
        &self,
        acting: Acting<MemberRead>,
        id: OrganizationId,
        page: Page<MembershipId>,
    ) -> Result<Listed<Member, MembershipId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let Listed { items, next, total } = tx.members_in(&permit, &page)?;
            Ok(Listed { items: introduce(tx, &permit, items)?, next, total })
        });
        listed.await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for a role above one's own, and for who has one; `last_owner`.
    pub async fn change_member(
        &self,
        acting: Acting<MemberUpdate>,
        id: OrganizationId,
        principal: PrincipalId,
        choice: RoleChoice,
    ) -> Result<Member> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            // First of all, so that of two who demote each other one is first, and neither waits for the other later.
            let other_owners = tx.owners_besides(id, principal)?;
            let permit = permit_for(tx, &acting, id, Resource::of("member", principal.0))?;
            let chosen = choose(tx, &permit, &choice)?;
            let was = tx.membership(&permit, principal)?.ok_or_else(Error::not_found)?;
            permit.reach(was.role)?;
            let changed = give_role(tx, &permit, &was, &chosen, other_owners)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "principal_id": principal, "role": chosen.name() }),
                ..Event::new(EventKind::MembershipUpdated, now)
            })?;
            Ok(changed)
        });
        changed.await
    }

    /// Removes a member, with their places in teams, their grants and their API keys there.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for who has a higher role; `last_owner`.
    pub async fn remove_member(
        &self,
        acting: Acting<MemberRemove>,
        id: OrganizationId,
        principal: PrincipalId,
    ) -> Result<()> {
        let now = self.now();
        let removed = self.store().write(move |tx| {
            let other_owners = tx.owners_besides(id, principal)?;
            let permit = permit_for(tx, &acting, id, Resource::of("member", principal.0))?;
            let was = tx.membership(&permit, principal)?.ok_or_else(Error::not_found)?;
            permit.reach(was.role)?;
            part(tx, &permit, Author::of(acting.caller(), now), &was, other_owners)
        });
        removed.await
    }

    /// Takes the caller out of an organization.
    ///
    /// # Errors
    /// `not_found`; `user_required` for apps and keys; `last_owner`.
    pub async fn leave(&self, acting: Acting<MemberLeave>, id: OrganizationId) -> Result<()> {
        let (now, principal) = (self.now(), acting.caller().user()?);
        let left = self.store().write(move |tx| {
            let other_owners = tx.owners_besides(id, principal)?;
            let permit = permit(tx, &acting, id)?;
            let was = tx.membership(&permit, principal)?.ok_or_else(Error::not_found)?;
            part(tx, &permit, Author::of(acting.caller(), now), &was, other_owners)
        });
        left.await
    }
}

/// Gives a member a role that may be given.
///
/// # Errors
/// `last_owner`; `conflict` for an owner to be to whom something is denied.
pub(crate) fn give_role(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    was: &Membership,
    chosen: &ChosenRole,
    other_owners: i64,
) -> Result<Member> {
    owner_without_denials(tx, scope, was.principal, chosen.built_in)?;
    if was.role == Role::Owner && chosen.built_in != Role::Owner && other_owners == 0 {
        return Err(Error::new(Code::LastOwner));
    }
    tx.set_role(scope, was.principal, chosen.built_in, chosen.custom())?;
    let changed = Membership { role: chosen.built_in, custom_role: chosen.custom(), ..was.clone() };
    introduce(tx, scope, vec![changed])?.pop().ok_or_else(Error::not_found)
}

/// # Errors
/// `conflict` for an owner to be to whom something is denied.
pub(crate) fn owner_without_denials(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    principal: PrincipalId,
    role: Role,
) -> Result<()> {
    if role == Role::Owner && tx.grants_of(scope.organization(), principal)?.iter().any(Grant::denies) {
        return Err(Error::because(Code::Conflict, "An owner is denied nothing: lift what is denied to them first."));
    }
    Ok(())
}

/// Takes a member out, with what they had there.
///
/// # Errors
/// `last_owner`.
pub(crate) fn part(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    was: &Membership,
    other_owners: i64,
) -> Result<()> {
    if was.role == Role::Owner && other_owners == 0 {
        return Err(Error::new(Code::LastOwner));
    }
    let_go(tx, scope, author, was.principal)
}

/// Removes a membership with all that hangs on it, and tells of each.
pub(crate) fn let_go(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    principal: PrincipalId,
) -> Result<()> {
    tx.delete_membership(scope, principal)?;
    // Behind the membership, which whoever makes a key holds: one that was made meanwhile goes, too.
    take_back_all(tx, scope, author, principal)?;
    end_all(tx, scope, author, principal)?;
    tx.append(&Event {
        app: author.app,
        organization: Some(scope.organization()),
        actor: author.actor,
        payload: json!({ "principal_id": principal }),
        ..Event::new(EventKind::MembershipRemoved, author.now)
    })
}
