//! Endpoints and deliveries as the use cases reach them.

use kernel::{
    Listed, Page, Result, Scope, Timestamp,
    id::{AppId, DeliveryId, OrganizationId, WebhookId},
};
use uuid::Uuid;

use crate::{Attempt, Delivery, DeliveryFilter, Done, Endpoint, Tried};

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

/// Who is to be told, of one database transaction.
pub trait FanOutRepository {
    /// How far the ledger is fanned out. `None` while somebody else is at it: nobody else is until the commit.
    fn fanned_out(&mut self) -> Result<Option<i64>>;

    /// Notes how far it is.
    fn set_fanned_out(&mut self, position: i64) -> Result<()>;

    /// In which apps these organizations are, those that are in one.
    fn apps_with(&mut self, organizations: &[OrganizationId]) -> Result<Vec<(OrganizationId, AppId)>>;

    /// Whose these apps are, and since when they are disabled.
    fn owners_of(&mut self, apps: &[AppId]) -> Result<Vec<(AppId, OrganizationId, Option<Timestamp>)>>;

    /// Which of these organizations are archived or about to be deleted, and since when.
    fn closed_since(&mut self, organizations: &[OrganizationId]) -> Result<Vec<(OrganizationId, Timestamp)>>;

    /// Adds deliveries.
    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<()>;
}

/// Deliveries of one database transaction. Whoever asks for those of an endpoint has it, and so was let there.
pub trait DeliveryRepository {
    /// The endpoint's deliveries that are due, some of them, those first that have been for the longest.
    fn due_deliveries(&mut self, endpoint: WebhookId, now: Timestamp, limit: i64) -> Result<Vec<Delivery>>;

    /// The endpoint's deliveries that are not done, some of them, in the order in which the events happened.
    fn deliveries_in_order(&mut self, endpoint: WebhookId, limit: i64) -> Result<Vec<Delivery>>;

    /// Writes down how attempts went, each of which is the delivery's next one and no other; what was written down of
    /// the one before is kept.
    fn record_attempts(&mut self, tried: &[Tried]) -> Result<()>;

    /// Notes since when everything fails at these endpoints, where that is not noted yet.
    fn note_failing(&mut self, endpoints: &[WebhookId], since: Timestamp) -> Result<()>;

    /// Notes that something has arrived at these endpoints.
    fn note_working(&mut self, endpoints: &[WebhookId]) -> Result<()>;

    /// Switches an endpoint off, unless it is, for this reason.
    fn switch_off(&mut self, endpoint: WebhookId, why: SwitchOff, now: Timestamp) -> Result<bool>;

    /// The endpoint's deliveries, newest first.
    fn deliveries_to(
        &mut self,
        endpoint: &Endpoint,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Listed<Delivery, DeliveryId>>;

    /// Those that are done, the oldest first, behind one of them.
    fn done_deliveries(
        &mut self,
        endpoint: &Endpoint,
        which: &Done,
        after: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<Delivery>>;

    /// One of them.
    fn delivery(&mut self, endpoint: &Endpoint, id: DeliveryId) -> Result<Option<Delivery>>;

    /// All attempts at it, the first one first.
    fn attempts(&mut self, delivery: &Delivery) -> Result<Vec<Attempt>>;

    /// Sends those of the endpoint's deliveries anew that are done, and forgives what was tried before; tells how many.
    fn send_anew(&mut self, endpoint: &Endpoint, ids: &[DeliveryId], now: Timestamp) -> Result<usize>;

    /// Deletes deliveries that were done before a moment, some at a time; tells how many.
    fn sweep_deliveries(&mut self, before: Timestamp) -> Result<usize>;

    /// The same for what has waited since before then for endpoints that are not active.
    fn sweep_waiting(&mut self, before: Timestamp) -> Result<usize>;

    /// Deletes deliveries to an endpoint, some at a time: all in one statement could take minutes. Tells whether there may
    /// be more.
    fn clear_deliveries(&mut self, endpoint: WebhookId) -> Result<bool>;
}

/// Why an endpoint is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchOff {
    /// Everything has failed since then, or for longer.
    FailingSince(Timestamp),
    /// It wanted nothing any more, and has not been changed since then.
    GoneAsOf(Timestamp),
}

/// Somebody's right to deliver, until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose: a process's id, drawn when it begins.
    pub holder: Uuid,
    /// Until when nobody else may.
    pub until: Timestamp,
}

/// Which endpoints may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// Those and no others.
    These(Vec<WebhookId>),
    /// All others.
    AllBut(Vec<WebhookId>),
}

/// Which endpoints something waits for, and who delivers there, of one database transaction.
pub trait QueueRepository {
    /// Notes that something waits for these endpoints from a moment on.
    fn queue_endpoints(&mut self, endpoints: &[WebhookId], due_at: Timestamp) -> Result<()>;

    /// Takes some endpoints for which something is due and which nobody has, the longest-waiting first.
    fn lease_endpoints(&mut self, lease: Lease, among: &Among, now: Timestamp, limit: i64) -> Result<Vec<WebhookId>>;

    /// Prolongs what of these the holder still has; tells what that is.
    fn renew_leases(&mut self, lease: Lease, endpoints: &[WebhookId]) -> Result<Vec<WebhookId>>;

    /// Whether the holder has the endpoint. Nothing is added to what waits there until the commit.
    fn holds_lease(&mut self, holder: Uuid, endpoint: WebhookId) -> Result<bool>;

    /// When the next of the endpoint's deliveries is due; with `ordered` the one that all others wait for.
    fn next_due(&mut self, endpoint: WebhookId, ordered: bool) -> Result<Option<Timestamp>>;

    /// Gives an endpoint back, to be looked at again then, and not before `paced_until`.
    fn give_back(&mut self, endpoint: WebhookId, due_at: Timestamp, paced_until: Option<Timestamp>) -> Result<()>;

    /// Nothing waits for the endpoint any more.
    fn leave_queue(&mut self, endpoint: WebhookId) -> Result<()>;

    /// Where only one process delivers, ends the leases that another one has left when it died.
    fn end_leases_of_the_dead(&mut self) -> Result<()>;
}
