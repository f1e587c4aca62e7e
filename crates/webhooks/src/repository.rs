//! Endpoints as the use cases reach them.

use kernel::{
    Listed, Page, Result, Scope, Timestamp,
    id::{OrganizationId, WebhookId},
};

use crate::Endpoint;

/// Endpoints of one database transaction.
pub trait EndpointRepository {
    /// The endpoint of that id, whoever has it. In a transaction that writes it stays as it was read until the commit.
    fn endpoint(&mut self, id: WebhookId) -> Result<Option<Endpoint>>;

    /// The organization's endpoints, oldest first.
    fn endpoints_in(&mut self, scope: &dyn Scope, page: &Page<WebhookId>) -> Result<Listed<Endpoint, WebhookId>>;

    /// How many the organization has.
    fn count_endpoints(&mut self, scope: &dyn Scope) -> Result<i64>;

    /// All endpoints of these organizations.
    fn endpoints_of(&mut self, organizations: &[OrganizationId]) -> Result<Vec<Endpoint>>;

    /// Adds an endpoint.
    fn insert_endpoint(&mut self, scope: &dyn Scope, endpoint: &Endpoint) -> Result<()>;

    /// Writes what of it may change.
    ///
    /// # Errors
    /// `not_found` for another organization's.
    fn update_endpoint(&mut self, scope: &dyn Scope, endpoint: &Endpoint) -> Result<()>;

    /// Lets who delivers look at what waits for it, at once.
    fn wake_endpoint(&mut self, scope: &dyn Scope, id: WebhookId, now: Timestamp) -> Result<()>;

    /// Deletes it, with what is on its way there.
    ///
    /// # Errors
    /// `not_found` for another organization's.
    fn delete_endpoint(&mut self, scope: &dyn Scope, id: WebhookId) -> Result<()>;
}
