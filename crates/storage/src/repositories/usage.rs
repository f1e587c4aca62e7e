//! What organizations use: each record as it was reported, and days that are added up as they come.

use diesel::{prelude::*, upsert::excluded};
use kernel::{
    Code, Error, Listed, Metadata, Month, Page, Result, Scope,
    id::{OrganizationId, PrincipalId, UsageRecordId},
};
use tenancy::{DayOfUsage, IdempotencyKey, Label, MicroDollars, Runs, Usage, UsageRecord, UsageRepository};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{usage_days, usage_records},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_records, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct RecordRow {
    id: RowId,
    organization_id: RowId,
    kind: Option<String>,
    runs: i64,
    cost_micro_usd: i64,
    occurred_at: Moment,
    idempotency_key: String,
    metadata: Json<Metadata>,
    recorded_by: RowId,
    created_at: Moment,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_days, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct DayRow {
    organization_id: RowId,
    day: Moment,
    runs: i64,
    cost_micro_usd: i64,
}

impl UsageRepository for Tx<'_> {
    fn record_usage(&mut self, scope: &dyn Scope, record: &UsageRecord) -> Result<UsageRecord> {
        let row = RecordRow::new(scope, record);
        // Who comes at the same time with the same key waits here until the first one is done.
        let insert = diesel::insert_into(usage_records::table)
            .values(row)
            .on_conflict((usage_records::organization_id, usage_records::idempotency_key))
            .do_nothing();
        if self.query(|connection| insert.execute(connection))? == 0 {
            return self.first_record(scope, &record.key);
        }
        self.count_usage(scope, record)?;
        Ok(record.clone())
    }

    fn usage_records(
        &mut self,
        scope: &dyn Scope,
        page: &Page<UsageRecordId>,
    ) -> Result<Listed<UsageRecord, UsageRecordId>> {
        let here = RowId(scope.organization().0);
        let all = || usage_records::table.filter(usage_records::organization_id.eq(here)).into_boxed::<Db>();
        let (rows, total): (Vec<RecordRow>, _) =
            paged!(self, page, all by newest usage_records::id, RecordRow::as_select());
        let found = rows.into_iter().map(RecordRow::into_record).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |record: &UsageRecord| record.id))
    }

    fn days_of_usage(&mut self, scope: &dyn Scope, month: Month) -> Result<Vec<DayOfUsage>> {
        let query = usage_days::table
            .filter(usage_days::organization_id.eq(RowId(scope.organization().0)))
            .filter(usage_days::day.ge(Moment(month.begins)))
            .filter(usage_days::day.lt(Moment(month.ends)))
            .order(usage_days::day)
            .select(DayRow::as_select());
        let rows: Vec<DayRow> = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(DayRow::into_day).collect()
    }
}

impl Tx<'_> {
    fn first_record(&mut self, scope: &dyn Scope, key: &IdempotencyKey) -> Result<UsageRecord> {
        let query = usage_records::table
            .filter(usage_records::organization_id.eq(RowId(scope.organization().0)))
            .filter(usage_records::idempotency_key.eq(key.as_str()))
            .select(RecordRow::as_select());
        let row: Option<RecordRow> = self.query(|connection| query.first(connection).optional())?;
        row.ok_or_else(Error::not_found)?.into_record()
    }

    /// Adds a record to its day.
    fn count_usage(&mut self, scope: &dyn Scope, record: &UsageRecord) -> Result<()> {
        let row = DayRow {
            organization_id: RowId(scope.organization().0),
            day: Moment(record.occurred_at.day()),
            runs: record.runs.number().into(),
            cost_micro_usd: record.cost.millionths(),
        };
        let count = diesel::insert_into(usage_days::table)
            .values(row)
            .on_conflict((usage_days::organization_id, usage_days::day))
            .do_update()
            .set((
                usage_days::runs.eq(usage_days::runs + excluded(usage_days::runs)),
                usage_days::cost_micro_usd.eq(usage_days::cost_micro_usd + excluded(usage_days::cost_micro_usd)),
            ))
            .returning(usage_days::cost_micro_usd);
        let cost = self.query(|connection| count.get_result(connection))?;
        // So that no sum of days is ever more than the column holds.
        MicroDollars::new(cost).map(drop).map_err(|_| {
            Error::because(Code::Conflict, "A day costs at most 1000000000 dollars: this record would make it more.")
        })
    }
}

impl RecordRow {
    fn new(scope: &dyn Scope, record: &UsageRecord) -> Self {
        Self {
            id: RowId(record.id.0),
            organization_id: RowId(scope.organization().0),
            kind: record.kind.as_ref().map(|kind| kind.as_str().to_owned()),
            runs: record.runs.number().into(),
            cost_micro_usd: record.cost.millionths(),
            occurred_at: Moment(record.occurred_at),
            idempotency_key: record.key.as_str().to_owned(),
            metadata: Json(record.metadata.clone()),
            recorded_by: RowId(record.recorded_by.0),
            created_at: Moment(record.created_at),
        }
    }

    fn into_record(self) -> Result<UsageRecord> {
        Ok(UsageRecord {
            id: UsageRecordId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            kind: self.kind.map(|kind| intact(Label::parse(&kind))).transpose()?,
            runs: intact(Runs::new(intact(u32::try_from(self.runs))?))?,
            cost: intact(MicroDollars::new(self.cost_micro_usd))?,
            occurred_at: self.occurred_at.0,
            key: intact(IdempotencyKey::parse(&self.idempotency_key))?,
            metadata: self.metadata.0,
            recorded_by: PrincipalId(self.recorded_by.0),
            created_at: self.created_at.0,
        })
    }
}

impl DayRow {
    fn into_day(self) -> Result<DayOfUsage> {
        let usage =
            Usage { runs: intact(u64::try_from(self.runs))?, cost: intact(MicroDollars::new(self.cost_micro_usd))? };
        Ok(DayOfUsage { day: self.day.0, usage })
    }
}
