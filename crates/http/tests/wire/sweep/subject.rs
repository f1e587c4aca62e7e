//! What a route is about: what its path names, or what its body does.

use std::sync::atomic::{AtomicU64, Ordering};

use fabric_http::{Access, routes::Entry};
use kernel::id::PrincipalId;
use serde_json::{Value, json};

use crate::support::{NEXT_PASSWORD, PASSWORD};

/// What a route is about, and so whose role decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caller's own: everybody has some, if only none.
    Own,
    /// An organization of an app.
    Organization,
    /// An organization of an app, named in the body or in the query.
    Tenant,
    /// A member of an organization of an app.
    Member,
    /// One of its own roles.
    Role,
    /// One of its secrets.
    Secret,
    /// One of its assets.
    Asset,
    /// One of its teams.
    Team,
    /// Somebody in one of its teams.
    TeamMember,
    /// One of its grants.
    Permission,
    /// One of its invitations.
    Invitation,
    /// One person's API key in it.
    Key,
    /// One of its service accounts.
    ServiceAccount,
    /// A key of one of those.
    ServiceAccountKey,
    /// One of its OAuth clients.
    OauthClient,
    /// The organization that owns apps, named in the body.
    Owner,
    /// An app.
    App,
    /// An account of an app.
    User,
    /// The accounts of an app.
    Users,
    /// The platform itself.
    Platform,
}

impl Kind {
    /// Whether it belongs to an organization of an app, or is that.
    pub fn is_tenants(self) -> bool {
        match self {
            Self::Tenant
            | Self::Member
            | Self::Role
            | Self::Secret
            | Self::Asset
            | Self::Team
            | Self::TeamMember
            | Self::Invitation
            | Self::Permission
            | Self::Key
            | Self::ServiceAccount
            | Self::ServiceAccountKey
            | Self::OauthClient => true,
            Self::Own | Self::Organization | Self::Owner | Self::App | Self::User | Self::Users | Self::Platform => {
                false
            }
        }
    }

    /// # Panics
    /// For a route whose parameters or action nobody has taught the sweep.
    pub fn of(entry: &Entry) -> Self {
        let parameters: Vec<_> = entry.path.split('/').filter(|segment| segment.starts_with('{')).collect();
        match (parameters.as_slice(), entry.access) {
            (["{organization_id}"], _) => Self::Organization,
            (["{app_id}"], _) => Self::App,
            (["{principal_id}"], _) => Self::User,
            (["{organization_id}", "{principal_id}"], _) => Self::Member,
            (["{organization_id}", "{role_id}"], _) => Self::Role,
            (["{organization_id}", "{secret_name}"], _) => Self::Secret,
            (["{organization_id}", "{asset_id}"], _) => Self::Asset,
            (["{team_id}"], _) => Self::Team,
            (["{team_id}", "{principal_id}"], _) => Self::TeamMember,
            (["{permission_id}"], _) => Self::Permission,
            (["{invitation_id}"], _) => Self::Invitation,
            (["{api_key_id}"], _) => Self::Key,
            (["{service_account_id}"], _) => Self::ServiceAccount,
            (["{service_account_id}", "{api_key_id}"], _) => Self::ServiceAccountKey,
            (["{client_id}"], _) => Self::OauthClient,
            (
                [],
                Access::Action(
                    "team.create"
                    | "permission.manage"
                    | "organization.invite"
                    | "invitation.read"
                    | "api_key.create"
                    | "service_account.read"
                    | "service_account.manage"
                    | "oauth_client.manage",
                ),
            ) => Self::Tenant,
            ([], Access::Action("authz.check")) if entry.path.contains("/resolve/") => Self::Tenant,
            ([], Access::Action("app.create")) => Self::Owner,
            (
                [],
                Access::Action(
                    "organization.list"
                    | "organization.create"
                    | "app.list"
                    | "authz.check"
                    | "api_key.read"
                    | "oauth_client.read",
                ),
            ) => Self::Own,
            ([], Access::Action("user.read" | "user.manage" | "audit.read")) => Self::Users,
            ([], Access::Action("concurrency_limit.read" | "concurrency_limit.manage")) => Self::Platform,
            ([], access) if !matches!(access, Access::Action(_)) => Self::Own,
            _ => panic!(
                "{} {} ({:?}) is new to the sweep: say in Kind::of what it is about",
                entry.method, entry.path, entry.access
            ),
        }
    }
}

/// One thing of a kind.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the path names.
    pub id: String,
    /// What the path names second.
    pub part: String,
    /// What the query or the body names beside it: an app, or an organization.
    pub within: String,
}

impl Subject {
    pub fn new(id: &impl ToString, within: &impl ToString) -> Self {
        Self { id: id.to_string(), part: any_id(), within: within.to_string() }
    }

    /// A part of something.
    pub fn part(self, part: &impl ToString) -> Self {
        Self { part: part.to_string(), ..self }
    }

    /// What does not exist, or does not matter.
    pub fn anything() -> Self {
        Self::new(&any_id(), &any_id())
    }

    /// The route's path with this in it.
    pub fn path(&self, entry: &Entry) -> String {
        let mut path = entry.path.to_owned();
        let parameters = entry.path.split('/').filter(|segment| segment.starts_with('{'));
        for (parameter, value) in parameters.zip([&self.id, &self.part]) {
            path = path.replace(parameter, value);
        }
        if entry.path.starts_with("/v1/admin/users") || entry.path.starts_with("/v1/audit-logs") {
            format!("{path}?app_id={}", self.within)
        } else if entry.path == "/v1/invitations" {
            format!("{path}?organization_id={}", self.within)
        } else if entry.path.contains("/resolve/") {
            format!("{path}?organization_id={}&principal_id={}", self.within, self.part)
        } else if entry.path == "/v1/service-accounts" && entry.method == "GET" {
            format!("{path}?organization_id={}", self.within)
        } else {
            path
        }
    }
}

pub fn any_id() -> String {
    PrincipalId::generate().to_string()
}

pub fn fresh_name() -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    format!("person-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// One body for every route: each takes its own fields and does not look at the others.
pub fn body(subject: &Subject) -> Value {
    json!({
        "name": fresh_name(), "display_name": "Renamed", "metadata": { "renamed": true }, "auto_create_org": false,
        "role": "viewer", "action": "organization.read", "actions": ["organization.read"], "checks": [], "principal_id": subject.part,
        "email": format!("{}@example.com", fresh_name()), "password": PASSWORD,
        "current_password": PASSWORD, "new_password": NEXT_PASSWORD, "organization_id": subject.within,
        // None but these: a key with scopes makes none with more.
        "scopes": ["api_keys:read"], "redirect_uris": [],
        "value": "hunter2", "monthly_limit_usd": 12.5, "asset_type": "voice", "cost_usd": 0.25,
        "idempotency_key": fresh_name(), "scope": "global", "max_concurrent_runs": 5,
    })
}
