//! Grants: what one principal may or may not do, beyond their role.

use authz::{
    Acting, ActionPattern, Effect, Grant, ResourcePattern,
    action::{AuthzCheck, PermissionManage, PermissionRead},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Page, Result, Role, Scope,
    id::{GrantId, OrganizationId, PrincipalId, TeamId},
};
use serde_json::json;

use crate::{
    Platform, Transaction,
    key_making::Author,
    permit::{Owned, locate, permit, role_of},
};

/// The most grants that one principal has in an organization: all of them are read for a decision.
const MOST: i64 = 100;

/// A new grant.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// For whom.
    pub principal: PrincipalId,
    /// Gives or takes away.
    pub effect: Effect,
    /// What.
    pub action: ActionPattern,
    /// On what; without, on everything there.
    pub resource: Option<ResourcePattern>,
    /// Only in this team.
    pub team: Option<TeamId>,
}

impl Owned for Grant {
    type Id = GrantId;

    fn find(tx: &mut dyn Transaction, id: GrantId) -> Result<Option<Self>> {
        tx.grant(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> authz::Resource {
        authz::Resource::of("permission", self.id.0)
    }
}

impl Platform {
    /// The grants of an organization, oldest first, or those of one principal alone.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn grants(
        &self,
        acting: Acting<PermissionRead>,
        id: OrganizationId,
        principal: Option<PrincipalId>,
        page: Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.grants_in(&permit, principal, &page)
        });
        listed.await
    }

    /// The grants of an organization, for who may see them; without one, the caller's own everywhere in this app, or, for a
    /// key, where it acts. Somebody else's are asked for where the caller has one organization only.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, one's own apart; `invalid_request` when nobody can tell where.
    pub async fn visible_grants(
        &self,
        acting: Acting<AuthzCheck>,
        organization: Option<OrganizationId>,
        principal: Option<PrincipalId>,
        page: Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>> {
        let caller = acting.caller();
        if let Some(organization) = organization {
            return self.grants(Acting::new(caller.clone())?, organization, principal, page).await;
        }
        let (app, own, within) = (caller.app, caller.principal, caller.key().map(|key| key.organization));
        if principal.is_some_and(|principal| principal != own) {
            let only = self.place(caller, None, None, None).await?;
            return self.grants(Acting::new(caller.clone())?, only, principal, page).await;
        }
        self.store().read(move |tx| tx.grants_held(app, within, own, &page)).await
    }

    /// Makes a grant. Nobody gives what they may not do themselves, and nobody takes anything from who has a higher
    /// role, or from themselves.
    ///
    /// # Errors
    /// `not_found` for the organization, the team, and for who has no account in the organization's app and is no service
    /// account of the organization; `forbidden`;
    /// `conflict` when there are too many.
    pub async fn create_grant(
        &self,
        acting: Acting<PermissionManage>,
        id: OrganizationId,
        new: NewGrant,
    ) -> Result<Grant> {
        let now = self.now();
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let organization = tx.organization(id)?.ok_or_else(Error::not_found)?;
            tx.keep_principal(new.principal)?;
            if tx.account_of(organization.app, new.principal)?.is_none() {
                tx.service_account_of(id, new.principal)?.ok_or_else(Error::not_found)?;
            }
            if let Some(team) = new.team {
                tx.team(team)?.filter(|team| team.organization == id).ok_or_else(Error::not_found)?;
            }
            match new.effect {
                Effect::Allow => permit.hand_on([&new.action])?,
                Effect::Deny if new.principal == permit.principal() => {
                    return Err(permit.refusal("Nobody denies themselves anything."));
                }
                Effect::Deny => {
                    if let Some(role) = role_of(tx, &permit, new.principal)? {
                        permit.reach(role)?;
                        if role == Role::Owner {
                            let why = "An owner is denied nothing: give them another role first.";
                            return Err(permit.refusal(why));
                        }
                    }
                }
            }
            if tx.count_grants_of(id, new.principal)? >= MOST {
                let why = format!("Somebody has at most {MOST} grants in an organization.");
                return Err(Error::because(Code::Conflict, why));
            }
            let grant = Grant {
                id: GrantId::generate(),
                organization: id,
                team: new.team,
                principal: new.principal,
                effect: new.effect,
                action: new.action.clone(),
                resource: new.resource.clone(),
                created_at: now,
            };
            tx.insert_grant(&permit, &grant)?;
            told(tx, Author::of(acting.caller(), now), EventKind::PermissionGranted, &grant)?;
            Ok(grant)
        });
        made.await
    }

    /// Takes a grant back. What takes something away is taken back by who may do that, and by nobody for themselves.
    ///
    /// # Errors
    /// `not_found`; `forbidden`.
    pub async fn delete_grant(&self, acting: Acting<PermissionManage>, id: GrantId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, grant): (_, Grant) = locate(tx, &acting, id)?;
            if grant.effect == Effect::Deny {
                if grant.principal == permit.principal() {
                    return Err(permit.refusal("Somebody else has to lift what is denied to you."));
                }
                permit.hand_on([&grant.action])?;
            } else if let Some(role) = role_of(tx, &permit, grant.principal)? {
                permit.reach(role)?;
            }
            tx.delete_grant(&permit, id)?;
            told(tx, Author::of(acting.caller(), now), EventKind::PermissionRevoked, &grant)
        });
        deleted.await
    }
}

/// Takes back everything that a principal was granted in an organization, and tells of each.
pub(crate) fn take_back_all(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    principal: PrincipalId,
) -> Result<()> {
    for grant in tx.grants_of(scope.organization(), principal)? {
        told(tx, author, EventKind::PermissionRevoked, &grant)?;
    }
    tx.delete_grants_of(scope, principal)
}

/// Says in the ledger what happened to a grant.
fn told(tx: &mut dyn Transaction, author: Author, kind: EventKind, grant: &Grant) -> Result<()> {
    tx.append(&Event {
        app: author.app,
        organization: Some(grant.organization),
        actor: author.actor,
        payload: about(grant),
        ..Event::new(kind, author.now)
    })
}

fn about(grant: &Grant) -> serde_json::Value {
    json!({
        "permission_id": grant.id,
        "principal_id": grant.principal,
        "effect": grant.effect.name(),
        "action": grant.action.as_str(),
        "resource_type": grant.resource.as_ref().map(ResourcePattern::kind),
        "resource_id": grant.resource.as_ref().map(ResourcePattern::id),
        "team_id": grant.team,
    })
}
