//! Prints the OpenAPI document.

use std::io::Write as _;

use kernel::{Error, Result};

/// Prints it as it is checked in.
pub fn print() -> Result<()> {
    let document = http::openapi().to_pretty_json().map_err(Error::internal)?;
    writeln!(std::io::stdout().lock(), "{document}").map_err(Error::internal)
}
