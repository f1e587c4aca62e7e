//! One thing of the kind that a route is about, and what its path and its body say of it.

use std::sync::atomic::{AtomicU64, Ordering};

use fabric_http::routes::Entry;
pub use fabric_http::routes::Resource as Kind;
use kernel::id::PrincipalId;
use serde_json::{Value, json};

use crate::support::{NEXT_PASSWORD, PASSWORD};

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
        } else if ["/v1/invitations", "/v1/events/stream"].contains(&entry.path) {
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
        "url": "https://example.com/hooks", "kind": "oidc", "issuer": "https://id.example.com", "client_id": "client",
        "client_secret": "hunter2",
        "subject": fresh_name(), "text": "{{link}}", "html": "{{link}}",
    })
}
