//! The decision about what an organization owns.

use std::marker::PhantomData;

use kernel::{
    Code, Error, Result, Role, Scope,
    id::{AppId, OrganizationId, PrincipalId},
};

use crate::{Acting, Action, Caller};

/// The facts about a caller in one organization.
pub struct Subject<'a, A> {
    /// Who came to do what.
    pub acting: &'a Acting<A>,
    /// Where.
    pub organization: OrganizationId,
    /// `None`: not a member, or no such organization.
    pub standing: Option<Standing>,
}

/// What a member is in an organization, and whose organization it is.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The organization's app.
    pub app: Option<AppId>,
    /// The member's role.
    pub role: Role,
}

/// Proof that a caller may do `A` in an organization.
///
/// It is not `Send`, and whatever enters or leaves a unit of work must be: a permit can't outlive the transaction whose
/// rows it was decided from.
///
/// ```compile_fail
/// fn leaves_the_unit_of_work<T: Send>() {}
/// leaves_the_unit_of_work::<fabric_authz::Permit<fabric_authz::action::OrganizationRead>>();
/// ```
#[derive(Debug)]
pub struct Permit<A> {
    principal: PrincipalId,
    organization: OrganizationId,
    role: Role,
    action: PhantomData<(A, *const ())>,
}

/// The one decision about an organization.
///
/// # Errors
/// `not_found` for a stranger, for a member who comes through another app and for a key of another organization, exactly
/// as for an organization that does not exist; `forbidden` for a member whose role is below the action's.
pub fn decide<A: Action>(subject: &Subject<'_, A>) -> Result<Permit<A>> {
    let caller = subject.acting.caller();
    let standing = subject.standing.filter(|standing| standing.app == caller.app).ok_or_else(Error::not_found)?;
    let role = role_of(caller, subject.organization, standing.role).ok_or_else(Error::not_found)?;
    at_least::<A>(role)?;
    Ok(Permit { principal: caller.principal, organization: subject.organization, role, action: PhantomData })
}

/// The role a member acts with: through a key never more than the key's, and none outside the key's organization.
pub(crate) fn role_of(caller: &Caller, organization: OrganizationId, role: Role) -> Option<Role> {
    match caller.key() {
        Some(key) if key.organization != organization => None,
        Some(key) => Some(key.role.min(role)),
        None => Some(role),
    }
}

pub(crate) fn at_least<A: Action>(role: Role) -> Result<()> {
    if role >= A::LEAST {
        return Ok(());
    }
    Err(Error::because(Code::Forbidden, format!("{} needs the role {} or above.", A::NAME, A::LEAST)))
}

impl<A> Permit<A> {
    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// The actor's own role, for rules such as "no one hands out more than they have".
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
}

impl<A> Scope for Permit<A> {
    fn organization(&self) -> OrganizationId {
        self.organization
    }
}

#[cfg(test)]
mod tests;
