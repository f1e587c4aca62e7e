//! Refusals of changes, to be noted in the ledger. They change nothing, so there is no unit of work to note them in; and
//! whoever is refused may try again and again. So they are counted in memory, and noted together some seconds later.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use authz::Denied;
use kernel::{Client, Error, Event, EventKind, Origin, Result, Timestamp, Via};
use serde_json::json;

use crate::{Platform, Transaction};

/// The most that wait to be noted; what comes on top is counted and not noted.
const MOST: usize = 10_000;
/// So many are noted in one unit of work.
const AT_ONCE: usize = 100;

/// What was refused again and again since then, the first time by this request.
#[derive(Clone)]
struct Repeated {
    since: Timestamp,
    count: u64,
    origin: Option<Arc<Origin>>,
}

impl Repeated {
    /// Always one of its own: those that are noted together came from different places. Of who is gone by now it does not
    /// tell from where.
    fn origin_of(&self, denied: &Denied, gone: bool) -> Origin {
        let origin = self.origin.as_deref();
        Origin {
            request_id: origin.and_then(|origin| origin.request_id.clone()),
            client: origin.filter(|_| !gone).map_or_else(Client::default, |origin| origin.client.clone()),
            via: denied.via,
        }
    }
}

/// Whether nobody is left whom a refusal would tell of: they were deleted before it is noted, whether they have come back
/// since or not, and what was to be erased of them is.
fn is_gone(tx: &mut dyn Transaction, denied: &Denied, since: Timestamp) -> Result<bool> {
    // Who is deleted from here on waits for this, so that it is erased with the rest.
    tx.keep_principal(denied.principal)?;
    Ok(denied.via != Via::App
        && tx.account_of(denied.app, denied.principal)?.is_none_or(|account| account.created_at > since)
        && tx.service_account_of(denied.organization, denied.principal)?.is_none())
}

/// Refusals that wait to be noted.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Denied, Repeated>>);

impl Platform {
    /// Remembers the refusal behind an error, if there is one.
    pub fn note_refusal(&self, error: &Error) {
        let Some(denied) = Denied::behind(error) else { return };
        let mut waiting = self.inner.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repeated) = waiting.get_mut(denied) {
            repeated.count += 1;
        } else if waiting.len() < MOST {
            waiting.insert(*denied, Repeated { since: self.now(), count: 1, origin: self.origin.clone() });
        } else {
            metrics::counter!("fabric_refusals_unnoted_total").increment(1);
        }
    }

    /// Notes the refusals that wait; tells how many kinds there were.
    ///
    /// # Errors
    /// Those of the database: then they wait on.
    pub async fn note_refusals(&self) -> Result<usize> {
        let waiting = std::mem::take(&mut *self.inner.refusals.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut waiting: Vec<_> = waiting.into_iter().collect();
        // The order in which whoever deletes many takes them.
        waiting.sort_unstable_by_key(|(denied, _)| denied.principal);
        for (number, some) in waiting.chunks(AT_ONCE).enumerate() {
            let noted = some.to_vec();
            let written = self.store().write(move |tx| {
                for (denied, repeated) in &noted {
                    let gone = is_gone(tx, denied, repeated.since)?;
                    tx.came_from(Arc::new(repeated.origin_of(denied, gone)));
                    tx.append(&Event {
                        app: denied.app,
                        organization: Some(denied.organization),
                        actor: Some(denied.principal),
                        payload: json!({ "action": denied.action, "count": repeated.count }),
                        ..Event::new(EventKind::AccessDenied, repeated.since)
                    })?;
                }
                Ok(())
            });
            if let Err(error) = written.await {
                let mut back = self.inner.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (denied, repeated) in waiting.iter().skip(number * AT_ONCE) {
                    back.entry(*denied).and_modify(|newer| newer.count += repeated.count).or_insert(repeated.clone());
                }
                return Err(error);
            }
        }
        Ok(waiting.len())
    }
}
