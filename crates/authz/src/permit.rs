//! The decision about what an organization owns.

use std::{borrow::Cow, marker::PhantomData};

use kernel::{
    Code, Error, ErrorKind, Result, Role, Scope,
    id::{OrganizationId, PrincipalId, TeamId},
};

use crate::{
    Acting, Action, ActionPattern, Caller, Denied, Resource,
    judge::{Authority, Question, Refusal, Verdict, judge, may_hand_on, may_hand_on_role},
};

/// The facts about a caller in one organization.
pub struct Subject<'a, A> {
    /// Who came to do what.
    pub acting: &'a Acting<A>,
    /// Where.
    pub organization: OrganizationId,
    /// In which of its teams, if in one.
    pub team: Option<TeamId>,
    /// To what.
    pub resource: Option<Resource>,
    /// `None`: nothing to do with it, or no such organization.
    pub authority: Option<Authority>,
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
    team: Option<TeamId>,
    role: Role,
    caller: Caller,
    authority: Authority,
    name: &'static str,
    action: PhantomData<(A, *const ())>,
}

/// The one decision about an organization.
///
/// # Errors
/// `not_found` for a stranger, for a member who comes through another app and for a key of another organization, exactly
/// as for an organization that does not exist; `forbidden` for a member to whom neither role nor grant gives the action;
/// `conflict` for a change to an organization that is archived, or about to be deleted.
pub fn decide<A: Action>(subject: Subject<'_, A>) -> Result<Permit<A>> {
    let caller = subject.acting.caller();
    let authority = subject.authority.filter(|authority| authority.app == caller.app).ok_or_else(Error::not_found)?;
    let question = Question::of::<A>(subject.resource).within(subject.team);
    match judge(&authority, subject.organization, caller.key(), &question) {
        Verdict::Allowed(_) => {}
        Verdict::Refused(refusal) => return Err(refused::<A>(refusal, caller, subject.organization)),
    }
    let own = authority.role(subject.team).map_or(Role::Viewer, |(role, _)| role);
    let role = caller.key().and_then(|key| key.role).map_or(own, |cap| cap.min(own));
    Ok(Permit {
        principal: caller.principal,
        organization: subject.organization,
        team: subject.team,
        role,
        caller: caller.clone(),
        authority,
        name: A::NAME,
        action: PhantomData,
    })
}

/// What a refusal is to the one who asked. Of changes that are refused to who belongs there it is noted.
pub(crate) fn refused<A: Action>(refusal: Refusal, caller: &Caller, organization: OrganizationId) -> Error {
    let error = match refusal {
        Refusal::Stranger => Error::not_found(),
        Refusal::Grant(_) | Refusal::Nothing => {
            Error::because(Code::Forbidden, format!("{} is denied to you.", A::NAME))
        }
        Refusal::Scope(_) => {
            Error::because(Code::InsufficientScope, format!("This API key needs the scope {}.", A::SCOPE))
        }
        Refusal::Archived => Error::because(
            Code::Conflict,
            "This organization is archived, or about to be deleted: bring it back first.",
        ),
        Refusal::Role(least) => {
            Error::because(Code::Forbidden, format!("{} needs the role {least} or above.", A::NAME))
        }
        Refusal::KeyRole(least) => {
            Error::because(Code::Forbidden, format!("{} needs an API key with the role {least} or above.", A::NAME))
        }
    };
    if error.kind() == ErrorKind::Forbidden && A::ENTRY.changes() {
        error.caused_by(Denied::new(caller, organization, A::NAME))
    } else {
        error
    }
}

impl<A> Permit<A> {
    /// Who may.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// The role they act with: nobody hands on more.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether an own role of the organization adds to that, there or in the team that the permit is about.
    #[must_use]
    pub fn has_own_role(&self) -> bool {
        self.authority.customs(self.team).next().is_some()
    }

    /// Whether they may do `B`, too, to the organization as a whole: judged from the same facts.
    #[must_use]
    pub fn may<B: Action>(&self) -> bool {
        self.need::<B>().is_ok()
    }

    /// # Errors
    /// `forbidden`, as for [`decide`], unless they may do `B`, too.
    pub fn need<B: Action>(&self) -> Result<()> {
        self.need_for::<B>(Resource::of("organization", self.organization.0))
    }

    /// # Errors
    /// `forbidden`, as for [`decide`], unless they may do `B`, too, to this thing of the organization's.
    pub fn need_for<B: Action>(&self, thing: Resource) -> Result<()> {
        let question = Question::of::<B>(Some(thing));
        match judge(&self.authority, self.organization, self.caller.key(), &question) {
            Verdict::Allowed(_) => Ok(()),
            Verdict::Refused(refusal) => Err(refused::<B>(refusal, &self.caller, self.organization)),
        }
    }

    /// With what they came.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// # Errors
    /// `forbidden` when they may not do all of this themselves, in the team that the permit is about or in the whole
    /// organization: nobody hands on what they do not have.
    pub fn hand_on<'a>(&self, actions: impl IntoIterator<Item = &'a ActionPattern>) -> Result<()> {
        let key = self.caller.key();
        let lacking =
            |action: &&ActionPattern| !may_hand_on(&self.authority, self.organization, self.team, key, action);
        match actions.into_iter().find(lacking) {
            Some(action) => Err(self.refusal(format!("You may not hand on {action}."))),
            None => Ok(()),
        }
    }

    /// # Errors
    /// `forbidden` for a role above their own, or with something that is denied to them or that their key does not cover.
    pub fn hand_on_role(&self, role: Role) -> Result<()> {
        if may_hand_on_role(&self.authority, self.role, self.caller.key(), role) {
            return Ok(());
        }
        Err(self.refusal(format!("You may not give the role {role}.")))
    }

    /// # Errors
    /// `forbidden` for who has a higher role.
    pub fn reach(&self, role: Role) -> Result<()> {
        if role <= self.role {
            return Ok(());
        }
        Err(self.refusal(format!("Nobody below the role {role} does this to who has it.")))
    }

    /// `forbidden`, for this reason: what its holder may not do after all. It is noted as every refusal is.
    #[must_use]
    pub fn refusal(&self, why: impl Into<Cow<'static, str>>) -> Error {
        Error::because(Code::Forbidden, why).caused_by(self.denied())
    }

    /// # Errors
    /// `session_required` for an app that acts for one of its users: it takes no credential of theirs along.
    pub fn in_own_name(&self) -> Result<()> {
        self.caller.in_own_name().map_err(|error| error.caused_by(self.denied()))
    }

    fn denied(&self) -> Denied {
        Denied::new(&self.caller, self.organization, self.name)
    }
}

impl<A> Scope for Permit<A> {
    fn organization(&self) -> OrganizationId {
        self.organization
    }
}

#[cfg(test)]
mod tests;
