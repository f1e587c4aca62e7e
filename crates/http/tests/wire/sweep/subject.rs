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
    /// One of its teams.
    Team,
    /// Somebody in one of its teams.
    TeamMember,
    /// One of its grants.
    Permission,
    /// One of its invitations.
    Invitation,
    /// The organization that owns apps, named in the body.
    Owner,
    /// An app.
    App,
    /// An account of an app.
    User,
    /// The accounts of an app.
    Users,
}

impl Kind {
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
            (["{team_id}"], _) => Self::Team,
            (["{team_id}", "{principal_id}"], _) => Self::TeamMember,
            (["{permission_id}"], _) => Self::Permission,
            (["{invitation_id}"], _) => Self::Invitation,
            ([], Access::Action("team.create" | "permission.manage" | "organization.invite" | "invitation.read")) => {
                Self::Tenant
            }
            ([], Access::Action("authz.check")) if entry.path.contains("/resolve/") => Self::Tenant,
            ([], Access::Action("app.create")) => Self::Owner,
            ([], Access::Action("organization.list" | "organization.create" | "app.list" | "authz.check")) => Self::Own,
            ([], Access::Action("user.read" | "user.manage")) => Self::Users,
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
        if entry.path.starts_with("/v1/admin/users") {
            format!("{path}?app_id={}", self.within)
        } else if entry.path == "/v1/invitations" {
            format!("{path}?organization_id={}", self.within)
        } else if entry.path.contains("/resolve/") {
            format!("{path}?organization_id={}&principal_id={}", self.within, self.part)
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
        "value": "hunter2", "monthly_limit_usd": 12.5,
    })
}
