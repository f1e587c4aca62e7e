//! What is on its way to those who are told.

use std::collections::HashMap;

use diesel::{
    dsl::{sql, sql_query},
    prelude::*,
    sql_types::{Bool, Integer, Nullable, Text},
};
use kernel::{
    Listed, Page, Result, Timestamp,
    id::{DeliveryId, EventId, WebhookId},
};
use webhooks::{
    Attempt, Delivery, DeliveryFilter, DeliveryRepository, DeliveryStatus, Done, Endpoint, SwitchOff, Tried,
};

use super::{AT_ONCE, Db, SWEEP, Tx};
use crate::{
    columns::{Moment, RowId, Ts, Uid, intact},
    schema::{webhook_attempts, webhook_deliveries, webhook_endpoints},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub(super) struct DeliveryRow {
    id: RowId,
    endpoint_id: RowId,
    event_id: RowId,
    event_kind: String,
    position: i64,
    status: String,
    attempts: i32,
    forgiven: i32,
    due_at: Option<Moment>,
    last_at: Option<Moment>,
    latency_ms: Option<i32>,
    status_code: Option<i32>,
    answer: Option<String>,
    error: Option<String>,
    created_at: Moment,
    finished_at: Option<Moment>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_attempts, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct AttemptRow {
    number: i32,
    at: Moment,
    latency_ms: i32,
    status_code: Option<i32>,
    answer: Option<String>,
    error: Option<String>,
}

/// In letters and not as a parameter, so that the indexes of just those deliveries serve.
pub(super) const PENDING: &str = "webhook_deliveries.status = 'pending'";

impl DeliveryRepository for Tx<'_> {
    fn due_deliveries(&mut self, endpoint: WebhookId, now: Timestamp, limit: i64) -> Result<Vec<Delivery>> {
        let query = webhook_deliveries::table
            .filter(webhook_deliveries::endpoint_id.eq(RowId(endpoint.0)))
            .filter(sql::<Bool>(PENDING))
            .filter(webhook_deliveries::due_at.le(Moment(now)))
            .order((webhook_deliveries::due_at, webhook_deliveries::position))
            .limit(limit)
            .select(DeliveryRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(DeliveryRow::into_delivery).collect()
    }

    fn deliveries_in_order(&mut self, endpoint: WebhookId, limit: i64) -> Result<Vec<Delivery>> {
        let query = webhook_deliveries::table
            .filter(webhook_deliveries::endpoint_id.eq(RowId(endpoint.0)))
            .filter(sql::<Bool>(PENDING))
            .order(webhook_deliveries::position)
            .limit(limit)
            .select(DeliveryRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(DeliveryRow::into_delivery).collect()
    }

    fn record_attempts(&mut self, tried: &[Tried]) -> Result<()> {
        let ids: Vec<_> = tried.iter().map(|tried| RowId(tried.delivery.0)).collect();
        let waiting = webhook_deliveries::table
            .filter(webhook_deliveries::id.eq_any(ids))
            .filter(sql::<Bool>(PENDING))
            .order(webhook_deliveries::id)
            .select((webhook_deliveries::id, webhook_deliveries::attempts));
        let waiting: Vec<(RowId, i32)> = self.query(|connection| for_update!(waiting).load(connection))?;
        let waiting: HashMap<RowId, i32> = waiting.into_iter().collect();
        let next = |tried: &&Tried| waiting.get(&RowId(tried.delivery.0)) == Some(&(tried.attempt.number - 1));
        let tried: Vec<_> = tried.iter().filter(next).collect();
        self.keep_attempts_before(&tried)?;
        self.note_attempts(&tried)
    }

    fn note_failing(&mut self, endpoints: &[WebhookId], since: Timestamp) -> Result<()> {
        let ids = endpoints.iter().map(|id| RowId(id.0)).collect::<Vec<_>>();
        let working = webhook_endpoints::table
            .filter(webhook_endpoints::id.eq_any(ids))
            .filter(webhook_endpoints::failing_since.is_null());
        let update = diesel::update(working).set(webhook_endpoints::failing_since.eq(Moment(since)));
        self.query(|connection| update.execute(connection)).map(drop)
    }

    fn note_working(&mut self, endpoints: &[WebhookId]) -> Result<()> {
        let ids = endpoints.iter().map(|id| RowId(id.0)).collect::<Vec<_>>();
        let failing = webhook_endpoints::table
            .filter(webhook_endpoints::id.eq_any(ids))
            .filter(webhook_endpoints::failing_since.is_not_null());
        let update = diesel::update(failing).set(webhook_endpoints::failing_since.eq(None::<Moment>));
        self.query(|connection| update.execute(connection)).map(drop)
    }

    fn switch_off(&mut self, endpoint: WebhookId, why: SwitchOff, now: Timestamp) -> Result<bool> {
        let mut active = diesel::update(webhook_endpoints::table)
            .filter(webhook_endpoints::id.eq(RowId(endpoint.0)))
            .filter(webhook_endpoints::active)
            .into_boxed();
        active = match why {
            SwitchOff::FailingSince(since) => active.filter(webhook_endpoints::failing_since.le(Moment(since))),
            SwitchOff::GoneAsOf(changed) => active.filter(webhook_endpoints::updated_at.le(Moment(changed))),
        };
        let update = active.set((webhook_endpoints::active.eq(false), webhook_endpoints::disabled_at.eq(Moment(now))));
        Ok(self.query(|connection| update.execute(connection))? > 0)
    }

    fn deliveries_to(
        &mut self,
        endpoint: &Endpoint,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Listed<Delivery, DeliveryId>> {
        let all = || {
            let there = webhook_deliveries::endpoint_id.eq(RowId(endpoint.id.0));
            let mut query = webhook_deliveries::table.filter(there).into_boxed::<Db>();
            if let Some(status) = filter.status {
                query = query.filter(webhook_deliveries::status.eq(status.name()));
            }
            if let Some(kind) = &filter.kind {
                query = query.filter(webhook_deliveries::event_kind.eq(kind.clone()));
            }
            query
        };
        let (rows, total): (Vec<DeliveryRow>, _) =
            paged!(self, page, all by newest webhook_deliveries::id, DeliveryRow::as_select());
        let found = rows.into_iter().map(DeliveryRow::into_delivery).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |delivery: &Delivery| delivery.id))
    }

    fn done_deliveries(
        &mut self,
        endpoint: &Endpoint,
        which: &Done,
        after: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<Delivery>> {
        let there = webhook_deliveries::endpoint_id.eq(RowId(endpoint.id.0));
        let mut query = webhook_deliveries::table.filter(there).into_boxed::<Db>();
        query = match which.status {
            // Those have an index of their own.
            Some(DeliveryStatus::Failed) => query.filter(sql::<Bool>("webhook_deliveries.status = 'failed'")),
            Some(status) => query.filter(webhook_deliveries::status.eq(status.name())),
            None => query.filter(webhook_deliveries::status.ne(DeliveryStatus::Pending.name())),
        };
        if let Some(from) = which.from {
            query = query.filter(webhook_deliveries::created_at.ge(Moment(from)));
        }
        if let Some(to) = which.to {
            query = query.filter(webhook_deliveries::created_at.lt(Moment(to)));
        }
        if let Some(after) = after {
            query = query.filter(webhook_deliveries::id.gt(RowId(after.0)));
        }
        let query = query.order(webhook_deliveries::id).limit(limit).select(DeliveryRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(DeliveryRow::into_delivery).collect()
    }

    fn delivery(&mut self, endpoint: &Endpoint, id: DeliveryId) -> Result<Option<Delivery>> {
        let there = webhook_deliveries::endpoint_id.eq(RowId(endpoint.id.0));
        let query = webhook_deliveries::table.find(RowId(id.0)).filter(there).select(DeliveryRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(DeliveryRow::into_delivery).transpose()
    }

    fn attempts(&mut self, delivery: &Delivery) -> Result<Vec<Attempt>> {
        let query = webhook_attempts::table
            .filter(webhook_attempts::delivery_id.eq(RowId(delivery.id.0)))
            .order(webhook_attempts::number)
            .select(AttemptRow::as_select());
        let before: Vec<AttemptRow> = self.query(|connection| query.load(connection))?;
        Ok(before.into_iter().map(AttemptRow::into_attempt).chain(delivery.last.clone()).collect())
    }

    fn send_anew(&mut self, endpoint: &Endpoint, ids: &[DeliveryId], now: Timestamp) -> Result<usize> {
        let mut sent = 0;
        for some in ids.chunks(AT_ONCE) {
            let some: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let done = webhook_deliveries::table
                .filter(webhook_deliveries::id.eq_any(some))
                .filter(webhook_deliveries::endpoint_id.eq(RowId(endpoint.id.0)))
                .filter(webhook_deliveries::status.ne(DeliveryStatus::Pending.name()));
            let update = diesel::update(done).set((
                webhook_deliveries::status.eq(DeliveryStatus::Pending.name()),
                webhook_deliveries::forgiven.eq(webhook_deliveries::attempts),
                webhook_deliveries::due_at.eq(Moment(now)),
                webhook_deliveries::finished_at.eq(None::<Moment>),
            ));
            sent += self.query(|connection| update.execute(connection))?;
        }
        Ok(sent)
    }

    fn sweep_deliveries(&mut self, before: Timestamp) -> Result<usize> {
        let before = Moment(before);
        let old = webhook_deliveries::table
            .filter(webhook_deliveries::finished_at.lt(before))
            .order(webhook_deliveries::finished_at)
            .limit(SWEEP)
            .select(webhook_deliveries::id);
        let old: Vec<RowId> = self.query(|connection| old.load(connection))?;
        if old.is_empty() {
            return Ok(0);
        }
        // One of them may be sent anew by now.
        let sweep = diesel::delete(webhook_deliveries::table)
            .filter(webhook_deliveries::id.eq_any(old))
            .filter(webhook_deliveries::finished_at.lt(before));
        self.query(|connection| sweep.execute(connection))
    }

    fn sweep_waiting(&mut self, before: Timestamp) -> Result<usize> {
        // Of each endpoint the oldest alone are looked at: what is behind one that is too young is younger. As many as go at
        // once, so that whoever has more is come back to at once.
        let sweep = sql_query(format!(
            "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_endpoints e \
             JOIN webhook_deliveries d ON d.id IN (SELECT w.id FROM webhook_deliveries w \
             WHERE w.endpoint_id = e.id AND w.status = 'pending' AND w.forgiven = 0 ORDER BY w.position LIMIT {SWEEP}) \
             WHERE NOT e.active AND d.created_at < $1 LIMIT {SWEEP})",
        ));
        let sweep = sweep.bind::<Ts, _>(Moment(before));
        self.query(|connection| sweep.execute(connection))
    }

    fn clear_deliveries(&mut self, endpoint: WebhookId) -> Result<bool> {
        let some = webhook_deliveries::table
            .filter(webhook_deliveries::endpoint_id.eq(RowId(endpoint.0)))
            .order(webhook_deliveries::id)
            .limit(SWEEP)
            .select(webhook_deliveries::id);
        let some: Vec<RowId> = self.query(|connection| some.load(connection))?;
        let full = i64::try_from(some.len()).is_ok_and(|count| count == SWEEP);
        let clear = diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(some)));
        self.query(|connection| clear.execute(connection)).map(|_| full)
    }
}

impl Tx<'_> {
    /// Keeps what deliveries have of the last attempt at them, where there was one, before the next one takes its place.
    fn keep_attempts_before(&mut self, tried: &[&Tried]) -> Result<()> {
        let again = tried.iter().filter(|tried| tried.attempt.number > 1);
        let again: Vec<_> = again.map(|tried| RowId(tried.delivery.0)).collect();
        if again.is_empty() {
            return Ok(());
        }
        let before = webhook_deliveries::table
            .filter(webhook_deliveries::id.eq_any(again))
            .filter(webhook_deliveries::last_at.is_not_null())
            .filter(webhook_deliveries::latency_ms.is_not_null())
            .select((
                webhook_deliveries::id,
                webhook_deliveries::attempts,
                webhook_deliveries::last_at.assume_not_null(),
                webhook_deliveries::latency_ms.assume_not_null(),
                webhook_deliveries::status_code,
                webhook_deliveries::answer,
                webhook_deliveries::error,
            ));
        let keep = diesel::insert_into(webhook_attempts::table).values(before).into_columns((
            webhook_attempts::delivery_id,
            webhook_attempts::number,
            webhook_attempts::at,
            webhook_attempts::latency_ms,
            webhook_attempts::status_code,
            webhook_attempts::answer,
            webhook_attempts::error,
        ));
        self.query(|connection| keep.execute(connection)).map(drop)
    }

    /// One statement for all of them: a statement for each would take most of the time that delivering takes.
    fn note_attempts(&mut self, tried: &[&Tried]) -> Result<()> {
        const COLUMNS: usize = 10;
        if tried.is_empty() {
            return Ok(());
        }
        let row = |row: usize| {
            let values: Vec<_> = (1..=COLUMNS).map(|column| format!("${}", COLUMNS * row + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<_> = (0..tried.len()).map(row).collect();
        let mut update = sql_query(format!(
            "WITH given (id, status, attempts, due_at, last_at, latency_ms, status_code, answer, error, finished_at) \
             AS (VALUES {}) UPDATE webhook_deliveries SET status = given.status, attempts = given.attempts, \
             due_at = given.due_at, last_at = given.last_at, latency_ms = given.latency_ms, \
             status_code = given.status_code, answer = given.answer, error = given.error, \
             finished_at = given.finished_at FROM given WHERE webhook_deliveries.id = given.id",
            rows.join(", ")
        ))
        .into_boxed::<Db>();
        for Tried { delivery, attempt, status, due_at, .. } in tried {
            let finished_at = (*status != DeliveryStatus::Pending).then_some(Moment(attempt.at));
            update = update
                .bind::<Uid, _>(RowId(delivery.0))
                .bind::<Text, _>(status.name())
                .bind::<Integer, _>(attempt.number)
                .bind::<Nullable<Ts>, _>(due_at.map(Moment))
                .bind::<Ts, _>(Moment(attempt.at))
                .bind::<Integer, _>(attempt.latency_ms)
                .bind::<Nullable<Integer>, _>(attempt.status_code)
                .bind::<Nullable<Text>, _>(attempt.answer.clone())
                .bind::<Nullable<Text>, _>(attempt.error.clone())
                .bind::<Nullable<Ts>, _>(finished_at);
        }
        self.query(|connection| update.execute(connection)).map(drop)
    }
}

impl From<&Delivery> for DeliveryRow {
    fn from(delivery: &Delivery) -> Self {
        let last = delivery.last.as_ref();
        Self {
            id: RowId(delivery.id.0),
            endpoint_id: RowId(delivery.endpoint.0),
            event_id: RowId(delivery.event.0),
            event_kind: delivery.kind.clone(),
            position: delivery.position,
            status: delivery.status.name().to_owned(),
            attempts: delivery.attempts,
            forgiven: delivery.forgiven,
            due_at: delivery.due_at.map(Moment),
            last_at: last.map(|attempt| Moment(attempt.at)),
            latency_ms: last.map(|attempt| attempt.latency_ms),
            status_code: last.and_then(|attempt| attempt.status_code),
            answer: last.and_then(|attempt| attempt.answer.clone()),
            error: last.and_then(|attempt| attempt.error.clone()),
            created_at: Moment(delivery.created_at),
            finished_at: delivery.finished_at.map(Moment),
        }
    }
}

impl DeliveryRow {
    fn into_delivery(self) -> Result<Delivery> {
        let last = self.last_at.zip(self.latency_ms).map(|(at, latency_ms)| Attempt {
            number: self.attempts,
            at: at.0,
            latency_ms,
            status_code: self.status_code,
            answer: self.answer,
            error: self.error,
        });
        Ok(Delivery {
            id: DeliveryId(self.id.0),
            endpoint: WebhookId(self.endpoint_id.0),
            event: EventId(self.event_id.0),
            kind: self.event_kind,
            position: self.position,
            status: intact(DeliveryStatus::parse(&self.status))?,
            attempts: self.attempts,
            forgiven: self.forgiven,
            due_at: self.due_at.map(|at| at.0),
            last,
            created_at: self.created_at.0,
            finished_at: self.finished_at.map(|at| at.0),
        })
    }
}

impl AttemptRow {
    fn into_attempt(self) -> Attempt {
        Attempt {
            number: self.number,
            at: self.at.0,
            latency_ms: self.latency_ms,
            status_code: self.status_code,
            answer: self.answer,
            error: self.error,
        }
    }
}
