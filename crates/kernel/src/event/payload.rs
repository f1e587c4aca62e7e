//! What the payload of an event has in it: declared once a kind, and checked when an event is written.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Timestamp;

/// A field of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What kind of value it has.
    pub value: FieldType,
    /// When it is there.
    pub presence: Presence,
    /// What it says, in a phrase for the documentation.
    pub meaning: &'static str,
}

/// What kind of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A UUID.
    Id,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A time, as RFC 3339 writes it.
    Time,
}

/// When a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Always,
    /// Always, and `null` where there is nothing to say.
    OrNull,
    /// Where there is something to say; else it is missing, or `null`.
    Sometimes,
    /// Where the token goes that it is or leads with: the ledger never has it.
    WithToken,
}

impl FieldType {
    /// What the documentation calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Text => "text",
            Self::Texts => "list of text",
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Time => "time",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Id => value.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok()),
            Self::Text => value.is_string(),
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Bool => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Time => serde_json::from_value::<Timestamp>(value.clone()).is_ok(),
        }
    }

    fn example(self) -> Value {
        match self {
            Self::Id => json!("01890a5d-ac96-774b-bcce-b302099a8057"),
            Self::Text => json!("text"),
            Self::Texts => json!(["text"]),
            Self::Bool => json!(true),
            Self::Integer | Self::Number => json!(1),
            Self::Time => json!("2026-11-22T13:09:33Z"),
        }
    }
}

impl Field {
    pub(super) const fn new(name: &'static str, value: FieldType, meaning: &'static str) -> Self {
        Self { name, value, presence: Presence::Always, meaning }
    }

    pub(super) const fn or_null(self) -> Self {
        Self { presence: Presence::OrNull, ..self }
    }

    pub(super) const fn sometimes(self) -> Self {
        Self { presence: Presence::Sometimes, ..self }
    }

    pub(super) const fn with_token(self) -> Self {
        Self { presence: Presence::WithToken, ..self }
    }

    /// Whether this is what an event of the ledger may have there.
    fn allows(&self, value: Option<&Value>) -> bool {
        match (self.presence, value) {
            (Presence::OrNull | Presence::Sometimes, Some(Value::Null))
            | (Presence::Sometimes | Presence::WithToken, None) => true,
            (Presence::WithToken, Some(_)) | (_, None) => false,
            (_, Some(value)) => self.value.fits(value),
        }
    }
}

/// What of a payload is not as its fields are declared, if anything: for the log, without a value.
pub(super) fn mismatch(fields: &[Field], payload: &Value) -> Option<String> {
    let Value::Object(payload) = payload else { return Some("the payload is no object".to_owned()) };
    let wrong = fields.iter().find(|field| !field.allows(payload.get(field.name)));
    let unknown = || payload.keys().find(|name| fields.iter().all(|field| field.name != name.as_str()));
    match wrong {
        Some(Field { name, value, presence, .. }) => Some(format!("{name} is not {} ({presence:?})", value.name())),
        None => unknown().map(|name| format!("{name} is not declared")),
    }
}

/// A payload with all that the ledger may have of it, made up.
pub(super) fn example(fields: &[Field]) -> Value {
    let kept = fields.iter().filter(|field| field.presence != Presence::WithToken);
    Value::Object(kept.map(|field| (field.name.to_owned(), field.value.example())).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::new("id", FieldType::Id, ""),
        Field::new("team", FieldType::Id, "").or_null(),
        Field::new("reason", FieldType::Text, "").sometimes(),
        Field::new("token", FieldType::Text, "").with_token(),
    ];

    #[test]
    fn a_payload_is_what_its_fields_say_and_no_more() {
        let id = Uuid::nil();
        for good in [
            json!({ "id": id, "team": null }),
            json!({ "id": id, "team": id, "reason": "x" }),
            json!({ "id": id, "team": null, "reason": null }),
            example(FIELDS),
        ] {
            assert_eq!(mismatch(FIELDS, &good), None, "{good}");
        }
        for (bad, why) in [
            (json!("id"), "the payload is no object"),
            (json!({ "id": id }), "team is not id (OrNull)"),
            (json!({ "id": "x", "team": null }), "id is not id (Always)"),
            (json!({ "id": null, "team": null }), "id is not id (Always)"),
            (json!({ "id": id, "team": null, "reason": 1 }), "reason is not text (Sometimes)"),
            (json!({ "id": id, "team": null, "token": "t" }), "token is not text (WithToken)"),
            (json!({ "id": id, "team": null, "more": 1 }), "more is not declared"),
        ] {
            assert_eq!(mismatch(FIELDS, &bad).as_deref(), Some(why), "{bad}");
        }
    }

    #[test]
    fn a_value_is_of_its_type() {
        for (value, good, bad) in [
            (FieldType::Texts, json!(["a"]), json!(["a", 1])),
            (FieldType::Bool, json!(false), json!("false")),
            (FieldType::Integer, json!(3), json!(3.5)),
            (FieldType::Number, json!(3.5), json!("3.5")),
            (FieldType::Time, json!("2026-11-22T13:09:33.000022Z"), json!("yesterday")),
        ] {
            assert!(value.fits(&good) && value.fits(&value.example()), "{good}");
            assert!(!value.fits(&bad), "{bad}");
        }
    }
}
