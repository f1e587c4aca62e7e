//! The decision about what an app owns: itself, and its accounts.

use std::marker::PhantomData;

use kernel::{
    AppScope, Error, Result, Role, Scope,
    id::{AppId, OrganizationId, PrincipalId},
};

use crate::{
    Acting, Action, Caller, Credential, Resource,
    judge::{Authority, Question, Reason, Refusal, Verdict, judge},
    permit::refused,
};

/// The facts about a caller and one app.
pub struct AppFacts<'a, A> {
    /// Who came to do what.
    pub acting: &'a Acting<A>,
    /// Which app.
    pub app: AppId,
    /// Which of its accounts, if it is about one.
    pub user: Option<PrincipalId>,
    /// The organization that owns it.
    pub owner: OrganizationId,
    /// What the caller is in that organization.
    pub authority: Option<Authority>,
    /// Whether the caller's platform account runs the platform.
    pub platform_admin: bool,
}

/// The facts about a caller and the platform's own accounts.
pub struct PlatformFacts<'a, A> {
    /// Who came to do what.
    pub acting: &'a Acting<A>,
    /// Whether the caller's platform account runs the platform.
    pub platform_admin: bool,
}

/// Proof that a caller may do `A` to an app and its accounts, or to the platform's accounts. Like [`crate::Permit`] it
/// can't leave the unit of work.
///
/// ```compile_fail
/// fn leaves_the_unit_of_work<T: Send>() {}
/// leaves_the_unit_of_work::<fabric_authz::AppPermit<fabric_authz::action::UserRead>>();
/// ```
#[derive(Debug)]
pub struct AppPermit<A> {
    principal: PrincipalId,
    app: Option<AppId>,
    owner: Option<OrganizationId>,
    action: PhantomData<(A, *const ())>,
}

/// An app, and what somebody is to it.
#[derive(Clone, Copy)]
pub struct AppStanding<'a> {
    /// Which app.
    pub app: AppId,
    /// The organization that owns it.
    pub owner: OrganizationId,
    /// What they are in that organization.
    pub authority: Option<&'a Authority>,
    /// Whether their platform account runs the platform.
    pub platform_admin: bool,
}

/// The decision about an app, for its routes and for whoever asks `/v1/authz/check`.
///
/// An app's own token acts on that app as an administrator of the owner organization would, where the action lets it.
/// Everybody else comes with a platform account: a member of the owner organization by their role and grants there, an
/// administrator of the platform as one.
#[must_use]
pub fn judge_app(standing: AppStanding<'_>, caller: &Caller, question: &Question) -> Verdict {
    let AppStanding { app, owner, authority, platform_admin } = standing;
    if let Credential::App = caller.credential {
        if caller.app != Some(app) {
            return Verdict::Refused(Refusal::Stranger);
        }
        let role = if question.is_for_apps() { Role::Admin } else { Role::Viewer };
        return match question.needed() {
            Some(needed) if role >= needed => Verdict::Allowed(Reason::App),
            Some(needed) => Verdict::Refused(Refusal::Role(needed)),
            None => Verdict::Refused(Refusal::Nothing),
        };
    }
    if caller.app.is_some() {
        return Verdict::Refused(Refusal::Stranger);
    }
    if platform_admin && caller.key().is_none() && question.needed().is_some() {
        return Verdict::Allowed(Reason::PlatformAdmin);
    }
    match authority.filter(|authority| authority.app.is_none()) {
        Some(authority) => judge(authority, owner, caller.key(), question),
        None => Verdict::Refused(Refusal::Stranger),
    }
}

/// The one decision about an app.
///
/// # Errors
/// `not_found` for everybody who has nothing to do with the app; `forbidden` for who has too little.
pub fn decide_app<A: Action>(facts: &AppFacts<'_, A>) -> Result<AppPermit<A>> {
    let (caller, app, owner) = (facts.acting.caller(), facts.app, facts.owner);
    let (authority, platform_admin) = (facts.authority.as_ref(), facts.platform_admin);
    let standing = AppStanding { app, owner, authority, platform_admin };
    let thing = facts.user.map_or_else(|| Resource::of("app", app.0), |user| Resource::of("user", user.0));
    let question = Question::of::<A>(Some(thing));
    match judge_app(standing, caller, &question) {
        Verdict::Allowed(_) => {
            Ok(AppPermit { principal: caller.principal, app: Some(app), owner: Some(owner), action: PhantomData })
        }
        Verdict::Refused(refusal) => Err(refused::<A>(refusal, caller, owner)),
    }
}

/// The one decision about the platform's own accounts: its administrators alone, in person.
///
/// # Errors
/// `forbidden`.
pub fn decide_platform<A: Action>(facts: &PlatformFacts<'_, A>) -> Result<AppPermit<A>> {
    let caller = facts.acting.caller();
    if !facts.platform_admin || caller.app.is_some() || caller.key().is_some() {
        return Err(Error::new(kernel::Code::Forbidden));
    }
    Ok(AppPermit { principal: caller.principal, app: None, owner: None, action: PhantomData })
}

impl<A> AppPermit<A> {
    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// The organization that owns the app; `None` for the platform.
    #[must_use]
    pub fn owner(&self) -> Option<OrganizationId> {
        self.owner
    }
}

impl<A> AppScope for AppPermit<A> {
    fn app(&self) -> Option<AppId> {
        self.app
    }
}

/// An app and what it is owned by are changed within the owner organization.
pub struct OwnerScope(OrganizationId);

impl<A> AppPermit<A> {
    /// The owner organization as a scope.
    ///
    /// # Errors
    /// `not_found` for the platform, which nobody owns.
    pub fn owner_scope(&self) -> Result<OwnerScope> {
        self.owner.map(OwnerScope).ok_or_else(Error::not_found)
    }
}

impl Scope for OwnerScope {
    fn organization(&self) -> OrganizationId {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::{
        Code,
        id::{AccountId, SessionId},
    };

    use super::*;
    use crate::{
        Caller, KeyGrant,
        action::{AppDelete, AppRotateSecret, AppUpdate, UserManage},
    };

    struct World {
        app: AppId,
        owner: OrganizationId,
    }

    impl World {
        fn new() -> Self {
            Self { app: AppId::generate(), owner: OrganizationId::generate() }
        }

        fn ask<A: Action>(
            &self,
            app: Option<AppId>,
            credential: Credential,
            role: Option<Role>,
            admin: bool,
        ) -> Result<()> {
            let acting = Acting::<A>::new(Caller { principal: PrincipalId::generate(), app, credential })?;
            let authority = role.map(|role| Authority::of_role(None, role));
            let facts = AppFacts {
                acting: &acting,
                app: self.app,
                user: None,
                owner: self.owner,
                authority,
                platform_admin: admin,
            };
            decide_app(&facts).map(drop)
        }
    }

    fn session() -> Credential {
        Credential::Session { account: AccountId::generate(), session: SessionId::generate() }
    }

    fn key(organization: OrganizationId, role: Role) -> Credential {
        Credential::ApiKey(Arc::new(KeyGrant { role: Some(role), ..KeyGrant::new(organization) }))
    }

    fn code(result: Result<()>) -> Option<Code> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn an_app_acts_on_itself_and_on_no_other() {
        let world = World::new();
        let app = |id| (Some(id), Credential::App, None, false);
        let ask = |(app, credential, role, admin)| world.ask::<AppUpdate>(app, credential, role, admin);
        assert_eq!(code(ask(app(world.app))), None);
        assert_eq!(code(ask(app(AppId::generate()))), Some(Code::NotFound));
        let rotate = world.ask::<AppRotateSecret>(Some(world.app), Credential::App, None, false);
        assert_eq!(code(rotate), Some(Code::Forbidden));
        let delete = world.ask::<AppDelete>(Some(world.app), Credential::App, None, false);
        assert_eq!(code(delete), Some(Code::Forbidden));
    }

    #[test]
    fn a_user_of_the_app_manages_nothing_of_it_whatever_they_are_elsewhere() {
        let world = World::new();
        for admin in [false, true] {
            let told = world.ask::<UserManage>(Some(world.app), session(), Some(Role::Owner), admin);
            assert_eq!(code(told), Some(Code::NotFound));
        }
    }

    #[test]
    fn members_of_the_owner_manage_by_role_and_strangers_see_nothing() {
        let world = World::new();
        let ask = |role| code(world.ask::<UserManage>(None, session(), role, false));
        assert_eq!(ask(None), Some(Code::NotFound));
        assert_eq!(ask(Some(Role::Viewer)), Some(Code::Forbidden));
        assert_eq!(ask(Some(Role::Member)), Some(Code::Forbidden));
        assert_eq!(ask(Some(Role::Admin)), None);
        assert_eq!(code(world.ask::<UserManage>(None, session(), None, true)), None, "platform admin");
    }

    #[test]
    fn a_key_is_of_the_owner_organization_and_never_a_platform_admin() {
        let world = World::new();
        let ask =
            |organization, role| code(world.ask::<UserManage>(None, key(organization, role), Some(Role::Owner), true));
        assert_eq!(ask(world.owner, Role::Admin), None);
        assert_eq!(ask(world.owner, Role::Member), Some(Code::Forbidden));
        assert_eq!(ask(OrganizationId::generate(), Role::Owner), Some(Code::NotFound));
    }

    #[test]
    fn platform_accounts_are_for_platform_admins_in_person() {
        let ask = |app, credential, platform_admin| {
            let caller = Caller { principal: PrincipalId::generate(), app, credential };
            let acting = Acting::<UserManage>::new(caller).unwrap();
            decide_platform(&PlatformFacts { acting: &acting, platform_admin }).is_ok()
        };
        assert!(ask(None, session(), true));
        assert!(!ask(None, session(), false));
        assert!(!ask(Some(AppId::generate()), session(), true));
        assert!(!ask(None, key(OrganizationId::generate(), Role::Owner), true));
    }
}
