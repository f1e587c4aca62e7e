//! Where Redis's server is. Tests start, kill and restart it themselves.

use std::path::PathBuf;

use crate::{Outcome, system};

/// The program `redis-server`; it is installed first where that is ours to do.
///
/// # Errors
/// When it is missing; the message says what to do.
pub fn server() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    system::install(
        "Redis's server",
        &["redis-server"],
        "Fedora: dnf install valkey-compat-redis; macOS: brew install redis",
    )?;
    find().ok_or_else(|| "Redis is installed, but where is its redis-server?".to_owned())
}

fn find() -> Option<PathBuf> {
    system::program_in_path("redis-server")
}
