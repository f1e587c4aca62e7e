//! Words of an app's own: what kind of thing something is.

use std::fmt;

use kernel::{Code, Error, Result};

/// A word by which an app tells kinds of things apart: 1 to 64 ASCII letters, digits, `_`, `-`, `.` and `:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    const LONGEST: usize = 64;

    /// # Errors
    /// `invalid_name`.
    pub fn parse(text: &str) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        let why = "Give a kind of 1 to 64 ASCII letters, digits, underscores, hyphens, dots and colons.";
        Err(Error::because(Code::InvalidName, why))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_word() {
        for good in ["voice", "fine_tuned-model", "llm.chat.v2", "GPT:4", "0", &"x".repeat(64)] {
            assert_eq!(Label::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "Stimme\u{e4}", "a\n", "a\0", "'", "*", "%", "../", &"x".repeat(65)] {
            assert_eq!(Label::parse(bad).unwrap_err().code, Code::InvalidName, "{bad:?}");
        }
    }
}
