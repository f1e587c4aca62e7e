//! Where an action was permitted.

use crate::id::{AppId, OrganizationId};

/// The organization in which someone may act. Repositories ask for it instead of a bare id, so that code that never got
/// a permit cannot reach what an organization owns: `authz::Permit` is one.
pub trait Scope {
    /// The organization.
    fn organization(&self) -> OrganizationId;
}

/// The app whose accounts someone may manage; `None` is the platform itself. Repositories ask for it instead of a bare
/// id: `authz::AppPermit` is one.
pub trait AppScope {
    /// The app, or `None` for the platform.
    fn app(&self) -> Option<AppId>;
}

/// The scope of those who act for nobody: background work, the operator at the console, and tests. A search for this
/// name finds every one of them.
#[derive(Clone, Copy, Debug)]
pub struct Unchecked<T>(pub T);

impl Scope for Unchecked<OrganizationId> {
    fn organization(&self) -> OrganizationId {
        self.0
    }
}

impl AppScope for Unchecked<Option<AppId>> {
    fn app(&self) -> Option<AppId> {
        self.0
    }
}
