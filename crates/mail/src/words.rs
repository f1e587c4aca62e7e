//! What letters say, in each language: a file a language.

use platform::mailer::Letter;

mod english;

/// A letter's words. Plain text, all of it: [`crate::message`] lays it out, and escapes it where it has to be.
pub struct Words {
    /// As in `<html lang>`.
    pub language: &'static str,
    pub subject: String,
    /// Paragraphs before the link.
    pub opening: Vec<String>,
    /// What following the link does.
    pub action: &'static str,
    /// What to do when that cannot be pressed; the link follows.
    pub instead: &'static str,
    /// Paragraphs after the link.
    pub closing: Vec<String>,
}

/// The words of a letter that `sender` sends.
pub fn words(letter: &Letter, sender: &str) -> Words {
    english::words(letter, sender)
}
