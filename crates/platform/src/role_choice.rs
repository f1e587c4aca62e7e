//! Roles to be given, and given: built-in ones, and those that an organization made for itself. Members, places in teams
//! and service accounts have either.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use authz::{Caller, CustomRole, Permit, RoleName};
use kernel::{
    Code, Error, Listed, Result, Role, Scope,
    id::{OrganizationId, RoleId, TeamId},
};

use crate::Transaction;

/// A role to be given: a built-in one, or one that the organization made for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// Owner, admin, member or viewer.
    BuiltIn(Role),
    /// One of the organization's own, by its name.
    Own(RoleName),
}

impl RoleChoice {
    /// # Errors
    /// `invalid_request` for what is no name of a role.
    pub fn parse(name: &str) -> Result<Self> {
        match Role::parse(name) {
            Ok(role) => Ok(Self::BuiltIn(role)),
            Err(_) => RoleName::parse(name).map(Self::Own),
        }
    }
}

/// A role that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    /// The built-in role.
    pub built_in: Role,
    /// What the own role is called that adds to it, where there is one.
    pub own: Option<RoleName>,
}

impl HeldRole {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.own.as_ref().map_or(self.built_in.name(), RoleName::as_str)
    }
}

/// A role that somebody may be given here and now.
#[derive(Clone, Debug)]
pub(crate) struct ChosenRole {
    /// The built-in role.
    pub built_in: Role,
    /// The own one that adds to it.
    pub own: Option<CustomRole>,
}

impl ChosenRole {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.own.as_ref().map_or(self.built_in.name(), |own| own.name.as_str())
    }

    /// The own role's id.
    pub fn custom(&self) -> Option<RoleId> {
        self.own.as_ref().map(|own| own.id)
    }

    /// The same, as somebody has it.
    pub fn held(&self) -> HeldRole {
        HeldRole { built_in: self.built_in, own: self.own.as_ref().map(|own| own.name.clone()) }
    }
}

/// Finds the role, and makes sure that the actor may give it: nobody gives more than they have.
///
/// # Errors
/// `invalid_request` when the organization has no such role; `forbidden` for more than the actor's own.
pub(crate) fn choose<A>(tx: &mut dyn Transaction, permit: &Permit<A>, choice: &RoleChoice) -> Result<ChosenRole> {
    let chosen = find_role(tx, permit, choice)?;
    match &chosen.own {
        None => permit.hand_on_role(chosen.built_in)?,
        Some(own) => permit.hand_on(own.actions.iter())?,
    }
    Ok(chosen)
}

/// Finds the role.
///
/// # Errors
/// `invalid_request` when the organization has no such role.
pub(crate) fn find_role(tx: &mut dyn Transaction, scope: &dyn Scope, choice: &RoleChoice) -> Result<ChosenRole> {
    match choice {
        RoleChoice::BuiltIn(role) => Ok(ChosenRole { built_in: *role, own: None }),
        RoleChoice::Own(name) => {
            let found = tx.custom_role_by_name(scope.organization(), name)?;
            let found = found.ok_or_else(|| Error::because(Code::InvalidRequest, "There is no role of that name."))?;
            Ok(ChosenRole { built_in: Role::Viewer, own: Some(found) })
        }
    }
}

/// The own roles of an organization that these ids name, each read once.
pub(crate) fn own_roles(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = RoleId>,
) -> Result<HashMap<RoleId, Arc<CustomRole>>> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<_> = ids.into_iter().collect();
    let found = tx.custom_roles(organization, &ids)?;
    Ok(found.into_iter().map(|role| (role.id, Arc::new(role))).collect())
}

/// What the role of one is called.
pub(crate) fn held(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    built_in: Role,
    custom: Option<RoleId>,
) -> Result<HeldRole> {
    let own = custom.map(|id| tx.custom_role(organization, id)).transpose()?.flatten();
    Ok(HeldRole { built_in, own: own.map(|own| own.name) })
}

/// Adds to a list of one organization what the role of each is called.
pub(crate) fn with_roles<T, I>(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    listed: Listed<T, I>,
    role: impl Fn(&T) -> (Role, Option<RoleId>),
) -> Result<Listed<(T, HeldRole), I>> {
    let roles = own_roles(tx, scope.organization(), listed.items.iter().filter_map(|item| role(item).1))?;
    Ok(listed.map(|item| {
        let (built_in, custom) = role(&item);
        let own = custom.and_then(|id| roles.get(&id)).map(|own| own.name.clone());
        (item, HeldRole { built_in, own })
    }))
}

/// What the own roles are called that a caller has in these organizations and in teams of theirs. A key that was made with
/// a role leaves the built-in one.
pub(crate) fn own_names(
    tx: &mut dyn Transaction,
    caller: &Caller,
    organizations: impl IntoIterator<Item = OrganizationId>,
) -> Result<HashMap<(OrganizationId, Option<TeamId>), RoleName>> {
    let service = match caller.key() {
        Some(key) if key.role.is_some() && !key.own_roles => return Ok(HashMap::new()),
        Some(key) => key.service_account,
        None => None,
    };
    let Some(service) = service else {
        let organizations: BTreeSet<_> = organizations.into_iter().collect();
        let organizations: Vec<_> = organizations.into_iter().collect();
        let held = tx.custom_roles_held(caller.principal, &organizations)?;
        return Ok(held.into_iter().map(|(organization, team, name)| ((organization, team), name)).collect());
    };
    let Some(account) = tx.service_account(service)? else { return Ok(HashMap::new()) };
    let role = held(tx, account.organization, account.role, account.custom_role)?;
    Ok(role.own.map(|own| ((account.organization, account.team), own)).into_iter().collect())
}
