//! The ledger of events.

use std::sync::Arc;

use audit::Personal;
use diesel::prelude::*;
use kernel::{Error, Event, EventKind, Origin, Result, Via, event::PERSONAL};
use platform::records::EventLedger;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Tx;
use crate::{
    columns::{Json, Moment, RowId},
    schema::events,
};

impl EventLedger for Tx<'_> {
    fn came_from(&mut self, origin: Arc<Origin>) {
        self.origin = Some(origin);
    }

    fn append(&mut self, event: &Event) -> Result<()> {
        check(event)?;
        let (payload, personal) = apart(&event.payload, self.origin.as_deref());
        let via = self.origin.as_ref().map(|origin| origin.via);
        let resource_id = event.resource_id();
        let refused = event.payload["action"].as_str().filter(|_| event.kind == EventKind::AccessDenied);
        let insert = diesel::insert_into(events::table).values((
            events::id.eq(RowId(event.id.0)),
            events::kind.eq(event.kind.as_str()),
            events::app_id.eq(event.app.map(|id| RowId(id.0))),
            events::organization_id.eq(event.organization.map(|id| RowId(id.0))),
            events::actor_id.eq(event.actor.map(|id| RowId(id.0))),
            events::payload.eq(Json(payload)),
            events::created_at.eq(Moment(event.at)),
            events::via.eq(via.map(Via::name)),
            events::via_id.eq(via.and_then(Via::id).map(RowId)),
            events::resource_type.eq(resource_id.is_some().then(|| event.kind.resource())),
            events::resource_id.eq(resource_id),
            events::refused_action.eq(refused.map(str::to_owned)),
            events::subject_id.eq(event.subject().map(|id| RowId(id.0))),
            events::request_id.eq(self.origin.as_ref().and_then(|origin| origin.request_id.clone())),
            events::digest.eq(personal.as_ref().map(|personal| personal.digest().to_vec())),
            events::salt.eq(personal.as_ref().map(|personal| personal.salt.to_vec())),
            events::personal.eq(personal.map(|personal| personal.text)),
        ));
        self.appended = true;
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn has_appended(&self) -> bool {
        self.appended
    }
}

/// Whether an event says what its kind declares. Tests find out by an error; whoever runs a release is told by the log,
/// and nobody is kept from what they do.
fn check(event: &Event) -> Result<()> {
    let Some(why) = event.kind.mismatch(&event.payload) else { return Ok(()) };
    if cfg!(debug_assertions) {
        return Err(Error::internal(why));
    }
    tracing::error!(why, "an event's payload is not as declared");
    Ok(())
}

/// The payload, and apart from it what tells who somebody is.
fn apart(payload: &Value, origin: Option<&Origin>) -> (Value, Option<Personal>) {
    let mut payload = payload.clone();
    let mut personal = Map::new();
    if let Value::Object(payload) = &mut payload {
        for key in PERSONAL {
            personal.extend(payload.remove_entry(key));
        }
    }
    if let Some(ip) = origin.and_then(|origin| origin.client.ip) {
        personal.insert("ip".to_owned(), ip.to_string().into());
    }
    if let Some(agent) = origin.and_then(|origin| origin.client.user_agent.as_ref()) {
        personal.insert("user_agent".to_owned(), agent.as_str().into());
    }
    let personal = (!personal.is_empty())
        .then(|| Personal { salt: Uuid::new_v4().into_bytes(), text: Value::Object(personal).to_string() });
    (payload, personal)
}
