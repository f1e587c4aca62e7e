//! The pool of connections, and what it does while the server is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{
    connection::SimpleConnection as _,
    r2d2::{self, ConnectionManager, CustomizeConnection, NopErrorHandler, PooledConnection},
};
use kernel::{Error, Result};

use super::{Connection, connect::with_timeouts};

/// How long a thread waits for a connection that is not there yet.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends what would otherwise hold up everybody else: waiting for a lock, and a transaction of a process that stands
/// still.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

/// A pool of connections that mends itself: r2d2 tries again in the background for as long as the server is away.
#[derive(Clone)]
pub struct Pool {
    pool: r2d2::Pool<ConnectionManager<Connection>>,
    away: Arc<AtomicBool>,
}

impl Pool {
    pub fn new(url: &str, size: u32) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .connection_timeout(PATIENCE)
            // Whoever finds a dead connection begins again with another: no need to ask each time.
            .test_on_check_out(false)
            .connection_customizer(Box::new(Settings))
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(ConnectionManager::new(with_timeouts(url)));
        Self { pool, away: Arc::default() }
    }

    pub fn size(&self) -> u32 {
        self.pool.max_size()
    }

    /// A connection. Once somebody has waited in vain, nobody waits until there is one again: everybody is told at once
    /// that the server is away.
    pub fn get(&self) -> Result<PooledConnection<ConnectionManager<Connection>>> {
        if let Some(connection) = self.pool.try_get() {
            if self.away.swap(false, Ordering::Relaxed) {
                tracing::info!("PostgreSQL is back");
            }
            return Ok(connection);
        }
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("PostgreSQL is away"));
        }
        self.pool.get().map_err(|error| {
            if !self.away.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "PostgreSQL is away");
            }
            Error::unavailable(error)
        })
    }
}

#[derive(Debug)]
struct Settings;

impl CustomizeConnection<Connection, r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut Connection) -> std::result::Result<(), r2d2::Error> {
        connection.batch_execute(SETTINGS).map_err(r2d2::Error::QueryError)
    }
}
