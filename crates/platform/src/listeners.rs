//! How many listen at once: to one process, to one place, with one credential.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use authz::{Caller, Credential};
use kernel::{
    Code, Error, Result,
    id::{AppId, OrganizationId},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::event_stream::Audience;

/// So many listen to one process.
const MOST: usize = 10_000;
/// So many of them to one organization, or to one app as a whole.
const MOST_IN_A_PLACE: usize = 100;
/// And so many with one credential.
const MOST_WITH_A_CREDENTIAL: usize = 50;

/// Everybody who listens to this process.
pub(crate) struct Listeners {
    places: Arc<Semaphore>,
    counts: Arc<Mutex<HashMap<Kind, usize>>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Organization(OrganizationId),
    App(AppId),
    /// A session, a key, or the account of somebody whom an app acts for.
    Credential(Uuid),
}

/// The right to listen, until it is dropped.
pub(crate) struct Listener {
    _place: OwnedSemaphorePermit,
    _counted: Vec<Counted>,
}

struct Counted {
    kind: Kind,
    counts: Arc<Mutex<HashMap<Kind, usize>>>,
}

impl Listeners {
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST)), counts: Arc::default() }
    }

    /// Lets somebody listen.
    ///
    /// # Errors
    /// `overloaded` when too many listen to this process; `too_many_requests` when too many listen to that place, or with
    /// that credential.
    pub fn admit(&self, caller: Option<&Caller>, audience: Audience) -> Result<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::new(Code::Overloaded))?;
        let of_the_place = match audience {
            Audience::Organization(id) => Some((Kind::Organization(id), MOST_IN_A_PLACE)),
            Audience::App(id) => Some((Kind::App(id), MOST_IN_A_PLACE)),
            Audience::Platform => None,
        };
        let of_the_credential = caller.map(|caller| (Kind::Credential(credential(caller)), MOST_WITH_A_CREDENTIAL));
        let kinds = of_the_place.into_iter().chain(of_the_credential);
        let counted = kinds.map(|(kind, most)| self.count(kind, most)).collect::<Result<_>>()?;
        Ok(Listener { _place: place, _counted: counted })
    }

    fn count(&self, kind: Kind, most: usize) -> Result<Counted> {
        let mut counts = unpoisoned(&self.counts);
        let count = counts.entry(kind).or_default();
        if *count >= most {
            return Err(Error::because(Code::TooManyRequests, "Too many streams are open here: close one first."));
        }
        *count += 1;
        drop(counts);
        Ok(Counted { kind, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = unpoisoned(&self.counts);
        if let Some(count) = counts.get_mut(&self.kind) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.kind);
            }
        }
    }
}

/// What one shows, as far as it tells apart who shows it.
fn credential(caller: &Caller) -> Uuid {
    match &caller.credential {
        Credential::Session { session, .. } => session.0,
        Credential::Exchange { account } | Credential::External { account } => account.0,
        Credential::ApiKey(key) | Credential::Client(key) => key.id,
        Credential::App | Credential::Development { .. } => caller.principal.0,
    }
}

/// Nothing that could panic runs under this lock.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
