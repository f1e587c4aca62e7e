//! From a caller to a permit, inside the unit of work that uses it: nobody acts on yesterday's role.

use apps::App;
use authz::{
    Acting, Action, AppFacts, AppPermit, Caller, Permit, PlatformFacts, Standing, Subject, decide, decide_app,
    decide_platform,
};
use kernel::{
    Error, Result,
    id::{AppId, OrganizationId},
};
use tenancy::Organization;

use crate::Transaction;

/// # Errors
/// Those of [`decide`].
pub(crate) fn permit<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    organization: OrganizationId,
) -> Result<Permit<A>> {
    let standing = standing(tx, acting.caller(), organization)?;
    decide(&Subject { acting, organization, standing })
}

fn standing(tx: &mut dyn Transaction, caller: &Caller, organization: OrganizationId) -> Result<Option<Standing>> {
    let found = tx.standing(organization, caller.principal)?;
    Ok(found.map(|standing| Standing { app: standing.app, role: standing.role }))
}

/// What an organization owns and a path names by its id alone.
pub(crate) trait Owned: Sized {
    type Id;

    fn find(tx: &mut dyn Transaction, id: Self::Id) -> Result<Option<Self>>;
    fn organization(&self) -> OrganizationId;
}

impl Owned for Organization {
    type Id = OrganizationId;

    fn find(tx: &mut dyn Transaction, id: OrganizationId) -> Result<Option<Self>> {
        tx.organization(id)
    }

    fn organization(&self) -> OrganizationId {
        self.id
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
    let found = T::find(tx, id)?.ok_or_else(Error::not_found)?;
    let permit = permit(tx, acting, found.organization())?;
    Ok((permit, found))
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
    let app = tx.app(id)?.ok_or_else(Error::not_found)?;
    let standing = standing(tx, acting.caller(), app.owner)?;
    let platform_admin = is_platform_admin(tx, acting.caller())?;
    let permit = decide_app(&AppFacts { acting, app: id, owner: app.owner, standing, platform_admin })?;
    Ok((permit, app))
}

/// # Errors
/// Those of [`decide_platform`].
pub(crate) fn permit_platform<A: Action>(tx: &mut dyn Transaction, acting: &Acting<A>) -> Result<AppPermit<A>> {
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
