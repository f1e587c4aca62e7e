//! The endpoint that an organization's settings ask for: `webhook_url` and `webhook_events`.

use authz::{
    Permit,
    action::{WebhookManage, WebhookRevoke},
};
use kernel::{EventKind, Result, Scope as _, id::WebhookId};
use tenancy::OrganizationSettings;
use webhooks::{Endpoint, EndpointUrl, EventFilter};

use crate::{
    Transaction,
    key_making::Author,
    keys::Sealing,
    webhook_making::{EndpointChange, NewEndpoint, change, make, told},
};

/// Where to, and which kinds.
pub(crate) struct WantedEndpoint {
    url: EndpointUrl,
    filter: EventFilter,
}

impl WantedEndpoint {
    /// What the settings ask for; nothing without a URL.
    ///
    /// # Errors
    /// `invalid_url`; `invalid_request` for what no event is called.
    pub fn of(settings: &OrganizationSettings) -> Result<Option<Self>> {
        let filter = EventFilter::parse(settings.webhook_events.clone().unwrap_or_default())?;
        let url = settings.webhook_url.as_ref().map(|url| EndpointUrl::parse(url.as_str())).transpose()?;
        Ok(url.map(|url| Self { url, filter }))
    }
}

/// Makes, changes or deletes the endpoint, so that it is as the settings ask for from now on; tells which one it is. It is
/// an endpoint like every other, bound to no app and signed for with the organization's secret.
///
/// # Errors
/// `forbidden` and `insufficient_scope` for who may not manage endpoints; those of [`make`] and [`change`].
pub(crate) fn keep_in_step<A>(
    tx: &mut dyn Transaction,
    permit: &Permit<A>,
    sealing: &Sealing,
    author: Author,
    before: &OrganizationSettings,
    wanted: Option<WantedEndpoint>,
) -> Result<Option<WebhookId>> {
    match (known(tx, permit, before)?, wanted) {
        (None, None) => Ok(None),
        (Some(endpoint), None) => {
            permit.need::<WebhookRevoke>()?;
            tx.delete_endpoint(permit, endpoint.id)?;
            told(tx, author, EventKind::WebhookDeleted, &endpoint, &[])?;
            Ok(None)
        }
        (Some(endpoint), Some(WantedEndpoint { url, filter })) => {
            permit.need::<WebhookManage>()?;
            if endpoint.url != url || endpoint.filter != filter {
                let wanted = EndpointChange { url: Some(url), filter: Some(filter), ..EndpointChange::default() };
                change(tx, permit, sealing, author, &endpoint, wanted)?;
            }
            Ok(Some(endpoint.id))
        }
        (None, Some(WantedEndpoint { url, filter })) => {
            permit.need::<WebhookManage>()?;
            let new = NewEndpoint { filter, ..NewEndpoint::new(url) };
            Ok(Some(make(tx, permit, sealing, author, &new)?.webhook.endpoint.id))
        }
    }
}

/// Deletes some of what is on its way to the endpoint; tells whether there may be more.
///
/// # Errors
/// `forbidden` and `insufficient_scope` for who may not delete endpoints.
pub(crate) fn clear<A>(tx: &mut dyn Transaction, permit: &Permit<A>, settings: &OrganizationSettings) -> Result<bool> {
    let Some(endpoint) = known(tx, permit, settings)? else { return Ok(false) };
    permit.need::<WebhookRevoke>()?;
    tx.clear_deliveries(endpoint.id)
}

/// The endpoint as it is now, unless somebody has deleted it meanwhile.
fn known<A>(tx: &mut dyn Transaction, permit: &Permit<A>, settings: &OrganizationSettings) -> Result<Option<Endpoint>> {
    let found = settings.webhook_endpoint.map(|id| tx.endpoint(id)).transpose()?.flatten();
    Ok(found.filter(|endpoint| endpoint.organization == permit.organization()))
}
