//! Checks: may I?

use authz::{Acting, Reason, Refusal, Resource, Verdict, action::AuthzCheck};
use kernel::{
    Code, Error, Result, Role,
    id::{OrganizationId, TeamId},
};
use platform::{Check, Checked};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    request::{Body, ForRequest},
};

/// A question: may I?
#[derive(Deserialize, ToSchema)]
pub struct CheckRequest {
    /// An action (`team.create`), a verb on a resource (`read` on `team:…`), or a role, which asks whether the caller
    /// has it or one above it.
    action: String,
    /// `kind:id`.
    resource: Option<String>,
    /// The kind alone, for who sends the two apart.
    resource_type: Option<String>,
    /// The id alone.
    resource_id: Option<String>,
    /// Where; without, where the resource is, or the caller's only organization.
    organization_id: Option<Uuid>,
    /// In which team.
    team_id: Option<Uuid>,
    /// Whether the answer shall tell what decided.
    #[serde(default)]
    explain: bool,
}

impl CheckRequest {
    fn read(self) -> Result<(Check, bool)> {
        if self.action.len() > 256 {
            return Err(Error::because(Code::InvalidRequest, "Name an action of at most 256 bytes."));
        }
        let check = Check {
            resource: resource(self.resource.as_deref(), self.resource_type.as_deref(), self.resource_id.as_deref())?,
            action: self.action,
            organization: self.organization_id.map(OrganizationId),
            team: self.team_id.map(TeamId),
        };
        Ok((check, self.explain))
    }
}

/// A resource as one text or as two; both together have to agree.
pub fn resource(whole: Option<&str>, kind: Option<&str>, id: Option<&str>) -> Result<Option<Resource>> {
    let whole = whole.map(Resource::parse).transpose()?;
    let parts = match (kind, id) {
        (Some(kind), Some(id)) => Some(Resource::new(kind, id)?),
        (None, None) => None,
        _ => return Err(Error::because(Code::InvalidRequest, "Send resource_type and resource_id together.")),
    };
    match (whole, parts) {
        (Some(whole), Some(parts)) if whole != parts => {
            Err(Error::because(Code::InvalidRequest, "resource does not fit resource_type and resource_id."))
        }
        (whole, parts) => Ok(whole.or(parts)),
    }
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct CheckResponse {
    /// What was asked.
    action: String,
    /// On what: `kind:id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    allowed: bool,
    /// A sentence about it.
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// What decided.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    /// `role`, `team_role`, `own_role`, `grant`, `app`, `platform_admin`, `key_role`, `scope`, `archived` or `nothing`.
    decided_by: &'static str,
    organization_id: Option<Uuid>,
    /// The role that has it, or the one it needs.
    role: Option<&'static str>,
    /// What the caller is there: the highest built-in role of organization and team.
    held_role: Option<&'static str>,
    /// The membership that says so; a service account has a role without one.
    membership_id: Option<Uuid>,
    /// The team that the role counts in, which has it.
    team_id: Option<Uuid>,
    /// The own role of the organization that has it.
    role_id: Option<Uuid>,
    permission_id: Option<Uuid>,
    /// The scope that the key lacks.
    scope: Option<&'static str>,
}

impl CheckResponse {
    fn new((check, explain): (Check, bool), checked: Checked) -> Self {
        Self {
            action: check.action,
            resource: check.resource.map(|resource| resource.to_string()),
            allowed: checked.is_allowed(),
            reason: checked.reason(),
            explanation: explain.then(|| Explanation::of(checked)),
        }
    }
}

impl Explanation {
    fn of(checked: Checked) -> Self {
        let mut about = Self {
            decided_by: "nothing",
            organization_id: checked.organization.map(|id| id.0),
            role: None,
            held_role: checked.role.map(Role::name),
            membership_id: checked.membership.map(|id| id.0),
            team_id: None,
            role_id: None,
            permission_id: None,
            scope: None,
        };
        match checked.verdict {
            Some(Verdict::Allowed(Reason::Role(role, team))) => {
                about.decided_by = if team.is_some() { "team_role" } else { "role" };
                (about.role, about.team_id) = (Some(role.name()), team.map(|id| id.0));
            }
            Some(Verdict::Allowed(Reason::CustomRole(held))) => {
                (about.decided_by, about.role_id) = ("own_role", Some(held.role.0));
                about.team_id = held.team.map(|id| id.0);
            }
            Some(Verdict::Allowed(Reason::Grant(id)) | Verdict::Refused(Refusal::Grant(id))) => {
                (about.decided_by, about.permission_id) = ("grant", Some(id.0));
            }
            Some(Verdict::Refused(Refusal::Role(needed))) => {
                (about.decided_by, about.role) = ("role", Some(needed.name()));
            }
            Some(Verdict::Refused(Refusal::KeyRole(needed))) => {
                (about.decided_by, about.role) = ("key_role", Some(needed.name()));
            }
            Some(Verdict::Allowed(Reason::App)) => about.decided_by = "app",
            Some(Verdict::Allowed(Reason::PlatformAdmin)) => about.decided_by = "platform_admin",
            Some(Verdict::Refused(Refusal::Scope(scope))) => {
                (about.decided_by, about.scope) = ("scope", scope.map(authz::KeyScope::name));
            }
            Some(Verdict::Refused(Refusal::Archived)) => about.decided_by = "archived",
            Some(Verdict::Refused(Refusal::Stranger | Refusal::Nothing)) | None => {}
        }
        about
    }
}

/// Tells whether the caller may do something. Being refused is an answer, not an error.
pub async fn check(
    caller: Acting<AuthzCheck>,
    (platform, Body(asked)): (ForRequest, Body<CheckRequest>),
) -> Result<Answer<CheckResponse>> {
    let asked = asked.read()?;
    let checked = platform.check(&caller, &asked.0).await?;
    Ok(Answer::ok(CheckResponse::new(asked, checked)))
}

/// Several questions at once.
#[derive(Deserialize, ToSchema)]
pub struct CheckBatchRequest {
    /// At most 100.
    checks: Vec<CheckRequest>,
}

/// Answers several questions, in order.
pub async fn check_batch(
    caller: Acting<AuthzCheck>,
    (platform, Body(asked)): (ForRequest, Body<CheckBatchRequest>),
) -> Result<Answer<Vec<CheckResponse>>> {
    let asked = asked.checks.into_iter().map(CheckRequest::read).collect::<Result<Vec<_>>>()?;
    let checked = platform.check_all(&caller, asked.iter().map(|(check, _)| check)).await?;
    Ok(Answer::ok(asked.into_iter().zip(checked).map(|(asked, checked)| CheckResponse::new(asked, checked)).collect()))
}
