//! One entry.

use kernel::{
    EventKind, Timestamp,
    id::{AppId, EventId, OrganizationId, PrincipalId},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Link;

/// An entry of the ledger, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The event's id.
    pub id: EventId,
    /// What happened: the name of an event's kind. A later version may have written one that this one does not know.
    pub kind: String,
    /// In which app; `None` is the platform itself.
    pub app: Option<AppId>,
    /// In which organization, where it concerns one.
    pub organization: Option<OrganizationId>,
    /// Who did it; `None` is the server or the operator.
    pub actor: Option<PrincipalId>,
    /// With what they acted: the name of a [`kernel::Via`].
    pub via: Option<String>,
    /// Which one of those.
    pub via_id: Option<Uuid>,
    /// What it happened to.
    pub resource: Option<(String, String)>,
    /// Names the request.
    pub request_id: Option<String>,
    /// More about it, as it was written: JSON.
    pub payload: String,
    /// What tells who somebody is; `None` when there is nothing, or when it was erased.
    pub personal: Option<Personal>,
    /// The digest of that, which stays.
    pub digest: Option<[u8; 32]>,
    /// When.
    pub at: Timestamp,
    /// Its place among all entries, once it has one.
    pub position: Option<i64>,
    /// Its link in its organization's chain, once it has one.
    pub link: Option<Link>,
}

/// What tells who somebody is: an address, a device. Kept apart from the rest, so that it can be erased and the chain
/// still holds: that has a digest of it, and the salt goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personal {
    /// Random, so that nobody finds out by trying what was erased.
    pub salt: [u8; 16],
    /// As it was written: JSON.
    pub text: String,
}

impl Personal {
    /// What the chain has of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.salt).update(self.text.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// What happens in an app to this kind of thing, the app itself, is done with accounts of the platform.
pub const OF_PLATFORM: &str = "app";

/// Whom an entry may tell of. They are who they are in one app: nobody is forgotten elsewhere when they go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Persons {
    /// Where they have their accounts; `None` is the platform itself.
    pub app: Option<AppId>,
    /// Who did it.
    pub actor: Option<PrincipalId>,
    /// Whom it is about.
    pub subject: Option<PrincipalId>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Denied,
}

impl Outcome {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
        }
    }
}

/// What somebody acted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A person.
    User,
    /// An app, for itself or on behalf of one of its users.
    App,
    /// An API key, or a client that acts as a service account.
    ApiKey,
    /// Whoever has the server's console.
    Operator,
    /// The server itself.
    System,
}

impl ActorKind {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::App => "app",
            Self::ApiKey => "api_key",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// As what.
    pub kind: ActorKind,
    /// Who.
    pub principal: Option<PrincipalId>,
    /// For whom, if not for themselves.
    pub on_behalf_of: Option<PrincipalId>,
}

impl Entry {
    /// Who did it. An app with a token for one of its users acts on their behalf.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let by = |kind| Actor { kind, principal: self.actor, on_behalf_of: None };
        match (self.via.as_deref(), self.via_id) {
            (Some("exchange"), Some(app)) => {
                Actor { kind: ActorKind::App, principal: Some(PrincipalId::from(AppId(app))), on_behalf_of: self.actor }
            }
            (Some("operator"), _) => by(ActorKind::Operator),
            (Some("api_key" | "client"), _) => by(ActorKind::ApiKey),
            (Some("app"), _) => by(ActorKind::App),
            _ if self.actor.is_some() => by(ActorKind::User),
            _ => by(ActorKind::System),
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.kind == EventKind::AccessDenied.as_str() { Outcome::Denied } else { Outcome::Success }
    }

    /// What was done; for a refusal what was refused.
    #[must_use]
    pub fn action(&self) -> String {
        let refused = (self.outcome() == Outcome::Denied).then(|| self.detail("action")).flatten();
        refused.unwrap_or_else(|| self.kind.clone())
    }

    /// Everything that is told about it, what tells who somebody is included, but for the device.
    #[must_use]
    pub fn details(&self) -> Map<String, Value> {
        let mut details = object(&self.payload);
        if let Some(personal) = &self.personal {
            let personal = object(&personal.text);
            details.extend(personal.into_iter().filter(|(key, _)| !["ip", "user_agent"].contains(&key.as_str())));
        }
        details
    }

    /// The peer's address, and what it called itself.
    #[must_use]
    pub fn client(&self) -> (Option<String>, Option<String>) {
        let personal = self.personal.as_ref().map(|personal| object(&personal.text)).unwrap_or_default();
        let text = |key: &str| personal.get(key).and_then(Value::as_str).map(str::to_owned);
        (text("ip"), text("user_agent"))
    }

    /// Whom it may tell of, and in which app: who did it, and whom it is about.
    #[must_use]
    pub fn persons(&self) -> Persons {
        let of_platform = self.resource.as_ref().is_some_and(|(kind, _)| kind == OF_PLATFORM);
        Persons { app: self.app.filter(|_| !of_platform), actor: self.actor, subject: self.subject() }
    }

    /// Whose account was deleted, if it tells of that, and in which app.
    #[must_use]
    pub fn deleted(&self) -> Option<(Option<AppId>, PrincipalId)> {
        let deleted = self.kind == EventKind::UserDeleted.as_str();
        deleted.then(|| self.subject()).flatten().map(|person| (self.app, person))
    }

    /// Whether what told who somebody is is gone.
    #[must_use]
    pub fn erased(&self) -> bool {
        self.digest.is_some() && self.personal.is_none()
    }

    /// By the payload, which is in the chain.
    fn subject(&self) -> Option<PrincipalId> {
        self.detail("principal_id").and_then(|id| id.parse().ok())
    }

    fn detail(&self, key: &str) -> Option<String> {
        object(&self.payload).get(key).and_then(Value::as_str).map(str::to_owned)
    }
}

fn object(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Which entries. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// An event's kind, or all that begin with it: `membership.` for `membership.*`.
    pub action: Option<(String, bool)>,
    /// Who did it.
    pub actor: Option<PrincipalId>,
    /// To what kind of thing.
    pub resource_type: Option<String>,
    /// To which.
    pub resource_id: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// In which request.
    pub request_id: Option<String>,
    /// Not before then.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(via: Option<&str>, via_id: Option<Uuid>, actor: Option<PrincipalId>) -> Entry {
        Entry {
            id: EventId::generate(),
            kind: "membership.created".to_owned(),
            app: None,
            organization: None,
            actor,
            via: via.map(str::to_owned),
            via_id,
            resource: None,
            request_id: None,
            payload: r#"{"role":"admin","action":"x"}"#.to_owned(),
            personal: Some(Personal {
                salt: [1; 16],
                text: r#"{"email":"a@b.example","ip":"::1","user_agent":"curl"}"#.to_owned(),
            }),
            digest: None,
            at: Timestamp::from_unix_seconds(0).unwrap(),
            position: None,
            link: None,
        }
    }

    #[test]
    fn an_app_acts_on_behalf_of_its_user() {
        let (user, app) = (PrincipalId::generate(), Uuid::now_v7());
        let told = entry(Some("exchange"), Some(app), Some(user)).actor();
        let expected = Actor { kind: ActorKind::App, principal: Some(PrincipalId(app)), on_behalf_of: Some(user) };
        assert_eq!(told, expected);
        assert_eq!(entry(Some("session"), None, Some(user)).actor().kind, ActorKind::User);
        assert_eq!(entry(None, None, Some(user)).actor().kind, ActorKind::User);
        assert_eq!(entry(None, None, None).actor().kind, ActorKind::System);
        assert_eq!(entry(Some("operator"), None, None).actor().kind, ActorKind::Operator);
    }

    #[test]
    fn what_tells_who_somebody_is_can_be_gone() {
        let whole = entry(None, None, None);
        assert_eq!(whole.details()["email"], "a@b.example");
        assert!(!whole.details().contains_key("ip"));
        assert_eq!(whole.client(), (Some("::1".to_owned()), Some("curl".to_owned())));
        let erased = Entry { personal: None, ..whole };
        assert_eq!(erased.details()["role"], "admin");
        assert!(!erased.details().contains_key("email"));
        assert_eq!(erased.client(), (None, None));
    }

    #[test]
    fn a_deletion_tells_who_is_gone() {
        let (app, gone) = (Some(AppId::generate()), PrincipalId::generate());
        let payload = format!(r#"{{"principal_id":"{gone}"}}"#);
        let other = Entry { app, payload, ..entry(None, None, None) };
        let deletion = Entry { kind: "user.deleted".to_owned(), ..other.clone() };
        assert_eq!((deletion.deleted(), other.deleted()), (Some((app, gone)), None));
        assert_eq!(other.persons(), Persons { app, actor: None, subject: Some(gone) });
        let of_app = Entry { resource: Some((EventKind::AppUpdated.resource().to_owned(), "x".to_owned())), ..other };
        assert_eq!(of_app.persons().app, None);
    }

    #[test]
    fn a_refusal_tells_what_was_refused() {
        let refusal = Entry { kind: "access.denied".to_owned(), ..entry(None, None, None) };
        assert_eq!((refusal.outcome(), refusal.action()), (Outcome::Denied, "x".to_owned()));
        assert_eq!(entry(None, None, None).action(), "membership.created");
    }
}
