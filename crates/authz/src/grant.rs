//! Grants: what one principal may or may not do, beyond their role.

use kernel::{
    Code, Error, Listed, Page, Result, Scope, Timestamp,
    id::{AppId, GrantId, OrganizationId, PrincipalId, TeamId},
};

use crate::{ActionPattern, ResourcePattern, judge::Question};

/// Whether a grant gives or takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It gives, whatever the role.
    Allow,
    /// It takes away, whatever else gives.
    Deny,
}

impl Effect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Allow, Self::Deny];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// # Errors
    /// `invalid_request` for any other name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|effect| effect.name() == name);
        found.ok_or_else(|| Error::because(Code::InvalidRequest, "Use the effect allow or deny."))
    }
}

/// What one principal may or may not do in an organization, beyond their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The grant's id.
    pub id: GrantId,
    /// Where it counts.
    pub organization: OrganizationId,
    /// Only in this team, where one is named.
    pub team: Option<TeamId>,
    /// For whom.
    pub principal: PrincipalId,
    /// Gives or takes away.
    pub effect: Effect,
    /// What.
    pub action: ActionPattern,
    /// On what; without, on everything there.
    pub resource: Option<ResourcePattern>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Grant {
    /// Whether it takes away.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.effect == Effect::Deny
    }

    /// Whether it has a say in this question.
    #[must_use]
    pub fn matches(&self, question: &Question) -> bool {
        let about = match (&self.resource, question.resource()) {
            (None, _) => true,
            (Some(pattern), Some(resource)) => pattern.matches(resource),
            (Some(_), None) => false,
        };
        about && (self.team.is_none() || self.team == question.team()) && question.is_about(&self.action)
    }
}

/// Grants of one database transaction.
pub trait GrantRepository {
    /// What a principal was granted in an organization.
    fn grants_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Vec<Grant>>;

    /// The organization's grants, oldest first, or those of one principal alone.
    fn grants_in(
        &mut self,
        scope: &dyn Scope,
        principal: Option<PrincipalId>,
        page: &Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>>;

    /// What a principal was granted anywhere in an app, or in one of its organizations, oldest first.
    fn grants_held(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<GrantId>,
    ) -> Result<Listed<Grant, GrantId>>;

    /// A grant, wherever it is.
    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>>;

    /// Adds a grant.
    fn insert_grant(&mut self, scope: &dyn Scope, grant: &Grant) -> Result<()>;

    /// Takes a grant back.
    ///
    /// # Errors
    /// `not_found` when there is none.
    fn delete_grant(&mut self, scope: &dyn Scope, id: GrantId) -> Result<()>;

    /// How many a principal has in an organization.
    fn count_grants_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64>;

    /// Takes back all that a principal was granted in an organization.
    fn delete_grants_of(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()>;

    /// Takes back all that a principal was granted anywhere in an app.
    fn delete_grants_in_app(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<()>;
}
