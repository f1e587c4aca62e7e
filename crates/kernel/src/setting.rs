//! Settings that somebody changes.

use std::ops::RangeInclusive;

use crate::{Code, Error, Result};

/// A number after a change: what is wanted, or what it was.
///
/// # Errors
/// `invalid_setting`, with the name and the range, for what is outside it.
pub fn number(name: &str, wanted: Option<u32>, before: u32, range: RangeInclusive<u32>) -> Result<u32> {
    match wanted {
        Some(wanted) if !range.contains(&wanted) => Err(Error::because(
            Code::InvalidSetting,
            format!("Give {name} a value from {} to {}.", range.start(), range.end()),
        )),
        wanted => Ok(wanted.unwrap_or(before)),
    }
}
