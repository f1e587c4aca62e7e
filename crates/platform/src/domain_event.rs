//! An event as those see it who are told of it: by a stream, or by a webhook.

use audit::Entry;
use kernel::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// An event, as streams and webhooks tell it. From where somebody did it, and with which device, is for the audit log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DomainEvent {
    /// The event's id.
    pub id: Uuid,
    /// What happened.
    pub kind: String,
    /// The same once more: receivers of either name find it.
    pub event: String,
    /// In which organization, where it concerns one.
    pub organization_id: Option<Uuid>,
    /// In which app.
    pub app_id: Option<Uuid>,
    /// Who did it; nobody when it was the server itself.
    pub actor_id: Option<Uuid>,
    /// More about it.
    pub payload: Map<String, Value>,
    /// When.
    pub timestamp: Timestamp,
}

impl From<&Entry> for DomainEvent {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.0,
            kind: entry.kind.clone(),
            event: entry.kind.clone(),
            organization_id: entry.organization.map(|id| id.0),
            app_id: entry.app.map(|id| id.0),
            actor_id: entry.actor.map(|id| id.0),
            payload: entry.details(),
            timestamp: entry.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use audit::Personal;
    use kernel::{EventKind, id::EventId};
    use serde_json::json;

    use super::*;

    #[test]
    fn it_tells_who_somebody_is_and_not_where_they_were() {
        let entry = Entry {
            id: EventId::generate(),
            kind: EventKind::AuthSignup.as_str().to_owned(),
            app: None,
            organization: None,
            actor: None,
            via: None,
            via_id: None,
            resource: None,
            request_id: Some("r".to_owned()),
            payload: json!({ "principal_id": "p" }).to_string(),
            personal: Some(Personal {
                salt: [0; 16],
                text: json!({ "email": "a@b.example", "ip": "203.0.113.7", "user_agent": "x" }).to_string(),
            }),
            digest: None,
            at: Timestamp::from_unix_seconds(0).unwrap(),
            position: Some(1),
            link: None,
        };
        let told = serde_json::to_value(DomainEvent::from(&entry)).unwrap();
        assert_eq!(told["payload"], json!({ "principal_id": "p", "email": "a@b.example" }));
        assert_eq!((&told["kind"], &told["event"]), (&json!("auth.signup"), &json!("auth.signup")));
        assert!(!told.to_string().contains("203.0.113.7"), "{told}");
        let erased = Entry { personal: None, ..entry };
        assert_eq!(DomainEvent::from(&erased).payload["principal_id"], "p");
    }
}
