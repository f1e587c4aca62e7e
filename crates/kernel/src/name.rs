//! Names that people give.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// What somebody or something is called: 1 to 200 characters in one line, and none that a terminal, a mail header or a
/// database would stumble over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    const LONGEST: usize = 200;

    /// # Errors
    /// `invalid_name` when it is empty, too long, or has control characters or marks that reverse the text's direction.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let length = text.chars().count();
        if (1..=Self::LONGEST).contains(&length) && !text.chars().any(misleading) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(Code::InvalidName))
        }
    }

    /// A name of ours.
    #[must_use]
    pub fn constant(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and the marks with which a name could show as another one (Unicode TR 36, 3.5).
fn misleading(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_line() {
        assert_eq!(Name::parse("  Alice's Agency ").unwrap().as_str(), "Alice's Agency");
        assert!(Name::parse("Zoë 🦊 株式会社").is_ok());
        for bad in ["", "   ", "a\0b", "a\r\nBcc: eve@example.com", "a\u{202e}b", &"x".repeat(201)] {
            assert_eq!(Name::parse(bad).unwrap_err().code, Code::InvalidName, "{bad:?}");
        }
    }
}
