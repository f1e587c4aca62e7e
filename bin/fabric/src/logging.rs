//! Logs go to standard error: text for people, JSON for machines.

use std::io::IsTerminal as _;

use kernel::{Error, Result};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, LogFormat};

/// Begins to log. Commands at the console log only what went wrong.
///
/// # Errors
/// `invalid_setting` for a filter that makes no sense.
pub fn begin(config: &Config, server: bool) -> Result<()> {
    let filter = if server { config.log.filter.as_str() } else { "warn" };
    let filter = EnvFilter::try_new(filter)
        .map_err(|_| config.wrong("log.filter", "give a filter such as info or fabric=debug"))?;
    let usual = if config.development() { LogFormat::Text } else { LogFormat::Json };
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let layer = match config.log.format.unwrap_or(usual) {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init().map_err(Error::internal)
}
