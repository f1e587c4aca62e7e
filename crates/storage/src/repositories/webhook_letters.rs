//! About which endpoints somebody was written to.

use std::time::Duration;

use diesel::{
    dsl::{count_star, exists},
    prelude::*,
    upsert::excluded,
};
use kernel::{
    Result, Timestamp,
    id::{OrganizationId, WebhookId},
};
use platform::records::WebhookLetters;

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::webhook_letters,
};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

impl WebhookLetters for Tx<'_> {
    fn note_webhook_letter(
        &mut self,
        organization: OrganizationId,
        endpoint: WebhookId,
        most_an_hour: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let today = webhook_letters::table.find(RowId(endpoint.0)).filter(webhook_letters::expires_at.gt(Moment(now)));
        if self.query(|connection| diesel::select(exists(today)).get_result(connection))? {
            return Ok(false);
        }
        let this_hour = webhook_letters::table
            .filter(webhook_letters::organization_id.eq(RowId(organization.0)))
            .filter(webhook_letters::expires_at.gt(Moment(now.after(DAY).before(HOUR))))
            .select(count_star());
        let written: i64 = self.query(|connection| this_hour.first(connection))?;
        if written >= most_an_hour {
            return Ok(false);
        }
        let note = diesel::insert_into(webhook_letters::table)
            .values((
                webhook_letters::endpoint_id.eq(RowId(endpoint.0)),
                webhook_letters::organization_id.eq(RowId(organization.0)),
                webhook_letters::expires_at.eq(Moment(now.after(DAY))),
            ))
            .on_conflict(webhook_letters::endpoint_id)
            .do_update()
            .set(webhook_letters::expires_at.eq(excluded(webhook_letters::expires_at)));
        self.query(|connection| note.execute(connection))?;
        Ok(true)
    }

    fn sweep_webhook_letters(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, webhook_letters, endpoint_id: RowId, before))
    }
}
