//! Where things are.

use std::{env, path::PathBuf};

use serde_json::Value;

use crate::{
    Outcome,
    process::{cargo, output},
};

/// The root of the checkout: as cargo says it now, because checkouts that share a target folder may share this binary,
/// and what it was compiled from may be another one.
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).unwrap_or(&here).to_owned()
}

/// Cargo's target folder, wherever configuration and environment put it. Tools and caches of these tasks go there too:
/// it is what a machine keeps between runs, and `cargo clean` empties it.
pub fn target_folder() -> Outcome<PathBuf> {
    let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target folder".to_owned())
}
