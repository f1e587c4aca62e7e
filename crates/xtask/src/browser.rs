//! Where Chromium is: tests of pages run in it, headless.

use std::path::PathBuf;

use crate::{Outcome, system};

/// What it may be called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser; it is installed first where that is ours to do.
///
/// # Errors
/// When it is missing; the message says what to do.
pub fn chromium() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    system::install("Chromium", &["chromium"], "Fedora: dnf install chromium; elsewhere, put Google Chrome into PATH")?;
    find().ok_or_else(|| "Chromium is installed, but where?".to_owned())
}

fn find() -> Option<PathBuf> {
    NAMES.into_iter().find_map(system::program_in_path)
}
