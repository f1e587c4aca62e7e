//! `fabric migrate`, `fabric backup` and `fabric restore`.

use kernel::{Result, secret::ExposeSecret};
use serde_json::json;
use storage::Database;

use crate::{
    arguments::{Backup, Restore},
    config::Config,
    output::Output,
    start::database_url,
};

/// Brings the schema up to date.
///
/// # Errors
/// Those of the database.
pub fn migrate(config: &Config, show: Output) -> Result<()> {
    let url = match config.database.migration_url() {
        Some(url) => url.expose_secret().to_owned(),
        None => database_url(config),
    };
    let versions = Database::migrate(&url)?;
    show.say(&json!({ "migrations": versions }), || match versions.len() {
        0 => "The schema is up to date.".to_owned(),
        count => format!("Ran {count} migrations: {}.", versions.join(", ")),
    });
    Ok(())
}

/// Copies the database.
///
/// # Errors
/// Those of the database.
pub fn backup(config: &Config, backup: &Backup, show: Output) -> Result<()> {
    let copied = Database::backup(&database_url(config), &backup.to)?;
    show.say(&json!({ "file": backup.to, "bytes": copied.bytes, "verified": true }), || {
        format!(
            "Copied to {} ({} bytes) and checked. The server's secrets are not in it: keep OAUTH_SIGNING_SECRET, \
             FABRIC_INVITE_TOKEN_KEY and FABRIC_ENCRYPTION_KEY too.",
            backup.to.display(),
            copied.bytes,
        )
    });
    Ok(())
}

/// Puts a copy in the database's place.
///
/// # Errors
/// Those of the database.
pub fn restore(config: &Config, restore: &Restore, show: Output) -> Result<()> {
    let copied = Database::restore(&database_url(config), &restore.from, restore.force)?;
    show.say(&json!({ "file": restore.from, "bytes": copied.bytes, "verified": true }), || {
        format!("Checked {} ({} bytes) and put it in place.", restore.from.display(), copied.bytes)
    });
    Ok(())
}
