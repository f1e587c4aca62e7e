//! What grants and roles name: actions and resources, whole or by their beginning.

use std::fmt;

use kernel::{Code, Error, Result, Role};

/// The longest name of an action, and the longest id of a resource, in bytes.
const LONGEST: usize = 256;

/// Actions by name: one, all below a name (`team.*`), or every one (`*`). Names that Fabric does not know are an app's
/// own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionPattern(String);

impl ActionPattern {
    /// Reads a pattern; a bare verb is completed by the kind of resource that it is about (`read` on a `team` is
    /// `team.read`).
    ///
    /// # Errors
    /// `invalid_request` for what is no name, and for a role: those are given by membership.
    pub fn parse(text: &str, kind: Option<&str>) -> Result<Self> {
        let invalid = || {
            Error::because(
                Code::InvalidRequest,
                "Name an action such as team.create, all below a name such as team.*, or all of them: *.",
            )
        };
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let name = complete(text, kind);
        let segments = name.strip_suffix(".*").unwrap_or(&name);
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        let good = |segment: &str| !segment.is_empty() && segment.bytes().all(is_letter);
        if name.len() > LONGEST || !name.contains('.') || !segments.split('.').all(good) {
            return Err(invalid());
        }
        if name.rsplit('.').next().is_some_and(|last| Role::parse(last).is_ok()) {
            return Err(Error::because(Code::InvalidRequest, "A role is given by membership, not by a grant."));
        }
        Ok(Self(name))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means this action.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        match self.0.strip_suffix('*') {
            // `team.*`: what begins with `team.`; `*`: everything.
            Some(beginning) => action.starts_with(beginning),
            None => self.0 == action,
        }
    }

    /// Whether everything that `other` means is meant.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0) || self == other
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The full name of an action: `read` on a `team` is `team.read`.
pub(crate) fn complete(action: &str, kind: Option<&str>) -> String {
    match kind {
        Some(kind) if !action.contains('.') => format!("{kind}.{action}"),
        _ => action.to_owned(),
    }
}

/// The kinds of things that are Fabric's own.
const OURS: [&str; 10] = [
    "organization",
    "team",
    "app",
    "user",
    "permission",
    "role",
    "api_key",
    "service_account",
    "oauth_client",
    "webhook",
];

/// Things of ours that say nothing of where they are: only an organization that is named besides does.
const WITHIN: [&str; 3] = ["member", "asset", "invitation"];

/// One thing: its kind and its id, which may have any form (`workflow:research/trends`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    kind: String,
    id: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl Resource {
    /// # Errors
    /// `invalid_request` when the kind is no word or the id is empty or endless.
    pub fn new(kind: &str, id: &str) -> Result<Self> {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        let kind_is_good = !kind.is_empty() && kind.len() <= 64 && kind.bytes().all(word);
        let id_is_good = !id.is_empty() && id.len() <= LONGEST && !id.chars().any(char::is_control);
        if kind_is_good && id_is_good {
            // What is ours is known by one spelling of its id: another one dodges no denial.
            let id = match id.parse::<uuid::Uuid>() {
                Ok(canonical) if OURS.contains(&kind) || WITHIN.contains(&kind) => canonical.to_string(),
                _ => id.to_owned(),
            };
            return Ok(Self { kind: kind.to_owned(), id });
        }
        Err(Error::because(Code::InvalidRequest, "Name a resource by its kind and id, such as team:0190… ."))
    }

    /// Something of ours, by the kind that we call it.
    #[must_use]
    pub fn of(kind: &'static str, id: uuid::Uuid) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }

    /// Reads `kind:id`. Only the first colon divides.
    ///
    /// # Errors
    /// As [`Resource::new`].
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, id) = text.split_once(':').unwrap_or((text, ""));
        Self::new(kind, id)
    }

    /// Whether it is one of Fabric's own things.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        OURS.contains(&self.kind.as_str())
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Which one.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Things that a grant is about: one, those whose id begins alike (`workflow:research/*`), or all of a kind
/// (`workflow:*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourcePattern(Resource);

impl ResourcePattern {
    /// # Errors
    /// As [`Resource::new`].
    pub fn new(kind: &str, id: &str) -> Result<Self> {
        Resource::new(kind, id).map(Self)
    }

    /// What kind of thing it is about.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Which ones: an id, or the beginning of one and `*`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Whether it means this one.
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        let same_kind = self.0.kind == resource.kind;
        same_kind
            && match self.0.id.strip_suffix('*') {
                Some(beginning) => resource.id.starts_with(beginning),
                None => self.0.id == resource.id,
            }
    }
}

impl From<Resource> for ResourcePattern {
    fn from(resource: Resource) -> Self {
        Self(resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> ActionPattern {
        ActionPattern::parse(text, None).unwrap()
    }

    #[test]
    fn a_pattern_means_one_action_or_all_below_a_name() {
        assert!(pattern("team.create").matches("team.create"));
        assert!(!pattern("team.create").matches("team.create_all"));
        assert!(pattern("team.*").matches("team.create") && pattern("team.*").matches("team.a.b"));
        assert!(!pattern("team.*").matches("teams.create") && !pattern("team.*").matches("team"));
        assert!(pattern("*").matches("anything.at.all"));
        assert_eq!(ActionPattern::parse("read", Some("team")).unwrap().as_str(), "team.read");
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in
            ["", "read", ".", "a.", ".a", "a..b", "A.b", "a.b c", "*.a", "a*", "a.*.b", "team.owner", "a.é", "**"]
        {
            assert!(ActionPattern::parse(text, None).is_err(), "{text}");
        }
        assert!(ActionPattern::parse(&format!("a.{}", "b".repeat(300)), None).is_err());
        assert!(ActionPattern::parse("admin", Some("team")).is_err(), "a role is no action");
        assert!(ActionPattern::parse("member.*", None).is_ok(), "what is about members is");
    }

    #[test]
    fn a_pattern_covers_what_means_no_more() {
        assert!(pattern("*").covers(&pattern("team.*")) && pattern("*").covers(&pattern("*")));
        assert!(pattern("team.*").covers(&pattern("team.create")) && pattern("team.*").covers(&pattern("team.*")));
        assert!(!pattern("team.create").covers(&pattern("team.*")) && !pattern("team.*").covers(&pattern("*")));
    }

    #[test]
    fn a_resource_is_divided_once() {
        let resource = Resource::parse("workflow:research/trends:v2").unwrap();
        assert_eq!((resource.kind(), resource.id()), ("workflow", "research/trends:v2"));
        for text in ["", "workflow", ":x", "workflow:", "Work:x", "w w:x", "workflow:\0"] {
            assert!(Resource::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_ours_has_one_spelling() {
        let id = uuid::Uuid::from_u128(0xabc);
        let plain = Resource::of("team", id);
        let upper = id.to_string().to_uppercase();
        for spelling in [upper.clone(), format!("{{{id}}}"), id.simple().to_string(), format!("urn:uuid:{id}")] {
            assert_eq!(Resource::new("team", &spelling).unwrap(), plain, "{spelling}");
        }
        assert_eq!(Resource::new("invoice", &upper).unwrap().id(), upper, "others' ids are theirs");
    }

    #[test]
    fn a_resource_pattern_means_one_or_those_that_begin_alike() {
        let means = |pattern: &str, resource: &str| {
            ResourcePattern::from(Resource::parse(pattern).unwrap()).matches(&Resource::parse(resource).unwrap())
        };
        assert!(means("workflow:research/*", "workflow:research/trends"));
        assert!(
            !means("workflow:research/*", "workflow:researches") && !means("workflow:research/*", "job:research/x")
        );
        assert!(means("workflow:*", "workflow:x") && !means("workflow:x", "workflow:xy"));
        // A star in a question is a letter like any other.
        assert!(!means("workflow:x", "workflow:*"));
    }
}
