//! What letters say, in each language: a file a language.

use kernel::Locale;
use platform::mailer::Letter;

mod english;
mod german;

/// A letter's words. Plain text, all of it: [`crate::message`] lays it out, and escapes it where it has to be.
pub struct Words {
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

/// Subject, opening, action and closing.
type Said = (String, Vec<String>, &'static str, Vec<String>);

/// The words of a letter that comes from `sender`.
pub fn words(letter: &Letter, sender: &str) -> Words {
    match letter.locale {
        Locale::En => english::words(&letter.about, sender),
        Locale::De => german::words(&letter.about, sender),
    }
}
