//! What organizations use. Fabric runs nothing itself: whoever does reports what was run and what it cost, and Fabric
//! adds that up.
//!
//! No event is appended for a record: it is a ledger of its own, to which rows are added by one use case and of which
//! none is changed or deleted, with who reported each and when.

use authz::{
    Acting,
    action::{UsageRead, UsageRecord as RecordUsage},
};
use kernel::{
    Code, Error, Listed, Metadata, Month, Page, Result, Timestamp,
    id::{OrganizationId, UsageRecordId},
};
use tenancy::{
    Budget, DayOfUsage, IdempotencyKey, Label, MicroDollars, Runs, Usage, UsageRecord,
    usage::{every_day, occurred},
};

use crate::{Platform, budgets::budget, permit::permit};

/// Something that was run.
#[derive(Clone, Debug)]
pub struct NewUsageRecord {
    /// What was run.
    pub kind: Option<Label>,
    /// How many runs.
    pub runs: Runs,
    /// What they cost together.
    pub cost: MicroDollars,
    /// When they were run; now without.
    pub occurred_at: Option<Timestamp>,
    /// How its reporter calls it: reporting it again counts nothing twice.
    pub key: IdempotencyKey,
    /// What the app keeps about it.
    pub metadata: Metadata,
}

/// What was run in a month, all of it together.
#[derive(Clone, Copy, Debug)]
pub struct UsageSummary {
    /// Which month.
    pub month: Month,
    /// What was run in it.
    pub usage: Usage,
}

/// What was spent this month, against what may be.
#[derive(Clone, Copy, Debug)]
pub struct Spending {
    /// This month.
    pub month: Month,
    /// What may be spent in it, and has been.
    pub budget: Budget,
}

impl Platform {
    /// Records that something was run. The same again is answered with the first record, and counts nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `invalid_request` for a time that is not within the last year;
    /// `conflict` for something else under a key that is known.
    pub async fn record_usage(
        &self,
        acting: Acting<RecordUsage>,
        id: OrganizationId,
        new: NewUsageRecord,
    ) -> Result<UsageRecord> {
        let now = self.now();
        let occurred_at = occurred(new.occurred_at, now)?;
        let recorded = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let new = new.clone();
            let record = UsageRecord {
                id: UsageRecordId::generate(),
                organization: id,
                kind: new.kind,
                runs: new.runs,
                cost: new.cost,
                occurred_at,
                key: new.key,
                metadata: new.metadata,
                recorded_by: permit.principal(),
                created_at: now,
            };
            let first = tx.record_usage(&permit, &record)?;
            if first.id != record.id && !record.repeats(&first) {
                let why = "Something else is recorded under this idempotency_key: give it another one.";
                return Err(Error::because(Code::Conflict, why));
            }
            Ok(first)
        });
        recorded.await
    }

    /// What was recorded, from the newest record to the oldest.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to the organization.
    pub async fn usage_records(
        &self,
        acting: Acting<UsageRead>,
        id: OrganizationId,
        page: Page<UsageRecordId>,
    ) -> Result<Listed<UsageRecord, UsageRecordId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.usage_records(&permit, &page)
        });
        listed.await
    }

    /// What was run in a month; in this one without.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to the organization.
    pub async fn usage(
        &self,
        acting: Acting<UsageRead>,
        id: OrganizationId,
        month: Option<Month>,
    ) -> Result<UsageSummary> {
        let month = month.unwrap_or(Month::of(self.now()));
        let found = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            Ok(UsageSummary { month, usage: Usage::total(&tx.days_of_usage(&permit, month)?) })
        });
        found.await
    }

    /// The same day by day, until today.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to the organization.
    pub async fn daily_usage(
        &self,
        acting: Acting<UsageRead>,
        id: OrganizationId,
        month: Option<Month>,
    ) -> Result<Vec<DayOfUsage>> {
        let now = self.now();
        let month = month.unwrap_or(Month::of(now));
        let found = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            Ok(every_day(month, now.day(), &tx.days_of_usage(&permit, month)?))
        });
        found.await
    }

    /// What was spent this month, against what may be.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to the organization.
    pub async fn spending(&self, acting: Acting<UsageRead>, id: OrganizationId) -> Result<Spending> {
        let now = self.now();
        let found = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            Ok(Spending { month: Month::of(now), budget: budget(tx, &permit, now)? })
        });
        found.await
    }
}
