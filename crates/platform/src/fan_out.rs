//! From the ledger to those who want to hear: one delivery for each endpoint and event.

use std::collections::{BTreeMap, BTreeSet};

use audit::Entry;
use kernel::{
    EventKind, Result,
    id::{AppId, OrganizationId, WebhookId},
};
use webhooks::{Delivery, Endpoint, Happening};

use crate::{Platform, Transaction};

impl Platform {
    /// Fans out entries of the ledger that have got their positions, some at a time; tells how many. What is read, what it
    /// leads to and how far it has come are one transaction, and only one process is at it: so nothing is left out, and
    /// nothing goes out twice.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn fan_out(&self) -> Result<usize> {
        let now = self.now();
        let fanned = self.store().write(move |tx| {
            let Some(after) = tx.fanned_out()? else { return Ok((0, Vec::new())) };
            let entries = tx.sequenced(after)?;
            let Some(last) = entries.last().and_then(|entry| entry.position) else { return Ok((0, Vec::new())) };
            let audience = Audience::of(tx, &entries)?;
            let hear = |entry| audience.who_hears(entry).into_iter().map(move |endpoint| (endpoint, entry));
            let deliveries: Vec<_> = entries
                .iter()
                .flat_map(hear)
                .map(|(endpoint, entry)| {
                    let position = entry.position.unwrap_or(last);
                    Delivery::new(endpoint, entry.id, entry.kind.clone(), position, now)
                })
                .collect();
            let endpoints: BTreeSet<WebhookId> = deliveries.iter().map(|delivery| delivery.endpoint).collect();
            let endpoints: Vec<_> = endpoints.into_iter().collect();
            tx.insert_deliveries(&deliveries)?;
            tx.queue_endpoints(&endpoints, now)?;
            tx.set_fanned_out(last)?;
            Ok((entries.len(), endpoints))
        });
        let (count, endpoints) = fanned.await?;
        self.call_for(&endpoints);
        Ok(count)
    }

    /// Calls whoever delivers to these endpoints, here and now.
    pub(crate) fn call_for(&self, endpoints: &[WebhookId]) {
        if self.in_hand().call(endpoints) {
            self.news().queued.tell();
        }
    }
}

/// Everybody who may want to hear of some entries.
struct Audience {
    endpoints: BTreeMap<OrganizationId, Vec<Endpoint>>,
    apps: BTreeMap<OrganizationId, AppId>,
    owners: BTreeMap<AppId, OrganizationId>,
}

impl Audience {
    fn of(tx: &mut dyn Transaction, entries: &[Entry]) -> Result<Self> {
        let told: BTreeSet<_> = entries.iter().filter_map(|entry| entry.organization).collect();
        let told: Vec<_> = told.into_iter().collect();
        let apps: BTreeMap<_, _> = tx.apps_with(&told)?.into_iter().collect();
        let named: BTreeSet<_> = entries.iter().filter_map(|entry| entry.app).chain(apps.values().copied()).collect();
        let named: Vec<_> = named.into_iter().collect();
        let owners: BTreeMap<_, _> = tx.owners_of(&named)?.into_iter().collect();
        let all: BTreeSet<_> = told.into_iter().chain(owners.values().copied()).collect();
        let all: Vec<_> = all.into_iter().collect();
        let mut endpoints: BTreeMap<_, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in tx.endpoints_of(&all)? {
            endpoints.entry(endpoint.organization).or_default().push(endpoint);
        }
        Ok(Self { endpoints, apps, owners })
    }

    fn who_hears(&self, entry: &Entry) -> Vec<WebhookId> {
        // For the one endpoint that is tried out, which has it already.
        if entry.kind == EventKind::WebhookTest.as_str() {
            return Vec::new();
        }
        // Of an organization that is gone, the entry alone knows the app.
        let app = entry.organization.and_then(|id| self.apps.get(&id)).copied().or(entry.app);
        let app = app.and_then(|app| self.owners.get(&app).map(|owner| (app, *owner)));
        let places: BTreeSet<_> = entry.organization.into_iter().chain(app.map(|(_, owner)| owner)).collect();
        let near: Vec<_> = places.iter().filter_map(|place| self.endpoints.get(place)).flatten().collect();
        if near.is_empty() {
            return Vec::new();
        }
        let (kind, payload) = (entry.kind.as_str(), entry.details());
        let (organization, actor) = (entry.organization, entry.actor);
        let happening = Happening { kind, organization, app, actor, payload: &payload, at: entry.at };
        near.into_iter().filter(|endpoint| endpoint.hears(&happening)).map(|endpoint| endpoint.id).collect()
    }
}
