//! What the console says: text for people, JSON for programs.

use std::io::Write as _;

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

fn print(said: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed standard output does not want to know.
    let _ = writeln!(out, "{said}").and_then(|()| out.flush());
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
    let _ = writeln!(std::io::stderr().lock(), "{said}");
}
