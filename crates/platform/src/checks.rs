//! Checks: may I, and what is somebody here. A warm check asks the database nothing.

use std::sync::Arc;

use authz::{
    Acting, AppStanding, Authority, KeyGrant, Question, Reason, Refusal, Resource, Verdict,
    action::{AuthzCheck, OrganizationList, PermissionRead},
    judge, judge_app,
};
use kernel::{
    Code, Error, Page, Result, Role,
    id::{OrganizationId, PrincipalId, TeamId},
};

use crate::{
    Platform,
    permit::authority,
    places::{Place, named},
};

/// The most checks that are answered together.
pub const MOST_CHECKS: usize = 100;

/// What somebody wants to know.
#[derive(Clone, Debug)]
pub struct Check {
    /// The action, or the name of a role.
    pub action: String,
    /// On what.
    pub resource: Option<Resource>,
    /// Where; without, where the resource is, or the only place that the caller has.
    pub organization: Option<OrganizationId>,
    /// In which team.
    pub team: Option<TeamId>,
}

/// The answer, with what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The decision; none where nobody knows where.
    pub verdict: Option<Verdict>,
    /// Where.
    pub organization: Option<OrganizationId>,
}

impl Checked {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_some_and(Verdict::is_allowed)
    }

    /// A sentence about it, for people. To a stranger every refusal is the same.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.verdict {
            None => "Say in which organization.".to_owned(),
            Some(Verdict::Allowed(Reason::Role(role, None))) => format!("The role {role} has it."),
            Some(Verdict::Allowed(Reason::Role(role, Some(_)))) => format!("The role {role} in the team has it."),
            Some(Verdict::Allowed(Reason::CustomRole(_))) => "One of the organization's own roles has it.".to_owned(),
            Some(Verdict::Allowed(Reason::Grant(_))) => "A grant gives it.".to_owned(),
            Some(Verdict::Allowed(Reason::App)) => "The app may do it to itself.".to_owned(),
            Some(Verdict::Allowed(Reason::PlatformAdmin)) => "Who runs the platform may.".to_owned(),
            Some(Verdict::Refused(Refusal::Stranger)) => "There is no such thing.".to_owned(),
            Some(Verdict::Refused(Refusal::Grant(_))) => "A grant denies it.".to_owned(),
            Some(Verdict::Refused(Refusal::Scope(Some(scope)))) => format!("The API key needs the scope {scope}."),
            Some(Verdict::Refused(Refusal::Scope(None))) => "No scope of an API key covers it.".to_owned(),
            Some(Verdict::Refused(Refusal::Archived)) => {
                "The organization is archived, or about to be deleted.".to_owned()
            }
            Some(Verdict::Refused(Refusal::Role(role))) => format!("It needs the role {role} or above."),
            Some(Verdict::Refused(Refusal::KeyRole(role))) => format!("The API key needs the role {role} or above."),
            Some(Verdict::Refused(Refusal::Nothing)) => "Neither a role nor a grant gives it.".to_owned(),
        }
    }
}

/// What somebody is in an organization, or in a team of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Who.
    pub principal: PrincipalId,
    /// Where.
    pub organization: OrganizationId,
    /// In which team, if that was asked.
    pub team: Option<TeamId>,
    /// The highest built-in role; none for who has only grants.
    pub role: Option<Role>,
    /// Everything it was resolved from that the caller may see.
    pub authority: Arc<Authority>,
}

impl Platform {
    /// Tells whether the caller may do something.
    ///
    /// # Errors
    /// Those of the database. Being refused is an answer and no error.
    pub async fn check(&self, acting: &Acting<AuthzCheck>, check: &Check) -> Result<Checked> {
        let caller = acting.caller();
        let resource = check.resource.as_ref();
        let place = self.find_place(caller, resource, check.team, check.organization).await?;
        let of_resource = named(resource, "team", TeamId);
        let team = check.team.or(of_resource);
        // What is said twice has to be the same.
        let at_odds = check.organization.is_some_and(|named| place.is_some_and(|place| place.organization != named))
            || of_resource.is_some_and(|of_resource| team != Some(of_resource));
        let names_ours = check.team.is_some() || resource.is_some_and(Resource::is_ours);
        let Some(Place { organization, app }) = place.filter(|_| !at_odds) else {
            let verdict = (at_odds || names_ours).then_some(Verdict::Refused(Refusal::Stranger));
            return Ok(Checked { verdict, organization: None });
        };
        let usual = match team {
            Some(team) => Resource::of("team", team.0),
            None => Resource::of("organization", organization.0),
        };
        let question = Question::new(&check.action, check.resource.clone()).or_about(usual).within(team);
        let authority = self.authority_facts(organization, caller.principal).await?;
        let verdict = match (app, authority) {
            (Some(app), authority) => {
                let platform_admin = self.runs_the_platform(caller).await?;
                let authority = authority.as_deref();
                judge_app(AppStanding { app, owner: organization, authority, platform_admin }, caller, &question)
            }
            (None, Some(authority)) if authority.app == caller.app => {
                judge(&authority, organization, caller.key(), &question)
            }
            (None, _) => Verdict::Refused(Refusal::Stranger),
        };
        Ok(Checked { verdict: Some(verdict), organization: Some(organization) })
    }

    /// Several at once, answered in order, each as it would be alone.
    ///
    /// # Errors
    /// `invalid_request` for too many; those of the database.
    pub async fn check_all(
        &self,
        acting: &Acting<AuthzCheck>,
        checks: impl ExactSizeIterator<Item = &Check>,
    ) -> Result<Vec<Checked>> {
        if checks.len() > MOST_CHECKS {
            return Err(Error::because(Code::InvalidRequest, format!("Ask at most {MOST_CHECKS} at once.")));
        }
        let mut answers = Vec::with_capacity(checks.len());
        for check in checks {
            answers.push(self.check(acting, check).await?);
        }
        Ok(answers)
    }

    /// Tells what a member is in an organization, or in one of its teams, to other members: they see each other's roles
    /// anyway. The grants of others are for who may see grants.
    ///
    /// # Errors
    /// `not_found` for an organization, a team or a principal that the caller can't see.
    pub async fn resolve(
        &self,
        acting: &Acting<AuthzCheck>,
        principal: PrincipalId,
        organization: OrganizationId,
        team: Option<TeamId>,
    ) -> Result<Resolved> {
        let caller = acting.caller();
        let here = |authority: Option<Arc<Authority>>| {
            authority.filter(|authority| authority.app == caller.app).ok_or_else(Error::not_found)
        };
        let own = here(self.authority_facts(organization, caller.principal).await?)?;
        if own.member.is_none() || caller.key().is_some_and(|key| key.organization != organization) {
            return Err(Error::not_found());
        }
        let authority = if principal == caller.principal {
            own
        } else {
            let found = here(self.authority_facts(organization, principal).await?)?;
            let about = Resource::of("organization", organization.0);
            let sees = judge(&own, organization, caller.key(), &Question::of::<PermissionRead>(Some(about)));
            if sees.is_allowed() {
                found
            } else {
                Arc::new(Authority { grants: Vec::new(), ..Authority::clone(&found) })
            }
        };
        if let Some(team) = team
            && self.team_place(team).await? != Some(organization)
        {
            return Err(Error::not_found());
        }
        let role = authority.role(team).map(|(role, _)| role);
        Ok(Resolved { principal, organization, team, role, authority })
    }

    /// The caller's roles: in the organizations they belong to, and in their teams.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own_roles(
        &self,
        acting: Acting<OrganizationList>,
    ) -> Result<Vec<(OrganizationId, Option<TeamId>, Role)>> {
        let caller = acting.caller().clone();
        let listed = self.store().read(move |tx| {
            if let Some(key) = caller.key() {
                let authority = authority(tx, key.organization, caller.principal)?;
                let authority = authority.filter(|authority| authority.app == caller.app);
                return Ok(authority.map_or_else(Vec::new, |authority| roles_with(key, &authority)));
            }
            let page = Page::new(None, 0, Page::<OrganizationId>::LARGEST)?;
            let own = tx.organizations_of(caller.app, caller.principal, &page)?.items;
            let mut roles: Vec<_> = own.into_iter().map(|(own, role)| (own.id, None, role)).collect();
            let page = Page::new(None, 0, Page::<TeamId>::LARGEST)?;
            let teams = tx.teams_of(caller.app, None, caller.principal, &page)?.items;
            roles.extend(teams.into_iter().map(|(team, role)| (team.organization, Some(team.id), role)));
            Ok(roles)
        });
        listed.await
    }
}

/// The roles that a key leaves to its principal where it acts.
fn roles_with(key: &KeyGrant, authority: &Authority) -> Vec<(OrganizationId, Option<TeamId>, Role)> {
    let cap = |role: Role| key.role.map_or(role, |cap| cap.min(role));
    let own = authority.member.iter().map(|member| (key.organization, None, cap(member.role)));
    let teams = authority.teams.iter().map(|(team, role)| (key.organization, Some(*team), cap(*role)));
    own.chain(teams).collect()
}
