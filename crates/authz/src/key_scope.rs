//! Scopes of API keys. They only ever take away: a key with scopes does what they name, a key with none does what its
//! role may.

use std::fmt;

use kernel::{Code, Error, Result};

macro_rules! scopes {
    ($($name:ident = $wire:literal;)+) => {
        /// What a scope covers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum KeyScope {
            $(#[doc = concat!("`", $wire, "`.")] $name,)+
        }

        impl KeyScope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }
        }
    };
}

scopes! {
    JobsRead = "jobs:read";
    JobsWrite = "jobs:write";
    ProvidersExecute = "providers:execute";
    WorkflowsRead = "workflows:read";
    WorkflowsWrite = "workflows:write";
    OrganizationsRead = "organizations:read";
    OrganizationsWrite = "organizations:write";
    MembersRead = "members:read";
    MembersWrite = "members:write";
    WebhooksRead = "webhooks:read";
    WebhooksWrite = "webhooks:write";
    ApiKeysRead = "api_keys:read";
    ApiKeysWrite = "api_keys:write";
    UsersRead = "users:read";
    UsersWrite = "users:write";
    AppsRead = "apps:read";
    AppsWrite = "apps:write";
    SessionsRead = "sessions:read";
    SessionsWrite = "sessions:write";
    AuditRead = "audit:read";
    AuthzCheck = "authz:check";
    AuthSocial = "auth:social";
}

impl KeyScope {
    /// # Errors
    /// `invalid_request` when there is no scope of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|scope| scope.name() == name);
        found.copied().ok_or_else(|| Error::because(Code::InvalidRequest, "There is no such scope."))
    }

    /// Whether it is about changes.
    #[must_use]
    pub fn writes(self) -> bool {
        self.name().ends_with(":write")
    }

    /// The scope for an app's own action, where there is one: running workflows and jobs and calling providers are
    /// scopes of the documented key format.
    #[must_use]
    pub fn of_foreign(action: &str) -> Option<Self> {
        let (kind, verb) = action.split_once('.')?;
        let reads = matches!(verb.rsplit('.').next(), Some("read" | "list" | "get"));
        match kind {
            "workflow" if reads => Some(Self::WorkflowsRead),
            "workflow" => Some(Self::WorkflowsWrite),
            "job" if reads => Some(Self::JobsRead),
            "job" => Some(Self::JobsWrite),
            "provider" => Some(Self::ProvidersExecute),
            _ => None,
        }
    }

    /// Whether who has this has `wanted`: writing implies reading.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        let reading = self.name().strip_suffix(":write").zip(wanted.name().strip_suffix(":read"));
        self == wanted || reading.is_some_and(|(mine, theirs)| mine == theirs)
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyScopes(Vec<KeyScope>);

impl KeyScopes {
    /// # Errors
    /// `invalid_request` when one of them does not exist.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut scopes = Vec::new();
        for name in names {
            let scope = KeyScope::parse(name)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(Self(scopes))
    }

    /// Whether they take nothing away: there are none.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Each by its name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|scope| scope.name())
    }

    /// Whether who has these has all of `others`.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        self.is_everything() || !others.is_everything() && others.0.iter().all(|scope| self.allow(*scope))
    }

    /// Whether the key may be used for it, as far as scopes go.
    #[must_use]
    pub fn allow(&self, wanted: KeyScope) -> bool {
        self.0.is_empty() || self.0.iter().any(|scope| scope.covers(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_hands_on_a_scope_that_they_lack() {
        let scopes = |names: &[&str]| KeyScopes::parse(names.iter().copied()).unwrap();
        let (all, writes) = (scopes(&[]), scopes(&["users:write", "users:write", "apps:read"]));
        assert_eq!(writes.names().collect::<Vec<_>>(), ["users:write", "apps:read"]);
        assert!(all.cover(&all) && all.cover(&writes) && writes.cover(&writes));
        assert!(writes.cover(&scopes(&["users:read"])));
        assert!(!writes.cover(&all) && !writes.cover(&scopes(&["users:read", "apps:write"])));
    }

    #[test]
    fn scopes_only_take_away() {
        let scopes = |names: &[&str]| KeyScopes::parse(names.iter().copied()).unwrap();
        assert!(KeyScope::ALL.iter().all(|scope| scopes(&[]).allow(*scope)), "none: everything");
        let writes = scopes(&["users:write"]);
        assert!(writes.allow(KeyScope::UsersWrite) && writes.allow(KeyScope::UsersRead));
        assert!(!scopes(&["users:read"]).allow(KeyScope::UsersWrite));
        assert!(!writes.allow(KeyScope::AppsRead));
        assert!(KeyScopes::parse(["users:*"]).is_err());
    }
}
