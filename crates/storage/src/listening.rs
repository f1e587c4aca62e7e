//! Who is told of committed changes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
};

use kernel::Change;
use platform::store::Listener;

/// The present listener, shared by all threads of a database.
#[derive(Clone, Default)]
pub struct Listening(Arc<RwLock<Option<Listener>>>);

impl Listening {
    pub fn listen(&self, listener: Listener) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Passes on what a commit has changed. Whatever the listener does, the commit stands and its callers are answered.
    pub fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let listener = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listener) = listener
            && catch_unwind(AssertUnwindSafe(|| listener(changes))).is_err()
        {
            tracing::error!("the listener for changes panicked: caches may be stale until their entries expire");
        }
    }
}
