//! Who delivers to whom.

use diesel::{
    dsl::{min, sql, sql_query},
    prelude::*,
    sql_types::Bool,
};
use kernel::{Result, Timestamp, id::WebhookId};
use uuid::Uuid;
use webhooks::{Among, Lease, QueueRepository};

use super::{super::lock::ONE_PROCESS, AT_ONCE, Db, Tx};
use crate::{
    columns::{Moment, RowId, Ts, Uid},
    schema::{webhook_deliveries, webhook_queues},
};

impl QueueRepository for Tx<'_> {
    fn queue_endpoints(&mut self, endpoints: &[WebhookId], due_at: Timestamp) -> Result<()> {
        // In one order, so that two who queue the same ones never wait for each other.
        let mut ids: Vec<_> = endpoints.iter().map(|id| RowId(id.0)).collect();
        ids.sort_unstable();
        ids.dedup();
        for some in ids.chunks(AT_ONCE) {
            let rows: Vec<_> = (0..some.len()).map(|row| format!("(${}, ${})", 2 * row + 1, 2 * row + 2)).collect();
            let mut upsert = sql_query(format!(
                "INSERT INTO webhook_queues (endpoint_id, due_at) VALUES {} ON CONFLICT (endpoint_id) DO UPDATE \
                 SET due_at = CASE WHEN webhook_queues.due_at <= excluded.due_at THEN webhook_queues.due_at \
                 WHEN webhook_queues.paced_until > excluded.due_at THEN webhook_queues.paced_until \
                 ELSE excluded.due_at END",
                rows.join(", ")
            ))
            .into_boxed::<Db>();
            for id in some {
                upsert = upsert.bind::<Uid, _>(*id).bind::<Ts, _>(Moment(due_at));
            }
            self.query(|connection| upsert.execute(connection))?;
        }
        Ok(())
    }

    fn lease_endpoints(&mut self, lease: Lease, among: &Among, now: Timestamp, limit: i64) -> Result<Vec<WebhookId>> {
        let free = webhook_queues::leased_until.is_null().or(webhook_queues::leased_until.le(Moment(now)));
        let due = webhook_queues::table
            .filter(webhook_queues::due_at.le(Moment(now)))
            .filter(free)
            .order(webhook_queues::due_at)
            .limit(limit)
            .select(webhook_queues::endpoint_id);
        let due: Vec<RowId> = match among {
            Among::These(ids) => {
                let due = due.filter(webhook_queues::endpoint_id.eq_any(rows(ids)));
                self.query(|connection| for_update_skip_locked!(due).load(connection))?
            }
            Among::AllBut(ids) => {
                let due = due.filter(webhook_queues::endpoint_id.ne_all(rows(ids)));
                self.query(|connection| for_update_skip_locked!(due).load(connection))?
            }
        };
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let leased = diesel::update(webhook_queues::table.filter(webhook_queues::endpoint_id.eq_any(due.clone())))
            .set(as_leased(lease));
        self.query(|connection| leased.execute(connection))?;
        Ok(due.into_iter().map(|id| WebhookId(id.0)).collect())
    }

    fn renew_leases(&mut self, lease: Lease, endpoints: &[WebhookId]) -> Result<Vec<WebhookId>> {
        let mut renewed = Vec::with_capacity(endpoints.len());
        let mut ids = rows(endpoints);
        // In one order, as who queues them does: nobody waits for each other.
        ids.sort_unstable();
        for some in ids.chunks(AT_ONCE) {
            let held = webhook_queues::table
                .filter(webhook_queues::endpoint_id.eq_any(some.to_vec()))
                .filter(webhook_queues::leased_by.eq(RowId(lease.holder)))
                .order(webhook_queues::endpoint_id)
                .select(webhook_queues::endpoint_id);
            let held: Vec<RowId> = self.query(|connection| for_update!(held).load(connection))?;
            let these = webhook_queues::table.filter(webhook_queues::endpoint_id.eq_any(held.clone()));
            let renew = diesel::update(these).set(as_leased(lease));
            self.query(|connection| renew.execute(connection))?;
            renewed.extend(held.into_iter().map(|id| WebhookId(id.0)));
        }
        Ok(renewed)
    }

    fn holds_lease(&mut self, holder: Uuid, endpoint: WebhookId) -> Result<bool> {
        let held = webhook_queues::table
            .find(RowId(endpoint.0))
            .filter(webhook_queues::leased_by.eq(RowId(holder)))
            .select(webhook_queues::endpoint_id);
        let held: Option<RowId> = self.query(|connection| for_update!(held).first(connection).optional())?;
        Ok(held.is_some())
    }

    fn next_due(&mut self, endpoint: WebhookId, ordered: bool) -> Result<Option<Timestamp>> {
        let waiting = webhook_deliveries::table
            .filter(webhook_deliveries::endpoint_id.eq(RowId(endpoint.0)))
            .filter(sql::<Bool>(super::webhook_deliveries::PENDING));
        let due: Option<Moment> = if ordered {
            let first = waiting.order(webhook_deliveries::position).select(webhook_deliveries::due_at);
            self.query(|connection| first.first(connection).optional())?.flatten()
        } else {
            let first = waiting.select(min(webhook_deliveries::due_at));
            self.query(|connection| first.first(connection))?
        };
        Ok(due.map(|due| due.0))
    }

    fn give_back(&mut self, endpoint: WebhookId, due_at: Timestamp, paced_until: Option<Timestamp>) -> Result<()> {
        let back = diesel::update(webhook_queues::table.find(RowId(endpoint.0))).set((
            webhook_queues::due_at.eq(Moment(due_at)),
            webhook_queues::paced_until.eq(paced_until.map(Moment)),
            webhook_queues::leased_by.eq(None::<RowId>),
            webhook_queues::leased_until.eq(None::<Moment>),
        ));
        self.query(|connection| back.execute(connection)).map(drop)
    }

    fn leave_queue(&mut self, endpoint: WebhookId) -> Result<()> {
        let delete = diesel::delete(webhook_queues::table.find(RowId(endpoint.0)));
        self.query(|connection| delete.execute(connection)).map(drop)
    }

    fn end_leases_of_the_dead(&mut self) -> Result<()> {
        if !ONE_PROCESS {
            return Ok(());
        }
        let held = webhook_queues::table.filter(webhook_queues::leased_by.is_not_null());
        let end = diesel::update(held)
            .set((webhook_queues::leased_by.eq(None::<RowId>), webhook_queues::leased_until.eq(None::<Moment>)));
        self.query(|connection| end.execute(connection)).map(drop)
    }
}

fn rows(ids: &[WebhookId]) -> Vec<RowId> {
    ids.iter().map(|id| RowId(id.0)).collect()
}

type Leased = (
    diesel::dsl::Eq<webhook_queues::leased_by, Option<RowId>>,
    diesel::dsl::Eq<webhook_queues::leased_until, Option<Moment>>,
);

fn as_leased(lease: Lease) -> Leased {
    let holder = webhook_queues::leased_by.eq(Some(RowId(lease.holder)));
    (holder, webhook_queues::leased_until.eq(Some(Moment(lease.until))))
}
