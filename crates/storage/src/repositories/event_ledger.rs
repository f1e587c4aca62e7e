//! The ledger of events.

use diesel::prelude::*;
use kernel::{Event, Result};
use platform::records::EventLedger;

use super::Tx;
use crate::{
    columns::{Json, Moment, RowId},
    schema::events,
};

impl EventLedger for Tx<'_> {
    fn append(&mut self, event: &Event) -> Result<()> {
        let insert = diesel::insert_into(events::table).values((
            events::id.eq(RowId(event.id.0)),
            events::kind.eq(event.kind.as_str()),
            events::app_id.eq(event.app.map(|id| RowId(id.0))),
            events::organization_id.eq(event.organization.map(|id| RowId(id.0))),
            events::actor_id.eq(event.actor.map(|id| RowId(id.0))),
            events::payload.eq(Json(event.payload.clone())),
            events::created_at.eq(Moment(event.at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }
}
