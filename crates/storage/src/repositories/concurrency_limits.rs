//! How much may run at once.

use diesel::prelude::*;
use kernel::{
    Error, Listed, Page, Result,
    id::{OrganizationId, TeamId},
};
use tenancy::{ConcurrencyLimit, ConcurrencyLimitRepository, LimitScope, Limited};
use uuid::Uuid;

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::concurrency_limits,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = concurrency_limits, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct LimitRow {
    id: RowId,
    organization_id: Option<RowId>,
    team_id: Option<RowId>,
    max_runs: i32,
    updated_at: Moment,
}

/// The id of what a limit is about; nil is everybody, and first in the order of ids.
fn row_id(scope: LimitScope) -> RowId {
    match scope {
        LimitScope::Global => RowId(Uuid::nil()),
        LimitScope::One(id) => RowId(id),
    }
}

impl ConcurrencyLimitRepository for Tx<'_> {
    fn concurrency_limits(&mut self, page: &Page<LimitScope>) -> Result<Listed<ConcurrencyLimit, LimitScope>> {
        let all = || concurrency_limits::table.into_boxed::<Db>();
        let (rows, total): (Vec<LimitRow>, _) = paged!(
            self,
            page,
            all by concurrency_limits::id,
            after scope => row_id(*scope),
            LimitRow::as_select()
        );
        let found = rows.into_iter().map(LimitRow::into_limit).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |limit: &ConcurrencyLimit| limit.limited.scope()))
    }

    fn set_concurrency_limit(&mut self, limit: &ConcurrencyLimit) -> Result<()> {
        let row = LimitRow {
            id: row_id(limit.limited.scope()),
            organization_id: limit.limited.organization().map(|id| RowId(id.0)),
            team_id: limit.limited.team().map(|id| RowId(id.0)),
            max_runs: intact(i32::try_from(limit.max_runs))?,
            updated_at: Moment(limit.updated_at),
        };
        let (max_runs, updated_at) = (row.max_runs, row.updated_at);
        let set = diesel::insert_into(concurrency_limits::table)
            .values(row)
            .on_conflict(concurrency_limits::id)
            .do_update()
            .set((concurrency_limits::max_runs.eq(max_runs), concurrency_limits::updated_at.eq(updated_at)));
        self.query(|connection| set.execute(connection)).map(drop)
    }

    fn lift_concurrency_limit(&mut self, limited: Limited) -> Result<()> {
        let lift = diesel::delete(concurrency_limits::table.find(row_id(limited.scope())));
        self.query(|connection| lift.execute(connection)).map(drop)
    }
}

impl LimitRow {
    fn into_limit(self) -> Result<ConcurrencyLimit> {
        let limited = match (self.team_id, self.organization_id) {
            (Some(team), Some(organization)) => Limited::Team(TeamId(team.0), OrganizationId(organization.0)),
            (None, Some(organization)) => Limited::Organization(OrganizationId(organization.0)),
            (None, None) => Limited::Everybody,
            (Some(_), None) => return Err(Error::internal("a limit of a team without its organization")),
        };
        let max_runs = intact(u32::try_from(self.max_runs))?;
        Ok(ConcurrencyLimit { limited, max_runs, updated_at: self.updated_at.0 })
    }
}
