//! What the console says: text for people, JSON for programs.

use std::{fmt::Write as _, io::Write as _};

use kernel::Error;
use serde::Serialize;
use serde_json::{Value, json};

/// How to say it.
#[derive(Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON, or text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says what was done.
    pub fn say(self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let said = if self.json {
            serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
        } else {
            text()
        };
        print(&said);
    }

    /// Says one thing of many, each on a line of its own.
    pub fn line(self, value: &Value, text: impl FnOnce() -> String) {
        print(&if self.json { value.to_string() } else { text() });
    }
}

/// What somebody else has written, on a line of its own and without anything that a terminal would obey.
pub fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same as several lines, for what is printed as a whole. In JSON a control character stands in a string, and means the
/// same when it is escaped.
fn harmless(text: &str) -> String {
    escaped(text, |letter| matches!(letter, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in text.chars() {
        // Beside control characters what turns the direction of writing around: it makes one text look like another.
        let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (letter.is_control() || turns) && !stays(letter) {
            // A String takes whatever is written to it.
            let _ = write!(harmless, "\\u{:04x}", u32::from(letter));
        } else {
            harmless.push(letter);
        }
    }
    harmless
}

fn print(said: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed standard output does not want to know.
    let _ = writeln!(out, "{}", harmless(said)).and_then(|()| out.flush());
}

/// Says what went wrong, and what lies behind it: the operator may know.
pub fn failure(error: &Error, json: bool) {
    let mut text = error.message.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}\n  because: {inner}");
        cause = inner.source();
    }
    let said = if json {
        json!({ "error": { "code": error.code.as_str(), "message": text } }).to_string()
    } else {
        format!("fabric: {text}")
    };
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(&said));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_would_obey_is_printed() {
        let text = "a\u{1b}[2Jb\r\u{7f}\u{9b}31m\u{202e}\n\tZoë";
        assert_eq!(harmless(text), "a\\u001b[2Jb\\u000d\\u007f\\u009b31m\\u202e\n\tZoë");
        assert_eq!(one_line("a\nb\tc"), "a\\u000ab\\u0009c");
    }

    #[test]
    fn json_means_the_same() {
        let value = json!({ "email": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}@example.com\n" });
        for printed in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let printed = harmless(&printed);
            assert!(!printed.chars().any(|letter| letter.is_control() && letter != '\n'), "{printed}");
            assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
        }
    }
}
