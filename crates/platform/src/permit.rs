//! From a caller to a permit, inside the unit of work that uses it: nobody acts on yesterday's role.

use std::sync::Arc;

use apps::App;
use authz::{
    Acting, Action, AppFacts, AppPermit, Authority, Caller, Credential, CustomRole, Grant, Member, Permit,
    PlatformFacts, Resource, Subject, decide, decide_app, decide_platform,
};
use identity::ServiceAccount;
use kernel::{
    Code, Error, Result, Role, Scope,
    id::{ApiKeyId, AppId, InvitationId, OauthClientId, OrganizationId, PrincipalId, RoleId, TeamId},
};
use tenancy::{Invitation, Organization, Team};

use crate::{Transaction, role_choice::own_roles, store::Mode};

/// Permits something that is about the organization as a whole.
///
/// # Errors
/// Those of [`decide`].
pub(crate) fn permit<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    organization: OrganizationId,
) -> Result<Permit<A>> {
    permit_for(tx, acting, organization, Resource::of("organization", organization.0))
}

/// Permits something that is about one thing in the organization, which a path names together with it: the same that
/// `/v1/authz/check` is asked about, so that grants for this thing count here as they do there.
///
/// # Errors
/// Those of [`decide`].
pub(crate) fn permit_for<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    organization: OrganizationId,
    thing: Resource,
) -> Result<Permit<A>> {
    still_let_in(tx, acting.caller())?;
    let authority = authority(tx, organization, acting.caller().principal)?;
    decide(Subject { acting, organization, team: None, resource: Some(thing), authority })
}

/// Nobody changes anything by what lets them in no longer: between the way in and here lies the body of the request, and
/// its sender takes as long as they like. First in the unit, so that who ends everything is waited for, or has been.
///
/// # Errors
/// `token_revoked` when the session has ended meanwhile, `unauthorized` when the key has, or the client.
fn still_let_in(tx: &mut dyn Transaction, caller: &Caller) -> Result<()> {
    if tx.mode() == Mode::Read {
        return Ok(());
    }
    let (counts, refusal) = match &caller.credential {
        Credential::Session { session, .. } => (tx.keep_session(*session)?, Code::TokenRevoked),
        Credential::ApiKey(grant) => {
            let key = tx.api_key(ApiKeyId(grant.id))?;
            (key.is_some_and(|key| key.disabled_at.is_none()), Code::Unauthorized)
        }
        Credential::Client(grant) => {
            let client = tx.oauth_client(OauthClientId(grant.id))?;
            (client.is_some_and(|client| client.disabled_at.is_none()), Code::Unauthorized)
        }
        _ => return Ok(()),
    };
    if counts { Ok(()) } else { Err(Error::new(refusal)) }
}

/// What a principal is in an organization as a whole, as a decision needs to know it. `None` when that is nothing.
pub(crate) fn authority(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    principal: PrincipalId,
) -> Result<Option<Authority>> {
    let standing = tx.standing(organization, principal)?;
    let grants = tx.grants_of(organization, principal)?;
    let Some(standing) = standing else {
        if let Some(account) = tx.service_account_of(organization, principal)? {
            return service_authority(tx, &account, grants);
        }
        if grants.is_empty() {
            return Ok(None);
        }
        let found = tx.organization(organization)?;
        return Ok(found.map(|found| Authority {
            app: found.app,
            archived: found.is_closed(),
            grants,
            ..Authority::default()
        }));
    };
    let custom = custom(tx, organization, standing.custom_role)?;
    let member = Some(Member { role: standing.role, custom });
    Ok(Some(Authority {
        app: standing.app,
        archived: standing.archived,
        member,
        membership: Some(standing.id),
        grants,
        ..Authority::default()
    }))
}

/// The same, with what a decision within one of its teams needs besides.
pub(crate) fn authority_in_teams(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    principal: PrincipalId,
) -> Result<Option<Authority>> {
    let Some(mut authority) = authority(tx, organization, principal)? else { return Ok(None) };
    // Nobody is in a team who is no member.
    if authority.member.is_some() {
        let places = tx.places_in_teams(organization, principal)?;
        let roles = own_roles(tx, organization, places.iter().filter_map(|place| place.custom_role))?;
        for place in places {
            let custom = place.custom_role.and_then(|id| roles.get(&id)).cloned();
            authority.join(place.team, place.role, custom);
        }
    }
    Ok(Some(authority))
}

fn custom(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    id: Option<RoleId>,
) -> Result<Option<Arc<CustomRole>>> {
    Ok(id.map(|id| tx.custom_role(organization, id)).transpose()?.flatten().map(Arc::new))
}

/// The same of a service account, which is no member. A disabled one is nobody, and so has no grants either.
fn service_authority(
    tx: &mut dyn Transaction,
    account: &ServiceAccount,
    grants: Vec<Grant>,
) -> Result<Option<Authority>> {
    let Some(organization) = tx.organization(account.organization)?.filter(|_| account.disabled_at.is_none()) else {
        return Ok(None);
    };
    let own = custom(tx, organization.id, account.custom_role)?;
    let (there, everywhere) = if account.team.is_some() { (own, None) } else { (None, own) };
    let mut authority = Authority {
        app: organization.app,
        archived: organization.is_closed(),
        member: Some(Member { role: account.role_in_organization(), custom: everywhere }),
        grants,
        ..Authority::default()
    };
    let team = account.team.map(|team| tx.team(team)).transpose()?.flatten();
    if let Some(team) = team.filter(|team| team.archived_at.is_none()) {
        authority.join(team.id, account.role, there);
    }
    Ok(Some(authority))
}

/// The role of a member, or of a service account, whether it is disabled or not: nobody touches who has a higher one.
pub(crate) fn role_of(tx: &mut dyn Transaction, scope: &dyn Scope, principal: PrincipalId) -> Result<Option<Role>> {
    if let Some(member) = tx.membership(scope, principal)? {
        return Ok(Some(member.role));
    }
    Ok(tx.service_account_of(scope.organization(), principal)?.map(|account| account.role))
}

/// What an organization owns and a path names by its id alone.
pub(crate) trait Owned: Sized {
    type Id;

    fn find(tx: &mut dyn Transaction, id: Self::Id) -> Result<Option<Self>>;
    fn organization(&self) -> OrganizationId;
    /// What grants know it as.
    fn resource(&self) -> Resource;
    /// The team it is in, whose roles count.
    fn team(&self) -> Option<TeamId> {
        None
    }
}

impl Owned for Organization {
    type Id = OrganizationId;

    fn find(tx: &mut dyn Transaction, id: OrganizationId) -> Result<Option<Self>> {
        tx.organization(id)
    }

    fn organization(&self) -> OrganizationId {
        self.id
    }

    fn resource(&self) -> Resource {
        Resource::of("organization", self.id.0)
    }
}

impl Owned for Team {
    type Id = TeamId;

    fn find(tx: &mut dyn Transaction, id: TeamId) -> Result<Option<Self>> {
        tx.team(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("team", self.id.0)
    }

    fn team(&self) -> Option<TeamId> {
        Some(self.id)
    }
}

impl Owned for Invitation {
    type Id = InvitationId;

    fn find(tx: &mut dyn Transaction, id: InvitationId) -> Result<Option<Self>> {
        tx.invitation(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("invitation", self.id.0)
    }
}

/// Looks something up and permits in one step, so that nobody can do the one without the other.
///
/// # Errors
/// `not_found` for what is another's, exactly as for what does not exist; otherwise those of [`decide`].
pub(crate) fn locate<T: Owned, A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: T::Id,
) -> Result<(Permit<A>, T)> {
    still_let_in(tx, acting.caller())?;
    let found = T::find(tx, id)?.ok_or_else(Error::not_found)?;
    let (organization, principal) = (found.organization(), acting.caller().principal);
    let (team, resource) = (found.team(), Some(found.resource()));
    let authority = match team {
        Some(_) => authority_in_teams(tx, organization, principal)?,
        None => authority(tx, organization, principal)?,
    };
    Ok((decide(Subject { acting, organization, team, resource, authority })?, found))
}

/// Looks an app up and permits in one step.
///
/// # Errors
/// `not_found` for what is another's, exactly as for what does not exist; otherwise those of [`decide_app`].
pub(crate) fn locate_app<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: AppId,
) -> Result<(AppPermit<A>, App)> {
    locate_app_for(tx, acting, id, None)
}

/// The same for one of its accounts.
///
/// # Errors
/// As [`locate_app`].
pub(crate) fn locate_app_for<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: AppId,
    user: Option<PrincipalId>,
) -> Result<(AppPermit<A>, App)> {
    still_let_in(tx, acting.caller())?;
    let app = tx.app(id)?.ok_or_else(Error::not_found)?;
    let authority = authority(tx, app.owner, acting.caller().principal)?;
    let platform_admin = is_platform_admin(tx, acting.caller())?;
    let permit = decide_app(&AppFacts { acting, app: id, user, owner: app.owner, authority, platform_admin })?;
    Ok((permit, app))
}

/// # Errors
/// Those of [`decide_platform`].
pub(crate) fn permit_platform<A: Action>(tx: &mut dyn Transaction, acting: &Acting<A>) -> Result<AppPermit<A>> {
    still_let_in(tx, acting.caller())?;
    let platform_admin = is_platform_admin(tx, acting.caller())?;
    decide_platform(&PlatformFacts { acting, platform_admin })
}

/// Whether the platform account behind the call runs the platform. Nobody does who comes through an app or with a key.
pub(crate) fn is_platform_admin(tx: &mut dyn Transaction, caller: &Caller) -> Result<bool> {
    match caller.account() {
        Some(account) if caller.app.is_none() && caller.key().is_none() => {
            let account = tx.account(account)?.filter(|account| account.disabled_at.is_none());
            Ok(account.is_some_and(|account| account.platform_admin && account.app.is_none()))
        }
        _ => Ok(false),
    }
}
