//! Prints the catalogue of actions.

use std::io::Write as _;

use kernel::{Error, Result};

/// Prints it as it is checked in.
pub fn print() -> Result<()> {
    let page = authz::catalogue().map_err(Error::internal)?;
    write!(std::io::stdout().lock(), "{page}").map_err(Error::internal)
}
