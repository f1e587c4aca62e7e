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

use super::Connection;

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

/// The URL with what libpq leaves out unless it is asked: that a server which is silent is away, too.
pub fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "30"),
        ("fallback_application_name", "fabric"),
    ] {
        let given = url.contains(&format!("?{name}=")) || url.contains(&format!("&{name}="));
        if !given {
            let mark = if url.ends_with('?') {
                ""
            } else if url.contains('?') {
                "&"
            } else {
                "?"
            };
            url = format!("{url}{mark}{name}={value}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_added_where_none_are_given() {
        let url = with_timeouts("postgres://u@h/d");
        assert!(url.starts_with("postgres://u@h/d?connect_timeout=5&tcp_user_timeout=10000&"));
        let url = with_timeouts("postgres://u@h/d?connect_timeout=60");
        assert!(url.starts_with("postgres://u@h/d?connect_timeout=60&tcp_user_timeout=10000&"));
    }
}
