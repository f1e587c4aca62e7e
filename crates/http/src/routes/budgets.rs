//! How much organizations may spend.

use authz::{
    Acting,
    action::{BudgetRead, BudgetUpdate},
};
use kernel::{Result, id::OrganizationId};
use serde::{Deserialize, Serialize};
use tenancy::{Budget, MicroDollars};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    request::{Body, ForRequest, PathId},
};

/// How much an organization may spend, and has spent.
#[derive(Serialize, ToSchema)]
pub struct OrganizationBudget {
    organization_id: Uuid,
    /// The most US dollars in a month; null is no limit.
    monthly_limit_usd: Option<f64>,
    /// What was spent this month, in UTC, as it was reported.
    current_spend_usd: f64,
}

impl OrganizationBudget {
    pub(super) fn new(id: OrganizationId, budget: Budget) -> Self {
        Self {
            organization_id: id.0,
            monthly_limit_usd: budget.monthly_limit.map(MicroDollars::dollars),
            current_spend_usd: budget.current_spend.dollars(),
        }
    }
}

/// Shows an organization's budget.
pub async fn read(
    caller: Acting<BudgetRead>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<OrganizationBudget>> {
    let budget = platform.budget(caller, id).await?;
    Ok(Answer::ok(OrganizationBudget::new(id, budget)))
}

/// What may be spent from now on.
#[derive(Deserialize, ToSchema)]
pub struct SetBudgetRequest {
    /// From 0 to a billion US dollars, with up to six decimals; null lifts the limit, and leaving it out is refused.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    monthly_limit_usd: Option<f64>,
}

/// Sets an organization's budget.
pub async fn set(
    caller: Acting<BudgetUpdate>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<SetBudgetRequest>),
) -> Result<Answer<OrganizationBudget>> {
    let limit = new.monthly_limit_usd.map(MicroDollars::from_dollars).transpose()?;
    let budget = platform.set_budget(caller, id, limit).await?;
    Ok(Answer::ok(OrganizationBudget::new(id, budget)))
}
