//! Languages that people are written to in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// A language that we write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// # Errors
    /// `invalid_setting` for a language that we do not write.
    pub fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|locale| locale.as_str() == text);
        known.ok_or_else(|| Error::because(Code::InvalidSetting, "Give locale as en or de."))
    }

    /// The language of a tag (RFC 5646), whatever the region: that of `de-AT` is German.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split('-').next()?;
        Self::ALL.into_iter().find(|locale| locale.as_str().eq_ignore_ascii_case(language))
    }

    /// Its tag, as in `<html lang>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_does_not_change_the_language() {
        for (tag, locale) in [("de", Some(Locale::De)), ("de-AT", Some(Locale::De)), ("EN-us", Some(Locale::En))] {
            assert_eq!(Locale::of_tag(tag), locale, "{tag}");
        }
        for other in ["", "fr", "den", "*", "-de"] {
            assert_eq!(Locale::of_tag(other), None, "{other}");
        }
    }
}
