//! How much may run at once, as whoever runs the platform says.

use authz::{
    Acting,
    action::{ConcurrencyLimitManage, ConcurrencyLimitRead},
};
use kernel::{Page, Result, Timestamp};
use serde::{Deserialize, Serialize};
use tenancy::{LimitScope, Limited, concurrency::check_max_runs};
use utoipa::ToSchema;
use uuid::Uuid;

use super::organizations::PageQuery;
use crate::{
    answer::Answer,
    request::{Body, ForRequest, Query},
};

/// How much may run at once. Fabric keeps it for the services that run things.
#[derive(Serialize, ToSchema)]
pub struct ConcurrencyLimit {
    /// The id of the organization or the team; `global` is everybody together.
    scope: String,
    organization_id: Option<Uuid>,
    team_id: Option<Uuid>,
    /// null is no limit.
    max_concurrent_runs: Option<u32>,
    /// When it was set; null for one that is lifted.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl ConcurrencyLimit {
    fn new(limited: Limited, limit: Option<tenancy::ConcurrencyLimit>) -> Self {
        Self {
            scope: limited.scope().to_string(),
            organization_id: limited.organization().map(|id| id.0),
            team_id: limited.team().map(|id| id.0),
            max_concurrent_runs: limit.map(|limit| limit.max_runs),
            updated_at: limit.map(|limit| limit.updated_at),
        }
    }
}

/// Lists all limits: the one for everybody first, then by id.
pub async fn list(
    caller: Acting<ConcurrencyLimitRead>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<ConcurrencyLimit>>> {
    let page: Page<LimitScope> = query.page()?;
    let listed = platform.concurrency_limits(caller, page).await?;
    Ok(Answer::page(listed.map(|limit| ConcurrencyLimit::new(limit.limited, Some(limit))), page.limit))
}

/// How much may run at once from now on.
#[derive(Deserialize, ToSchema)]
pub struct SetConcurrencyLimitRequest {
    /// The id of an organization or of a team, or `global`.
    scope: String,
    /// Up to a million; 0 lets nothing run, null lifts the limit, and leaving it out is refused.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    max_concurrent_runs: Option<u32>,
}

/// Sets how much may run at once for everybody together, for an organization or for a team.
pub async fn set(
    caller: Acting<ConcurrencyLimitManage>,
    (platform, Body(new)): (ForRequest, Body<SetConcurrencyLimitRequest>),
) -> Result<Answer<ConcurrencyLimit>> {
    let (scope, max_runs) = (new.scope.parse()?, new.max_concurrent_runs.map(check_max_runs).transpose()?);
    let (limited, limit) = platform.set_concurrency_limit(caller, scope, max_runs).await?;
    Ok(Answer::ok(ConcurrencyLimit::new(limited, limit)))
}
