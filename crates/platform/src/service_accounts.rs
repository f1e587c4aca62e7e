//! Service accounts: make one, list, change, disable, delete.

use authz::{
    Acting, Action, Grant, KeyScopes, Permit, Resource,
    action::{ServiceAccountManage, ServiceAccountRead, ServiceAccountRevoke},
};
use identity::ServiceAccount;
use kernel::{
    AllowedIps, Code, Error, Event, EventKind, Listed, Name, Page, Result, Scope,
    id::{OrganizationId, ServiceAccountId, TeamId},
};
use serde_json::json;

use crate::{
    HeldRole, Platform, RoleChoice, Transaction,
    grants::take_back_all,
    key_making::{Author, end_all, no_more_than_the_callers, require_fresh_for_keys},
    members::owner_without_denials,
    oauth_clients,
    permit::{Owned, locate, permit},
    role_choice::{ChosenRole, choose, held, with_roles},
};

/// The most service accounts that one organization has, those of OAuth clients among them.
const MOST: i64 = 200;

/// A new service account.
#[derive(Clone, Debug)]
pub struct NewServiceAccount {
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// What it is there.
    pub role: RoleChoice,
    /// In which team its role counts; without, in the whole organization.
    pub team: Option<TeamId>,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccountChange {
    /// What it is called.
    pub name: Option<Name>,
    /// What it is for; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// What it is there.
    pub role: Option<RoleChoice>,
}

impl Owned for ServiceAccount {
    type Id = ServiceAccountId;

    fn find(tx: &mut dyn Transaction, id: ServiceAccountId) -> Result<Option<Self>> {
        tx.service_account(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("service_account", self.id.0)
    }
}

impl Platform {
    /// Makes a service account.
    ///
    /// # Errors
    /// `not_found` for the organization and the team; `forbidden` below the role admin and for a role above one's own;
    /// `invalid_request` when the organization has no such role; `conflict` when there are too many, and for an archived team.
    pub async fn create_service_account(
        &self,
        acting: Acting<ServiceAccountManage>,
        id: OrganizationId,
        new: NewServiceAccount,
    ) -> Result<(ServiceAccount, HeldRole)> {
        let now = self.now();
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let chosen = choose(tx, &permit, &new.role)?;
            let account = found(tx, &permit, Author::of(acting.caller(), now), &new, &chosen)?;
            Ok((account, chosen.held()))
        });
        made.await
    }

    /// The service accounts of an organization, oldest first.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member.
    pub async fn service_accounts(
        &self,
        acting: Acting<ServiceAccountRead>,
        id: OrganizationId,
        page: Page<ServiceAccountId>,
    ) -> Result<Listed<(ServiceAccount, HeldRole), ServiceAccountId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let listed = tx.service_accounts_in(&permit, &page)?;
            with_roles(tx, &permit, listed, |account| (account.role, account.custom_role))
        });
        listed.await
    }

    /// One service account.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member.
    pub async fn service_account(
        &self,
        acting: Acting<ServiceAccountRead>,
        id: ServiceAccountId,
    ) -> Result<(ServiceAccount, HeldRole)> {
        let found = self.store().read(move |tx| {
            let (_, account): (_, ServiceAccount) = locate(tx, &acting, id)?;
            with_role(tx, account)
        });
        found.await
    }

    /// Changes a service account's name, description and role.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for a role above one's own, for one that has a higher role, and for
    /// one that gives more by a key that is limited; `invalid_request` when the organization has no such role; `conflict`
    /// for one to be owner to whom something is denied.
    pub async fn change_service_account(
        &self,
        acting: Acting<ServiceAccountManage>,
        id: ServiceAccountId,
        change: ServiceAccountChange,
    ) -> Result<(ServiceAccount, HeldRole)> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, account) = kept(tx, &acting, id)?;
            permit.reach(account.role)?;
            let (mut role, mut custom_role) = (account.role, account.custom_role);
            if let Some(choice) = &change.role {
                let chosen = choose(tx, &permit, choice)?;
                (role, custom_role) = (chosen.built_in, chosen.custom());
                owner_without_denials(tx, &permit, account.principal(), role)?;
                if role > account.role || custom_role.is_some() && custom_role != account.custom_role {
                    without_limits(&permit)?;
                }
            }
            let change = change.clone();
            let account = ServiceAccount {
                name: change.name.unwrap_or(account.name.clone()),
                description: change.description.unwrap_or(account.description.clone()),
                role,
                custom_role,
                updated_at: now,
                ..account
            };
            tx.update_service_account(&permit, &account)?;
            told(tx, Author::of(acting.caller(), now), EventKind::ServiceAccountUpdated, &account)?;
            with_role(tx, account)
        });
        changed.await
    }

    /// Makes a service account nobody. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for one that has a higher role.
    pub async fn disable_service_account(
        &self,
        acting: Acting<ServiceAccountRevoke>,
        id: ServiceAccountId,
    ) -> Result<(ServiceAccount, HeldRole)> {
        let now = self.now();
        let disabled = self.store().write(move |tx| {
            let (permit, account): (_, ServiceAccount) = locate(tx, &acting, id)?;
            permit.reach(account.role)?;
            if account.disabled_at.is_some() {
                return with_role(tx, account);
            }
            let account = disable(tx, &permit, Author::of(acting.caller(), now), account)?;
            with_role(tx, account)
        });
        disabled.await
    }

    /// Makes a disabled service account somebody again, with the keys it has. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for who may not do all that it may, and with a key that is limited;
    /// `reauthentication_required` where the app wants a sign-in of a moment ago.
    pub async fn enable_service_account(
        &self,
        acting: Acting<ServiceAccountManage>,
        id: ServiceAccountId,
    ) -> Result<(ServiceAccount, HeldRole)> {
        let now = self.now();
        let enabled = self.store().write(move |tx| {
            let (permit, account): (_, ServiceAccount) = locate(tx, &acting, id)?;
            permit.reach(account.role)?;
            if account.disabled_at.is_none() {
                return with_role(tx, account);
            }
            stand_in(tx, &permit, &account)?;
            without_limits(&permit)?;
            require_fresh_for_keys(tx, acting.caller(), now)?;
            let account = ServiceAccount { disabled_at: None, updated_at: now, ..account };
            tx.update_service_account(&permit, &account)?;
            told(tx, Author::of(acting.caller(), now), EventKind::ServiceAccountEnabled, &account)?;
            with_role(tx, account)
        });
        enabled.await
    }

    /// Deletes a service account with its keys, its OAuth client and its grants.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for one that has a higher role.
    pub async fn delete_service_account(
        &self,
        acting: Acting<ServiceAccountRevoke>,
        id: ServiceAccountId,
    ) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, account): (_, ServiceAccount) = locate(tx, &acting, id)?;
            permit.reach(account.role)?;
            dissolve(tx, &permit, Author::of(acting.caller(), now), &account)
        });
        deleted.await
    }
}

/// Adds a service account with the role that was chosen for it. What its maker may give has been seen to.
///
/// # Errors
/// `not_found` for the team; `conflict` when there are too many, and for an archived team.
pub(crate) fn found(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    new: &NewServiceAccount,
    chosen: &ChosenRole,
) -> Result<ServiceAccount> {
    let organization = scope.organization();
    if let Some(team) = new.team {
        let team = tx.team(team)?.filter(|team| team.organization == organization).ok_or_else(Error::not_found)?;
        if team.archived_at.is_some() {
            return Err(Error::because(Code::Conflict, "This team is archived: bring it back first."));
        }
    }
    if tx.count_service_accounts(scope)? >= MOST {
        let why = format!("An organization has at most {MOST} service accounts and OAuth clients: delete one first.");
        return Err(Error::because(Code::Conflict, why));
    }
    let account = ServiceAccount {
        id: ServiceAccountId::generate(),
        organization,
        team: new.team,
        name: new.name.clone(),
        description: new.description.clone(),
        role: chosen.built_in,
        custom_role: chosen.custom(),
        created_by: author.actor,
        disabled_at: None,
        created_at: author.now,
        updated_at: author.now,
    };
    tx.insert_service_account(scope, &account)?;
    told(tx, author, EventKind::ServiceAccountCreated, &account)?;
    Ok(account)
}

/// Makes a service account nobody.
pub(crate) fn disable(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    account: ServiceAccount,
) -> Result<ServiceAccount> {
    let account = ServiceAccount { disabled_at: Some(author.now), updated_at: author.now, ..account };
    tx.update_service_account(scope, &account)?;
    told(tx, author, EventKind::ServiceAccountDisabled, &account)?;
    Ok(account)
}

/// Removes a service account with all that hangs on it.
pub(crate) fn dissolve(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    account: &ServiceAccount,
) -> Result<()> {
    if let Some(client) = tx.oauth_client_of(account.id)? {
        oauth_clients::told(tx, author, EventKind::OauthClientDeleted, &client)?;
    }
    let account = &tx.service_account_of(scope.organization(), account.principal())?.ok_or_else(Error::not_found)?;
    // Behind the row, which whoever makes a key or a grant holds: what was made meanwhile goes, too.
    end_all(tx, scope, author, account.principal())?;
    take_back_all(tx, scope, author, account.principal())?;
    tx.delete_service_account(scope, account.id)?;
    told(tx, author, EventKind::ServiceAccountDeleted, account)
}

/// The service account, which keeps its role until the commit.
pub(crate) fn kept<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: ServiceAccountId,
) -> Result<(Permit<A>, ServiceAccount)> {
    let (permit, account): (_, ServiceAccount) = locate(tx, acting, id)?;
    let account = tx.service_account_of(account.organization, account.principal())?.ok_or_else(Error::not_found)?;
    Ok((permit, account))
}

/// Whoever has the key of a service account acts as it: nobody gets one who may not do all that it may.
///
/// # Errors
/// `forbidden`.
pub(crate) fn stand_in<A>(tx: &mut dyn Transaction, permit: &Permit<A>, account: &ServiceAccount) -> Result<()> {
    permit.hand_on_role(account.role)?;
    if let Some(role) = account.custom_role {
        let own = tx.custom_role(account.organization, role)?.ok_or_else(Error::not_found)?;
        permit.hand_on(own.actions.iter())?;
    }
    let grants = tx.grants_of(account.organization, account.principal())?;
    permit.hand_on(grants.iter().filter(|grant| !Grant::denies(grant)).map(|grant| &grant.action))
}

/// The keys that a service account has know no limits of the key that somebody came with.
///
/// # Errors
/// `forbidden` for a caller with a key that has some.
fn without_limits<A>(permit: &Permit<A>) -> Result<()> {
    no_more_than_the_callers(permit, &KeyScopes::default(), None, &AllowedIps::default())
}

/// With what its role is called.
fn with_role(tx: &mut dyn Transaction, account: ServiceAccount) -> Result<(ServiceAccount, HeldRole)> {
    let role = held(tx, account.organization, account.role, account.custom_role)?;
    Ok((account, role))
}

fn told(tx: &mut dyn Transaction, author: Author, kind: EventKind, account: &ServiceAccount) -> Result<()> {
    let role = held(tx, account.organization, account.role, account.custom_role)?;
    tx.append(&Event {
        app: author.app,
        organization: Some(account.organization),
        actor: author.actor,
        payload: json!({
            "service_account_id": account.id, "name": account.name.as_str(), "role": role.name(),
            "team_id": account.team,
        }),
        ..Event::new(kind, author.now)
    })
}
