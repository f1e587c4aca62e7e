//! Checks: may I, and what is somebody here. A warm check asks the database nothing.

use std::sync::Arc;

use authz::{
    Acting, AppStanding, Authority, Question, Reason, Refusal, Resource, Verdict,
    action::{AuthzCheck, PermissionRead},
    judge, judge_app,
};
use kernel::{
    Code, Error, Result, Role,
    id::{MembershipId, OrganizationId, PrincipalId, TeamId},
};

use crate::{
    Platform,
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
    /// What the caller is there, by membership or as a service account: the highest role of organization and team.
    pub role: Option<Role>,
    /// The membership behind that.
    pub membership: Option<MembershipId>,
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
            return Ok(Checked { verdict, organization: None, role: None, membership: None });
        };
        let usual = match team {
            Some(team) => Resource::of("team", team.0),
            None => Resource::of("organization", organization.0),
        };
        let question = Question::new(&check.action, check.resource.clone()).or_about(usual).within(team);
        let authority = self.authority_facts(organization, caller.principal).await?;
        // Who comes through another app is nobody here.
        let authority = authority.filter(|authority| authority.app == caller.app);
        let role = authority.as_ref().and_then(|authority| authority.role(team)).map(|(role, _)| role);
        let membership = authority.as_ref().and_then(|authority| authority.membership);
        let verdict = match (app, authority.as_deref()) {
            _ if question.is_about_the_platform() && self.runs_the_platform(caller).await? => {
                Verdict::Allowed(Reason::PlatformAdmin)
            }
            (Some(app), authority) => {
                let platform_admin = self.runs_the_platform(caller).await?;
                judge_app(AppStanding { app, owner: organization, authority, platform_admin }, caller, &question)
            }
            (None, Some(authority)) => judge(authority, organization, caller.key(), &question),
            (None, None) => Verdict::Refused(Refusal::Stranger),
        };
        if verdict == Verdict::Refused(Refusal::Stranger) {
            // To a stranger, an organization looks like none.
            return Ok(Checked { verdict: Some(verdict), organization: None, role: None, membership: None });
        }
        Ok(Checked { verdict: Some(verdict), organization: Some(organization), role, membership })
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
}
