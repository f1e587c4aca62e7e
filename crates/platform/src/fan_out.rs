//! From the ledger to those who want to hear: one delivery for each endpoint and event.

use std::collections::{BTreeMap, BTreeSet};

use audit::Entry;
use kernel::{
    EventKind, Result, Timestamp,
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
            let mut endpoints = BTreeSet::<WebhookId>::new();
            let deliveries: Vec<_> = entries
                .iter()
                .flat_map(hear)
                .map(|(endpoint, entry)| {
                    let position = entry.position.unwrap_or(last);
                    if endpoint.active {
                        endpoints.insert(endpoint.id);
                    }
                    Delivery::new(endpoint.id, entry.id, entry.kind.clone(), position, now)
                })
                .collect();
            // Who is not active is looked after by nobody. Who resumes an endpoint queues what waits.
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
    /// Since when apps are disabled, and organizations archived: of what happens there later their endpoints hear nothing.
    disabled: BTreeMap<AppId, Timestamp>,
    closed: BTreeMap<OrganizationId, Timestamp>,
}

impl Audience {
    fn of(tx: &mut dyn Transaction, entries: &[Entry]) -> Result<Self> {
        let told: BTreeSet<_> = entries.iter().filter_map(|entry| entry.organization).collect();
        let told: Vec<_> = told.into_iter().collect();
        let apps: BTreeMap<_, _> = tx.apps_with(&told)?.into_iter().collect();
        let named: BTreeSet<_> = entries.iter().filter_map(|entry| entry.app).chain(apps.values().copied()).collect();
        let named: Vec<_> = named.into_iter().collect();
        let apps_named = tx.owners_of(&named)?;
        let owners: BTreeMap<_, _> = apps_named.iter().map(|(app, owner, _)| (*app, *owner)).collect();
        let disabled = apps_named.into_iter().filter_map(|(app, _, since)| Some((app, since?))).collect();
        let all: BTreeSet<_> = told.into_iter().chain(owners.values().copied()).collect();
        let all: Vec<_> = all.into_iter().collect();
        let mut endpoints: BTreeMap<_, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in tx.endpoints_of(&all)? {
            endpoints.entry(endpoint.organization).or_default().push(endpoint);
        }
        let closed = tx.closed_since(&all)?.into_iter().collect();
        Ok(Self { endpoints, apps, owners, disabled, closed })
    }

    fn who_hears(&self, entry: &Entry) -> Vec<&Endpoint> {
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
        let open = |endpoint: &&Endpoint| {
            let closed = self.closed.get(&endpoint.organization);
            let disabled = endpoint.app.and_then(|app| self.disabled.get(&app));
            closed.into_iter().chain(disabled).all(|since| entry.at <= *since)
        };
        near.into_iter().filter(open).filter(|endpoint| endpoint.hears(&happening)).collect()
    }
}
