//! Things that happened. An event is a row of the ledger, written in the transaction that caused it; the audit log,
//! webhooks and streams read from there.

mod fields;
mod kinds;
mod payload;

use serde_json::Value;

pub use self::{
    kinds::EventKind,
    payload::{Field, FieldType, Presence},
};
use crate::{
    Timestamp,
    id::{AppId, EventId, OrganizationId, PrincipalId},
};

/// The fields of a payload that tell who somebody is. The ledger keeps them apart, so that they can be erased.
pub const PERSONAL: [&str; 3] = ["email", "former_email", "display_name"];

/// Something that happened. Its payload never carries a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The event's own id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// In which app; `None` is the platform itself.
    pub app: Option<AppId>,
    /// In which organization, where it concerns one.
    pub organization: Option<OrganizationId>,
    /// Who did it; `None` is the system or the operator at the console.
    pub actor: Option<PrincipalId>,
    /// More about it.
    pub payload: Value,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// The id of what it happened to, where the payload or the event names it.
    #[must_use]
    pub fn resource_id(&self) -> Option<String> {
        let named = |key: &str| self.payload.get(key).and_then(Value::as_str).map(str::to_owned);
        match self.kind.resource() {
            "user" | "member" => named("principal_id"),
            "organization" | "access" => self.organization.map(|id| id.to_string()),
            "secret" => named("name"),
            "concurrency_limit" => named("scope"),
            kind => named(&format!("{kind}_id")),
        }
    }

    /// Whom it is about, where that is somebody else than who did it.
    #[must_use]
    pub fn subject(&self) -> Option<PrincipalId> {
        let person = self.payload.get("principal_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        person.filter(|person| Some(*person) != self.actor)
    }

    /// An event of this kind, about which nothing else is said yet.
    #[must_use]
    pub fn new(kind: EventKind, at: Timestamp) -> Self {
        Self {
            id: EventId::generate(),
            kind,
            app: None,
            organization: None,
            actor: None,
            payload: Value::Object(serde_json::Map::new()),
            at,
        }
    }

    /// An event of this kind with a payload as it declares it, made up: for tests.
    #[must_use]
    pub fn example(kind: EventKind, at: Timestamp) -> Self {
        Self { payload: payload::example(kind.fields()), ..Self::new(kind, at) }
    }
}
