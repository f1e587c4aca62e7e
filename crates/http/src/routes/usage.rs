//! What organizations use, and what that costs.

use authz::{
    Acting,
    action::{UsageRead, UsageRecord as RecordUsage},
};
use kernel::{
    Metadata, Month, Page, Result, Timestamp,
    id::{OrganizationId, UsageRecordId},
};
use platform::{NewUsageRecord, Spending, UsageSummary};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenancy::{DayOfUsage, IdempotencyKey, Label, MicroDollars, Runs};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::organizations::PageQuery;
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// Something that was run for an organization.
#[derive(Serialize, ToSchema)]
pub struct UsageRecord {
    id: Uuid,
    organization_id: Uuid,
    kind: Option<String>,
    runs: u32,
    cost_usd: f64,
    /// When it was run.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    idempotency_key: String,
    #[schema(value_type = Object)]
    metadata: Metadata,
    /// Who reported it.
    recorded_by: Uuid,
    /// When it was reported.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<tenancy::UsageRecord> for UsageRecord {
    fn from(record: tenancy::UsageRecord) -> Self {
        Self {
            id: record.id.0,
            organization_id: record.organization.0,
            kind: record.kind.map(|kind| kind.as_str().to_owned()),
            runs: record.runs.number(),
            cost_usd: record.cost.dollars(),
            occurred_at: record.occurred_at,
            idempotency_key: record.key.as_str().to_owned(),
            metadata: record.metadata,
            recorded_by: record.recorded_by.0,
            created_at: record.created_at,
        }
    }
}

/// Something that was run.
#[derive(Deserialize, ToSchema)]
pub struct RecordUsageRequest {
    /// What was run, in the app's own words: 1 to 64 ASCII letters, digits, `_`, `-`, `.` and `:`.
    kind: Option<String>,
    /// How many runs, up to a million; 1 without.
    runs: Option<u32>,
    /// What they cost together: from 0 to a billion US dollars, with up to six decimals.
    cost_usd: f64,
    /// When, within the last 366 days; now without.
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// 1 to 255 visible ASCII characters. The same again counts nothing twice.
    idempotency_key: String,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Value,
}

/// Records that something was run. The same again is answered with the first record.
pub async fn record(
    caller: Acting<RecordUsage>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<RecordUsageRequest>),
) -> Result<Created<UsageRecord>> {
    let new = NewUsageRecord {
        kind: new.kind.as_deref().map(Label::parse).transpose()?,
        runs: Runs::new(new.runs.unwrap_or(1))?,
        cost: MicroDollars::from_dollars(new.cost_usd)?,
        occurred_at: new.occurred_at,
        key: IdempotencyKey::parse(&new.idempotency_key)?,
        metadata: Metadata::parse(new.metadata)?,
    };
    Ok(Created(platform.record_usage(caller, id, new).await?.into()))
}

/// Lists what was recorded, from the newest record to the oldest.
pub async fn records(
    caller: Acting<UsageRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<PageQuery>),
) -> Result<Answer<Vec<UsageRecord>>> {
    let page: Page<UsageRecordId> = query.page()?;
    let listed = platform.usage_records(caller, id, page).await?;
    Ok(Answer::page(listed.map(UsageRecord::from), page.limit))
}

/// Which month.
#[derive(Deserialize, IntoParams)]
pub struct MonthQuery {
    /// A month in UTC, such as `2026-04`; this one without.
    month: Option<String>,
}

impl MonthQuery {
    fn month(&self) -> Result<Option<Month>> {
        self.month.as_deref().map(str::parse).transpose()
    }
}

/// What was run in a month, all of it together.
#[derive(Serialize, ToSchema)]
pub struct OrganizationUsage {
    organization_id: Uuid,
    total_runs: u64,
    total_cost_usd: f64,
    /// The month's first moment.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// The first moment of the next month.
    #[schema(value_type = String, format = DateTime)]
    period_end: Timestamp,
}

/// Tells what was run in a month, and what it cost.
pub async fn summary(
    caller: Acting<UsageRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<MonthQuery>),
) -> Result<Answer<OrganizationUsage>> {
    let UsageSummary { month, usage } = platform.usage(caller, id, query.month()?).await?;
    Ok(Answer::ok(OrganizationUsage {
        organization_id: id.0,
        total_runs: usage.runs,
        total_cost_usd: usage.cost.dollars(),
        period_start: month.begins,
        period_end: month.ends,
    }))
}

/// What was run on one day.
#[derive(Serialize, ToSchema)]
pub struct DailyUsage {
    /// The day in UTC.
    #[schema(value_type = String, format = Date)]
    date: String,
    total_runs: u64,
    total_cost_usd: f64,
}

impl From<DayOfUsage> for DailyUsage {
    fn from(DayOfUsage { day, usage }: DayOfUsage) -> Self {
        Self { date: day.date(), total_runs: usage.runs, total_cost_usd: usage.cost.dollars() }
    }
}

/// Tells the same for every day of a month so far.
pub async fn daily(
    caller: Acting<UsageRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<MonthQuery>),
) -> Result<Answer<Vec<DailyUsage>>> {
    let days = platform.daily_usage(caller, id, query.month()?).await?;
    Ok(Answer::ok(days.into_iter().map(DailyUsage::from).collect()))
}

/// What was spent this month, against what may be.
#[derive(Serialize, ToSchema)]
pub struct OrganizationSpending {
    organization_id: Uuid,
    /// The most US dollars in a month; null is no limit.
    monthly_limit_usd: Option<f64>,
    current_spend_usd: f64,
    /// What may still be spent; null is anything.
    remaining_usd: Option<f64>,
    /// Whether more was spent than may be.
    exceeded: bool,
    /// The month's first moment.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// The first moment of the next month.
    #[schema(value_type = String, format = DateTime)]
    period_end: Timestamp,
}

/// Tells what was spent this month, against the budget.
pub async fn spending(
    caller: Acting<UsageRead>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<OrganizationSpending>> {
    let Spending { month, budget } = platform.spending(caller, id).await?;
    Ok(Answer::ok(OrganizationSpending {
        organization_id: id.0,
        monthly_limit_usd: budget.monthly_limit.map(MicroDollars::dollars),
        current_spend_usd: budget.current_spend.dollars(),
        remaining_usd: budget.remaining().map(MicroDollars::dollars),
        exceeded: budget.is_exceeded(),
        period_start: month.begins,
        period_end: month.ends,
    }))
}
