//! What an endpoint wants to hear.

use std::collections::BTreeMap;

use kernel::{Code, Error, Result};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

/// Kinds of events: whole (`auth.login`), by their beginning (`auth.*`), or every one (`*`). None at all mean every one
/// as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter(Vec<String>);

impl EventFilter {
    const MOST: usize = 100;

    /// # Errors
    /// `invalid_request` for what no event can be: a name that Fabric does not know may be one of a later version, or an
    /// app's own, and is none of these.
    pub fn parse(patterns: Vec<String>) -> Result<Self> {
        if patterns.len() > Self::MOST {
            return Err(Error::because(Code::InvalidRequest, format!("Name at most {} kinds of events.", Self::MOST)));
        }
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            None => Ok(Self(patterns)),
            Some(_) => Err(Error::because(
                Code::InvalidRequest,
                "Name kinds of events such as auth.login, all below a name such as auth.*, or all of them: *.",
            )),
        }
    }

    /// As they are written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    /// Whether events of the kind of this name are wanted.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            // `auth.*`: what begins with `auth.`; `*`: everything.
            Some(beginning) => kind.starts_with(beginning),
            None => pattern == kind,
        };
        self.0.is_empty() || self.0.iter().any(matches)
    }
}

fn is_pattern(text: &str) -> bool {
    let good = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let whole = text.strip_suffix(".*").unwrap_or(text);
    text == "*" || text.len() <= 100 && whole.split('.').all(good) && text.contains('.')
}

/// About which things: fields of the payload, or ids that stand beside it, and what they have to be. All have to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter(BTreeMap<String, String>);

impl ResourceFilter {
    const MOST: usize = 20;
    const LONGEST: usize = 256;

    /// # Errors
    /// `invalid_request` for too many, and for long ones.
    pub fn parse(fields: BTreeMap<String, String>) -> Result<Self> {
        let long = |(name, value): (&String, &String)| name.len() > Self::LONGEST || value.len() > Self::LONGEST;
        if fields.len() > Self::MOST || fields.iter().any(long) {
            let why = format!("Name at most {} fields, of at most {} bytes each.", Self::MOST, Self::LONGEST);
            return Err(Error::because(Code::InvalidRequest, why));
        }
        Ok(Self(fields))
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether an event is about one of these, by its payload or by the ids beside it.
    #[must_use]
    pub fn wants(&self, payload: &Map<String, Value>, ids: &[(&str, Option<Uuid>)]) -> bool {
        let beside = |name: &str, wanted: &str| {
            let mut found = ids.iter().filter(|(known, _)| *known == name).filter_map(|(_, id)| *id);
            found.any(|id| Uuid::parse_str(wanted).is_ok_and(|wanted| wanted == id))
        };
        let said = |name: &str, wanted: &str| match payload.get(name) {
            Some(Value::String(value)) => value == wanted,
            Some(Value::Number(value)) => wanted.parse::<Number>().is_ok_and(|wanted| wanted == *value),
            Some(Value::Bool(value)) => wanted.parse::<bool>().is_ok_and(|wanted| wanted == *value),
            _ => false,
        };
        self.0.iter().all(|(name, wanted)| said(name, wanted) || beside(name, wanted))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(patterns: &[&str]) -> Result<EventFilter> {
        EventFilter::parse(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
    }

    #[test]
    fn kinds_are_named_whole_by_their_beginning_or_all() {
        for (patterns, wanted) in [
            (&[][..], true),
            (&["*"], true),
            (&["auth.*"], true),
            (&["auth.login"], true),
            (&["team.*", "auth.login"], true),
            (&["auth.logout"], false),
            (&["team.*"], false),
            (&["aut.*"], false),
        ] {
            assert_eq!(filter(patterns).unwrap().wants("auth.login"), wanted, "{patterns:?}");
        }
    }

    #[test]
    fn what_no_event_is_called_is_refused() {
        for good in ["workflow.run.completed", "workflow.*", "workflow.node.*", "some.later_kind"] {
            assert!(filter(&[good]).is_ok(), "{good}");
        }
        for bad in ["", ".", "auth", "auth*", "*.login", "auth.*.x", "auth..login", "Auth.login", "auth.log in", "**"] {
            assert!(filter(&[bad]).is_err(), "{bad}");
        }
        assert!(filter(&["a.b"; 101]).is_err());
    }

    #[test]
    fn every_field_has_to_fit() {
        let payload = json!({ "team_id": "t", "runs": 3, "on": true, "deep": {} });
        let payload = payload.as_object().unwrap();
        let organization = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        let ids = [("organization_id", Some(organization)), ("actor_id", None)];
        for (fields, wanted) in [
            (&[][..], true),
            (&[("team_id", "t")], true),
            (&[("team_id", "t"), ("runs", "3"), ("on", "true")], true),
            (&[("team_id", "u")], false),
            (&[("team_id", "t"), ("absent", "")], false),
            (&[("deep", "{}")], false),
            (&[("organization_id", "01920000-0000-7000-8000-000000000001")], true),
            (&[("organization_id", "01920000-0000-7000-8000-000000000002")], false),
            (&[("actor_id", "")], false),
            (&[("team_id", "t"), ("organization_id", "01920000-0000-7000-8000-000000000001")], true),
        ] {
            let given = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(ResourceFilter::parse(given).unwrap().wants(payload, &ids), wanted, "{fields:?}");
        }
    }
}
